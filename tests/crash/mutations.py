"""What can happen to the bytes of a file: bits flip, its end is missing, pages change places or are noise."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

PAGE_BYTES = 4096
Mutation = Callable[[bytearray, random.Random], set[int]]  # returns the pages it touched, from 0


def flip_bits(content: bytearray, chance: random.Random) -> set[int]:
    touched = [chance.randrange(len(content)) for _ in range(chance.choice((1, 1, 3, 20)))]
    for at in touched:
        content[at] ^= 1 << chance.randrange(8)
    return {at // PAGE_BYTES for at in touched}


def cut_short(content: bytearray, chance: random.Random) -> set[int]:
    size = chance.randrange(len(content))
    touched = set(range(size // PAGE_BYTES, -(-len(content) // PAGE_BYTES)))
    del content[size:]
    return touched


def swap_pages(content: bytearray, chance: random.Random) -> set[int]:
    a, b = chance.randrange(len(content) // PAGE_BYTES), chance.randrange(len(content) // PAGE_BYTES)
    one, other = slice(a * PAGE_BYTES, (a + 1) * PAGE_BYTES), slice(b * PAGE_BYTES, (b + 1) * PAGE_BYTES)
    content[one], content[other] = content[other], content[one]
    return {a, b}  # still whole, but where the log writes that place again they are gone


def ruin_a_page(content: bytearray, chance: random.Random) -> set[int]:
    page = chance.randrange(len(content) // PAGE_BYTES)
    content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = chance.choice(
        (bytes(PAGE_BYTES), chance.randbytes(PAGE_BYTES))
    )
    return {page}


MUTATIONS: tuple[Mutation, ...] = (flip_bits, cut_short, swap_pages, ruin_a_page)


def rows_by_page(path: Path) -> dict[int, set[int]]:
    """Return the numbers on each page (from 0) of the sample table, as the file is before it is spoilt."""
    from kaga_edge.store.leaves import leaf_of, rows_of

    content = path.read_bytes()
    found: dict[int, set[int]] = {}
    for page in range(len(content) // PAGE_BYTES):
        piece = content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]
        leaf = leaf_of(page + 1, piece)
        if leaf is not None and leaf.table == "sample":
            found[page] = {row[0] & (1 << 40) - 1 for row in rows_of("sample", piece)}
    return found
