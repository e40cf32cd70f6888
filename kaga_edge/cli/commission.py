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
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kaga_edge import __version__
from kaga_edge.cli import linecut
from kaga_edge.cli.ask import (
    DEFAULT_CONFIG,
    NotRunning,
    add_daemon_options,
    ask,
    language_of,
    not_written,
    socket_of,
)
from kaga_edge.cli.linecut import Row
from kaga_edge.cli.screen import fold, padded, tell
from kaga_edge.text import LANGUAGES, quantity_name, say, unit_shown
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL

if TYPE_CHECKING:
    from kaga_edge.config import Config

EXITS = {"fail": 2, "note": 1, "unknown": 1}
BY_HAND = ("power_cut", "staff", "photo", "wiring", "contact")


class NoName(KagaError):
    """An acceptance is somebody's: --who, or an answer on the terminal."""

    code = "KE-U08"
    exit_code = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One heading of the page with its rows; its state is the worst of them."""

    name: str
    rows: tuple[Row, ...]

    @property
    def state(self) -> str:
        """The worst of the rows."""
        states = {row.state for row in self.rows}
        if states == {"skip"}:
            return "skip"
        return next((one for one in ("fail", "note", "unknown") if one in states), "pass")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("commission")
    parser.add_argument("--who", metavar="NAME")
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--cut", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--json", action="store_true")
    add_daemon_options(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Examine, print, write the page; returns the worst."""
    from kaga_edge.config import load

    lang = language_of(args)
    config = load(args.config or DEFAULT_CONFIG)
    who = _who(args, lang)
    sections = []
    args.who = who
    for section in _sections(args, config, lang):
        sections.append(section)
        if not args.json:
            print("\n".join(_lines(len(sections), section, lang)), flush=True)
    out = args.out or Path(f"commission-{config.site.id}-{time.strftime('%Y%m%d')}.html")
    try:
        out.write_text(page(config, who, sections, _now(config.site.zone)), encoding="utf-8")
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


# --- what is examined ---


def _sections(args: argparse.Namespace, config: Config, lang: str) -> Iterator[Section]:
    from kaga_edge.cli.doctor import bench_of
    from kaga_edge.cli.scan import verdicts_on
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
    words = {lang: f"{one.code} {say(f'doctor.{one.code}', lang)}" for lang in LANGUAGES}
    return Row(state=one.state.value, words=words, seen=one.seen)


def _sensor(one: dict[str, Any]) -> Row:
    words = {}
    for lang in LANGUAGES:
        parts = []
        for channel in one["channels"]:
            quantity = BY_CHANNEL[channel["id"]]
            unit = unit_shown(quantity.unit, lang, quantity.channel)
            parts.append(f"{quantity_name(channel['id'], lang)} {_spread(channel)} {unit}".removesuffix(" -"))
        words[lang] = f"{one['sensor']}  " + ", ".join(parts)
    error = f" {one['error']['code']} {one['error']['what']}" if one["error"] else ""
    seen = f"{one['readings']}/{one['asked']}{error}"
    return Row(state="pass" if one["pass"] else "fail", words=words, seen=seen)


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
    return Row(state="pass" if adds_up and not store["gone"] else "note", words=words, seen=sums)


# --- what is shown ---


def _lines(number: int, section: Section, lang: str) -> list[str]:
    counts = Counter(row.state for row in section.rows)
    parts = [
        f"{say(f'doctor.{state}', lang)} {counts[state]}"
        for state in ("fail", "note", "unknown", "skip", "pass")
        if counts[state]
    ]
    head = padded(f"{number} {say(f'commission.{section.name}', lang)}", 18)
    lines = fold(head + "  ".join(parts or [say("doctor.skip", lang)]), indent=2)
    for row in section.rows:
        if row.state in ("fail", "note") or section.name == "cut":
            state = say(f"doctor.{row.state}", lang)
            lines += fold(f"  {state}  {row.words[lang]}  {heard(row.seen, lang)}".rstrip(), indent=4)
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
                "rows": [{"state": row.state, **row.words, "seen": row.seen} for row in one.rows],
            }
            for one in sections
        ],
    }


def page(config: Config, who: str, sections: list[Section], at: str) -> str:
    """Return the report: one page of HTML, both languages, everything in it, ready for A4."""
    body = "".join(_section(one) for one in sections)
    by_hand = "".join(
        f"<tr><td class=box></td><td>{_both(f'commission.hand.{name}')}</td><td class=line></td></tr>"
        for name in BY_HAND
    )
    name = f"{config.site.name['ja']} / {config.site.name['en']}"
    facts = (
        ("commission.site", f"{name} ({config.site.id})"),
        ("commission.at", at),
        ("commission.technician", who),
        ("commission.version", f"kaga-edge {__version__}"),
    )
    head = "".join(f"<tr><th>{_both(key)}</th><td>{escape(value)}</td></tr>" for key, value in facts)
    return (
        '<!doctype html><html lang="ja"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(config.site.id)}</title><style>{STYLE}</style>"
        f"<h1>{_both('commission.title')}</h1><table>{head}</table>{body}"
        f"<h2>{_both('commission.hand')}</h2><table>{by_hand}</table>"
        f"<p class=sign>{_both('commission.sign')} <span class=line></span></p></html>\n"
    )


STYLE = (
    "@page{size:A4;margin:12mm}body{font:9.5pt/1.35 sans-serif;max-width:186mm;margin:auto;padding:2mm}"
    "h1{font-size:15pt;margin:0 0 2mm}h2{font-size:10.5pt;margin:3mm 0 1mm}table{width:100%;"
    "border-collapse:collapse}th,td{text-align:left;vertical-align:top;border-bottom:1px solid #bbb;"
    "padding:.3mm 1mm}th{width:48mm}.state{width:22mm;font-weight:bold}.fail{color:#a00000}"
    ".note{color:#7a4b00}.pass{color:#00552b}.en{color:#444}.box{width:5mm;height:5mm;border:1px solid}"
    ".line{border-bottom:1px solid;"
    "display:inline-block;min-width:60mm;height:1.2em}.small{font-size:8pt}"
)


def _now(zone: str) -> str:
    """Return the site's own time: the page is filed where the station stands."""
    try:
        return f"{datetime.now(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"
    except (ZoneInfoNotFoundError, ValueError):
        return time.strftime("%Y-%m-%d %H:%M %Z")


def _spread(channel: dict[str, Any]) -> str:
    least, most = (f"{channel[key]:.6g}" for key in ("least", "most"))
    return least if least == most else f"{least} - {most}"


def _seen(text: str) -> str:
    """Return what was seen in Japanese with the English below, once where they are the same."""
    japanese = heard(text, "ja")
    if japanese == text:
        return escape(text)
    return f"{escape(japanese)}<br><span class=en>{escape(text)}</span>"


def _section(section: Section) -> str:
    """Return the section's table; what passed in the long diagnosis is only counted."""
    shown = section.rows
    counted = ""
    if section.name == "doctor":
        shown = tuple(row for row in section.rows if row.state in ("fail", "note"))
        counts = Counter(row.state for row in section.rows)
        counted = " / ".join(
            f"{say(f'doctor.{state}', 'ja')} {say(f'doctor.{state}', 'en')} {counts[state]}"
            for state in ("fail", "note", "unknown", "skip", "pass")
        )
    rows = "".join(
        f'<tr><td class="state {row.state}">{_both(f"doctor.{row.state}")}</td>'
        f"<td>{escape(row.words['ja'])}<br><span class=en>{escape(row.words['en'])}</span></td>"
        f"<td class=small>{_seen(row.seen)}</td></tr>"
        for row in shown
    )
    head = f"{_both(f'commission.{section.name}')}: <span class={section.state}>"
    head += f"{_both(f'doctor.{section.state}')}</span>"
    return f"<h2>{head}</h2><p class=small>{counted}</p><table>{rows}</table>"


def _both(key: str) -> str:
    return f'{escape(say(key, "ja"))} <span class=en lang="en">{escape(say(key, "en"))}</span>'
