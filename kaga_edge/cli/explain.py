"""``kaga-edge explain CODE``: what a KE code means, what it comes from, how to mend it. Offline.

Without a code it lists all of them.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import string
from typing import Any

from kaga_edge.cli.ask import language_of
from kaga_edge.cli.screen import fold, padded
from kaga_edge.text import LANGUAGES, catalogue, say
from kaga_edge.vocabulary.errors import KagaError

PARTS = ("meaning", "causes", "repair")
FURTHER = re.compile(r"。|\. ")  # where a second sentence begins


class UnknownCode(KagaError):
    """Nobody prints this code."""

    code = "KE-G05"
    exit_code = 64


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("explain")
    parser.add_argument("code", nargs="?", metavar="CODE")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print one explanation, or the list."""
    lang = language_of(args)
    if args.code is None:
        print(_list_json() if args.json else "\n".join(_list(lang)))
        return 0
    check = check_of(args.code)
    code = check if check and f"KE-{check}" not in codes() else known(args.code, lang)
    if args.json:
        found = check_facts(check) if code == check else facts(code)
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        parts = [] if code == check else [lines(code, lang)]
        parts += [check_lines(check, lang)] if check else []
        print("\n".join(line for part in parts for line in part))
    return 0


def codes() -> tuple[str, ...]:
    """Return every code that has an explanation, in order."""
    return tuple(sorted(key[:6] for key in catalogue() if key.startswith("KE-") and key.endswith(".meaning")))


def check_of(asked: str) -> str:
    """Return the code of one of the doctor's checks (Q02) for what a person typed, "" when it is none."""
    code = asked.strip().upper()
    return code if f"doctor.{code}.fix" in catalogue() else ""


def check_facts(check: str) -> dict[str, Any]:
    """Return one of the doctor's checks as JSON shows it, in both languages."""
    words = {"title": f"doctor.{check}", "repair": f"doctor.{check}.fix"}
    return {"code": check} | {
        lang: {name: say(key, lang) for name, key in words.items()} for lang in LANGUAGES
    }


def check_lines(check: str, lang: str) -> list[str]:
    """Return one of the doctor's checks in lines of at most the terminal's width."""
    told = check_facts(check)[lang]
    again = f"kaga-edge doctor --only {check}"
    head = fold(f"{check}  {say('explain.check', lang, title=told['title'])}", indent=2)
    return head + [
        line
        for name, text in (("repair", told["repair"]), ("again", again))
        for line in fold(padded(say(f"explain.{name}", lang), 11) + text, indent=11)
    ]


def known(asked: str, lang: str) -> str:
    """Return the code as printed for what a person typed. Raises UnknownCode with the nearest."""
    code = asked.strip().upper()
    code = code if code.startswith("KE-") else f"KE-{code}"
    if code in codes():
        return code
    family = [one for one in codes() if one[:4] == code[:4]] or codes()
    near = ", ".join(difflib.get_close_matches(code, family, n=3, cutoff=0.0))
    raise UnknownCode(
        say("explain.unknown", lang, name=code), fix=say("explain.unknown_fix", lang, near=near)
    )


def title(code: str, lang: str) -> str:
    """Return the code's short name, its first sentence; where that has gaps, its meaning."""
    text = catalogue().get(code, catalogue()[f"{code}.meaning"])[LANGUAGES.index(lang)]
    gaps = any(name is not None for _, name, _, _ in string.Formatter().parse(text))
    return FURTHER.split(say(f"{code}.meaning", lang) if gaps else text, maxsplit=1)[0].rstrip(".")


def facts(code: str) -> dict[str, Any]:
    """Return one explanation as JSON shows it, in both languages."""
    return {"code": code} | {
        lang: {
            "title": title(code, lang),
            "meaning": say(f"{code}.meaning", lang),
            "causes": say(f"{code}.causes", lang).split(" / "),
            "repair": say(f"{code}.repair", lang),
            "meanwhile": say(f"explain.{code[:4]}", lang),
        }
        for lang in LANGUAGES
    }


def lines(code: str, lang: str) -> list[str]:
    """Return one explanation in lines of at most the terminal's width."""
    told = facts(code)[lang]
    causes = "  ".join(f"{n} {cause}" for n, cause in enumerate(told["causes"], 1))
    rows = [("repair", told["repair"]), ("meanwhile", told["meanwhile"])]
    if len(told["causes"]) > 1:
        rows.insert(0, ("causes", causes))
    if told["title"] != told["meaning"].rstrip("。."):
        rows.insert(0, ("meaning", told["meaning"]))
    head = fold(f"{code}  {told['title']}", indent=2)
    return head + [
        line
        for name, text in rows
        for line in fold(padded(say(f"explain.{name}", lang), 11) + text, indent=11)
    ]


def _list(lang: str) -> list[str]:
    return [line for code in codes() for line in fold(f"{code}  {title(code, lang)}", indent=8)]


def _list_json() -> str:
    listed = [{"code": code} | {lang: title(code, lang) for lang in LANGUAGES} for code in codes()]
    return json.dumps(listed, ensure_ascii=False, indent=2)
