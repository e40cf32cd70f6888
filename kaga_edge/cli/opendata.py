"""``kaga-edge opendata export``: readings that may be published, as CSV for each day or month.

From a store's file (what a gateway still has) or from a receiver's archive (everything that arrived).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli.ask import DEFAULT_CONFIG, language_of, not_written
from kaga_edge.cli.screen import fold
from kaga_edge.text import LANGUAGES, say
from kaga_edge.vocabulary.errors import KagaError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from kaga_edge.receiver.opendata import Source, Span

Manifest = dict[str, Any]


class NotToPublish(KagaError):
    """No licence, no such gateway, no disclosure, or a time that is none."""

    code = "KE-U12"
    exit_code = 64


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("opendata")
    commands = parser.add_subparsers(dest="action", required=True)
    export = commands.add_parser("export")
    export.add_argument("--from", dest="first", metavar="DATE")
    export.add_argument("--to", dest="last", metavar="DATE")
    export.add_argument("--per", choices=("day", "month"), default="month")
    export.add_argument("--licence", metavar="TEXT")
    export.add_argument("--bom", action="store_true")
    export.add_argument("--out", type=Path, default=Path("opendata"), metavar="DIR")
    where = export.add_mutually_exclusive_group()
    where.add_argument("--store", type=Path, metavar="FILE")
    where.add_argument("--archive", type=Path, metavar="FILE")
    export.add_argument("--gateway", metavar="ID")
    export.add_argument("--json", action="store_true")
    export.add_argument("--config", type=Path, metavar="FILE")
    export.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Write the files; returns 0, 1 when there is nothing to publish in that time."""
    from zoneinfo import ZoneInfo

    from kaga_edge.receiver.opendata import parted

    lang = language_of(args)
    with _source(args, lang) as (source, manifest):
        licence = args.licence or manifest.get("licence")
        if not licence:
            raise NotToPublish(
                say("opendata.no_licence", lang), fix='--licence "CC BY 4.0", or [site] licence = "CC BY 4.0"'
            )
        zone = ZoneInfo(manifest.get("site", {}).get("tz", "Asia/Tokyo"))
        files = []
        for span in _spans(args, zone, lang):
            one = _written(args, source, manifest, licence, span, zone, lang)
            files += [one] if one["values"] else []
    sensors, held = parted(manifest)
    facts = {"gateway": manifest["gw"], "licence": licence, "files": files, "left_out": held}
    if args.json:
        print(json.dumps(facts | {"sensors": sorted(sensors)}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_lines(facts, lang)))
    return 0 if files else 1


def _lines(facts: dict[str, Any], lang: str) -> list[str]:
    lines = [
        line
        for one in facts["files"]
        for line in fold(say("opendata.written", lang, file=one["file"], count=one["values"]), indent=2)
    ]
    for sensor, why in facts["left_out"].items():
        lines += fold(say(f"opendata.left_out.{why}", lang, sensor=sensor), indent=2)
    return lines if facts["files"] else [*lines, *fold(say("opendata.nothing", lang), indent=2)]


def _written(
    args: argparse.Namespace,
    source: Source,
    manifest: Manifest,
    licence: str,
    span: Span,
    zone: ZoneInfo,
    lang: str,
) -> dict[str, Any]:
    from kaga_edge.receiver.opendata import COLUMNS, QUALITIES, description, parted, write

    gw, (sensors, _) = manifest["gw"], parted(manifest)
    file: Path = args.out / f"{gw}_{span.name}.csv"
    words = {f"column.{name}": _both(f"opendata.column.{name}") for name in COLUMNS}
    words |= {f"quality.{name}": _both(f"opendata.quality.{name}") for name in QUALITIES}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        count = write(file, gw, source.values(gw, sensors, *span.limits_ms(zone)), zone, bom=args.bom)
        if count:
            told = description(file.name, manifest, licence, span, words)
            file.with_name(f"{file.name}-metadata.json").write_text(told, encoding="utf-8")
    except OSError as error:
        raise not_written(file, error, lang) from error
    return {"file": str(file), "values": count}


def _both(code: str) -> tuple[str, str]:
    japanese, english = (say(code, lang) for lang in LANGUAGES)
    return japanese, english


# --- which time ---


def _spans(args: argparse.Namespace, zone: ZoneInfo, lang: str) -> list[Span]:
    from kaga_edge.receiver.opendata import days, months

    begin = args.first or f"{datetime.now(zone).date().replace(day=1) - timedelta(days=1):%Y-%m}"
    first, last = _days(begin, lang)[0], _days(args.last or begin, lang)[1]
    if last < first:
        raise NotToPublish(say("opendata.bad_time", lang, value=f"{begin} - {args.last}"))
    return list((days if args.per == "day" else months)(first, last))


def _days(text: str, lang: str) -> tuple[date, date]:
    """Return the first and last day of a month (2026-11), or the day twice."""
    try:
        if len(text) == len("2026-11"):
            first = date.fromisoformat(f"{text}-01")
            return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return date.fromisoformat(text), date.fromisoformat(text)
    except ValueError as error:
        raise NotToPublish(say("opendata.bad_time", lang, value=text)) from error


# --- from where ---


@contextlib.contextmanager
def _source(args: argparse.Namespace, lang: str) -> Iterator[tuple[Source, Manifest]]:
    """Give what is read, and the disclosure that decides what of it may be published."""
    from kaga_edge.receiver.opendata import Source

    if args.archive is not None:
        if not args.archive.is_file():
            raise NotToPublish(say("opendata.no_archive", lang), where=str(args.archive))
        with contextlib.closing(Source(args.archive)) as source:
            yield source, _disclosed(source, args, lang)
        return
    from kaga_edge.config import load
    from kaga_edge.gateway.plans import manifest

    config = load(args.config or DEFAULT_CONFIG)
    with tempfile.TemporaryDirectory(prefix="kaga-opendata-") as folder:
        archive = Path(folder) / "archive.db"
        _read_store(args.store or config.store.path, archive)
        with contextlib.closing(Source(archive)) as source:
            yield source, dict(manifest(config))


def _disclosed(source: Source, args: argparse.Namespace, lang: str) -> Manifest:
    known = source.gateways
    gw = args.gateway or (known[0] if len(known) == 1 else None)
    if gw not in known:
        raise NotToPublish(say("opendata.which", lang), fix=f"--gateway {' | '.join(known)}")
    manifest = source.manifest(str(gw))
    if manifest is None:
        raise NotToPublish(
            say("opendata.undisclosed", lang, gw=gw), fix=say("opendata.undisclosed_fix", lang)
        )
    return manifest


def _read_store(store: Path, archive: Path) -> None:
    """Bring a copy of a store's rows into an archive, exactly as if they had come over the line."""
    from kaga_edge.receiver.archive import Archive
    from kaga_edge.receiver.importing import feed
    from kaga_edge.store.inspect import copied, export

    taken = Archive(archive, root="kaga")
    try:
        with copied(store) as db:
            lines = (json.dumps(line, ensure_ascii=False).encode() for line in export(db))
            feed(taken, lines, time.time_ns() // 1_000_000)
    finally:
        taken.close()
