"""Looking into a store's file: nothing is changed, and what comes out keeps the contract."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.retention import Removal
from kaga_edge.store.disk import Disk
from tests.crash.workload import Life


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    life = Life(tmp_path / "kaga.db", Disk(), random.Random(3))
    database = life.open()
    for _ in range(60):
        life.append(7)
    life.confirm()
    database.declare_gone(database.epoch, Ranges(((400, 402),)), "quarantined")
    database.close()
    return life.path


def test_show_and_ledger_say_the_sum(kaga_edge: Any, stopped: Path) -> None:
    before = stopped.read_bytes()
    said = kaga_edge("store", "show", str(stopped))
    assert said.code == 0
    assert "numbered 420 = delivered" in said.out
    found = json.loads(kaga_edge("store", "ledger", str(stopped), "--json").out)
    (tally,) = found["epochs"]
    assert tally["numbered"] == tally["delivered"] + tally["waiting"] + tally["gone"] == 420
    assert tally["gone"] == sum(tally["reasons"].values()) == tally["reasons"]["quarantined"] > 0
    told = kaga_edge("store", "ledger", str(stopped)).out
    assert f"{tally['ep']} numbered 420 =" in told
    assert f"gone, quarantined: {tally['gone']} rows" in told
    assert stopped.read_bytes() == before


def test_what_is_exported_keeps_the_contract_and_is_all_there_is(
    kaga_edge: Any, stopped: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    assert kaga_edge("store", "export", str(stopped), str(out)).code == 0
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    batches = [line["payload"] for line in lines if line["topic"].endswith("/up/hist")]
    numbers = [batch["n"] + i for batch in batches for i in range(len(batch["r"]))]
    assert numbers == list(range(1, 421))
    assert {line["topic"].split("/up/")[1].split("/")[0] for line in lines} >= {"catalog", "hist"}
    verified = kaga_edge("contract", "verify", str(out))
    assert verified.code == 0, verified.out


def test_an_export_explains_every_gap_also_those_whose_declaration_was_delivered_long_ago(
    kaga_edge: Any, tmp_path: Path
) -> None:
    life = Life(tmp_path / "kaga.db", Disk(), random.Random(3))
    database = life.open()
    for _ in range(30):
        life.append(7)
    database.declare_gone(database.epoch, Ranges(((50, 60), (90, 90))), "quarantined")
    (epoch,) = database.standing().epochs
    database.confirm({}, {epoch.ep: epoch.notices_waiting})
    database.declare_gone(database.epoch, Ranges(((100, 101),)), "expired")
    for _ in range(30):
        life.clock.pass_s(60)
        while database.purge(life.clock.now())[1]:
            pass
    database._remove_rows(Removal(ep=epoch.ep, first=50, last=60, expire=False))
    database.close()

    out = tmp_path / "out.jsonl"
    assert kaga_edge("store", "export", str(life.path), str(out)).code == 0

    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    gone = [line["payload"] for line in lines if line["topic"].endswith("/up/gone")]
    declared = {n for told in gone for first, last, *_ in told["g"] for n in range(first, last + 1)}
    assert declared == {*range(50, 61), 90, 100, 101}
    assert len({told["e"] for told in gone}) == len(gone)
    sent = {
        b["n"] + i
        for b in (x["payload"] for x in lines if x["topic"].endswith("/hist"))
        for i in range(len(b["r"]))
    }
    assert sent | declared == set(range(1, 211))
    assert kaga_edge("contract", "verify", str(out)).code == 0


def test_a_running_stores_file_is_read_from_a_copy(kaga_edge: Any, tmp_path: Path) -> None:
    life = Life(tmp_path / "kaga.db", Disk(), random.Random(3))
    database = life.open()
    life.append(5)
    assert "numbered 5 =" in kaga_edge("store", "show", str(life.path)).out
    life.append(5)  # and the owner does not notice
    database.close()


def test_verify_and_salvage_of_a_damaged_file(kaga_edge: Any, stopped: Path, tmp_path: Path) -> None:
    assert kaga_edge("store", "verify", str(stopped)).code == 0
    content = bytearray(stopped.read_bytes())
    content[: 4096 * 1] = bytes(4096)
    stopped.write_bytes(content)
    assert kaga_edge("store", "verify", str(stopped)).code == 2
    out = tmp_path / "saved.db"
    said = kaga_edge("store", "salvage", str(stopped), str(out))
    assert said.code == 0
    assert "420 rows" in said.out
    assert kaga_edge("store", "verify", str(out)).code == 0


def test_nothing_saved_from_what_never_was_a_store_counted_as_good(kaga_edge: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database\n")
    said = kaga_edge("store", "salvage", tmp_path / "notes.txt", "--lang", "en")
    assert said.code == 2
    assert "0 rows" in said.out


def test_what_the_platform_refused_is_listed(kaga_edge: Any, stopped: Path) -> None:
    found = json.loads(kaga_edge("store", "ledger", str(stopped), "--json").out)["lines"]
    refused = [line for line in found if line["why"] == "quarantined"]
    said = kaga_edge("store", "rejected", str(stopped), "--json")
    assert json.loads(said.out) == refused
    assert said.code == (1 if refused else 0)


@pytest.mark.parametrize("command", ["verify", "salvage"])
def test_a_pipe_instead_of_a_store_was_not_readable_for_the_reason_none(
    kaga_edge: Any, tmp_path: Path, command: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    said = kaga_edge("store", command, tmp_path / "pipe", "--lang", "en")
    assert said.code == 2
    assert "named pipe" in " ".join(said.err.split())


@pytest.mark.parametrize("command", ["verify", "export", "ledger", "show", "rejected"])
def test_an_epoch_with_a_spoilt_index_ended_in_a_traceback(
    kaga_edge: Any, stopped: Path, tmp_path: Path, command: str
) -> None:
    """Its rows would have numbers beyond 64 bits: ``index << 40``."""
    with contextlib.closing(sqlite3.connect(stopped)) as db:
        db.execute("UPDATE epoch SET i = ?", (1 << 40,))
        db.commit()
    more = (tmp_path / "out.jsonl",) if command == "export" else ()
    said = kaga_edge("store", command, stopped, *more, "--lang", "en")
    assert said.code == 2
    assert "too large" in " ".join((said.out + said.err).split())
