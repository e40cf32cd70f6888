"""A flipped bit makes a number of a text, or nothing: SQLite lets it pass, and it is damage all the same."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest


def loosened(sql: str) -> str:
    """A table's schema with columns that take anything."""
    lines = [line.partition("--")[0].rstrip() for line in sql.splitlines()]
    free = [line if "PRIMARY KEY" in line else line.replace("INTEGER", "BLOB") for line in lines]
    return (
        "\n".join(free)
        .replace("TEXT", "BLOB")
        .replace("NOT NULL", "")
        .replace("STRICT, ", "")
        .replace("STRICT", "")
    )


def write_past_the_types(path: Path, table: str, change: str) -> None:
    """Change rows as flipped bits do: to what the schema would refuse."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    for written, then in ((loosened(sql), change), (sql, "PRAGMA user_version")):
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA writable_schema = ON")
            db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (written, table))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute(then).fetchall()


@pytest.mark.parametrize(
    "change", ["q = 5", "sensor = 'x'", "at_ms = NULL", "up_ms = 'x'", "vals = 7"], ids=lambda text: text[:6]
)
def test_a_row_whose_column_has_another_type_is_damage_and_costs_no_other_row(
    bench: Any, change: str
) -> None:
    database = bench.open()
    bench.add(database, 20)
    epoch = database.epoch
    database.close()
    write_past_the_types(bench.path, "sample", f"UPDATE sample SET {change} WHERE id & 0xFFFFFFFF = 7")

    database = bench.open()
    database.load(epoch, 1, 20, 50)

    assert database.set_aside is not None
    kept = [row[0] for row in database.load(epoch, 1, 6, 50).rows + database.load(epoch, 8, 20, 50).rows]
    assert kept == [n for n in range(1, 21) if n != 7]


def test_a_notice_without_bytes_is_damage(bench: Any) -> None:
    database = bench.open()
    database.append(database.encode([bench.entry(1.34, alerts=(bench.alert(),))]))
    epoch = database.epoch
    database.close()
    write_past_the_types(bench.path, "notice", "UPDATE notice SET body = 3")

    database = bench.open()
    database.load_notices(epoch, 1, 9)

    assert database.set_aside is not None


def test_a_number_mark_without_a_text_keeps_no_station_off(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 3)
    epoch = database.epoch
    database.close()
    write_past_the_types(bench.path, "memory", "UPDATE memory SET value = NULL WHERE key LIKE 'high.%'")

    database = bench.open()

    given = database.append(database.encode([bench.entry(1.0)]))
    assert (given.ep, given.first > 3) == (epoch, True)
