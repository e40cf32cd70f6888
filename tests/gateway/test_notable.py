"""What two looks at the station make worth an event, and why a start happened."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kaga_edge.core.stored import Tally
from kaga_edge.gateway.notable import began, ended, look
from kaga_edge.vocabulary.readings import ClockTrust


def facts(*, waiting: int = 0, used: int = 10, trust=ClockTrust.NTP, now_s: float = 0.0, **gone: int):
    count = sum(gone.values())
    tally = Tally(
        ep="a1b2c3d4",
        numbered=waiting + count,
        delivered=0,
        waiting=waiting,
        gone=count,
        reasons=tuple(gone.items()),
        thinned=gone.get("thinned", 0),
    )
    return SimpleNamespace(
        ledger=SimpleNamespace(epochs=[tally]),
        size=SimpleNamespace(used_bytes=used, max_bytes=100),
        moment=SimpleNamespace(trust=trust),
        now_s=now_s,
    )


def events(*seen) -> list[tuple[str, dict]]:
    known, told = None, []
    for one in seen:
        known, news = look(known, one)
        told += [(item.name, item.fields) for item in news]
    return told


def test_a_drained_backlog_is_told_once_with_its_size_and_time() -> None:
    seen = [facts(waiting=n, now_s=at) for at, n in enumerate([2, 60, 412, 300, 8, 2])]
    assert events(*seen) == [("backlog.drained", {"rows": 412, "outage_s": 3})]


def test_lost_rows_pressure_and_a_clock_that_changed_are_told() -> None:
    assert events(facts(), facts(expired=37, thinned=9))[0] == (
        "data.lost",
        {"count": 37, "reason": "see the ledger: kaga-edge store ledger"},
    )
    assert events(facts(used=91), facts(used=92)) == []  # the start is no change
    assert events(facts(), facts(used=91), facts(used=85), facts(used=91)) == [
        ("store.pressure", {"used": "91%"})
    ]
    assert events(facts(trust=ClockTrust.NONE), facts()) == [
        ("clock.changed", {"before": "none", "now": "ntp"})
    ]


def test_numbers_skipped_after_a_power_cut_were_called_lost_data() -> None:
    """Eight cuts on a real kernel: 850 rows, none lost, and the status said that 27,829 were."""
    assert events(facts(), facts(skipped=4075)) == []
    assert events(facts(), facts(thinned=2000)) == []


class Memory(dict):
    async def recall(self, key: str) -> str | None:
        return self.get(key)

    async def remember(self, key: str, value: str) -> None:
        self[key] = value


@pytest.mark.parametrize(
    ("stopped", "boot", "version", "reason"),
    [
        (False, "a1b2", "1", "crash"),
        (False, "ffff", "1", "power"),
        (True, "a1b2", "1", "start"),
        (True, "ffff", "1", "reboot"),
        (False, "a1b2", "2", "update"),
    ],
)
async def test_a_start_knows_why(stopped: bool, boot: str, version: str, reason: str) -> None:
    memory = Memory()
    assert await began(memory, boot="a1b2", version="1") == "first"
    if stopped:
        await ended(memory, boot="a1b2", version="1")
    assert await began(memory, boot=boot, version=version) == reason
