"""``kaga-edge store``: what is stored, the loss ledger, checks, salvage, export.

    kaga-edge store show [FILE]           what waits, what was delivered
    kaga-edge store ledger [FILE]         what will never arrive, and why
    kaga-edge store rejected [FILE]       what the platform refused
    kaga-edge store verify [FILE]         is the file whole?
    kaga-edge store salvage FILE [OUT]    what a damaged file still holds, as a new store
    kaga-edge store export [FILE] OUT     contract messages as JSON lines, to carry on a stick
    kaga-edge store import IN             at the city's side: into the receiver's file, or to its broker

``show`` and ``ledger`` ask the running gateway; without one, and with FILE, a copy of the file is read.
Nothing here changes FILE or confirms anything. Exit codes: 0 good, 2 damaged or not readable.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kaga_edge.cli.ask import DEFAULT_CONFIG, NotRunning, add_daemon_options, ask, language_of, socket_of
from kaga_edge.cli.screen import tell
from kaga_edge.text import say
from kaga_edge.vocabulary.errors import KagaError

EXIT_DAMAGED = 2


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("store")
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in ("show", "ledger", "rejected", "verify"):
        one = kinds.add_parser(kind)
        one.add_argument("file", nargs="?", type=Path, metavar="FILE")
        one.add_argument("--json", action="store_true")
        add_daemon_options(one)
        one.set_defaults(func=run)
    salvage = kinds.add_parser("salvage")
    salvage.add_argument("file", type=Path, metavar="FILE")
    salvage.add_argument("out", nargs="?", type=Path, metavar="OUT")
    export = kinds.add_parser("export")
    export.add_argument("file", nargs="?", type=Path, metavar="FILE")
    export.add_argument("out", type=Path, metavar="OUT")
    export.add_argument("--config", type=Path, metavar="FILE")
    for one in (salvage, export):
        one.add_argument("--json", action="store_true")
        one.set_defaults(func=run)
    _add_import(kinds)


def _add_import(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    brought = kinds.add_parser("import")
    brought.add_argument("file", type=Path, metavar="IN")
    brought.add_argument("--database", type=Path, default=Path("kaga-receive.db"), metavar="FILE")
    brought.add_argument("--root", default="kaga", metavar="WORD")
    brought.add_argument("--host", metavar="HOST")
    brought.add_argument("--port", type=int, metavar="N")
    brought.add_argument("--username", metavar="NAME")
    brought.add_argument("--password-file", type=Path, metavar="FILE")
    brought.add_argument("--ca", type=Path, metavar="FILE")
    brought.add_argument("--json", action="store_true")
    brought.set_defaults(func=run_import)


def run_import(args: argparse.Namespace) -> int:
    """Feed an export into the archive or to the broker; returns 0 or 1."""
    from kaga_edge.cli.stick import into_archive, to_broker

    lang = language_of(args)
    try:
        if args.host is not None:
            count = to_broker(args)
            print(json.dumps({"published": count}) if args.json else say("store.published", lang, n=count))
            return 0
        done = into_archive(args.file, args.database, args.root)
    except OSError as error:
        raise KagaError(f"cannot be read: {error.strerror}", where=str(args.file), fix="check it") from error
    except sqlite3.Error as error:
        raise KagaError(f"not readable: {error}", where=str(args.database), fix="check the path") from error
    facts = {name: getattr(done, name) for name in done.__slots__}
    print(json.dumps(facts) if args.json else say("store.imported", lang, **facts))
    if done.messages and done.unreadable == done.messages and (root := _root_of(args.file)) != args.root:
        print(say("store.other_root", lang, root=root), file=sys.stderr)
    return 1 if done.conflicting or done.unreadable or done.torn else 0


def _root_of(file: Path) -> str:
    """Return the first word of the topics in an export of which some line is a message."""
    from kaga_edge.receiver.importing import lines_of, message_of_line

    with file.open("rb") as export:
        found = (message_of_line(line, 0) for line in lines_of(export))
        return next(one.topic.partition("/")[0] for one in found if one is not None)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    lang = language_of(args)
    match args.kind:
        case "show" | "ledger":
            return _told(args, lang)
        case "rejected":
            return _rejected(args, lang)
        case "verify":
            return _verify(args, lang)
        case "salvage":
            return _salvage(args, lang)
        case _:
            return _export(args, lang)


def _told(args: argparse.Namespace, lang: str) -> int:
    if args.file is None:
        try:
            answer = ask(socket_of(args), {"op": "status"}, lang)
        except NotRunning:
            args.file = _configured(args)
        else:
            _from_daemon(answer["store"], args, lang)
            return 0
    from kaga_edge.store.inspect import contents, copied

    with copied(args.file) as db:
        found = contents(db)
    if args.json:
        tallies = [
            {name: getattr(t, name) for name in ("ep", *_SUMS)} | {"reasons": dict(t.reasons)}
            for t in found.tallies
        ]
        lost = [dict(zip(("ep", "why", "sensor", "rows", "n"), line, strict=True)) for line in found.lines]
        print(json.dumps({"rows": found.rows, "bytes": found.bytes, "epochs": tallies, "lines": lost}))
        return 0
    for tally in found.tallies:
        sums = {name: getattr(tally, name) for name in _SUMS}
        _tell_epoch(tally.ep, sums, dict(tally.reasons) if args.kind == "ledger" else {}, lang)
    if args.kind == "show":
        tell(say("store.rows", lang, rows=found.rows, notices=found.notices))
        tell(say("store.size", lang, size=f"{found.bytes / 1e6:.1f}"))
        return 0
    for ep, why, sensor, rows, numbers in found.lines:
        tell(f"{ep} " + say("store.loss", lang, why=why, sensor=sensor or "-", rows=rows, numbers=numbers))
    if not any(tally.gone for tally in found.tallies):
        tell(say("store.no_losses", lang))
    return 0


_SUMS = ("numbered", "delivered", "waiting", "gone")


def _from_daemon(store: dict[str, Any], args: argparse.Namespace, lang: str) -> None:
    if args.json:
        print(json.dumps(store))
        return
    tell(say("store.from_daemon", lang))
    if args.kind == "ledger":
        for epoch in store["epochs"]:
            _tell_epoch(epoch["ep"], epoch, epoch["reasons"], lang)
    tell(say("store.tally", lang, **{name: store[name] for name in _SUMS}))
    tell(say("store.size", lang, size=f"{store['bytes'] / 1e6:.1f}"))
    if store["error"]:
        tell(say("store.in_memory", lang, held=store["held"], error=store["error"]))
    if store["damaged"]:
        tell(say("store.damaged_kept", lang, count=store["damaged"]))
    if args.kind == "ledger" and not store["gone"]:
        tell(say("store.no_losses", lang))


def _tell_epoch(ep: str, sums: Mapping[str, Any], reasons: Mapping[str, int], lang: str) -> None:
    tell(f"{ep} " + say("store.tally", lang, **{name: sums[name] for name in _SUMS}))
    for why, rows in reasons.items():
        tell(say("store.gone_by", lang, why=why, rows=rows))


def _rejected(args: argparse.Namespace, lang: str) -> int:
    """Print the rows the platform refused; returns 0, 1 when there are any."""
    from kaga_edge.store.inspect import contents, copied

    with copied(args.file or _configured(args)) as db:
        refused = [line for line in contents(db).lines if line[1] == "quarantined"]
    if args.json:
        names = ("ep", "why", "sensor", "rows", "n")
        print(json.dumps([dict(zip(names, line, strict=True)) for line in refused]))
    else:
        for ep, why, sensor, rows, numbers in refused:
            tell(
                f"{ep} " + say("store.loss", lang, why=why, sensor=sensor or "-", rows=rows, numbers=numbers)
            )
        if not refused:
            tell(say("store.none_rejected", lang))
    return 1 if refused else 0


def _verify(args: argparse.Namespace, lang: str) -> int:
    from kaga_edge.store.inspect import copied, faults

    with copied(args.file or _configured(args)) as db:
        wrong = faults(db)
    if args.json:
        print(json.dumps({"whole": not wrong, "faults": wrong}))
    else:
        print("\n".join(wrong) or say("store.whole", lang))
    return EXIT_DAMAGED if wrong else 0


def _salvage(args: argparse.Namespace, lang: str) -> int:
    from kaga_edge.store.file import Identity
    from kaga_edge.store.highwater import marks_of
    from kaga_edge.store.salvage import salvage

    file: Path = args.file
    target = args.out or file.with_name(file.name + ".out")
    if target.exists():
        raise KagaError("there is a file of this name already", where=str(target), fix="name another OUT")
    made_ms = time.time_ns() // 1_000_000
    try:
        saved = salvage(file, target, marks_of(file), Identity(), made_ms)
    except OSError as error:
        raise KagaError(
            f"cannot salvage: {error.strerror or error}", where=str(file), fix="check path and room"
        ) from error
    nothing = saved.unreadable and not (saved.rows or saved.notices)  # perhaps it never was a store
    code = EXIT_DAMAGED if nothing else 0
    if args.json:
        facts = {"rows": saved.rows, "notices": saved.notices, "unreadable": list(saved.unreadable)}
        print(json.dumps(facts | {"file": str(target)}))
        return code
    tell(say("store.salvaged", lang, rows=saved.rows, notices=saved.notices, out=target))
    if saved.unreadable:
        tell(say("store.partly", lang, tables=", ".join(saved.unreadable)))
    return code


def _export(args: argparse.Namespace, lang: str) -> int:
    from kaga_edge.store.inspect import copied

    file, out, count, rows = args.file or _configured(args), args.out, 0, 0
    try:
        with copied(file) as db, out.open("x", encoding="utf-8") as lines:
            for line in _exported(db, args):
                lines.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
                count, rows = count + 1, rows + len(line["payload"].get("r", ()))
            lines.flush()
            os.fsync(lines.fileno())  # a stick is pulled out when this has answered
    except OSError as error:
        raise KagaError(f"cannot write: {error.strerror}", where=str(out), fix="name a new file") from error
    said = json.dumps({"messages": count, "rows": rows, "file": str(out)})
    print(said if args.json else say("store.exported", lang, rows=rows, count=count, out=out))
    return 0


def _exported(db: sqlite3.Connection, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Give the store's messages, and the manifest, without which the city may publish nothing.

    A store that was carried elsewhere has no good configuration of its own beside it: then no manifest.
    """
    from kaga_edge.config import load
    from kaga_edge.gateway.plans import manifest
    from kaga_edge.store.inspect import export

    disclosure: dict[str, Any] = {}
    root = "kaga"
    with suppress(KagaError):
        config = load(args.config or DEFAULT_CONFIG)
        disclosure = manifest(config)
        root = root if config.platform is None else config.platform.root
    topic = f"{root}/edge/v1/{disclosure.get('gw')}/up/"
    is_ours = False
    for line in export(db, root=root):
        is_ours = is_ours or line["topic"].startswith(topic)
        yield line
    if is_ours:
        yield {"topic": f"{topic}manifest", "payload": disclosure}


def _configured(args: argparse.Namespace) -> Path:
    from kaga_edge.config import load

    return load(args.config or DEFAULT_CONFIG).store.path
