"""The command line: one file per group of commands, loaded only when its command is asked for.

Each file has ``add(subparsers)``, which registers its command and ``set_defaults(func=run)``. The parser
of one command never loads the libraries of another: ``kaga-edge status`` answers on a Pi Zero too.

Exit codes: 0 good, 1 attention, 2 failing, 3 daemon not running, 64 usage, 75 try later, 78 configuration.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from kaga_edge.cli import streams
from kaga_edge.text import language, say
from kaga_edge.vocabulary.errors import KagaError

EXIT_ATTENTION, EXIT_FAILING = 1, 2
EXIT_USAGE, EXIT_CONFIGURATION = 64, 78

# In the order of help; each is a file beside this one, listed only when it is there.
COMMANDS = (
    "demo", "run", "status", "doctor", "explain", "log", "config", "sensor", "link", "store", "web", "decode",
    "receive", "simulate", "contract", "commission", "report", "maintenance", "collect", "manifest",
    "secret", "enroll", "output", "opendata", "setup", "completion", "version",
)  # fmt: skip


class Parser(argparse.ArgumentParser):
    """argparse with our exit code and our words, which ``helping`` puts in when somebody asks."""

    def __init__(self, *, lang: str = "en", **options: Any) -> None:
        super().__init__(**options)
        self.lang = lang

    def add_subparsers(self, **options: Any) -> Any:
        """Open the list of sub-commands; their parsers speak the same language."""
        ours: Any = {
            "parser_class": partial(Parser, lang=self.lang),
            "title": "commands",
            "metavar": "COMMAND",
        }
        return super().add_subparsers(**(ours | options))

    def format_help(self) -> str:
        """Return the help, in the person's language and at the terminal's width."""
        from kaga_edge.cli import helping

        helping.fill(self, self.lang)
        self.formatter_class = partial(helping.Formatter, lang=self.lang)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is; exit 64."""
        from kaga_edge.cli import helping

        known = tuple(self._option_string_actions)
        lines = [f"{self.prog}:", *helping.told(message, self.lang, known), f"{self.prog} --help"]
        sys.stderr.write("\n".join(lines) + "\n")
        sys.exit(EXIT_USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    streams.prepare(arguments)
    asked = _asked_language(arguments)
    if asked is None and not streams.has_japanese():
        os.environ["KAGA_EDGE_LANG"] = "en"
    lang = language(asked)
    try:
        code = _run(arguments, lang)
        streams.finish()
    except BrokenPipeError:  # the reader (head, less) has seen enough
        streams.give_up()
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(say("write.failed", lang, reason=error.strerror), file=sys.stderr)  # the output's disk is full
        streams.give_up()
        return EXIT_FAILING
    return code


def _run(arguments: list[str], lang: str) -> int:
    name = _command(arguments)
    if name is None:
        print(_help(lang))
        return 0
    if name == "version":  # also as --version
        arguments = ["version", *(word for word in arguments if word not in ("version", "--version"))]
    if name not in available():
        return _unknown(name, lang)
    args, unknown = _parser(name, lang).parse_known_args(arguments)
    if unknown:
        args.asked.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        code: int = args.func(args)
    except KagaError as error:
        return _complain(error, lang, as_json=getattr(args, "json", False))
    except KeyboardInterrupt:
        return 130
    return code


def available() -> tuple[str, ...]:
    """Return the commands whose file is there."""
    here = os.listdir(os.path.dirname(__file__))  # not pathlib: dear at every start
    return tuple(name for name in COMMANDS if f"{name}.py" in here or name in here)


def _parser(command: str, lang: str) -> Parser:
    """Return a parser that knows the global options and this one command."""
    parser = Parser(prog="kaga-edge", lang=lang)
    _let_choose_language(parser)
    subparsers = parser.add_subparsers(dest="command", required=True)
    importlib.import_module(f"{__name__}.{command}").add(subparsers)
    for subparser in _below(subparsers):
        _let_choose_language(subparser, default=argparse.SUPPRESS)
        subparser.set_defaults(asked=subparser)  # who complains about a word nobody knows
    return parser


def _let_choose_language(parser: argparse.ArgumentParser, **options: Any) -> None:
    parser.add_argument("--lang", choices=("ja", "en"), **options)


def _below(subparsers: argparse._SubParsersAction[Any]) -> list[argparse.ArgumentParser]:
    """Return the parsers of all commands below, those of sub-commands included."""
    found: list[argparse.ArgumentParser] = []
    for parser in subparsers.choices.values():
        found.append(parser)
        for action in parser._actions:  # noqa: SLF001 - argparse has no question for it
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
                found += _below(action)
    return found


def _command(arguments: Sequence[str]) -> str | None:
    """Return the first word that is no option: the command; None when help is asked for."""
    words = iter(arguments)
    for word in words:
        if word == "--lang":
            next(words, None)
        elif word in ("-h", "--help"):
            return None
        elif word == "--version":
            return "version"
        elif not word.startswith("-"):
            return None if word == "help" else word
    return None


def _asked_language(arguments: Sequence[str]) -> str | None:
    for at, word in enumerate(arguments):
        if word == "--lang" and at + 1 < len(arguments):
            return arguments[at + 1]
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return None


def _help(lang: str) -> str:
    from kaga_edge.cli.helping import example_lines
    from kaga_edge.cli.screen import fold

    names = available()
    listed = (fold(f"  {name:<13}{say(f'help.{name}', lang)}", indent=15) for name in names)
    shown = [say(f"help.example.{name}", lang) for name in ("demo", "config", "status") if name in names]
    examples = (line.partition("  ") for text in shown for line in text.splitlines())
    parts = [
        *(line for one in listed for line in one), "", say("help.examples", lang),
        *(row for line, _, told in examples for row in example_lines(line, told.strip())), "",
        *(row for part in say("help.foot", lang).split("    ") for row in fold(part, indent=2)),
    ]  # fmt: skip
    return "\n".join([*fold(say("help.head", lang)), "", *parts])


def _unknown(name: str, lang: str) -> int:
    import difflib

    from kaga_edge.cli.screen import fold
    from kaga_edge.text import topic

    # "scan" alone is one half of "sensor scan".
    halves = [key.removeprefix("man.") for key in topic("manual") if key.endswith(f" {name}")]
    near = halves or difflib.get_close_matches(name, available(), n=1, cutoff=0.5)
    print(say("cli.unknown", lang, name=name), file=sys.stderr)
    hint = say("cli.near", lang, near=near[0]) if near else say("cli.all", lang, names=", ".join(available()))
    print("\n".join(fold(hint, indent=2)), file=sys.stderr)
    return EXIT_USAGE


def _complain(error: KagaError, lang: str, *, as_json: bool) -> int:
    """Print one expected failure: what, where, how to mend it. Returns its exit code."""
    from kaga_edge.cli.failure import failure_json, failure_lines

    if as_json:  # where the answer would have been
        print(failure_json(error))
    else:
        print("\n".join(failure_lines(error.code, error.where, error.what, error.fix, lang)), file=sys.stderr)
    fallback = EXIT_CONFIGURATION if error.code.startswith("KE-C") else EXIT_FAILING
    return int(getattr(error, "exit_code", fallback))
