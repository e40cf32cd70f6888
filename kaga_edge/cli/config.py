"""``kaga-edge config``: check a configuration, print an example, print the schema for editors.

What runs, and how it is changed: ``config_changes``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli import config_changes
from kaga_edge.cli.ask import DEFAULT_CONFIG, language_of, not_written
from kaga_edge.cli.screen import columns, fold
from kaga_edge.text import say, span_words

if TYPE_CHECKING:  # pydantic is loaded only by the command that needs it
    from kaga_edge.config import Config, ConfigFaults, Fault

EXIT_CONFIGURATION = 78
USUAL_COLUMNS = 80
OF_THE_MACHINE = ("KE-W03", "KE-W07")  # what is still to be put there; the file itself is right
KINDS = ("flood", "snow", "traffic")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("config")
    commands = parser.add_subparsers(dest="action", required=True)
    check = commands.add_parser("check")
    check.add_argument("file", nargs="?", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    check.add_argument("--json", action="store_true")
    check.add_argument("--convert", action="store_true")
    check.add_argument("--fix-width", action="store_true")
    check.set_defaults(func=run_check)
    init = commands.add_parser("init")
    init.add_argument("kind", choices=KINDS)
    init.set_defaults(func=run_init)
    schema = commands.add_parser("schema")
    schema.set_defaults(func=run_schema)
    config_changes.add(commands)


def run_check(args: argparse.Namespace) -> int:
    """Print the faults, or what the configuration holds; returns 0, 1 warnings, 78 faults."""
    from kaga_edge.config import ConfigFaults, load

    lang = language_of(argparse.Namespace(lang=getattr(args, "lang", None), config=args.file))
    if args.file.is_dir():  # its folder was meant
        args.file /= DEFAULT_CONFIG.name
    _mend(args, lang)
    args.file = _whole(args.file)
    try:
        config = load(args.file)
    except ConfigFaults as faults:
        print(faults_json(faults) if args.json else faults_text(faults, args.file, lang))
        return EXIT_CONFIGURATION
    print(_good_json(config) if args.json else _good_text(config, lang))
    return int(any(warning.code not in OF_THE_MACHINE for warning in config.warnings))


def _whole(file: Path) -> Path:
    """Return the file whose part in conf.d was named: a part by itself is no configuration."""
    from kaga_edge.config import plainfile

    folder = plainfile.folder(file)
    if folder.name != "conf.d":
        return file
    usual = folder.parent / DEFAULT_CONFIG.name
    others = [usual] if usual.is_file() else sorted(folder.parent.glob("*.toml"))
    return others[0] if len(others) == 1 else file


def _mend(args: argparse.Namespace, lang: str) -> None:
    """Do what --convert and --fix-width ask for, and say what was done."""
    from kaga_edge.config import mending

    kept = args.file.with_name(args.file.name + mending.KEPT)
    try:
        if args.convert and (encoding := mending.convert(args.file)):
            print(say("config.converted", lang, encoding=encoding, kept=kept), file=sys.stderr)
        if args.fix_width and (lines := mending.fix_width(args.file)):
            print(say("config.fixed", lang, n=lines, kept=kept), file=sys.stderr)
    except UnicodeDecodeError:
        return  # the check that follows says so
    except OSError as error:
        raise not_written(args.file, error, lang) from error


def run_init(args: argparse.Namespace) -> int:
    """Print the shipped example."""
    from importlib import resources

    file = resources.files("kaga_edge.config") / "examples" / f"{args.kind}.toml"
    print(file.read_text(encoding="utf-8"), end="")
    return 0


def run_schema(_args: argparse.Namespace) -> int:
    """Print the schema."""
    from kaga_edge.config.schema import schema

    print(json.dumps(schema(), ensure_ascii=False, indent=2))
    return 0


# --- what check prints ---


def faults_text(faults: ConfigFaults, file: Path, lang: str) -> str:
    """Return every fault with its place, the count, and what to do next."""
    lines = [fault.text(lang) for fault in faults.faults]
    lines += _warning_lines(faults.warnings, lang)
    lines += [say("check.count", lang, faults=len(faults.faults)), say("check.hint", lang, file=file)]
    if columns() < USUAL_COLUMNS:  # a phone; elsewhere one fault is one line, for grep and editors
        lines = [folded for text in lines for folded in fold(text, indent=4)]
    return "\n".join(lines)


def _good_text(config: Config, lang: str) -> str:
    from kaga_edge.config.listing import attachment_words

    lines = _warning_lines(config.warnings, lang)
    name = config.site.name["ja" if lang == "ja" else "en"]
    lines.append(f"{name}  {config.site.id}")
    for sensor in config.sensors:
        every = say("check.every", lang, every=span_words(sensor.every_s, lang))
        lines += fold(f"  {sensor.id:<12} {sensor.driver:<15} {attachment_words(sensor)}  {every}", indent=4)
    platform = config.platform
    lines.append(f"  {platform.url}  {platform.delivery}" if platform else say("check.no_platform", lang))
    lines.append(say("check.good", lang, sensors=len(config.sensors)))
    return "\n".join(lines)


def _warning_lines(warnings: tuple[Fault, ...], lang: str) -> list[str]:
    return [f"{say('check.warning', lang)}: {warning.text(lang)}" for warning in warnings]


def faults_json(faults: ConfigFaults) -> str:
    """Return every fault as JSON."""
    body = {
        "good": False,
        "faults": [_fault(fault) for fault in faults.faults],
        "warnings": [_fault(fault) for fault in faults.warnings],
    }
    return json.dumps(body, ensure_ascii=False, indent=2)


def _good_json(config: Config) -> str:
    from kaga_edge.config.listing import sensor_facts

    body = {
        "good": True,
        "gw": config.site.id,
        "sensors": [sensor_facts(sensor) for sensor in config.sensors],
        "faults": [],
        "warnings": [_fault(fault) for fault in config.warnings],
    }
    return json.dumps(body, ensure_ascii=False, indent=2)


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "file": fault.file,
        "line": fault.line,
        "key": fault.key,
        "code": fault.code.value,
        "ja": fault.words("ja"),
        "en": fault.words("en"),
    }
