"""``kaga-edge completion bash|zsh|man``: made from the parsers themselves."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from kaga_edge.cli.ask import language_of
from kaga_edge.text import say


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "completion",
        help="completion for the shell, the man page",
        epilog="examples:\n  kaga-edge completion bash > /etc/bash_completion.d/kaga-edge\n"
        "  kaga-edge completion zsh > /usr/share/zsh/vendor-completions/_kaga-edge\n"
        "  kaga-edge completion man --lang ja > /usr/share/man/ja/man1/kaga-edge.1",
    )
    parser.add_argument("form", choices=("bash", "zsh", "man"))
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print it."""
    table = words()
    print({"bash": bash, "zsh": zsh}[args.form](table) if args.form != "man" else man(language_of(args)))
    return 0


def words() -> dict[str, list[str]]:
    """Return by command ("", "sensor", "sensor read") what may follow it."""
    from kaga_edge.cli import available

    parser = argparse.ArgumentParser(prog="kaga-edge")
    subparsers = parser.add_subparsers()
    for name in available():
        importlib.import_module(f"kaga_edge.cli.{name}").add(subparsers)
    table: dict[str, list[str]] = {}
    _collect(parser, "", table)
    return table


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
    """Return a bash completion; files are offered where nothing is known."""
    cases = "\n".join(f'    "{path}") words="{" ".join(follow)}" ;;' for path, follow in table.items())
    return f"""# kaga-edge completion for bash; made by: kaga-edge completion bash
_kaga_edge() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" path="" words="" word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) ;; *) case "$path" in *" "*) ;; *) path="${{path:+$path }}$word" ;; esac ;; esac
  done
  case "$path" in
{cases}
  esac
  if [ -z "$words" ]; then
    case "${{path%% *}}" in
{cases}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -F _kaga_edge kaga-edge"""


def zsh(table: dict[str, list[str]]) -> str:
    """Return a zsh completion, by zsh's own way to use bash's."""
    return "#compdef kaga-edge\nautoload -U +X bashcompinit && bashcompinit\n" + bash(table)


def man(lang: str) -> str:
    """Return the man page in roff."""
    from kaga_edge import __version__
    from kaga_edge.cli import available

    titles = {
        "ja": ("名前", "書式", "命令", "終了コード"),
        "en": ("NAME", "SYNOPSIS", "COMMANDS", "EXIT STATUS"),
    }[lang]
    lines = [
        f'.TH KAGA-EDGE 1 "" "kaga-edge {__version__}"',
        f".SH {titles[0]}",
        _roff(say("help.head", lang).replace(": ", r" \- ", 1)),
        f".SH {titles[1]}",
        r".B kaga-edge",
        r"[\-\-lang ja|en] COMMAND [\-\-help]",
        f'.SH "{titles[2]}"',
    ]
    for name in available():
        lines += [".TP", f".B {_roff(name)}", _roff(say(f"help.{name}", lang))]
    lines += [f'.SH "{titles[3]}"', _roff(say("help.exits", lang))]
    return "\n".join(lines)


def _roff(text: str) -> str:
    kept = text.replace("\\-", "\x00").replace("\\", "\\e").replace("-", "\\-").replace("\x00", "\\-")
    return kept.replace("'", "\\(aq")
