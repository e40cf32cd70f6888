"""The real daemon under libfaketime: 1970 at boot, +400 days, -30 days, and the moment NTP answers.

Only the wall clock is faked; the boot clock and the monotonic clock stay the machine's own. What the
kernel would say of NTP is a file the test makes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import trustme

from kaga_edge.sim.broker import free_port

from .conftest import Daemon, answering, config_text, running_mosquitto, wait_for
from .test_daemon import rows, sensors

DAY_S = 86_400
WATCHED_S = 2.0
EVERY_S = 0.5
LATE_MS = 5000  # a busy machine
CLOCK_SET = 3  # times, in the first story
RUNNER = """
import sys
from pathlib import Path
from kaga_edge.gateway import main
from kaga_edge.station.clock import KernelSays, SystemClock, boot_clock_ms
ntp, boot, up_from_ms = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
clock = SystemClock(
    kernel=lambda: KernelSays(synchronised=ntp.exists(), error_ms=7),
    boot=boot,
    up_ms=lambda: boot_clock_ms() - up_from_ms,
    battery_ms=lambda: None,
)
sys.exit(main(Path(sys.argv[1]), clock=clock))
"""


def library() -> Path | None:
    return next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


class FakedDaemon(Daemon):
    """A daemon whose wall clock the test sets; ``ntp`` says whether the kernel calls it synchronised."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "kaga-edge.toml", folder / "run", folder / "daemon.log")
        self._runner, self._offset = folder / "runner.py", folder / "faketime.rc"
        self._runner.write_text(RUNNER)
        self.ntp = folder / "ntp"
        self._boot: tuple[str, int] = "", 0
        self.set_by(0)

    def boots(self, boot: str) -> None:
        """From the next start on it is another boot, whose boot clock begins anew."""
        self._boot = boot, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 10**6

    def set_by(self, seconds: float) -> None:
        """Set the faked wall clock to the true one plus ``seconds``."""
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}\n")
        fresh.replace(self._offset)

    def synchronise(self) -> None:
        self.set_by(0)
        self.ntp.touch()

    def start(self, *, wait: bool = True) -> None:
        environment = dict(
            os.environ,
            LD_PRELOAD=str(library()),
            FAKETIME_TIMESTAMP_FILE=str(self._offset),
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            FAKETIME_DONT_RESET="1",
            NO_FAKE_STAT="1",
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(self._runner), str(self.config), str(self.ntp), *map(str, self._boot)],
                stdout=log,
                stderr=log,
                env=environment,
            )
        if wait:
            wait_for(self.status, why="an answer on the control socket")

    def cpu_s(self) -> float:
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measures_on(self, more: int) -> None:
        before = self.status()["store"]["numbered"]
        # Asked rarely: each answer costs the daemon time that the test would take for spinning.
        wait_for(
            lambda: self.status()["store"]["numbered"] >= before + more, every_s=EVERY_S, why="measuring on"
        )


@pytest.fixture
def faked(tmp_path: Path) -> Iterator[FakedDaemon]:
    if library() is None:
        pytest.skip("Debian's package faketime is not installed (scripts/apt-packages lists it)")
    made = FakedDaemon(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def boot_clocks(folder: Path) -> list[tuple[int, int, int, str | None]]:
    """Return (n, at_ms, up_ms, q) of every row, from a copy."""
    import sqlite3

    rows(folder, folder / "copy")
    copy = sqlite3.connect(folder / "copy" / "store.sqlite")
    found = copy.execute("SELECT id & 0xFFFFFFFFFF, at_ms, up_ms, q FROM sample ORDER BY id").fetchall()
    copy.close()
    return found


def test_1970_then_400_days_ahead_then_30_back_then_ntp(
    tmp_path: Path, faked: FakedDaemon, instruments
) -> None:
    faked.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=None, every="500ms"))
    faked.set_by(-time.time() + 60)  # 1970-01-01 00:01
    faked.start()
    faked.measures_on(4)
    shares = []
    for jump_s in (400 * DAY_S, -30 * DAY_S):
        faked.set_by(jump_s)
        cpu_s = faked.cpu_s()
        time.sleep(WATCHED_S)  # unasked: answering would be work too
        shares.append((faked.cpu_s() - cpu_s) / WATCHED_S)
        faked.measures_on(4)
    faked.synchronise()
    wait_for(lambda: "clock.known" in faked.log.read_text(), why="the clock event")
    faked.measures_on(2)
    assert faked.status()["clock"]["trust"] == 2
    faked.stop()

    found = boot_clocks(tmp_path)
    assert [n for n, *_rest in found] == list(range(1, len(found) + 1))  # nothing expired, no number skipped
    gaps_ms = [b[2] - a[2] for a, b in pairwise(found)]
    # Order by number is order by boot clock; a late row may be dated after the due time of the next.
    assert min(gaps_ms) > -LATE_MS, gaps_ms
    passed = (found[-1][2] - found[0][2]) / (1000 * EVERY_S)
    assert passed - len(found) < CLOCK_SET, f"a period was missed: {gaps_ms}"  # each setting may cost one
    offset_ms = time.time_ns() // 10**6 - time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 10**6
    wrong = [(n, at - up - offset_ms) for n, at, up, _q in found if abs(at - up - offset_ms) > 1000]
    assert not wrong, f"rows more than a second from their true time: {wrong}"
    assert all(int(q or 0) & 256 for *_rest, q in found[:8])  # the first of all may be missing too: 384
    assert max(shares) < 0.2, f"busy: {shares} of a core"  # a spinning loop would take all of it
    assert "Traceback" not in faked.log.read_text()


def test_rows_of_a_start_before_are_re_timed_too(tmp_path: Path, faked: FakedDaemon, instruments) -> None:
    faked.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=None, every="500ms"))
    faked.set_by(-100 * DAY_S)
    faked.start()
    faked.measures_on(3)
    faked.kill()
    early = len(boot_clocks(tmp_path))
    faked.synchronise()
    faked.start()
    wait_for(lambda: "clock.known" in faked.log.read_text(), why="the clock event")
    faked.stop()
    found = boot_clocks(tmp_path)
    assert all(int(q or 0) & 256 for *_rest, q in found[:early])
    assert abs(found[0][1] - time.time() * 1000) < 60_000


def test_rows_of_a_boot_that_ended_without_the_time_are_re_timed_by_the_next_that_has_it(
    tmp_path: Path, faked: FakedDaemon, instruments
) -> None:
    faked.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=None, every="500ms"))
    faked.boots("aaaa")
    faked.ntp.touch()
    faked.start()
    faked.measures_on(2)
    faked.stop()  # the last known time is remembered
    first = len(boot_clocks(tmp_path))
    faked.ntp.unlink()
    faked.set_by(-100 * DAY_S)
    faked.boots("bbbb")
    began_ms = time.time() * 1000
    faked.start()
    faked.measures_on(4)
    faked.kill()  # the power again, before NTP answered
    ended_ms = time.time() * 1000
    doubtful = boot_clocks(tmp_path)[first:]
    faked.boots("cccc")
    faked.synchronise()
    faked.start()
    wait_for(lambda: "clock.known boot=bbbb" in faked.log.read_text(), why="the clock event of that boot")
    faked.stop()

    (unsure_ms,) = re.findall(r"clock.known boot=bbbb e=\d+ uncertainty_ms=(\d+)", faked.log.read_text())
    found = boot_clocks(tmp_path)
    retimed = found[first : first + len(doubtful)]
    assert all(int(q or 0) & 256 for *_rest, q in retimed)
    numbers = [n for n, *_rest in found]  # after what may have been a power cut some are passed over
    assert numbers == sorted(set(numbers))
    assert [(n, up) for n, _at, up, _q in retimed] == [(n, up) for n, _at, up, _q in doubtful]
    margin_ms = int(unsure_ms) + 1000
    assert all(began_ms - margin_ms <= at <= ended_ms + margin_ms for _n, at, _up, _q in retimed)
    times = [at for _n, at, _up, _q in found]
    assert min(after - before for before, after in pairwise(times)) > -LATE_MS
    assert not any(int(q or 0) & 256 for *_rest, q in found[:first])


@pytest.mark.mosquitto
@pytest.mark.parametrize(
    ("wrong_s", "said"),
    [
        (60 - time.time(), "not yet valid (this machine's clock says 1970-01-01)"),
        (400 * DAY_S, "has expired"),
    ],
    ids=["1970", "400 days ahead"],
)
def test_tls_waits_for_the_time_verifies_always_and_connects_at_once_when_it_comes(
    tmp_path: Path, faked: FakedDaemon, instruments, wrong_s: float, said: str
) -> None:
    port = free_port()
    ca, now, day = trustme.CA(), datetime.now(UTC), timedelta(days=1)
    issued = ca.issue_cert("localhost", not_before=now - day, not_after=now + 300 * day)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    conf = (
        f"listener {port} 127.0.0.1\nuser root\nallow_anonymous true\npersistence false\n"
        f"certfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.pem\n"
        f"log_dest file {tmp_path}/broker.log\n"
    )
    text = config_text(
        tmp_path,
        sensors(tmp_path, "level-1"),
        port=port,
        every="500ms",
        platform='ca = "ca.pem"\nno_subscriber = "accept"',
    ).replace("mqtt://127.0.0.1", "mqtts://localhost")
    # After the first tries it would wait minutes by itself: that the time has come must end the waiting.
    text = text.replace('reconnect_first = "100ms"', 'reconnect_first = "120s"')
    faked.config.write_text(text.replace('reconnect_max = "1s"', 'reconnect_max = "120s"'))
    faked.set_by(wrong_s)
    with running_mosquitto(conf, tmp_path, lambda: answering(port)):
        faked.start()
        wait_for(lambda: faked.status()["link"]["state"] == "refused", why="the refusal")
        assert said in faked.status()["link"]["reason"]
        faked.measures_on(4)
        assert faked.status()["store"]["delivered"] == 0
        assert " as test-01 " not in (tmp_path / "broker.log").read_text(), "spoke before it was sure"
        faked.synchronise()
        wait_for(lambda: faked.status()["link"]["state"] == "up", seconds=30, why="the connection")
        wait_for(lambda: faked.status()["store"]["delivered"] >= 4, why="delivery")
    assert "Traceback" not in faked.log.read_text()


def test_the_last_known_time_is_a_floor_for_the_next_start(
    tmp_path: Path, faked: FakedDaemon, instruments
) -> None:
    faked.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=None, every="500ms"))
    faked.ntp.touch()
    faked.start()
    faked.measures_on(2)
    faked.stop()
    faked.ntp.unlink()
    faked.set_by(-time.time() + 60)
    faked.start()
    faked.measures_on(2)
    assert faked.status()["clock"]["trust"] == 1
    assert abs(faked.status()["clock"]["t"] - time.time() * 1000) < 60_000
