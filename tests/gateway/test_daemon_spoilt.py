"""The daemon on spoilt files: up within ten seconds each, with what is still whole, and it says so."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from kaga_edge.sim.broker import free_port
from tests.crash.mutations import MUTATIONS, Mutation, rows_by_page
from tests.quiet import quiet_s

from .conftest import Daemon, backlog, config_text, mosquitto_on, wait_for
from .test_daemon import rows, sensors

FILES = 5 if os.environ.get("KAGA_TEST_FULL") else 1  # of each of the four kinds
SEED = int(os.environ.get("KAGA_TEST_SEED", 0)) or (time.time_ns() % 1_000_000 if FILES > 1 else 2018)
BACKLOG, UP_WITHIN_S = 6000, 10.0
ACCEPT = 'no_subscriber = "accept"\n'  # the broker alone takes everything: all rows are read


@pytest.fixture(scope="module")
def life(tmp_path_factory) -> Path:
    """What a killed gateway leaves: rows in the file and in the log."""
    folder = tmp_path_factory.mktemp("life")
    backlog(folder / "store.sqlite", BACKLOG)
    daemon = Daemon(folder / "kaga-edge.toml", folder / "run", folder / "daemon.log")
    daemon.config.write_text(config_text(folder, sensors(folder, "level-1"), port=None, every="100ms"))
    daemon.start()
    try:
        wait_for(lambda: daemon.status()["store"]["numbered"] >= BACKLOG + 30, why="rows in the log")
    finally:
        daemon.kill()
    return folder


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    port = free_port()
    with mosquitto_on(port, tmp_path_factory.mktemp("broker")):
        yield port


@pytest.mark.mosquitto
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_it_is_up_again_with_what_is_whole(life: Path, broker: int, mutate: Mutation, tmp_path) -> None:
    before = rows(life, tmp_path / "before")
    pages = rows_by_page(life / "store.sqlite")
    for number in range(FILES):
        seed = SEED + number
        folder = tmp_path / str(number)
        folder.mkdir()
        for file in life.glob("store.sqlite*"):
            shutil.copy(file, folder)
        name = "store.sqlite-wal" if number == FILES - 1 and FILES > 1 else "store.sqlite"
        content = bytearray((folder / name).read_bytes())
        touched = mutate(content, random.Random(seed))
        (folder / name).write_bytes(content)
        hurt = set().union(*(pages.get(page, set()) for page in touched)) if name == "store.sqlite" else set()

        faults = life_after(folder, broker, before, hurt, in_log=name != "store.sqlite")

        assert not faults, f"KAGA_TEST_SEED={SEED}, {mutate.__name__} of {name}, file {number}: {faults}"


def life_after(folder: Path, port: int, before: dict, hurt: set[int], *, in_log: bool) -> list[str]:
    faults = []
    daemon = Daemon(folder / "kaga-edge.toml", folder / "run", folder / "daemon.log")
    text = config_text(folder, sensors(folder, "level-1"), port=port, every="100ms", platform=ACCEPT)
    daemon.config.write_text(text)
    began = quiet_s()
    daemon.start()
    if (took_s := quiet_s() - began) > UP_WITHIN_S:
        faults.append(f"up after {took_s:.1f} s")
    try:
        begun = daemon.status()["store"]["numbered"]
        told = wait_for(
            lambda: (s := daemon.status()["store"]) and s["numbered"] >= begun + 5 and s["waiting"] < 5 and s,
            seconds=60,
            why="everything sent",
        )
        if told["numbered"] != told["delivered"] + told["waiting"] + told["gone"]:
            faults.append(f"ledger: {told}")
    finally:
        daemon.stop()
    log = daemon.log.read_text()
    if "Traceback" in log:
        faults.append(log[-1500:])
    return faults + compared(folder, before, hurt, log, told["damaged"], in_log=in_log)


def compared(
    folder: Path, before: dict, hurt: set[int], log: str, damaged: int, *, in_log: bool
) -> list[str]:
    """What is on disk now against what was: rows kept, none replaced, damage told."""
    faults = []
    after = rows(folder, folder / "scratch")
    wanted = {id_: row for id_, row in before.items() if id_ & (1 << 40) - 1 not in hurt}
    kept = sum(after.get(id_) == row for id_, row in wanted.items())
    if kept < len(wanted) * (0.95 if in_log else 0.99):
        faults.append(f"kept {kept} of {len(wanted)} rows on whole pages")
    reused = [id_ & (1 << 40) - 1 for id_, row in before.items() if after.get(id_, row) != row]
    if len(set(reused) - hurt):
        faults.append(f"numbers used twice: {reused[:9]}")
    aside = [one for one in folder.glob("store.sqlite.damaged-*") if not one.name.endswith(("-wal", "-shm"))]
    if len(aside) != damaged or bool(aside) != ("store.set_aside" in log):
        faults.append(f"{len(aside)} files set aside, status says {damaged}")
    copy = sqlite3.connect(folder / "scratch" / "store.sqlite")
    (alarms,) = copy.execute("SELECT count(*) FROM notice WHERE key = 'store_damaged'").fetchone()
    copy.close()
    if alarms != len(aside):
        faults.append(f"{alarms} alarms for {len(aside)} damaged files")
    return faults
