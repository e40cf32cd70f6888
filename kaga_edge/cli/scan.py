"""``kaga-edge sensor scan``: what hangs here, with the lines of configuration for it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli.ask import (
    DEFAULT_CONFIG,
    NotRunning,
    ask,
    language_of,
    socket_of,
    tables,
)
from kaga_edge.cli.failure import failure_lines
from kaga_edge.cli.pasting import pasted
from kaga_edge.cli.screen import fold
from kaga_edge.cli.trying import run_test
from kaga_edge.cli.typed import positive
from kaga_edge.text import say
from kaga_edge.vocabulary.errors import KagaError

if TYPE_CHECKING:
    from kaga_edge.buses.scan import Found
    from kaga_edge.vocabulary.requests import SerialLine

GPIOS = (4, 5, 6, 12, 13, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27)
EXIT_FAILING, EXIT_NOTHING = 2, 1


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``scan`` and ``test`` below ``sensor``."""
    scan = commands.add_parser("scan")
    scan.add_argument("--bus", type=int, action="append", metavar="N")
    scan.add_argument("--port", action="append", metavar="PATH")
    scan.add_argument("--unit", type=units, metavar="N|N-M")
    scan.add_argument("--serial", type=serial, metavar="LINE")
    scan.add_argument("--gpio", type=positive, metavar="SECONDS")
    scan.add_argument("--json", action="store_true")
    _daemon(scan)
    scan.set_defaults(func=run_scan)
    test = commands.add_parser("test")
    test.add_argument("sensor", nargs="?", metavar="SENSOR")
    test.add_argument("--json", action="store_true")
    _daemon(test)
    test.set_defaults(func=run_test)


def _daemon(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    parser.add_argument("--socket", type=Path, metavar="PATH")


# --- scan ---


def run_scan(args: argparse.Namespace) -> int:
    """Scan and print; returns 0, or 1 when nothing was found."""
    lang = language_of(args)
    busy, addresses = _in_use(args, lang)
    import asyncio

    found = asyncio.run(_scan(args, busy, addresses, lang))
    levels = _levels(args.gpio, lang) if args.gpio else {}
    lines = list(pasted(found, _ids(args.config), lang))
    if args.json:
        listed = [dataclasses.asdict(one) | {"config": config} for one, config in lines]
        print(json.dumps({"found": listed, "gpio": levels}, ensure_ascii=False, indent=2))
    else:
        shown = [line for one, config in lines for line in found_lines(one, config, lang)]
        print("\n".join(shown) or say("scan.nothing_else" if busy or addresses else "scan.nothing", lang))
        for gpio, (level, changes) in levels.items():
            print(say("scan.gpio", lang, gpio=gpio, level=level, changes=changes))
    return 0 if found or levels else EXIT_NOTHING


async def _scan(
    args: argparse.Namespace, busy: set[str], addresses: set[tuple[int, int]], lang: str
) -> list[Found]:
    import asyncio

    from kaga_edge.buses import Wires, scan, scan_modbus
    from kaga_edge.station.clock import SystemClock

    wires, clock = Wires(), SystemClock()
    found: list[Found] = []
    everything = not args.bus and not args.port
    known = sorted(int(node.name[4:]) for node in Path("/dev").glob("i2c-*") if node.name[4:].isdigit())
    for bus in args.bus or (known if everything else []):
        skip = frozenset(address for on, address in addresses if on == bus)
        if skip:
            where = f"i2c-{bus} " + ", ".join(f"0x{address:02x}" for address in sorted(skip))
            _say(say("scan.in_use", lang, where=where))
        try:
            found += await scan.i2c(bus, wires, clock, skip)
        except OSError as error:
            _say(say("scan.closed", lang, where=f"i2c-{bus}", reason=error.strerror))
    for port in args.port or (scan.serial_ports() if everything else []):
        if str(Path(port).resolve()) in busy:
            _say(say("scan.in_use", lang, where=port))
            continue

        def trying(how: str, port: str = port) -> None:
            _say(f"{say('scan.trying', lang, where=port)}  {how}".rstrip())

        try:
            asked_only = args.unit or args.serial  # who names a unit or a line looks for Modbus
            heard = None if asked_only else await asyncio.to_thread(scan.listen, port, trying)
            if heard:
                found.append(heard)
            else:
                lines = (args.serial,) if args.serial else ()
                found += await scan_modbus.modbus(
                    port, wires, clock, args.unit or scan_modbus.MODBUS_UNITS, lines, trying
                )
        except KagaError as error:
            _say("\n".join(failure_lines(error.code, "", error.what, error.fix, lang)))
    return found + (scan.onewire() if everything else [])


def units(text: str) -> tuple[int, ...]:
    """Return the Modbus units of "7" or "1-247". ValueError: there are no such."""
    first, _, last = text.partition("-")
    found = tuple(range(int(first), int(last or first) + 1))
    if not found or found[0] < 1 or found[-1] > 247:
        raise ValueError(text)
    return found


def serial(text: str) -> SerialLine:
    """Return the line setting of "19200 8E1". ValueError: it is none."""
    from kaga_edge.config.units import UnitFault, serial_line

    try:
        return serial_line(text)
    except UnitFault as error:
        raise ValueError(text) from error


def _in_use(args: argparse.Namespace, lang: str) -> tuple[set[str], set[tuple[int, int]]]:
    """Return the ports and I2C addresses that the running gateway works with."""
    from kaga_edge.config import ConfigFaults, I2cAddress, ModbusAddress, SerialPort, load

    try:
        ask(socket_of(args), {"op": "status"}, lang)
        config = load(args.config)
    except (NotRunning, ConfigFaults):
        return set(), set()
    ports = {
        str(Path(s.bus.port).resolve())
        for s in config.sensors
        if isinstance(s.bus, SerialPort | ModbusAddress)
    }
    return ports, {(s.bus.bus, s.bus.address) for s in config.sensors if isinstance(s.bus, I2cAddress)}


def _levels(within_s: float, lang: str) -> dict[int, tuple[int, int]]:
    from kaga_edge.buses import Wires, scan

    try:
        return scan.gpio_levels(GPIOS, Wires(), within_s)
    except (KagaError, OSError) as error:
        _say(say("scan.closed", lang, where="gpio", reason=getattr(error, "what", error)))
        return {}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def found_lines(one: Found, lines: list[str], lang: str) -> list[str]:
    """Return one device as people read it, with the lines for the configuration below."""
    certain = say("scan.certain" if one.certain else "scan.likely", lang)
    what = f"{one.driver} ({certain})" if one.driver else say("scan.unknown", lang)
    seen = f"  {one.seen}" if one.seen else ""
    head = fold(f"{one.bus} {one.where}  {what}{seen}", indent=2)
    return head + [f"    {line}".rstrip() for line in lines]


def _ids(config: Path) -> set[str]:
    """Return the ids of the sensors that the site has already; of a faulty file those that can be read."""
    entries = [entry for table in tables(config) for entry in _listed(table.get("sensor"))]
    return {entry["id"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
