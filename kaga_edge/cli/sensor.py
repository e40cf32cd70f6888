"""``kaga-edge sensor``: supported models, configured sensors, one live reading with its raw bytes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli import calibrate, scan, watching
from kaga_edge.cli.ask import (
    DEFAULT_CONFIG,
    NoAnswer,
    NotAllowed,
    NotRunning,
    Refused,
    ask,
    language_of,
    socket_of,
)
from kaga_edge.cli.failure import mending, told
from kaga_edge.cli.screen import fold, tell
from kaga_edge.text import quality_words, quantity_name, say, span_words, unit_shown
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL

if TYPE_CHECKING:  # the configuration and the buses are loaded only by the commands that need them
    from kaga_edge.config import Config, SensorConfig
    from kaga_edge.vocabulary.drivers import Model

EXIT_FAILING = 2
LISTED_WITHIN_S = 2.0  # a gateway that hangs is no reason to wait: the file says the same


class NoSuchSensor(KagaError):
    """The configuration has no sensor of that id, or --record needs one named."""

    code = "KE-G04"
    exit_code = 64


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("sensor")
    commands = parser.add_subparsers(dest="action", required=True)
    models = commands.add_parser("models")
    models.add_argument("driver", nargs="?", metavar="DRIVER")
    models.add_argument("--json", action="store_true")
    models.set_defaults(func=run_models)
    listed = commands.add_parser("list")
    _add_config(listed)
    listed.add_argument("--socket", type=Path, metavar="PATH")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(func=run_list)
    read = commands.add_parser("read")
    read.add_argument("sensor", nargs="?", metavar="SENSOR")
    _add_config(read)
    read.add_argument("--socket", type=Path, metavar="PATH")
    read.add_argument("--record", type=Path, metavar="FILE")
    read.add_argument("--json", action="store_true")
    read.set_defaults(func=run_read)
    calibrate.add(commands)
    scan.add(commands)
    watching.add(commands)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")


# --- models and list ---


def run_models(args: argparse.Namespace) -> int:
    """Print the models."""
    from kaga_edge.sensors import driver_names, load

    lang = language_of(args)
    names = (args.driver,) if args.driver else driver_names()
    models: dict[str, Model] = {name: load(name).MODEL for name in names}
    if args.json:
        print(json.dumps([_model_facts(*item) for item in models.items()], ensure_ascii=False, indent=2))
    else:
        print("\n".join(line for item in models.items() for line in _model_lines(*item, lang)))
    return 0


def _model_facts(name: str, model: Model) -> dict[str, Any]:
    line = model.line
    return {
        "driver": name,
        "names": list(model.names),
        "bus": model.bus.value,
        "measures": model.measures,
        "wiring": model.wiring,
        "addresses": list(model.addresses),
        "serial": f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}" if line else None,
        "shortest_every_s": model.shortest_every_s,
        "example": model.example,
    }


def _model_lines(name: str, model: Model, lang: str) -> list[str]:
    facts = _model_facts(name, model)
    lines = [f"{name}: {', '.join(model.names)}", f"  {model.measures[lang]}"]
    lines.append(f"  {say('models.bus', lang)}: {model.bus.value}")
    if model.addresses:
        addresses = ", ".join(f"0x{address:02X}" for address in model.addresses)
        lines.append(f"  {say('models.address', lang)}: {addresses}")
    if facts["serial"]:
        lines.append(f"  {say('models.line', lang)}: {facts['serial']}")
    lines.append(f"  {say('models.wiring', lang)}: {model.wiring[lang]}")
    lines = [folded for line in lines for folded in fold(line, indent=4)]
    lines.append(f"  {say('models.example', lang)}:")
    lines += [f"    {text}".rstrip() for text in model.example.splitlines()]
    return [*lines, ""]


def run_list(args: argparse.Namespace) -> int:
    """Print the sensors as the running gateway has them; without it as the configuration says."""
    lang = language_of(args)
    listed = _listed(args, lang)
    if args.json:
        print(json.dumps(listed, ensure_ascii=False, indent=2))
        return 0
    for one in listed:
        every = say("check.every", lang, every=span_words(one["every_s"], lang))
        tell(f"{one['id']:<12} {one['driver']:<15} {one['where']}  {every}")
    return 0


def _listed(args: argparse.Namespace, lang: str) -> list[dict[str, Any]]:
    try:
        answer = ask(socket_of(args), {"op": "sensors"}, lang, patience_s=LISTED_WITHIN_S)
    except (NotRunning, NotAllowed, NoAnswer, Refused):  # an older gateway does not know the question
        from kaga_edge.config import load
        from kaga_edge.config.listing import sensor_facts

        return [sensor_facts(one) for one in load(args.config).sensors]
    told: list[dict[str, Any]] = answer["sensors"]
    return told


# --- read ---


def run_read(args: argparse.Namespace) -> int:
    """Read once and print; returns 0, or 2 when a sensor failed."""
    lang = language_of(args)
    from kaga_edge.config import load

    config = load(args.config)
    wanted = sensors_named(config, args.sensor, lang)
    if args.record and len(wanted) != 1:
        raise NoSuchSensor(say("read.record_one", lang))
    answers = _through_daemon(args, wanted, lang)
    if answers is None:
        import asyncio

        answers = asyncio.run(straight_from_bus(config, wanted))
    if args.record:
        _record(args.record, wanted[0], answers[0])
    if args.json:
        print(json.dumps(answers, ensure_ascii=False, indent=2))
    else:
        print("\n".join(line for answer in answers for line in _answer_lines(answer, lang)))
        if args.record:
            print(say("read.recorded", lang, file=args.record))
    return EXIT_FAILING if any(answer["error"] for answer in answers) else 0


def sensors_named(config: Config, sensor: str | None, lang: str) -> tuple[SensorConfig, ...]:
    """Return the sensor of that id, or all. Raises NoSuchSensor."""
    found = tuple(one for one in config.sensors if sensor in (None, one.id))
    if not found:
        raise no_such_sensor(str(sensor), [one.id for one in config.sensors], lang)
    return found


def no_such_sensor(asked: str, there: Sequence[str], lang: str) -> NoSuchSensor:
    """Return what to raise when nobody has that id: the nearest first, then all."""
    import difflib

    near = difflib.get_close_matches(asked, there, n=1, cutoff=0.5)
    fix = say("read.near_sensor", lang, near=near[0]) + " " if near else ""
    fix += say("read.no_such_sensor_fix", lang, valid=", ".join(there))
    return NoSuchSensor(say("read.no_such_sensor", lang, id=asked), fix=fix)


def _through_daemon(
    args: argparse.Namespace, wanted: Sequence[SensorConfig], lang: str
) -> list[dict[str, Any]] | None:
    """Return the daemon's readings; None when it does not run and the bus is ours to open."""
    path = socket_of(args)
    try:
        return [ask(path, {"op": "read", "sensor": one.id}, lang) for one in wanted]
    except NotRunning:
        return None


async def straight_from_bus(config: Config, wanted: Sequence[SensorConfig]) -> list[dict[str, Any]]:
    from kaga_edge.buses import Bus, Wires
    from kaga_edge.gateway import plans, snapshot
    from kaga_edge.station.clock import SystemClock

    answers: list[dict[str, Any]] = []
    clock = SystemClock()
    for plan in plans.bus_plans(config).values():
        ids = [one.id for one in plan.sensors if one in wanted]
        if not ids:
            continue
        bus = Bus(plan.make(), wires=Wires(), clock=clock, on_polled=lambda _polled: None)
        try:
            answers += [snapshot.polled(await bus.read_now(sensor)) for sensor in ids]
        finally:
            await bus.close(take_last=False)
    return answers


def _answer_lines(answer: dict[str, Any], lang: str) -> list[str]:
    took = say("read.took", lang, ms=round(answer["took_s"] * 1000))
    lines = [f"{answer['sensor']}  {took}"]
    for reading in answer["readings"]:
        name = quantity_name(reading["id"], lang)
        flagged = f"  [{quality_words(reading['flags'], lang)}]" if reading["flags"] else ""
        lines.append(f"  {name}: {_value(reading, lang)}{flagged}")
    if answer["raw"]:
        lines.append(f"  {say('read.raw', lang)}: {answer['raw'].upper()}")
    lines += [f"  {say('decode.remark', lang, what=heard(one, lang))}" for one in answer.get("remarks", ())]
    if answer["error"]:
        error = answer["error"]
        what = told(error["code"], error["what"], lang)
        lines.append(f"  {say('read.failed', lang)}: {error['code']} {what}")
        if mend := mending(error["code"], error["fix"], lang):
            lines.append(f"  {say('error.fix', lang)}: {mend}")
    return [folded for line in lines for folded in fold(line, indent=4)]


def _value(reading: dict[str, Any], lang: str) -> str:
    if reading["value"] is None:
        return say("read.no_value", lang)
    quantity = BY_CHANNEL[reading["id"]]
    decimals = max(0, len(f"{quantity.res:.6f}".rstrip("0").partition(".")[2]))
    return f"{reading['value']:.{decimals}f} {unit_shown(reading['unit'], lang, reading['id'])}"


def _record(file: Path, sensor: SensorConfig, answer: dict[str, Any]) -> None:
    from kaga_edge.config import I2cAddress, ModbusAddress
    from kaga_edge.gateway.exchanges import exchanges_of
    from kaga_edge.sim.image import image_of

    at = sensor.bus
    address = at.address if isinstance(at, I2cAddress) else at.unit if isinstance(at, ModbusAddress) else None
    image = image_of(exchanges_of(answer["exchanges"]), address=address)
    try:
        file.write_text(json.dumps(image, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise KagaError(f"cannot be written: {error.strerror}", where=str(file)) from error
