"""``kaga-edge commission``: the acceptance at the site, and one page to hand in.

It runs the diagnosis, tests each sensor, walks the line and cuts it for a minute, looks at clock and power,
and leaves room for what only a person can do: the photograph, the staff gauge, pulling the plug.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli import linecut
from kaga_edge.cli.ask import (
    DEFAULT_CONFIG,
    NotRunning,
    add_daemon_options,
    ask,
    at_site,
    language_of,
    not_written,
    socket_of,
)
from kaga_edge.cli.commission_page import STATES, Section, page
from kaga_edge.cli.linecut import Row
from kaga_edge.cli.screen import fold, padded, tell
from kaga_edge.cli.typed import not_negative
from kaga_edge.text import LANGUAGES, quantity_name, say, unit_shown
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL

if TYPE_CHECKING:
    from kaga_edge.config import Config

EXITS = {"fail": 2, "note": 1, "unknown": 1}


class NoName(KagaError):
    """An acceptance is somebody's: --who, or an answer on the terminal."""

    code = "KE-U08"
    exit_code = 64


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("commission")
    parser.add_argument("--who", metavar="NAME")
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--cut", type=not_negative, default=60.0, metavar="SECONDS")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--json", action="store_true")
    add_daemon_options(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Examine, print, write the page; returns the worst."""
    from kaga_edge.config import load

    lang = language_of(args)
    config = load(args.config or DEFAULT_CONFIG)
    args.who = who = _who(args, lang)
    out = args.out or Path(f"commission-{config.site.id}-{at_site(args, time.time(), '%Y%m%d')}.html")
    _try_to_write(out, lang)
    sections = []
    for section in _sections(args, config, lang):
        sections.append(section)
        if not args.json:
            print("\n".join(_lines(len(sections), section, lang)), flush=True)
    try:
        at = at_site(args, time.time(), "%Y-%m-%d %H:%M %Z")
        out.write_text(page(config, who, sections, at), encoding="utf-8")
    except OSError as error:
        raise not_written(out, error, lang) from error
    worst = max((EXITS.get(one.state, 0) for one in sections), default=0)
    if args.json:
        print(json.dumps(_facts(config, who, sections, out), ensure_ascii=False, indent=2))
    else:
        print("\n".join(fold(say("commission.by_hand", lang), indent=2)))
        tell(say("commission.written", lang, file=out))
    return worst


def _who(args: argparse.Namespace, lang: str) -> str:
    who = args.who
    if who is None and sys.stdin.isatty():
        who = input(say("commission.who", lang))
    if not who or not who.strip():
        raise NoName(say("commission.no_name", lang), fix="--who NAME")
    return str(who).strip()


def _try_to_write(out: Path, lang: str) -> None:
    """Find out before the minutes of examination and the cut of the line, not after. Raises NotWritten."""
    there = out.exists()
    try:
        out.open("ab").close()
        if not there:
            out.unlink()
    except OSError as error:
        raise not_written(out, error, lang) from error


# --- what is examined ---


def _sections(args: argparse.Namespace, config: Config, lang: str) -> Iterator[Section]:
    from kaga_edge.cli.doctor import bench_of
    from kaga_edge.cli.trying import verdicts_on
    from kaga_edge.station.doctor import examine

    bench = bench_of(args, lang)
    findings = list(examine(bench))
    yield Section(name="doctor", rows=tuple(_finding(one) for one in findings))
    verdicts = verdicts_on(config.sensors, config, socket_of(args), lang)
    yield Section(name="sensors", rows=tuple(_sensor(one) for one in verdicts))
    yield Section(name="line", rows=tuple(_step(one) for one in bench.line()))
    yield Section(name="cut", rows=(linecut.examine(args, lang, config.platform is not None),))
    for name in ("T", "P"):
        rows = tuple(_finding(one) for one in findings if one.code.startswith(name))
        yield Section(name={"T": "clock", "P": "power"}[name], rows=rows)
    yield Section(name="store", rows=(_store(args, lang),))


def _finding(one: Any) -> Row:
    words = {lang: say(f"doctor.{one.code}", lang) for lang in LANGUAGES}
    return Row(state=one.state.value, name=one.code, words=words, seen=one.seen)


def _sensor(one: dict[str, Any]) -> Row:
    from kaga_edge.cli.trying import sent_words

    words = {}
    for lang in LANGUAGES:
        parts = []
        for channel in one["channels"]:
            quantity = BY_CHANNEL[channel["id"]]
            unit = unit_shown(quantity.unit, lang, quantity.channel)
            parts.append(f"{quantity_name(channel['id'], lang)} {_spread(channel)} {unit}".removesuffix(" -"))
        parts = [sent_words(channel, lang) for channel in one["sent"]] + parts
        words[lang] = ", ".join(parts)
    error = f" {one['error']['code']} {one['error']['what']}" if one["error"] else ""
    seen = f"{one['readings']}/{one['asked']}{error}"
    return Row(state="pass" if one["pass"] else "fail", name=one["sensor"], words=words, seen=seen)


def _step(one: Any) -> Row:
    took = "" if one.took_s is None else f" {one.took_s * 1000:.0f} ms"
    words = {lang: say(f"step.{one.name}", lang) for lang in LANGUAGES}
    return Row(state=one.state, words=words, seen=f"{one.seen}{took}".strip())


def _store(args: argparse.Namespace, lang: str) -> Row:
    words = {lang: say("commission.kept", lang) for lang in LANGUAGES}
    try:
        store = ask(socket_of(args), {"op": "status"}, lang)["store"]
    except NotRunning:
        return Row(state="fail", words=words, seen=say("status.daemon_down", "en"))
    sums = " ".join(f"{name} {store[name]}" for name in ("numbered", "delivered", "waiting", "gone"))
    adds_up = store["numbered"] == store["delivered"] + store["waiting"] + store["gone"]
    return Row(state="pass" if adds_up and not store["lost"] else "note", words=words, seen=sums)


# --- what is shown ---


def _lines(number: int, section: Section, lang: str) -> list[str]:
    counts = Counter(row.state for row in section.rows)
    parts = [f"{say(f'doctor.{state}', lang)} {counts[state]}" for state in STATES if counts[state]]
    head = padded(f"{number} {say(f'commission.{section.name}', lang)}", 18)
    lines = fold(head + "  ".join(parts or [say("doctor.skip", lang)]), indent=2)
    for row in section.rows:
        if row.state in ("fail", "note") or section.name == "cut":
            state = say(f"doctor.{row.state}", lang)
            told = "  ".join(filter(None, (f"{row.name} {row.words[lang]}".strip(), heard(row.seen, lang))))
            lines += fold(f"  {state}  {told}", indent=4)
    return lines


def _facts(config: Config, who: str, sections: list[Section], out: Path) -> dict[str, Any]:
    return {
        "gw": config.site.id,
        "who": who,
        "file": str(out),
        "sections": [
            {
                "name": one.name,
                "state": one.state,
                "rows": [
                    {"state": row.state, "name": row.name, **row.words, "seen": row.seen} for row in one.rows
                ],
            }
            for one in sections
        ],
    }


def _spread(channel: dict[str, Any]) -> str:
    least, most = (f"{channel[key]:.6g}" for key in ("least", "most"))
    return least if least == most else f"{least} - {most}"
