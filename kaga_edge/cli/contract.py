"""``kaga-edge contract``: the contract for the platform's side, and a check of captured messages.

    kaga-edge contract schema [NAME]      JSON Schema (draft-07): one, or the names
    kaga-edge contract asyncapi           AsyncAPI 3, as JSON
    kaga-edge contract samples [DIR]      the samples: a list, or one file each into DIR
    kaga-edge contract verify FILE...     do captured messages keep the contract?

``verify`` reads lines as ``mosquitto_sub -F '%t %x'`` writes them (topic and payload in hex: batches
are compressed) or as ``-F '%j'`` does, or with ``--as NAME`` one message per file, plain or zlib.
Exit codes: 0 all keep it, 1 one does not, 64 a wrong argument.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kaga_edge import contract
from kaga_edge.contract.check import problems
from kaga_edge.contract.wire import MessageUnreadable, body_of
from kaga_edge.text import language
from kaga_edge.vocabulary.errors import KagaError

EXIT_BROKEN = 1
PROBLEMS_SHOWN = 10  # of one message

TEXTS = {
    "good": ("良い", "good"),
    "bad": ("悪い", "bad"),
    "written": ("{count} 件を {folder} に書きました", "{count} samples written to {folder}"),
    "verified": ("{good} 件は取り決めどおり、{bad} 件は違反", "{good} keep the contract, {bad} do not"),
}

Captured = tuple[str, str | None, bytes]  # where, schema name, payload


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("contract")
    kinds = parser.add_subparsers(dest="kind", required=True)
    schema = kinds.add_parser("schema")
    schema.add_argument("name", nargs="?", choices=contract.NAMES, metavar="NAME")
    schema.set_defaults(func=run)
    kinds.add_parser("asyncapi").set_defaults(func=run)
    samples = kinds.add_parser("samples")
    samples.add_argument("folder", nargs="?", type=Path, metavar="DIR")
    samples.add_argument("--json", action="store_true")
    samples.set_defaults(func=run)
    verify = kinds.add_parser("verify")
    verify.add_argument("files", nargs="+", type=Path, metavar="FILE")
    verify.add_argument("--as", dest="schema", choices=contract.NAMES, metavar="NAME")
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print what was asked for; return the exit code."""
    lang = language(getattr(args, "lang", None))
    match args.kind:
        case "schema":
            print(_pretty(contract.schema(args.name)) if args.name else "\n".join(contract.NAMES))
        case "asyncapi":
            print(_pretty(contract.asyncapi()))
        case "samples":
            _samples(args, lang)
        case _:
            return _verify(args, lang)
    return 0


def _samples(args: argparse.Namespace, lang: str) -> None:
    """List the samples, or write each into a file of its own."""
    folder: Path | None = args.folder
    if args.json:
        print(_pretty([asdict(sample) for sample in contract.samples()]))
        return
    for sample in contract.samples():
        mark = _text("good" if sample.good else "bad", lang)
        if folder is None:
            print(f"{sample.schema}/{sample.name}  [{mark}]  {sample.why}")
            continue
        target = folder / ("good" if sample.good else "bad") / sample.schema / f"{sample.name}.json"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_pretty(sample.body) + "\n", encoding="utf-8")
        except OSError as error:
            raise KagaError(f"cannot write: {error.strerror}", where=str(target)) from error
    if folder is not None:
        print(_text("written", lang, count=len(contract.samples()), folder=folder))


def _verify(args: argparse.Namespace, lang: str) -> int:
    good, broken = 0, list[dict[str, Any]]()
    for file in args.files:
        for where, name, payload in _captured(file, args.schema):
            wrong = _wrong(name, payload)[:PROBLEMS_SHOWN]
            good += not wrong
            broken += [{"where": where, "message": name, "problems": wrong}] if wrong else []
            for problem in () if args.json else wrong:
                print(f"{where}: {name or '?'} {problem}")
    bad = len(broken)
    if args.json:
        print(_pretty({"good": good, "bad": broken}))
        return EXIT_BROKEN if bad else 0
    print(_text("verified", lang, good=good, bad=bad))
    return EXIT_BROKEN if bad else 0


def _wrong(name: str | None, payload: bytes) -> list[str]:
    if name is None:
        return ["the topic is not in the contract"]
    try:
        return problems(name, body_of(payload))
    except MessageUnreadable as error:
        return [error.what]


def _captured(file: Path, schema: str | None) -> Iterator[Captured]:
    """Give every message of a file. Cleared retained messages (no payload) say nothing and are left out."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise KagaError(f"not readable: {error.strerror}", where=str(file), fix="check the path") from error
    if schema is not None:
        yield str(file), schema, data.strip() if data[:1] == b"{" else data
        return
    for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        topic, payload = _line(line, f"{file}:{number}")
        if payload:
            yield f"{file}:{number}", contract.schema_name(topic), payload


def _line(line: str, where: str) -> tuple[str, bytes]:
    """Return topic and payload of one captured line."""
    try:
        if not line.startswith("{"):
            topic, _, digits = line.strip().partition(" ")
            return topic, bytes.fromhex(digits)
        entry = json.loads(line)
        payload = entry.get("payload", "")
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return str(entry["topic"]), text.encode()
    except (ValueError, KeyError, AttributeError) as error:
        fix = "capture with mosquitto_sub -F '%t %x', or say with --as which message the file is"
        raise KagaError("neither TOPIC HEX nor JSON with topic and payload", where=where, fix=fix) from error


def _pretty(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)


def _text(code: str, lang: str, **facts: Any) -> str:
    return TEXTS[code][0 if lang == "ja" else 1].format(**facts)
