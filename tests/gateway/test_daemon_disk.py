"""The daemon on a disk that fails: it goes on measuring and sending from memory, and back to the disk."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from kaga_edge.gateway.recorder import SLOW_S
from tests.quiet import quiet_s

from .conftest import Daemon, config_text, wait_for
from .test_daemon import assert_none_missed, rows, sensors

BACK_WITHIN_S = 5.0
FULL = bool(os.environ.get("KAGA_TEST_FULL"))
HANG_S, WATCHDOG_S = (70.0, 60.0) if FULL else (16.0, 6.0)
SHUTDOWN, AT_ONCE = 0x8004587D, 2  # ioctl of ext4: nothing more is read or written, EIO; without a flush


class WatchedDaemon(Daemon):
    """Its log goes through a pipe: a log file of its own would suffer from the fault too."""

    def start(self, *, wait: bool = True) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kaga_edge", "run", "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
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

    ledger = [sys.executable, "-m", "kaga_edge", "store", "ledger", "--socket", str(watched.socket)]
    said = subprocess.run([*ledger, "--lang", "en"], capture_output=True, text=True, check=True).stdout
    assert said.count("numbered ") == 3  # of the file, of memory, and together
    assert "samples in memory" in said

    watched.refuse_writes(False)
    ended = quiet_s()
    wait_for(lambda: watched.status()["store"]["error"] is None, why="the disk taken again")
    assert quiet_s() - ended <= BACK_WITHIN_S
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


def test_a_reload_on_a_sick_disk_takes_a_sensor_in_and_one_out(
    tmp_path, watched, instruments, mosquitto, receiving
) -> None:
    """Found by reloading: what the new sensor remembers could not be read, and measuring ended."""
    before = config_text(tmp_path, sensors(tmp_path, "level-1"), port=mosquitto, every="250ms")
    watched.config.write_text(before)
    watched.start()
    wait_for(lambda: receiving.arrived() >= 4, why="samples at the platform")
    watched.refuse_writes(True)
    wait_for(lambda: watched.status()["store"]["error"], why="a sick disk")

    after = config_text(tmp_path, sensors(tmp_path, "level-2"), port=mosquitto, every="250ms")
    watched.config.write_text(after)
    watched.process.send_signal(signal.SIGHUP)
    wait_for(lambda: [one["id"] for one in watched.status()["sensors"]] == ["level-2"], why="the reload")
    arrived = receiving.arrived()
    wait_for(lambda: receiving.arrived() >= arrived + 8, why="samples of the new sensor from memory")

    watched.refuse_writes(False)
    wait_for(lambda: watched.status()["store"]["error"] is None, why="the disk taken again")
    watched.stop()
    assert "Traceback" not in watched.log.read_text()


def ledger_sums(watched: WatchedDaemon) -> dict[str, int]:
    """By epoch, how many samples are numbered; each epoch's sum is exact."""
    epochs = watched.status()["store"]["epochs"]
    for one in epochs:
        assert one["numbered"] == one["delivered"] + one["waiting"] + one["gone"]
    return {one["ep"]: one["numbered"] for one in epochs}


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


class Card:
    """A small ext4 of our own; ``freeze``: every write waits, ``die``: every operation fails."""

    def __init__(self, folder: Path) -> None:
        self.image, self.at = folder / "card.img", folder / "card"
        with self.image.open("wb") as image:
            image.truncate(32_000_000)
        subprocess.run(["mkfs.ext4", "-q", str(self.image)], check=True)
        self.at.mkdir()
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.at)], check=True)

    def freeze(self, frozen: bool) -> None:
        subprocess.run(["fsfreeze", "-f" if frozen else "-u", str(self.at)], check=True)

    def read_only(self, refused: bool) -> None:
        option = "remount,ro" if refused else "remount,rw"
        subprocess.run(["mount", "-o", option, str(self.at)], check=True)

    def fill(self) -> Path:
        """Leave no byte free; removing the file that is returned makes room."""
        filler = self.at / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\1" * 65536)
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\1")
        return filler

    def die(self) -> None:
        handle = os.open(self.at, os.O_RDONLY)
        fcntl.ioctl(handle, SHUTDOWN, AT_ONCE.to_bytes(4, sys.byteorder))
        os.close(handle)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.at)], check=False)


def loop_mounts_work(folder: Path) -> bool:
    if os.geteuid() != 0 or not all(map(shutil.which, ("mkfs.ext4", "fsfreeze", "losetup"))):
        return False
    return subprocess.run(["losetup", "-f"], capture_output=True, check=False).returncode == 0


@pytest.fixture
def card(tmp_path) -> Iterator[Card]:
    if not loop_mounts_work(tmp_path):
        pytest.skip("a disk of our own needs root, loop devices and the packages e2fsprogs and util-linux")
    made = Card(tmp_path)
    yield made
    made.unmount()


def on_the_card(tmp_path, card, daemon, port) -> None:
    text = config_text(tmp_path, sensors(tmp_path, "level-1", "level-2"), port=port, every="250ms")
    daemon.config.write_text(text.replace(f'{tmp_path}/store.sqlite"', f'{card.at}/store.sqlite"'))
    daemon.start()


def close_gaps(receiving, wanted: dict[str, int], daemon: WatchedDaemon) -> None:
    """What waited at the stop goes out after the next start; what is lost then is lost."""
    if receiving._receiver.verify(wanted).lost:
        daemon.start()
        wait_for(lambda: receiving._receiver.verify(wanted).lost == 0, why="the last gap closed")
        daemon.stop()


def all_there(card: Card, tmp_path: Path, receiving, daemon: WatchedDaemon) -> None:
    """Every due time has its sample on the card, and the platform has every number."""
    store = rows(card.at, tmp_path / "scratch")
    for sensor in (0, 1):
        assert_none_missed(sorted(at for index, at, *_ in store.values() if index == sensor), every_ms=250)
    wanted = highest(tmp_path, store)
    close_gaps(receiving, wanted, daemon)
    assert receiving._receiver.verify(wanted).conflicting == 0


class Systemd:
    """The other end of the watchdog: notes when it was fed."""

    def __init__(self, folder: Path) -> None:
        self.fed_s: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self.environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6)),
        }
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while word := self._socket.recv(4096):
            if b"WATCHDOG=1" in word:
                self.fed_s.append(time.monotonic())


def test_a_disk_that_hangs_stops_neither_measuring_nor_sending_and_the_watchdog_waits_for_it(
    tmp_path, watched, instruments, mosquitto, receiving, card
) -> None:
    """Longer than the watchdog's patience: a restart mends no disk and would lose what waits in memory."""
    systemd = Systemd(tmp_path)
    watched.environment = systemd.environment
    on_the_card(tmp_path, card, watched, mosquitto)
    wait_for(lambda: receiving.arrived() >= 8, why="samples at the platform")

    card.freeze(True)
    begun_s = time.monotonic()
    try:
        arrived = receiving.arrived()
        time.sleep(HANG_S - 3)  # the length of the hang is the test
        told = wait_for(watched.status, seconds=30, why="an answer although the disk hangs")
        ledger_sums(watched)
        from_memory = receiving.arrived() - arrived
        time.sleep(max(0.0, begun_s + HANG_S - time.monotonic()))
    finally:
        card.freeze(False)
    assert told["store"]["held"] > 0
    assert told["store"]["error"]
    assert from_memory >= (HANG_S - 3 - SLOW_S - 2) * 8  # a second to commit, one to send

    count = arrived + round(HANG_S * 8) + 8
    wait_for(lambda: receiving.arrived() >= count, why="the samples of the hang and later ones")
    wait_for(lambda: watched.status()["store"]["error"] is None, why="the disk taken again")
    watched.stop()
    all_there(card, tmp_path, receiving, watched)
    assert "Traceback" not in watched.log.read_text()
    during = [s for s in systemd.fed_s if s >= begun_s]
    assert max(after - before for before, after in pairwise([begun_s, *during])) < WATCHDOG_S


def test_a_disk_that_hung_at_the_start_kept_the_station_from_measuring(
    tmp_path, watched, instruments, mosquitto, receiving, card
) -> None:
    on_the_card(tmp_path, card, watched, mosquitto)
    wait_for(lambda: receiving.arrived() >= 8, why="samples at the platform")
    watched.kill()
    arrived = receiving.arrived()
    card.freeze(True)
    try:
        watched.start(wait=False)
        wait_for(lambda: receiving.arrived() >= arrived + 16, why="samples from memory")
        told = watched.status()
    finally:
        card.freeze(False)
    assert told["store"]["error"]
    assert told["store"]["held"] > 0
    wait_for(lambda: watched.status()["store"]["error"] is None, why="the disk taken")
    assert len(ledger_sums(watched)) == 2  # what the file held is there again
    arrived = receiving.arrived()
    wait_for(lambda: receiving.arrived() >= arrived + 8, why="samples after the hang")
    watched.stop()
    store = rows(card.at, tmp_path / "scratch")
    wanted = highest(tmp_path, store)
    close_gaps(receiving, wanted, watched)
    assert receiving._receiver.verify(wanted).conflicting == 0
    assert "Traceback" not in watched.log.read_text()


def test_a_stop_is_over_within_five_seconds_on_a_disk_that_hangs_and_says_what_it_cost(
    tmp_path, watched, instruments, mosquitto, receiving, card
) -> None:
    """The last commit had no limit: systemd killed us after 15 s, and nothing said what was lost."""
    on_the_card(tmp_path, card, watched, mosquitto)
    wait_for(lambda: receiving.arrived() >= 8, why="samples at the platform")
    card.freeze(True)
    try:
        begun_s = quiet_s()
        watched.process.send_signal(signal.SIGTERM)
        wait_for(lambda: left_to_the_kernel(watched.process.pid), why="the end of all but the waiting thread")
        took_s = quiet_s() - begun_s
    finally:
        card.freeze(False)
    assert watched.process.wait(60) == 0
    assert took_s < 5
    log = watched.log.read_text()
    assert "store.ring_lost" in log
    assert "Traceback" not in log

    watched.start()
    arrived = receiving.arrived()
    wait_for(lambda: receiving.arrived() >= arrived + 8, why="samples of the next start")
    watched.stop()
    wanted = highest(tmp_path, rows(card.at, tmp_path / "scratch"))
    assert receiving._receiver.verify(wanted).conflicting == 0


def left_to_the_kernel(pid: int) -> bool:
    """Whether a process has ended, but for a thread of its that waits for a disk."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_a_card_that_dies_and_is_mounted_again_holds_every_sample(
    tmp_path, watched, instruments, mosquitto, receiving, card
) -> None:
    on_the_card(tmp_path, card, watched, mosquitto)
    wait_for(lambda: receiving.arrived() >= 8, why="samples at the platform")

    card.die()
    told = wait_for(lambda: (s := watched.status()["store"])["error"] and s, why="a sick disk")
    wait_for(lambda: receiving.arrived() >= told["numbered"] + 16, why="samples from memory at the platform")
    card.unmount()
    card.mount()
    ended = quiet_s()
    wait_for(lambda: watched.status()["store"]["error"] is None, why="the disk taken again")
    assert quiet_s() - ended <= BACK_WITHIN_S

    now = watched.status()["store"]["numbered"]
    wait_for(lambda: receiving.arrived() >= now + 8, why="samples after the fault")
    watched.stop()
    all_there(card, tmp_path, receiving, watched)
    assert watched.log.read_text().count("Traceback") == 0


# --- sick from the start ---


def in_memory_and_told(watched, receiving) -> None:
    """It measures and sends from memory, and says so: status, events, and an alert over the line."""
    arrived = receiving.arrived()
    watched.start()
    wait_for(lambda: receiving.arrived() >= arrived + 8, why="samples from memory at the platform")
    told = watched.status()
    assert told["state"] == "failing"
    assert told["store"]["error"]
    assert told["store"]["held"] > 0
    log = watched.log.read_text()
    assert "store.ring_began" in log
    assert "store.sick" in log
    wait_for(lambda: disk_alerts(receiving) == ["raised"], why="the alert at the platform")


def disk_alerts(receiving) -> list[str]:
    """The states of the disk's alarm at the platform, in order."""
    with contextlib.closing(sqlite3.connect(receiving._path)) as db:
        found = db.execute("SELECT body FROM event WHERE key = 'disk/store' ORDER BY epoch, e").fetchall()
    return [json.loads(body)["data"]["state"] for (body,) in found]


def back_on_the_disk(watched, receiving, ended: float) -> None:
    wait_for(lambda: watched.status()["store"]["error"] is None, why="the disk taken again")
    assert quiet_s() - ended <= BACK_WITHIN_S
    now = watched.status()["store"]["numbered"]
    wait_for(lambda: receiving.arrived() >= now + 8, why="samples after the fault")
    wait_for(lambda: disk_alerts(receiving) == ["raised", "cleared"], why="the clearing at the platform")
    ledger_sums(watched)
    watched.stop()
    log = watched.log.read_text()
    assert "Traceback" not in log
    assert "store.ring_lost" not in log
    for name in ("store.ring_stored", "store.back"):
        assert name in log


def test_a_card_that_is_read_only_at_the_start_is_measured_and_sent_past(
    tmp_path, watched, instruments, mosquitto, receiving, card
) -> None:
    on_the_card(tmp_path, card, watched, mosquitto)  # a store with samples, some perhaps unsent
    wait_for(lambda: watched.status()["store"]["numbered"] >= 8, why="samples")
    watched.ask({"op": "collect", "do": "stop", "sensor": "level-2", "who": "a resident", "why": "asked"})
    watched.stop()
    before = rows(card.at, tmp_path / "scratch")
    card.read_only(True)

    in_memory_and_told(watched, receiving)
    assert [one["sensor"] for one in watched.status()["stopped"]] == ["level-2"]  # read from the card

    card.read_only(False)
    back_on_the_disk(watched, receiving, quiet_s())
    store = rows(card.at, tmp_path / "scratch")
    assert before.items() <= store.items()
    wanted = highest(tmp_path, store)
    close_gaps(receiving, wanted, watched)
    since = min(number for number in store if number >> 40 == max(store) >> 40)
    times = sorted(at for number, (index, at, *_) in store.items() if index == 0 and number >= since)
    assert_none_missed(times, every_ms=250)


def test_a_card_that_is_full_at_the_start_holds_every_sample_once_there_is_room(
    tmp_path, watched, instruments, mosquitto, receiving, card
) -> None:
    filler = card.fill()
    text = config_text(tmp_path, sensors(tmp_path, "level-1", "level-2"), port=mosquitto, every="250ms")
    watched.config.write_text(text.replace(f'{tmp_path}/store.sqlite"', f'{card.at}/store.sqlite"'))

    in_memory_and_told(watched, receiving)

    filler.unlink()
    back_on_the_disk(watched, receiving, quiet_s())
    all_there(card, tmp_path, receiving, watched)


def test_a_disk_that_is_not_mounted_at_the_start_holds_every_sample_once_it_is(
    tmp_path, watched, instruments, mosquitto, receiving, card
) -> None:
    (card.at / "data").mkdir()
    card.unmount()
    text = config_text(tmp_path, sensors(tmp_path, "level-1", "level-2"), port=mosquitto, every="250ms")
    watched.config.write_text(text.replace(f'{tmp_path}/store.sqlite"', f'{card.at}/data/store.sqlite"'))

    in_memory_and_told(watched, receiving)
    assert list(card.at.iterdir()) == []  # nothing is left behind where the disk will be

    card.mount()
    back_on_the_disk(watched, receiving, quiet_s())
    store = rows(card.at / "data", tmp_path / "scratch")
    for sensor in (0, 1):
        assert_none_missed(sorted(at for index, at, *_ in store.values() if index == sensor), every_ms=250)
    wanted = highest(tmp_path, store)
    close_gaps(receiving, wanted, watched)


def test_a_second_daemon_does_not_start_beside_one_that_works_in_memory(
    tmp_path, watched, instruments
) -> None:
    """Without a file there is no lock: the control socket tells."""
    text = config_text(tmp_path, sensors(tmp_path, "level-1"), port=None)
    watched.config.write_text(text.replace(f'{tmp_path}/store.sqlite"', f'{tmp_path}/missing/store.sqlite"'))
    watched.start()
    assert watched.status()["store"]["error"]
    second = subprocess.run(
        [sys.executable, "-m", "kaga_edge", "run", "--config", str(watched.config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "another kaga-edge daemon answers" in second.stderr
    (tmp_path / "missing").mkdir()
    wait_for(lambda: watched.status()["store"]["error"] is None, why="the disk taken")
