"""A line a day, and a word about certificates that end soon."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from kaga_edge.core.stored import StoreSize, Tally
from kaga_edge.gateway import daily
from kaga_edge.vocabulary.readings import ClockTrust, Moment

EVENING_MS = 1_795_359_000_000  # 2026-11-22 23:50 in Japan
HOUR_MS = 3_600_000


@dataclass
class Facts:
    """As much of the gateway's facts as a day needs."""

    at_ms: int
    numbered: int = 0
    skipped: int = 0
    trust: ClockTrust = ClockTrust.NTP
    platform: object = None
    directory: Path = Path("/")
    plans: tuple[str, ...] = ()
    latest: dict = field(default_factory=dict)

    @property
    def moment(self) -> Moment:
        return Moment(wall_ms=self.at_ms, up_ms=0, boot="a", trust=self.trust)

    @property
    def ledger(self) -> SimpleNamespace:
        tally = Tally(
            ep="a1b2c3d4",
            numbered=self.numbered,
            delivered=self.numbered - 1 - self.skipped,
            gone=self.skipped,
            waiting=1,
            reasons=(("skipped", self.skipped),),
        )
        return SimpleNamespace(epochs=(tally,))

    @property
    def config(self) -> SimpleNamespace:
        site = SimpleNamespace(zone="Asia/Tokyo")
        return SimpleNamespace(site=site, platform=self.platform, directory=self.directory, sensors=())

    size = StoreSize(used_bytes=1, max_bytes=2, free_bytes=3, rows=0)


def test_numbers_skipped_after_a_power_cut_were_counted_as_measured_and_lost() -> None:
    day, _ = daily.step(None, Facts(EVENING_MS, 100))
    _, (one,) = daily.step(day, Facts(EVENING_MS + HOUR_MS, 160 + 4096, skipped=4096))
    assert (one.fields["measured"], one.fields["delivered"], one.fields["lost"]) == (60, 60, 0)


def test_at_the_sites_midnight_the_day_is_summed_up_once() -> None:
    day, news = daily.step(None, Facts(EVENING_MS, 100))
    assert news == ()
    day, news = daily.step(day, Facts(EVENING_MS + HOUR_MS // 12, 110))
    assert news == ()
    day, (one,) = daily.step(day, Facts(EVENING_MS + HOUR_MS, 160))
    assert one.name == "daily.summary"
    assert (one.fields["day"], one.fields["measured"], one.fields["waiting"]) == ("2026-11-22", 60, 1)
    assert daily.step(day, Facts(EVENING_MS + 2 * HOUR_MS, 170)) == (day, ())


def test_a_clock_nobody_vouches_for_ends_no_day() -> None:
    day, _ = daily.step(None, Facts(EVENING_MS, 1))
    assert daily.step(day, Facts(EVENING_MS + HOUR_MS, 2, trust=ClockTrust.LAST_KNOWN)) == (day, ())


def test_a_restart_goes_on_with_the_day() -> None:
    day, _ = daily.step(None, Facts(EVENING_MS, 100))
    again = daily.from_text(daily.to_text(day))
    assert again == day
    assert daily.from_text(None) is None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize(("days", "told"), [(10, True), (300, False)])
def test_a_certificate_that_ends_soon_is_told_once_a_day(tmp_path: Path, days: int, told: bool) -> None:
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=x",
    ]
    subprocess.run(
        [*words, "-days", str(days), "-out", "c.pem"], check=True, cwd=tmp_path, capture_output=True
    )
    shown = subprocess.run(["date", "+%s%3N"], check=True, capture_output=True, text=True).stdout
    now = Facts(
        int(shown), 1, platform=SimpleNamespace(certificate="c.pem", ca="gone.pem"), directory=tmp_path
    )
    yesterday, _ = daily.step(None, Facts(int(shown) - 24 * HOUR_MS, 1))
    _, news = daily.step(yesterday, now)
    assert [one.name for one in news][1:] == (["cert.expiring"] if told else [])
    if told:
        assert news[1].fields["days"] in (days - 1, days)
