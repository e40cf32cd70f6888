"""The help of every command from the catalogue: loaded only when help is asked for, or a word is wrong.

The parsers carry no words. ``fill`` puts them in by the command's path and the option's name, in the
person's language, folded to the terminal; argparse then lays them out as ever.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterator

from kaga_edge.cli.screen import columns, fold, width
from kaga_edge.text import LANGUAGES, topic

# Where a text stands, by the first word of its code: nothing else is loaded.
TOPICS = {
    "option": ("helping",),
    "frame": ("helping",),
    "man": ("manual",),
    "help": ("commands", "managing", "upkeep", "storing", "page", "setup"),
}
ABOUT = ("helping_commands", "helping_examples")
ROOMY = 64  # columns: from here on, options and their meaning stand side by side
INDENT = 2
# What is not torn apart at the end of a line: an option with its value, a quoted or bracketed piece.
COMMAND_WORDS = re.compile(r"--?[a-z-]+ (?![-\[<>|])(?:\"[^\"]*\"|\S+)|\"[^\"]*\"|\S+")
USAGE_WORDS = re.compile(r"\[[^\]|]*\]+|--?[a-z-]+ [A-Z]\S*|\S+")
# argparse's complaints as it words them (3.11 to 3.13), and what they are in the catalogue.
COMPLAINTS = (
    ("required", r"the following arguments are required: (?P<names>.*)"),
    ("choice", r"argument (?P<name>.*?): invalid choice: (?P<value>.*?) \(choose from (?P<choices>.*)\)"),
    ("choice", r"argument (?P<name>.*?): invalid choice: (?P<value>.*?), maybe you meant .*"),
    ("unrecognized", r"unrecognized arguments: (?P<words>.*)"),
    ("expected_one", r"argument (?P<name>.*?): expected one argument"),
    ("expected_some", r"argument (?P<name>.*?): expected (at least one|at most one|\d+) arguments?"),
    ("value", r"argument (?P<name>.*?): invalid (?P<kind>.*?) value: (?P<value>.*)"),
    ("against", r"argument (?P<name>.*?): not allowed with argument (?P<other>.*)"),
    ("one_of", r"one of the arguments (?P<names>.*) is required"),
    ("ambiguous", r"ambiguous option: (?P<option>.*?) could match (?P<matches>.*)"),
    ("no_value", r"argument (?P<name>.*?): ignored explicit argument (?P<value>.*)"),
)


class Formatter(argparse.RawDescriptionHelpFormatter):
    """argparse's layout, counting Japanese signs as two columns, at 40 columns too."""

    def __init__(self, prog: str, *, lang: str = "en") -> None:
        wide = columns()
        super().__init__(prog, max_help_position=26 if wide >= ROOMY else 6, width=wide)
        self._lang = lang

    def start_section(self, heading: str | None) -> None:
        """Open a section under its name in the person's language."""
        super().start_section(frame(heading, self._lang) if heading else heading)

    def _format_usage(self, usage, actions, groups, prefix):  # type: ignore[no-untyped-def]  # as it comes
        ours = frame("usage", self._lang) if prefix is None else prefix
        wide, self._width = self._width, 10_000  # in one line: our own folding counts columns
        whole = super()._format_usage(usage, actions, groups, ours).strip()
        self._width = wide
        return "\n".join(_wrapped(USAGE_WORDS.findall(whole), wide, indent=4)) + "\n\n"

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the list speaks for itself
            return "".join(map(self._format_action, action._get_subactions()))  # noqa: SLF001
        return super()._format_action(action)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return fold(text, within=width)


def fill(parser: argparse.ArgumentParser, lang: str) -> None:
    """Put the words of the catalogue into a parser: what it does, its options, examples, exit codes."""
    path = path_of(parser)
    about = text_of(f"about.{path}", lang) or summary(path, lang)
    parser.description = "\n".join(fold(about)) if about else None
    parser.epilog = "\n\n".join(_epilog(parser, path, lang)) or None
    for action in parser._actions:  # noqa: SLF001 - argparse has no question for it
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            action._choices_actions = [  # noqa: SLF001
                action._ChoicesPseudoAction(name, (), summary(f"{path} {name}".strip(), lang))  # noqa: SLF001
                for name in action.choices
            ]
        elif action.help != argparse.SUPPRESS:
            action.help = meaning(path, action, lang).replace("%", "%%")


def path_of(parser: argparse.ArgumentParser) -> str:
    """Return the command's words without the program's name; "" for the program itself."""
    return parser.prog.partition(" ")[2]


def summary(path: str, lang: str) -> str:
    """Return what a command does, in a few words."""
    return text_of(f"man.{path}", lang) or text_of(f"help.{path}", lang)


def meaning(path: str, action: argparse.Action, lang: str) -> str:
    """Return what an option or argument of the command ``path`` means."""
    name = name_of(action)
    return text_of(f"option.{path}.{name}", lang) or text_of(f"option.{name}", lang)


def name_of(action: argparse.Action) -> str:
    """Return how the catalogue calls an option: its first long form; an argument: its own name."""
    return next((one for one in action.option_strings if one.startswith("--")), action.dest)


def text_of(code: str, lang: str) -> str:
    """Return a text of help; "" when there is none."""
    for name in TOPICS.get(code.partition(".")[0], ABOUT):
        if code in (texts := topic(name)):
            return texts[code][LANGUAGES.index(lang)]
    return ""


def frame(name: str, lang: str, /, **words: str) -> str:
    """Return one of argparse's own words; an unknown heading as it is."""
    return text_of(f"frame.{name}", lang).format(**words) or name


def examples(path: str, lang: str) -> list[tuple[str, str]]:
    """Return the example lines of a command, each with what it shows ("" when plain)."""
    lines = text_of(f"examples.{path}", lang).splitlines()
    return [(line, told) for line, _, told in (one.partition("  # ") for one in lines)]


def _epilog(parser: argparse.ArgumentParser, path: str, lang: str) -> Iterator[str]:
    if shown := examples(path, lang):
        lines = [line for one in shown for line in example_lines(*one)]
        yield "\n".join([frame("examples", lang), *lines])
    if codes := text_of(f"exits.{path}", lang):
        yield "\n".join(_exits(codes, lang))
    if any(isinstance(one, argparse._SubParsersAction) for one in parser._actions):  # noqa: SLF001
        yield "\n".join(fold(frame("more", lang, command=f"{parser.prog} COMMAND"), indent=INDENT))


def example_lines(line: str, told: str) -> list[str]:
    """Return one example: a long line goes on after a backslash, so that it can still be copied."""
    room = columns()
    if told and width(f"{' ' * INDENT}{line}  # {told}") <= room:
        return [f"{' ' * INDENT}{line}  # {told}"]
    shown = [f"{' ' * INDENT}# {one}" for one in fold(told, within=room - INDENT - 2)] if told else []
    first, *rest = _wrapped(COMMAND_WORDS.findall(line), room - INDENT - 2, indent=INDENT)
    lines = [" " * INDENT + one for one in (first, *rest)]
    return [*shown, *(f"{one} \\" for one in lines[:-1]), lines[-1]]


def _exits(codes: str, lang: str) -> list[str]:
    """Return the exit codes in one line, or one line each."""
    whole = frame("exits", lang, codes=codes)
    if width(whole) <= columns():
        return [whole]
    each = re.split(r"(?:、|, )(?=\d)", codes)
    lines = (line for one in each for line in fold(f"{' ' * INDENT}{one}", indent=2 * INDENT))
    return [frame("exits", lang, codes="").rstrip(), *lines]


def _wrapped(words: list[str], room: int, *, indent: int) -> list[str]:
    """Return the words in lines of ``room`` columns; all after the first are indented."""
    lines, line = [], ""
    for word in words:
        if line.strip() and width(f"{line} {word}") > room:
            lines.append(line)
            line = " " * indent + word
        else:
            line = f"{line} {word}" if line.strip() else line + word
    return [*lines, line]


def told(message: str, lang: str, known: tuple[str, ...] = ()) -> list[str]:
    """Return argparse's complaint in the person's language, and the nearest word that is known.

    ``known``: the options of the command.
    """
    for name, pattern in COMPLAINTS:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            words = {"choices": "", **found.groupdict()}
            lines = fold(frame(f"told.{name}", lang, **_shown(words, lang)))
            return lines + _near(words, lang, known)
    return fold(message)


def _shown(words: dict[str, str], lang: str) -> dict[str, str]:
    kind = words.get("kind")
    shown = {name: text.replace("'", "") for name, text in words.items() if name != "kind"}
    return shown | ({"kind": frame(f"kind.{kind}", lang).removeprefix("kind.")} if kind else {})


def _near(words: dict[str, str], lang: str, known: tuple[str, ...]) -> list[str]:
    choices = words["choices"].replace("'", "").split(", ") if words["choices"] else known
    typed = words.get("words", "").split(" ")[0] or words.get("value", "").strip("'")
    near = difflib.get_close_matches(typed, choices, n=1)
    return [frame("near", lang, near=near[0])] if near else []
