"""``kaga-edge receive``: the platform's side; stores what comes, acknowledges it, counts for itself.

One line per change of state, the count at the end. Exit codes: 0 every number known to exist is here
or declared gone, 1 numbers are missing or contradict each other, 2 the broker was never reached.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kaga_edge.cli.failure import failure_json
from kaga_edge.cli.typed import positive
from kaga_edge.link.ending import end
from kaga_edge.link.words import LinkError
from kaga_edge.receiver import Counts, News, Receiver, Tls
from kaga_edge.text import language
from kaga_edge.vocabulary.errors import KagaError

EXIT_MISSING, EXIT_NEVER_CONNECTED = 1, 2
PORT, TLS_PORT = 1883, 8883
RANGES_SHOWN = 5

TEXTS = {
    "up": ("接続しました", "connected"),
    "down": ("切断されました。再接続を続けます", "disconnected, trying again"),
    "alive": ("{gw}: 稼働中", "{gw}: alive"),
    "dead": ("{gw}: 応答がありません", "{gw}: lost"),
    "stopped": ("{gw}: 正常に停止", "{gw}: stopped"),
    "raised": ("{gw}: 警報 {key} {text}", "{gw}: alarm {key} {text}"),
    "cleared": ("{gw}: 解除 {key} {text}", "{gw}: cleared {key} {text}"),
    "gone": ("{gw}: {rows}件は届きません ({why})", "{gw}: {rows} rows will never arrive ({why})"),
    "gap": ("{gw}: {missing}件がまだ届いていません", "{gw}: {missing} rows not here yet"),
    "gap.none": ("{gw}: 欠けはありません", "{gw}: nothing missing"),
    "conflict": ("{gw}: 同じ番号で内容が違います", "{gw}: same number, different content"),
    "unreadable": ("読めない電文 {topic}: {reason}", "unreadable message {topic}: {reason}"),
    "unknown_catalog": ("{gw}: カタログ {k} がありません", "{gw}: catalog {k} is not here"),
    "count": (
        "{gw} {ep}: 到着 {arrived} 重複 {repeated} 欠け {missing} 消失 {gone} 矛盾 {conflicting}",
        "{gw} {ep}: arrived {arrived} again {repeated} missing {missing} gone {gone} conflict {conflicting}",
    ),
    "missing": ("  欠けている番号: {ranges}", "  missing numbers: {ranges}"),
    "outage": ("最長の不通 {seconds:.1f} 秒", "longest outage {seconds:.1f} s"),
    "nothing": ("何も届いていません", "nothing has arrived"),
    "never": ("{place} に接続できませんでした", "could not connect to {place}"),
}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("receive")
    parser.add_argument("--host", default="127.0.0.1", metavar="HOST")
    parser.add_argument("--port", type=int, metavar="N")
    parser.add_argument("--root", default="kaga", metavar="WORD")
    parser.add_argument("--database", type=Path, default=Path("kaga-receive.db"), metavar="FILE")
    parser.add_argument("--username", metavar="NAME")
    parser.add_argument("--password-file", type=Path, metavar="FILE")
    parser.add_argument("--ca", type=Path, metavar="FILE")
    parser.add_argument("--no-ack", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=positive, metavar="N")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Receive until the time is up, Ctrl-C or SIGTERM; print the count; return the exit code."""
    lang = language(getattr(args, "lang", None))
    port = args.port or (TLS_PORT if args.ca else PORT)
    password, tls = password_of(args.password_file), tls_of(args.ca)
    seen = {"connected": False}

    def tell(news: News) -> None:
        seen["connected"] = seen["connected"] or news.what == "connection"
        print(_as_json(news) if args.json else _line(news, lang), flush=True)

    def made() -> Receiver:
        return Receiver(
            args.host,
            port,
            path=args.database,
            root=args.root,
            username=args.username,
            password=password,
            tls=tls,
            ack=not args.no_ack,
            on_news=tell,
        )

    receiver = asyncio.run(_receive(made, args.seconds))
    if not seen["connected"]:
        _tell_never(f"{args.host}:{port}", lang, as_json=args.json)
    print(_counts_json(receiver) if args.json else "\n".join(_counted(receiver, lang)), flush=True)
    if any(one.gaps or one.conflicting for one in receiver.counts().values()):
        return EXIT_MISSING
    return 0 if seen["connected"] else EXIT_NEVER_CONNECTED


def _tell_never(place: str, lang: str, *, as_json: bool) -> None:
    if as_json:
        print(failure_json(LinkError("could not connect", kind="refused", where=place)), flush=True)
    else:
        print(_text("never", lang, place=place), file=sys.stderr)


async def _receive(made: Callable[[], Receiver], seconds: float | None) -> Receiver:
    receiver = made()
    work = asyncio.create_task(receiver.run())
    asked = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, asked.set)
    enough = asyncio.create_task(asked.wait())
    done, _ = await asyncio.wait({work, enough}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    await end(work, enough)
    if work in done:
        work.result()  # it never ends by itself but with an error
    return receiver


def password_of(path: Path | None) -> str | None:
    """Return the first line of a password's file. Raises KagaError."""
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8-sig").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise KagaError(f"password not readable: {reason}", where=str(path), fix="check the path") from error


def tls_of(ca: Path | None) -> Tls | None:
    """Return TLS by the given CA, None for none. Raises KagaError."""
    if ca is None:
        return None
    tls = Tls(ca_file=ca)
    try:
        tls.context()
    except (OSError, ssl.SSLError) as error:
        raise KagaError(f"CA not usable: {error}", where=str(ca), fix="give a PEM file") from error
    return tls


# --- words ---


def _line(news: News, lang: str) -> str:
    """Return one change of state as a line with the time of day."""
    facts: dict[str, Any] = {"gw": news.gw, **news.facts}
    code = news.what
    match news.what:
        case "connection":
            code = "up" if facts["up"] else "down"
        case "state":
            code = facts["st"]
        case "alert":
            code = facts["state"]
            facts["text"] = facts.get(lang) or facts.get("en") or facts.get("ja") or ""
        case "gone":
            facts["rows"] = sum(span[1] - span[0] + 1 for span in facts["g"])
            facts["why"] = ", ".join(sorted({span[2] for span in facts["g"]}))
        case "gap":
            code = "gap" if facts["missing"] else "gap.none"
    return f"{datetime.now().astimezone():%H:%M:%S} {_text(code, lang, **facts)}"


def _counted(receiver: Receiver, lang: str) -> list[str]:
    """Return the count, one line per epoch."""
    lines = []
    for one in sorted(receiver.counts().values(), key=lambda one: (one.gw, one.ep)):
        lines.append(_text("count", lang, **_facts(one)))
        if one.gaps:
            spans = [f"{first}-{last}" if last > first else str(first) for first, last in one.gaps]
            more = ["..."] if len(spans) > RANGES_SHOWN else []
            lines.append(_text("missing", lang, ranges=" ".join([*spans[:RANGES_SHOWN], *more])))
    if not lines:
        return [_text("nothing", lang)]
    return [*lines, _text("outage", lang, seconds=receiver.longest_outage_s())]


def _facts(one: Counts) -> dict[str, Any]:
    return {
        "gw": one.gw,
        "ep": one.ep,
        "arrived": one.arrived,
        "repeated": one.repeated,
        "retimed": one.retimed,
        "conflicting": one.conflicting,
        "missing": one.gaps.count,
        "gone": one.gone,
        "alerts": one.alerts,
    }


def _as_json(news: News) -> str:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"at": at, "what": news.what, "gw": news.gw, **news.facts}, ensure_ascii=False)


def _counts_json(receiver: Receiver) -> str:
    epochs = [
        {**_facts(one), "gaps": [list(span) for span in one.gaps]} for one in receiver.counts().values()
    ]
    total = {"what": "count", "epochs": epochs, "unreadable": receiver.unreadable}
    return json.dumps(total | {"longest_outage_s": receiver.longest_outage_s()}, ensure_ascii=False)


def _text(code: str, lang: str, **facts: Any) -> str:
    return TEXTS[code][0 if lang == "ja" else 1].format(**facts)
