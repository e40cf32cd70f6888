"""The lines of a configuration for what a scan found: pasted as they are, ``config check`` takes them.

They are the driver's own example with the wire that was found; what only the site knows (heights, shunts, the
purpose that is disclosed) stays as the example has it, below a line that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kaga_edge.sensors import load
from kaga_edge.text import say

if TYPE_CHECKING:
    from kaga_edge.buses.scan import Found

WIRE = ("id", "driver", "i2c", "port", "serial", "modbus_id", "onewire")


def pasted(found: Iterable[Found], taken: Iterable[str], lang: str) -> Iterator[tuple[Found, list[str]]]:
    """Yield each device with its lines; none without a model. ``taken``: ids that the site has already.

    Of several candidates for one place the first stands; the others are remarks, for one may hang there.
    """
    ids, places = set(taken), set()
    for one in found:
        if one.driver is None:
            yield one, []
            continue
        lines = _lines(one, one.driver, _free(one.driver.replace("_", "-"), ids), lang)
        if (one.bus, one.where) in places:
            lines = [f"# {line}".rstrip() for line in lines]
        places.add((one.bus, one.where))
        yield one, lines


def _free(stem: str, ids: set[str]) -> str:
    number = 1
    while f"{stem}-{number}" in ids:
        number += 1
    ids.add(f"{stem}-{number}")
    return f"{stem}-{number}"


def _lines(one: Found, driver: str, name: str, lang: str) -> list[str]:
    found = {*WIRE, *map(_key, one.lines)}
    example = load(driver).MODEL.example.strip().splitlines()[1:]
    rest = [line for line in example if _key(line) not in found]
    head = ["[[sensor]]", f'id = "{name}"', f'driver = "{driver}"', *one.lines]
    return [*head, f"# {say('scan.example', lang)}", *rest]


def _key(line: str) -> str:
    found = re.match(r"(\w+) *=", line)
    return found[1] if found else ""
