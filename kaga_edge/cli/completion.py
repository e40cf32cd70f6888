"""``kaga-edge completion bash|zsh|man``: made from the parsers themselves and what commands really print."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import Any

from kaga_edge.cli.ask import language_of
from kaga_edge.cli.helping import examples, frame, meaning, path_of, summary, text_of
from kaga_edge.cli.screen import pieces
from kaga_edge.text import say

WORDS = Path(__file__).parent / "words.json"  # both written by scripts/refresh, held to the program by a test
OF_FILES = (  # what follows these is a file or a folder
    "--archive", "--ca", "--config", "--database", "--image", "--install", "--keep", "--out",
    "--password-file", "--record", "--socket", "--store", "--update",
)  # fmt: skip
SHOWN = Path(__file__).parents[1] / "text" / "shown.json"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("completion")
    parser.add_argument("form", choices=("bash", "zsh", "man"))
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print it."""
    print(man(language_of(args)) if args.form == "man" else {"bash": bash, "zsh": zsh}[args.form](words()))
    return 0


def words() -> dict[str, list[str]]:
    """Return by command ("", "sensor", "sensor read") what may follow it: all parsers take half a second."""
    table: dict[str, list[str]] = json.loads(WORDS.read_bytes())
    return table


def words_of_parsers() -> dict[str, list[str]]:
    """Return the same from the parsers themselves."""
    from kaga_edge.cli.explain import codes
    from kaga_edge.sensors import driver_names
    from kaga_edge.text.checking import CHECKS

    parser = _everything()
    table: dict[str, list[str]] = {}
    _collect(parser, "", table)
    table["sensor models"] += driver_names()
    table["decode"] += driver_names()
    table["explain"] += (*codes(), *CHECKS)
    return table


def _everything(lang: str = "en") -> argparse.ArgumentParser:
    """Return a parser that knows every command."""
    from kaga_edge.cli import Parser, available

    parser = Parser(prog="kaga-edge", lang=lang)
    subparsers = parser.add_subparsers()
    for name in available():
        importlib.import_module(f"kaga_edge.cli.{name}").add(subparsers)
    return parser


def _collect(parser: argparse.ArgumentParser, path: str, table: dict[str, list[str]]) -> None:
    follow: list[str] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no question for it
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            below: dict[str, Any] = dict(action.choices)
            follow += below
            for name, one in below.items():
                _collect(one, f"{path} {name}".strip(), table)
        else:
            follow += [option for option in action.option_strings if option.startswith("--")]
            follow += [str(choice) for choice in action.choices or ()]
    table[path] = sorted(dict.fromkeys([*follow, "--lang"]))


def bash(table: dict[str, list[str]]) -> str:
    """Return a bash completion; options are offered once a - is typed, files where nothing is known.

    No variable is called path or words: zsh, which runs this too, has its own of these names.
    """
    cases = "\n".join(f'    "{path}") {_offers(follow)} ;;' for path, follow in table.items())
    return f"""# kaga-edge completion for bash; made by: kaga-edge completion bash
_kaga_edge() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" chain="" offered="" options="" word before=""
  COMPREPLY=()
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in
    --lang) COMPREPLY=($(compgen -W "ja en" -- "$current")); return ;;
    {"|".join(OF_FILES)}) return ;;
  esac
  for word in "${{COMP_WORDS[@]:1:$((COMP_CWORD - 1))}}"; do
    [ "$before" = --lang ] && before="" && continue
    before="$word"
    case "$word" in -*) ;; *) case "$chain" in *" "*) ;; *) chain="${{chain:+$chain }}$word" ;; esac ;; esac
  done
  case "$chain" in
{cases}
  esac
  if [ -z "$options" ]; then
    case "${{chain%% *}}" in
{cases}
    esac
  fi
  case "$current" in -*) offered="$options" ;; esac
  COMPREPLY=($(compgen -W "$offered" -- "$current"))
}}
complete -o default -F _kaga_edge kaga-edge"""


def _offers(follow: list[str]) -> str:
    options = " ".join(word for word in follow if word.startswith("-"))
    return f'options="{options}" offered="{" ".join(word for word in follow if not word.startswith("-"))}"'


def zsh(table: dict[str, list[str]]) -> str:
    """Return a zsh completion, by zsh's own way to use bash's."""
    return "#compdef kaga-edge\nautoload -U +X bashcompinit && bashcompinit\n" + bash(table)


def man(lang: str) -> str:
    """Return the man page in roff, from the parsers and the catalogue."""
    from kaga_edge import __version__
    from kaga_edge.cli import available
    from kaga_edge.text.manual import FILES

    parser = _everything(lang)
    lines = [
        f'.TH KAGA-EDGE 1 "" "kaga-edge {__version__}"',
        ".ad l",  # Japanese has no spaces to stretch
        _heading("name", lang),
        _roff(say("help.head", lang).replace(": ", r" \- ", 1)),
        _heading("synopsis", lang),
        ".B kaga-edge",
        r"[\-\-lang ja|en] COMMAND [\-\-help]",
        _heading("commands", lang),
    ]
    below = _subparsers(parser)
    for name in available():
        lines += [f".SS {_roff(name)}", _roff(say(f"help.{name}", lang))]
        lines += _manual(name, below[name], lang)
    lines.append(_heading("examples", lang))
    for line, told in dict.fromkeys(one for name in available() for one in _examples(below[name], lang)):
        lines += [".PP", *([_roff(told), ".br"] if told else []), ".nf", _roff(line), ".fi"]
    lines += _shown(lang)
    lines.append(_heading("files", lang))
    for file in FILES:
        lines += [".TP", f".I {_roff(file)}", _roff(say(f"man.file.{file}", lang))]
    lines.append(_heading("environment", lang))
    for variable, key in (("KAGA_EDGE_LANG", "man.lang"), ("NO_COLOR", "man.no_color")):
        lines += [".TP", f".B {_roff(variable)}", _roff(say(key, lang))]
    return "\n".join([*lines, _heading("exits", lang), _roff(say("help.exits", lang))])


def _shown(lang: str) -> list[str]:
    """Return what the most asked commands print, as ``scripts/refresh`` saw it."""
    printed: dict[str, dict[str, str]] = json.loads(SHOWN.read_bytes())
    lines: list[str] = []
    for line, outputs in printed.items():
        rows = outputs[lang].splitlines()
        lines += [".PP", ".nf", rf"\fB$ kaga\-edge {_roff(line)}\fR"]
        lines += [_verbatim(row) for row in rows]
        lines.append(".fi")
    return lines


def _verbatim(row: str) -> str:
    r"""Return one printed line for roff: no sign of it commands anything."""
    kept = row.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + kept


def _heading(name: str, lang: str) -> str:
    return f'.SH "{say(f"man.head.{name}", lang)}"'


def _manual(path: str, parser: argparse.ArgumentParser, lang: str) -> list[str]:
    """Return the lines of a command's options, or of its sub-commands'."""
    below = _subparsers(parser)
    if below:
        return [line for name, one in below.items() for line in _manual(f"{path} {name}", one, lang)]
    lines = [".TP", f".B {_roff(' '.join([path, *_usage(parser)]))}"]
    words = text_of(f"about.{path}", lang) or summary(path, lang)
    lines.append(_roff(words) or r"\&")
    if codes := text_of(f"exits.{path}", lang):
        lines += [".br", _roff(frame("exits", lang, codes=codes))]
    for action in parser._actions:  # noqa: SLF001 - argparse has no question for it
        if action.dest not in ("help", "lang", "json"):
            shown = ", ".join(action.option_strings) or str(action.metavar or action.dest.upper())
            lines += [".RS", ".TP", f".B {_roff(shown)}", _roff(meaning(path, action, lang)), ".RE"]
    return lines


def _usage(parser: argparse.ArgumentParser) -> list[str]:
    words = []
    for action in parser._actions:  # noqa: SLF001
        if action.dest in ("help", "lang"):
            continue
        value = action.metavar or (
            "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
        )
        if action.option_strings:
            option = next(one for one in action.option_strings if one.startswith("--"))
            word = option + ("" if action.nargs == 0 else f" {value}")
            words.append(word if action.required else f"[{word}]")
        else:
            words.append(f"[{value}]" if action.nargs == "?" else str(value))
    return words


def _examples(parser: argparse.ArgumentParser, lang: str) -> list[tuple[str, str]]:
    """Return the example lines of a command and those below it, each with what it shows."""
    below = (one for child in _subparsers(parser).values() for one in _examples(child, lang))
    return [*examples(path_of(parser), lang), *below]


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def _roff(text: str) -> str:
    r"""Return a text for roff, with ``\:`` where a Japanese line may end: it knows only spaces."""
    cut = "\\:".join(pieces(text)).replace(" \\:", " ") if not text.isascii() else text
    kept = (
        cut.replace("\\-", "\x00")
        .replace("\\:", "\x01")
        .replace("\\", "\\e")
        .replace("-", "\\-")
        .replace("\x00", "\\-")
        .replace("\x01", "\\:")
    )
    return kept.replace("'", "\\(aq")
