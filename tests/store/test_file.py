"""The file is opened with exactly the settings that lose nothing, and only once."""

from __future__ import annotations

import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.store.errors import StoreBusy, StoreForeign, StoreSick
from kaga_edge.store.file import APPLICATION_ID, SCHEMA_VERSION, FileDamaged, Identity, open_file

EXTRA, ON, OFF = 3, 1, 0
WANTED = {
    "synchronous": EXTRA,
    "journal_mode": "wal",
    "locking_mode": "exclusive",
    "cell_size_check": ON,
    "trusted_schema": OFF,
    "mmap_size": 0,
    "journal_size_limit": 4 * 1024 * 1024,
    "max_page_count": (64_000_000 - 4 * 1024 * 1024 - 2 * 1_000_000) // 4096,  # log, events
    "page_size": 4096,
    "user_version": SCHEMA_VERSION,
    "application_id": APPLICATION_ID,
}


@pytest.mark.parametrize("opening", ["the first", "a later"])
def test_every_setting_holds_at_each_opening(bench: Any, opening: str) -> None:
    if opening == "a later":
        open_file(bench.path, 64_000_000).close()

    db = open_file(bench.path, 64_000_000)

    read = {name: (db.execute(f"PRAGMA {name}").fetchone() or [0])[0] for name in WANTED}
    db.close()
    assert read == WANTED


def test_the_name_given_to_sqlite_says_not_to_trust_powersafe_overwrite(bench: Any) -> None:
    asked: list[str] = []

    # The audit hook of CPython tells every name that is opened, without standing in for anything.
    sys.addaudithook(lambda event, given: asked.append(str(given[0])) if event == "sqlite3.connect" else None)
    open_file(bench.path, 64_000_000).close()
    assert asked[-1].startswith("file:///")
    assert asked[-1].endswith("?psow=0")


def test_extra_is_set_before_the_switch_to_wal(bench: Any) -> None:
    import inspect

    from kaga_edge.store import file

    text = inspect.getsource(file._settle)
    assert text.index("locking_mode") < text.index("synchronous = EXTRA") < text.index("journal_mode = WAL")


@pytest.mark.parametrize("opening", ["the first", "a later, after a crash"])
def test_no_shared_memory_file_is_made_and_all_files_are_ours_alone(bench: Any, opening: str) -> None:
    database = bench.open()
    if opening != "the first":
        bench.add(database)
        copies = {path: path.read_bytes() for path in bench.folder.iterdir()}
        database.close()
        for path, content in copies.items():
            path.write_bytes(content)
            path.chmod(0o600)
        database = bench.open()
    bench.add(database)

    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in bench.folder.iterdir()}
    assert names == {"kaga.db": 0o600, "kaga.db-wal": 0o600, "kaga.db.high": 0o600, "kaga.db.used": 0o600}


def test_a_second_opening_is_refused_with_the_reason(bench: Any) -> None:
    database = bench.open()

    with pytest.raises(StoreBusy, match="another process has the store open"):
        bench.open()

    assert bench.add(database).first == 1  # and the first one does not notice
    assert not list(bench.folder.glob("*damaged*"))


def test_a_reader_from_outside_is_refused_too(bench: Any) -> None:
    bench.open()
    stranger = sqlite3.connect(bench.path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        stranger.execute("SELECT count(*) FROM sample")
    stranger.close()


def test_a_healthy_database_of_somebody_else_is_left_alone(bench: Any) -> None:
    other = sqlite3.connect(bench.path)
    other.executescript("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1);")
    other.close()
    before = bench.path.read_bytes()

    with pytest.raises(StoreForeign, match="not a kaga-edge store"):
        bench.open()

    stranger = sqlite3.connect(bench.path)
    assert stranger.execute("SELECT a FROM theirs").fetchall() == [(1,)]
    stranger.close()
    assert len(bench.path.read_bytes()) == len(before)


def test_a_file_of_a_newer_version_is_left_alone(bench: Any) -> None:
    bench.open().close()
    newer = sqlite3.connect(bench.path)
    newer.execute("CREATE TABLE rating (sensor INTEGER PRIMARY KEY) STRICT")
    newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    newer.close()

    with pytest.raises(StoreForeign, match="newer kaga-edge"):
        bench.open()


@pytest.mark.parametrize(
    "spoil",
    [
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -2147483647",
        f"PRAGMA user_version = {SCHEMA_VERSION + 2}",
        f"PRAGMA application_id = {APPLICATION_ID ^ 1}",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = 'goneE' WHERE name = 'gone'",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'at_ms', 'at_lr')",
        "DROP TABLE run",
        "DROP TABLE memory",
    ],
)
def test_a_bit_flipped_in_what_says_that_a_file_is_ours_keeps_no_station_off(bench: Any, spoil: str) -> None:
    """Such a file was called somebody else's, or ended the daemon at every start: no such table."""
    database = bench.open()
    given = [database.append(database.encode([bench.entry(n)])) for n in range(20)][-1]
    database.close()
    file = sqlite3.connect(bench.path)
    file.executescript(spoil)
    file.close()

    database = bench.open()
    assert database.set_aside is not None
    assert sum(len(database.load(one.ep, 1, 99, 99).rows) for one in database.standing().epochs) == 20
    after = database.append(database.encode([bench.entry(21)]))
    assert after.ep != given.ep or after.first > given.last


@pytest.mark.parametrize(
    ("at", "byte"),
    [
        pytest.param(18, 6, id="format needed to write"),
        pytest.param(19, 6, id="format needed to read"),
        pytest.param(47, 5, id="schema format"),
        pytest.param(-1, 0xE3, id="no UTF-8 in the list of tables"),
    ],
)
def test_a_header_of_another_age_is_damage_whatever_sqlite_calls_it(bench: Any, at: int, byte: int) -> None:
    """Read-only for ever, "unsupported file format", UnicodeDecodeError: the first waits, the others end."""
    database = bench.open()
    database.append(database.encode([bench.entry(n) for n in range(20)]))
    database.close()
    content = bytearray(bench.path.read_bytes())
    content[at if at > 0 else content.index(b"CREATE TABLE sample") + 7] = byte
    bench.path.write_bytes(content)

    database = bench.open()
    assert database.set_aside is not None
    assert sum(len(database.load(one.ep, 1, 99, 99).rows) for one in database.standing().epochs) == 20


def test_a_store_behind_a_link_is_judged_and_replaced_where_the_link_leads(
    bench: Any, tmp_path: Path
) -> None:
    """A damaged one was replaced by a file in the link's own folder: on the card, not on the disk."""
    (tmp_path / "disk").mkdir()
    bench.path.symlink_to(tmp_path / "disk" / "kaga.db")
    database = bench.open()
    database.append(database.encode([bench.entry(1)]))
    database.close()
    real = tmp_path / "disk" / "kaga.db"
    real.write_bytes(b"\xff" * 4096 + real.read_bytes()[4096:])

    database = bench.open()

    assert database.set_aside is not None
    assert database.set_aside.parent == real.parent
    assert bench.path.is_symlink()
    assert real.read_bytes()[:6] == b"SQLite"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["disk", "kaga.db"]


def test_a_missing_folder_says_how_to_mend_it(bench: Any, tmp_path: Path) -> None:
    bench.path = tmp_path / "nowhere" / "kaga.db"
    with pytest.raises(StoreSick, match="check that the folder exists"):
        bench.open()


def test_bytes_that_are_no_database_are_told_apart(bench: Any) -> None:
    bench.path.write_bytes(b"not a database, but long enough to look at" * 200)
    with pytest.raises(FileDamaged):
        open_file(bench.path, 64_000_000)


def test_unknown_is_no_evidence_for_another_machine() -> None:
    here = Identity(machine="m", board="b")
    assert not here.differs_from(Identity())
    assert not here.differs_from(Identity(machine="m"))
    assert here.differs_from(Identity(machine="m", board="other"))
    assert here.differs_from(Identity(machine="other", board="b"))
