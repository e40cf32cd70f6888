"""``kaga-edge decode``: what a captured frame or a device image says, offline.

Exit codes: 0 decoded, 1 a frame or the image could not be decoded (it says which check failed: length,
shape, checksum, value), 64 a wrong argument or an image file with a fault in it.

Noise between frames, the banner of a sensor, half a frame at the end of a capture: skipped and counted. A
frame that fails its checksum, and an argument in which there is no frame, are errors.

A little longer than most: what people write on a command line, and where bytes become frames.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import typing
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from kaga_edge import sensors
from kaga_edge.cli.decoded import Decoded, show_json, show_text, spaced
from kaga_edge.cli.failure import mending, told
from kaga_edge.sim.captured import SerialCapture, read_once
from kaga_edge.sim.image import hex_bytes, load_image
from kaga_edge.text import language, say
from kaga_edge.vocabulary.drivers import Driver, UartDriver
from kaga_edge.vocabulary.errors import BusError, DecodeError, KagaError
from kaga_edge.vocabulary.requests import BusKind

EXIT_UNDECODABLE, EXIT_USAGE = 1, 64
CHECKS = ("length", "shape", "checksum", "value")  # in the order a decoder looks
# To search every stretch of a long capture for the best candidate would take minutes.
CANDIDATES_BYTES = 160
# The kinds of fault that pydantic finds, by the first word of their names.
WHYS = {
    "int": "decode.why.int",
    "float": "decode.why.float",
    "finite": "decode.why.float",
    "bool": "decode.why.bool",
    "missing": "decode.why.missing",
    "unexpected": "decode.why.unexpected",
    "extra": "decode.why.unexpected",
    "tuple": "decode.why.tuple",
    "dataclass": "decode.why.dataclass",
}


class Usage(KagaError):
    """A wrong argument; the lines to show, in the chosen language."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("decode")
    parser.add_argument("driver", metavar="DRIVER")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--frames", nargs="+", metavar="HEX")
    source.add_argument("--image", type=Path, metavar="FILE")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Decode and print. Returns the exit code."""
    lang = language(getattr(args, "lang", None))
    try:
        module = _module(args.driver, lang)
        driver = module.Driver(options_of(module, args.driver, args.set, lang))
        if args.image is not None:
            results, skipped = [_from_image(driver, args.image)], 0
        else:
            results, skipped = _from_frames(driver, module, args, lang)
    except Usage as error:
        return _complain(str(error), EXIT_USAGE, args)
    except KagaError as error:  # contradicting options, a fault in the image file
        return _complain(_fault(error, lang), EXIT_USAGE, args)
    if args.json:
        show_json(args.driver, driver, results, skipped)
    else:
        show_text(driver, results, skipped, lang)
    return 0 if all(result.error is None for result in results) else EXIT_UNDECODABLE


def options_of(module: ModuleType, name: str, settings: Sequence[str], lang: str = "en") -> object:
    """Return the driver's Options with ``key=value`` texts put in. Raises Usage."""
    known = {field.name: field for field in fields(module.Options)}
    hints = typing.get_type_hints(module.Options)
    values: dict[str, object] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals:
            raise Usage(say("decode.set_form", lang, text=text))
        if key not in known:
            raise Usage(_unknown_option(name, key, known, lang))
        values[key] = _value(known[key], hints[key], key, value.strip(), lang)
    for key, field in known.items():
        if key not in values and field.default is MISSING:
            raise Usage(say("decode.needs_option", lang, driver=name, key=key))
    options: object = module.Options(**values)
    return options


# --- arguments ---


def _module(name: str, lang: str) -> ModuleType:
    try:
        return sensors.load(name)
    except sensors.UnknownDriver as error:
        near = ", ".join(error.closest or sensors.driver_names())
        lines = (say("decode.unknown_driver", lang, name=name), say("decode.closest", lang, names=near))
        raise Usage("\n".join(lines)) from error


def _unknown_option(name: str, key: str, known: dict[str, Field[object]], lang: str) -> str:
    if not known:
        return (
            say("decode.unknown_option", lang, driver=name, key=key)
            + "\n"
            + say("decode.no_options", lang, driver=name)
        )
    lines = [say("decode.unknown_option", lang, driver=name, key=key)]
    if near := get_close_matches(key, known, n=3):
        lines.append(say("decode.closest", lang, names=", ".join(near)))
    lines.append(say("decode.options", lang))
    for option in known.values():
        default = "" if option.default is MISSING else f" [{option.default}]"
        lines.append(f"  {option.name}{default}  {option.metadata['help'][lang]}")
    return "\n".join(lines)


def _value(field: Field[object], hint: typing.Any, key: str, text: str, lang: str) -> object:
    from typing import Annotated

    from pydantic import Field as Bounds
    from pydantic import TypeAdapter, ValidationError

    limits = {name: field.metadata[name] for name in ("ge", "gt", "le", "lt") if name in field.metadata}
    given: object = None if text.lower() == "none" and type(None) in typing.get_args(hint) else text
    if all(isinstance(choice, int) for choice in typing.get_args(hint)) and text.lstrip("-").isdigit():
        given = int(text)  # Literal[3, 4] is a choice of numbers, which text never equals
    try:
        if given is None:
            return None
        adapter: TypeAdapter[object] = TypeAdapter(Annotated[hint, Bounds(**limits)])
        # A list is written as JSON: registers=[{"quantity": "rain", "address": 3}]
        checked = adapter.validate_json(text) if text.startswith("[") else adapter.validate_python(given)
    except ValidationError as error:
        why = _why(error.errors()[0], lang)
        raise Usage(say("decode.wrong_option", lang, key=key, value=text, why=why)) from error
    return checked


def _why(fault: typing.Any, lang: str) -> str:
    """Return what is wrong with an option's value: which entry of a list, and what it should be."""
    kind, context = str(fault["type"]), fault.get("ctx") or {}
    entry = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in fault["loc"])
    place = f"{entry.removeprefix('.')}: " if entry else ""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [f"{sign} {context[name]:g}" for name, sign in signs.items() if name in context]
    if bounds:
        return place + bounds[0]
    if "expected" in context:
        return place + say("decode.why.choice", lang, names=str(context["expected"]))
    code = WHYS.get(kind.partition("_")[0])
    return place + (str(fault["msg"]) if code is None else say(code, lang))


def _bytes(texts: Sequence[str], lang: str) -> bytes:
    try:
        return hex_bytes(" ".join(texts))
    except ValueError as error:
        raise Usage(say("decode.not_hex", lang, text=" ".join(texts))) from error


# --- decoding ---


def _from_image(driver: Driver, path: Path) -> Decoded:
    device = load_image(path)
    raw = device.frames[-1] if isinstance(device, SerialCapture) and device.frames else None
    try:
        return Decoded(data=raw, readings=read_once(driver, device))
    except (DecodeError, BusError) as error:
        return Decoded(data=raw, error=error)


def _from_frames(
    driver: Driver, module: ModuleType, args: argparse.Namespace, lang: str
) -> tuple[list[Decoded], int]:
    if module.MODEL.bus is not BusKind.UART:
        raise Usage(say("decode.not_serial", lang, driver=args.driver))
    serial: UartDriver = typing.cast(UartDriver, driver)
    buffer = _bytes(args.frames, lang)
    cut = serial.split(buffer)
    if not cut.frames:
        at, best = best_candidate(serial, buffer)
        whole = len(best.data or b"") if best.error is None else 0
        return [_with_place(best, at, lang)], len(buffer) - whole
    results: list[Decoded] = []
    skipped = 0
    for at, stretch, is_frame in _stretches(buffer, cut.frames):
        if is_frame:
            results.append(_one(serial, stretch))
            continue
        skipped += len(stretch)
        if (bad := _bad_frame(serial, at, stretch, _arguments(args.frames, len(buffer)))) is not None:
            skipped -= len(bad[1].data or b"") if bad[1].error is None else 0
            results.append(_with_place(bad[1], bad[0], lang))
    return results, skipped


def _stretches(buffer: bytes, frames: Sequence[bytes]) -> list[tuple[int, bytes, bool]]:
    """Return the frames and what lies between them: where it begins, the bytes, whether it is a frame."""
    parts: list[tuple[int, bytes, bool]] = []
    at = 0
    for frame in frames:
        start = buffer.index(frame, at)
        parts += [(at, buffer[at:start], False), (start, frame, True)]
        at = start + len(frame)
    return [part for part in (*parts, (at, buffer[at:], False)) if part[1]]


def _bad_frame(
    driver: UartDriver, at: int, stretch: bytes, arguments: Sequence[tuple[int, int]]
) -> tuple[int, Decoded] | None:
    """Return the place and the error of a frame that fails in ``stretch``; None: it is noise.

    Without an error: a line whose beginning the capture cuts off from the one before.
    """
    start, best = best_candidate(driver, stretch)
    alone = any(at <= first and last <= at + len(stretch) for first, last in arguments)
    failed_late = _depth(best) >= CHECKS.index("checksum")
    return (at + start, best) if alone or failed_late else None


def _arguments(texts: Sequence[str], total: int) -> list[tuple[int, int]]:
    """Return where each argument lies; none where bytes, not frames, were written one by one."""
    try:
        sizes = [len(hex_bytes(text)) for text in texts]
    except ValueError:  # one byte over two arguments
        return []
    if max(sizes) < 2 or sum(sizes) != total:
        return []
    ends = list(itertools.accumulate(sizes))
    return list(zip([0, *ends], ends, strict=False))


def _with_place(failed: Decoded, at: int, lang: str) -> Decoded:
    if failed.error is None:
        return failed
    note = say("decode.best", lang, at=at, bytes=spaced(failed.data or b""))
    failed.error.fix = failed.error.fix or note
    return failed


def best_candidate(driver: UartDriver, buffer: bytes) -> tuple[int, Decoded]:
    """Return where the stretch begins that comes nearest to a frame, and what is wrong with it.

    Nearest: it fails at the latest check; among equals the first and longest.
    """
    found = 0, _one(driver, buffer)
    searched = buffer[:CANDIDATES_BYTES]
    for at in range(len(searched)):
        for end in range(len(searched), at, -1):
            candidate = _one(driver, searched[at:end])
            if _depth(candidate) > _depth(found[1]):
                found = at, candidate
    return found


def _one(driver: UartDriver, frame: bytes) -> Decoded:
    try:
        return Decoded(data=frame, readings=driver.decode(frame))
    except DecodeError as error:
        return Decoded(data=frame, error=error)


def _depth(decoded: Decoded) -> int:
    check = getattr(decoded.error, "check", "value")
    return CHECKS.index(check) if check in CHECKS else -1


# --- complaining ---


def _fault(error: KagaError, lang: str) -> str:
    place = f"{error.where}: " if error.where else ""
    mend = mending(error.code, error.fix, lang)
    return place + told(error.code, error.what, lang) + (f" -- {mend}" if mend else "")


def _complain(what: str, exit_code: int, args: argparse.Namespace) -> int:
    if args.json:
        print(
            json.dumps({"driver": args.driver, "error": {"check": "usage", "what": what}}, ensure_ascii=False)
        )
    else:
        print(what, file=sys.stderr)
    return exit_code
