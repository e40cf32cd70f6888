"""The daemon on a disk that fails: it goes on measuring and sending from memory, and back to the disk."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from .conftest import Daemon, config_text, wait_for
from .test_daemon import assert_none_missed, rows, sensors

BACK_WITHIN_S = 5.0


class WatchedDaemon(Daemon):
    """Its log goes through a pipe: a log file of its own would suffer from the fault too."""

    def start(self, *, wait: bool = True) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kaga_edge", "run", "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._keep_log, args=(self.process.stdout,), daemon=True).start()
        if wait:
            wait_for(self.status, why="an answer on the control socket")

    def _keep_log(self, said) -> None:
        with self.log.open("ab", buffering=0) as log:
            while block := said.read1(65536):
                log.write(block)

    def refuse_writes(self, refused: bool) -> None:
        """Let the kernel refuse every write to a file: EFBIG, which is an I/O error to SQLite."""
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        assert self.process is not None
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (0 if refused else most, most))


@pytest.fixture
def watched(tmp_path):
    made = WatchedDaemon(tmp_path / "kaga-edge.toml", tmp_path / "run", tmp_path / "daemon.log")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def test_a_sick_disk_stops_neither_measuring_nor_sending_and_everything_is_on_it_afterwards(
    tmp_path, watched, instruments, mosquitto, receiving
) -> None:
    text = config_text(tmp_path, sensors(tmp_path, "level-1", "level-2"), port=mosquitto, every="250ms")
    watched.config.write_text(text)
    watched.start()
    wait_for(lambda: receiving.arrived() >= 8, why="samples at the platform")

    watched.refuse_writes(True)
    told = wait_for(lambda: (s := watched.status()["store"])["error"] and s, why="a sick disk")
    before = told["numbered"]
    wait_for(lambda: receiving.arrived() >= before + 20, why="samples from memory at the platform")
    told = watched.status()
    assert told["state"] == "failing"
    assert told["store"]["held"] > 0
    assert told["store"]["numbered"] >= before + 20

    watched.refuse_writes(False)
    ended = time.monotonic()
    wait_for(lambda: watched.status()["store"]["error"] is None, why="the disk taken again")
    assert time.monotonic() - ended <= BACK_WITHIN_S
    now = watched.status()["store"]["numbered"]
    wait_for(lambda: receiving.arrived() >= now + 8, why="samples after the fault")

    watched.stop()
    store = rows(tmp_path, tmp_path / "scratch")
    epochs = {number >> 40 for number in store}
    assert len(epochs) == 2  # the file's, and memory's, which goes on
    for sensor in (0, 1):
        assert_none_missed(sorted(at for index, at, *_ in store.values() if index == sensor), every_ms=250)
    verdict = receiving._receiver.verify(highest(tmp_path, store))
    assert (verdict.lost, verdict.conflicting) == (0, 0)
    log = watched.log.read_text()
    assert "Traceback" not in log
    for name in ("store.sick", "store.ring_began", "store.ring_stored", "store.back"):
        assert name in log


def highest(folder, store: dict[int, tuple]) -> dict[str, int]:
    """By epoch, the number that comes after the last on disk."""
    copy = sqlite3.connect(folder / "scratch" / "store.sqlite")
    names = dict(copy.execute("SELECT i, ep FROM epoch").fetchall())
    copy.close()
    found: dict[str, int] = {}
    for number in store:
        ep = names[number >> 40]
        found[ep] = max(found.get(ep, 1), (number & (1 << 40) - 1) + 1)
    return found
