"""Rows whose time was a guess, and giving them their true one once their boot's clock became known.

Only rows that surely never left are changed: the same key must not be sent with two times if it can be
helped (the receiver applies the clock event to the others itself). A re-timed row keeps its number, its
values and its boot; ``at_ms`` becomes the boot clock plus the offset, flag 256 says so, and its run is
split off, because a batch has one clock trust and one distance between wall and boot clock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.timekeeping import DoubtfulBoot, with_retimed_flag
from kaga_edge.store.book import Book, RunStart
from kaga_edge.store.errors import integer, nonsense
from kaga_edge.vocabulary.readings import ClockTrust

Place = tuple[int, int]  # epoch index, number: how far re-timing has come


def doubtful(db: sqlite3.Connection, books: list[Book]) -> tuple[DoubtfulBoot, ...]:
    """Return the boots with rows on disk whose clock was not trusted, in the order they began."""
    found: dict[str, DoubtfulBoot] = {}
    for book in books:
        for run, last in _runs(book):
            rows = book.on_disk.within(run.first, last)
            if run.trust >= ClockTrust.NTP or not rows:
                continue
            ask = "SELECT at_ms, up_ms FROM sample WHERE id <= ? ORDER BY id DESC LIMIT 1"
            last_row = db.execute(ask, (book.base + (rows.last or 0),)).fetchone()
            if last_row is None:
                raise nonsense("a run without rows")
            at_ms, up_ms = (integer(time_ms, "a sample's time") for time_ms in last_row)
            trust = ClockTrust(run.trust)
            known = found.get(run.boot)  # rows thinned later stand behind their boot's last one
            if known is None or up_ms >= known.last_up_ms:
                found[run.boot] = DoubtfulBoot(
                    boot=run.boot, last_wall_ms=at_ms, last_up_ms=up_ms, trust=trust
                )
    return tuple(found.values())


def next_span(
    books: list[Book], boot: str, left: Mapping[str, Ranges], after: Place, most: int
) -> tuple[Book, RunStart, tuple[int, int]] | None:
    """Return the next waiting rows of ``boot`` behind ``after`` that never left: book, run, numbers."""
    for book in books:
        if book.i < after[0]:
            continue
        done = after[1] if book.i == after[0] else 0
        free = book.waiting.both(book.on_disk).minus(left.get(book.ep, Ranges())).remove(0, done)
        for run, last in _runs(book):
            if run.boot == boot and run.trust < ClockTrust.NTP:
                span = free.within(run.first, last).head(most)
                if span is not None:
                    return book, run, span
    return None


def split(book: Book, run: RunStart, span: tuple[int, int], trust: int, *, goes_on: bool) -> list[RunStart]:
    """Return the book's runs once ``span`` is parted from its run, with ``trust``.

    ``goes_on``: the rows just before were parted from it too, so that the new run has begun already.
    """
    first, last = span
    end = next(end for one, end in _runs(book) if one is run)
    runs = [one for one in book.runs if one.first != first]
    if not goes_on:
        runs.append(RunStart(first=first, k=run.k, boot=run.boot, trust=trust))
    if last < end:
        runs.append(RunStart(first=last + 1, k=run.k, boot=run.boot, trust=run.trust))
    return sorted(runs, key=lambda one: one.first)


def write_times(
    db: sqlite3.Connection, book: Book, span: tuple[int, int], offset_ms: int, runs: list[RunStart]
) -> None:
    """Give the rows of ``span`` their true time and the book its runs. Done twice it changes no more."""
    ids = (book.base + span[0], book.base + span[1])
    for (q,) in db.execute("SELECT DISTINCT q FROM sample WHERE id BETWEEN ? AND ?", ids).fetchall():
        db.execute(
            "UPDATE sample SET at_ms = up_ms + ?, q = ? WHERE id BETWEEN ? AND ? AND q IS ?",
            (offset_ms, with_retimed_flag(q), *ids, q),
        )
    kept = set(runs)
    for run in book.runs:
        if run not in kept:
            db.execute("DELETE FROM run WHERE epoch = ? AND first = ?", (book.i, run.first))
    for run in runs:
        if run not in book.runs:
            values = (book.i, run.first, run.k, run.boot, run.trust)
            db.execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?)", values)


def _runs(book: Book) -> list[tuple[RunStart, int]]:
    """Return each run with the last number it holds."""
    ends = [later.first - 1 for later in book.runs[1:]] + [book.next_n - 1]
    return list(zip(book.runs, ends, strict=True)) if book.runs else []
