"""The README says in Japanese what it says in English: table by table, row by row."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ENGLISH, JAPANESE = README.split("\n# 日本語\n")


def tables(text: str) -> list[list[list[str]]]:
    """Return the tables as rows of cells, without heads and rules."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("| "):
            found[-1].append(line.strip("| ").split(" | "))
        elif found[-1]:
            found.append([])
    return [rows[1:] for rows in found if rows]


def named(row: list[str]) -> set[str]:
    """Return the commands of a row by their first words: names and reasons differ between languages."""
    code = re.findall(r"`(?:sudo )?kaga-edge ([^`]+)`", " ".join(row))
    return {" ".join(re.findall(r"^[a-z]+(?: [a-z]+)?|--[a-z-]+", one)) for one in code}


def test_every_table_has_the_same_rows_in_both_languages():
    english, japanese = tables(ENGLISH), tables(JAPANESE)
    assert [len(rows) for rows in japanese] == [len(rows) for rows in english]
    for ours, theirs in zip(japanese, english, strict=True):
        for row, same in zip(ours, theirs, strict=True):
            assert named(row) == named(same), same
