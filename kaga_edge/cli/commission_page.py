"""The page of ``kaga-edge commission`` to hand in: HTML, both languages, nothing from outside, one A4 side.

Of the long diagnosis only what is not in order is listed, and what has a heading of its own only there: a
station of six instruments fits on one side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from kaga_edge import __version__
from kaga_edge.cli.linecut import Row
from kaga_edge.text import say
from kaga_edge.text.overheard import heard

if TYPE_CHECKING:
    from kaga_edge.config import Config

STATES = ("fail", "note", "unknown", "skip", "pass")  # the worst first
OWN = ("T", "P")  # the checks of clock and power
BY_HAND = ("power_cut", "staff", "photo", "wiring", "contact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One heading of the page with its rows; its state is the worst of them."""

    name: str
    rows: tuple[Row, ...]

    @property
    def state(self) -> str:
        """The worst of the rows."""
        return worst_of(row.state for row in self.rows)


def worst_of(states: Iterable[str]) -> str:
    """Return the worst of the states; what was not needed counts only where nothing else was looked at."""
    found = set(states)
    if found == {"skip"}:
        return "skip"
    return next((one for one in ("fail", "note", "unknown") if one in found), "pass")


def page(config: Config, who: str, sections: list[Section], at: str) -> str:
    """Return the report: one page of HTML, both languages, everything in it, ready for A4."""
    body = "".join(_section(one) for one in sections)
    by_hand = "".join(
        f"<tr><td class=box></td><td>{_both(f'commission.hand.{name}')}</td><td class=line></td></tr>"
        for name in BY_HAND
    )
    name = f"{config.site.name['ja']} / {config.site.name['en']}"
    worst = worst_of(one.state for one in sections)
    facts = (
        ("commission.site", f"{name} ({config.site.id})"),
        ("commission.at", at),
        ("commission.technician", who),
        ("commission.version", f"kaga-edge {__version__}"),
    )
    head = "".join(f"<tr><th>{_both(key)}</th><td>{escape(value)}</td></tr>" for key, value in facts)
    result = f"<b class={worst}>{_both(f'doctor.{worst}')}</b>"
    head += f"<tr><th>{_both('commission.result')}</th><td>{result}</td></tr>"
    return (
        '<!doctype html><html lang="ja"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(config.site.id)}</title><style>{STYLE}</style>"
        f"<h1>{_both('commission.title')}</h1><table>{head}</table>{body}"
        f"<h2>{_both('commission.hand')}</h2><table>{by_hand}</table>"
        f"<p class=sign>{_both('commission.sign')} <span class=line></span></p></html>\n"
    )


STYLE = (
    "@page{size:A4;margin:10mm}body{font:9pt/1.25 sans-serif;max-width:190mm;margin:auto;padding:1mm}"
    "h1{font-size:13pt;margin:0 0 1mm}h2{font-size:9.5pt;margin:1.2mm 0 .2mm}p{margin:.3mm 1mm}"
    "table{width:100%;border-collapse:collapse;overflow-wrap:anywhere}th,td{text-align:left;"
    "vertical-align:top;border-bottom:1px solid #bbb;padding:.1mm 1mm}th{width:44mm}tr{break-inside:avoid}"
    ".state{width:31mm;font-weight:bold}.fail{color:#a00000}.note{color:#7a4b00}.pass{color:#00552b}"
    ".en{color:#444;font-weight:normal;font-size:7.5pt}.box{width:4mm;border:1px solid}.line{width:56mm;"
    "border-bottom:1px solid}.seen{width:38%;font-size:8pt}p.seen{width:auto}.sign{margin-top:2mm}"
    "span.line{display:inline-block;height:1.2em}@media print{body{font-size:8pt}}"
    "@media(max-width:600px){.state{width:20mm}.line{width:18mm}span.line{width:50mm}}"
)


def _section(section: Section) -> str:
    """Return the section's table; what passed in the long diagnosis is only counted."""
    shown = section.rows
    counted = ""
    if section.name == "doctor":
        shown = tuple(row for row in section.rows if row.state in ("fail", "note") and row.name[0] not in OWN)
        counts = Counter(row.state for row in section.rows)
        counted = " / ".join(
            f"{say(f'doctor.{state}', 'ja')} {say(f'doctor.{state}', 'en')} {counts[state]}"
            for state in STATES
            if counts[state]
        )
    rows = "".join(map(_row, shown))
    head = f"{_both(f'commission.{section.name}')}: <span class={section.state}>"
    head += f"{_both(f'doctor.{section.state}')}</span>"
    counts_line = f"<p class=seen>{counted}</p>" if counted else ""
    return f"<h2>{head}</h2>{counts_line}<table>{rows}</table>"


def _row(row: Row) -> str:
    checked = f"{escape(row.name)} {_pair(row.words['ja'], row.words['en'])}"
    seen = f"<td>{checked}</td><td class=seen>{_pair(heard(row.seen, 'ja'), row.seen)}</td>"
    rest = seen if row.seen else f"<td colspan=2>{checked}</td>"
    return f'<tr><td class="state {row.state}">{_both(f"doctor.{row.state}")}</td>{rest}</tr>'


def _both(key: str) -> str:
    return _pair(say(key, "ja"), say(key, "en"))


def _pair(japanese: str, english: str) -> str:
    if japanese == english:
        return escape(japanese)
    return f'{escape(japanese)} <span class=en lang="en">{escape(english)}</span>'
