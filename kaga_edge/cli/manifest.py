"""``kaga-edge manifest``: what this station discloses: who collects what, what for, on what ground, how long.

``notice`` makes the sheet that hangs at the site, in both languages, from the same words.
"""

from __future__ import annotations

import argparse
import json
from html import escape
from pathlib import Path
from typing import Any

from kaga_edge.cli.ask import DEFAULT_CONFIG, language_of, not_written
from kaga_edge.cli.screen import fold
from kaga_edge.text import LANGUAGES, quantity_name, say, span_words

Manifest = dict[str, Any]


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("manifest")
    commands = parser.add_subparsers(dest="action", required=True)
    show = commands.add_parser("show")
    check = commands.add_parser("check")
    notice = commands.add_parser("notice")
    notice.add_argument("--out", type=Path, metavar="FILE")
    for one, run in ((show, run_show), (check, run_check), (notice, run_notice)):
        one.add_argument("--json", action="store_true")
        one.add_argument("--config", type=Path, metavar="FILE")
        one.set_defaults(func=run)


def run_show(args: argparse.Namespace) -> int:
    """Print the manifest; returns 0."""
    body, lang = _manifest(args), language_of(args)
    print(json.dumps(body, ensure_ascii=False, indent=2) if args.json else "\n".join(lines(body, lang)))
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Print what is missing; returns 0, 1 or 2."""
    from kaga_edge.contract.check import problems

    body, lang = _manifest(args), language_of(args)
    wrong, missing = problems("manifest", body), gaps(body, lang)
    if args.json:
        print(json.dumps({"wrong": wrong, "missing": missing}, ensure_ascii=False, indent=2))
    else:
        for line in [*wrong, *missing] or [say("manifest.complete", lang)]:
            print("\n".join(fold(line, indent=2)))
    return 2 if wrong else 1 if missing else 0


def run_notice(args: argparse.Namespace) -> int:
    """Print the notice, or write it as a page; returns 0."""
    body = _manifest(args)
    if args.out is None:
        print("\n\n".join("\n".join(lines(body, lang)) for lang in LANGUAGES))
        return 0
    try:
        args.out.write_text(page(body), encoding="utf-8")
    except OSError as error:
        raise not_written(args.out, error, language_of(args)) from error
    print(args.out)
    return 0


def gaps(body: Manifest, lang: str) -> list[str]:
    """Return what a citizen would still have to ask."""
    found = [say(f"manifest.no_{key}", lang) for key in ("by", "contact") if not body.get(key)]
    if "lat" not in body["site"]:
        found.append(say("manifest.no_position", lang))
    for sensor in body["s"]:
        keys = [key for key in ("ground", "kept") if not sensor.get(key)]
        found += [f"{sensor['id']}: {say(f'manifest.no_{key}', lang)}" for key in keys]
        if sensor["purpose"]["ja"].isascii():
            found.append(f"{sensor['id']}: {say('manifest.one_language', lang)}")
    return found


def lines(body: Manifest, lang: str) -> list[str]:
    """Return the disclosure as people read it."""
    return [
        line
        for title, text in ((say("manifest.title", lang), body["site"]["name"][lang]), *_facts(body, lang))
        for line in fold(f"{title}: {text}", indent=2)
    ]


def page(body: Manifest) -> str:
    """Return one A4 page with both languages, everything in it."""
    halves = []
    for lang in LANGUAGES:
        rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in _facts(body, lang))
        head = f"<h1>{escape(say('manifest.title', lang))}</h1><h2>{escape(body['site']['name'][lang])}</h2>"
        halves.append(f'<section lang="{lang}">{head}<dl>{rows}</dl></section>')
    return (
        '<!doctype html><html lang="ja"><meta charset="utf-8"><title>'
        f"{escape(body['gw'])}</title><style>@page{{size:A4;margin:18mm}}body{{font-family:sans-serif;"
        "line-height:1.5;max-width:174mm;margin:auto}h1{font-size:20pt;margin:0}h2{font-size:15pt;margin:0}"
        "dl{display:grid;grid-template-columns:42mm 1fr;gap:2mm 4mm}dt{font-weight:bold}dd{margin:0}"
        f"section+section{{border-top:1px solid;margin-top:8mm;padding-top:8mm}}</style>"
        + "".join(halves)
        + "</html>\n"
    )


def _facts(body: Manifest, lang: str) -> list[tuple[str, str]]:
    by, contact = body.get("by"), body.get("contact") or "-"
    facts = [
        (say("manifest.by", lang), by[lang] if by else "-"),
        (say("manifest.contact", lang), contact if isinstance(contact, str) else contact[lang]),
        (say("manifest.kept_here", lang), span_words(body["kept_s"], lang)),
        *([(say("manifest.licence", lang), body["licence"])] if body.get("licence") else []),
    ]
    return facts + [(sensor["id"], _sensor(sensor, lang)) for sensor in body["s"]]


def _sensor(sensor: dict[str, Any], lang: str) -> str:
    names = dict.fromkeys(quantity_name(one["id"], lang) for one in sensor["measures"])
    parts = [
        ("、" if lang == "ja" else ", ").join(names),
        say("check.every", lang, every=span_words(sensor["every_s"], lang)),
        f"{say('manifest.purpose', lang)}: {sensor['purpose'][lang]}",
        say(f"manifest.personal_{'yes' if sensor['personal_data'] else 'no'}", lang),
    ]
    parts += [f"{say(f'manifest.{k}', lang)}: {sensor[k][lang]}" for k in ("ground", "kept") if sensor.get(k)]
    return ("。" if lang == "ja" else ". ").join(parts)


def _manifest(args: argparse.Namespace) -> Manifest:
    from kaga_edge.config import load
    from kaga_edge.gateway.plans import manifest

    body: Manifest = manifest(load(args.config or DEFAULT_CONFIG))
    return body
