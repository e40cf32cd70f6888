"""The page's own process: ``python -m kaga_edge.station.page``, started by the daemon (``opening``).

The first line it says is one JSON object: where it is open and the PIN, or what is wrong. It ends when its
time is over, when its standard input ends (the daemon is gone, or wants it closed) or at SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import secrets
import signal
import socket
import ssl
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from kaga_edge.config.calibrations import calibration_file
from kaga_edge.station.page import shield
from kaga_edge.station.page.actions import Actions
from kaga_edge.station.page.app import Page
from kaga_edge.station.page.asking import ask
from kaga_edge.station.page.assets import Assets
from kaga_edge.station.page.calibrating import Calibrating
from kaga_edge.station.page.certificate import NAME, Certificate, certificate_for
from kaga_edge.station.page.confined import confine
from kaga_edge.station.page.feed import Feed
from kaga_edge.station.page.gate import PIN_DIGITS
from kaga_edge.station.page.interfaces import CannotOpen, chosen, listening
from kaga_edge.station.page.refusing import factory
from kaga_edge.station.page.serving import KEEP_ALIVE_S, Acceptor

LIMITS: dict[str, Any] = {
    "access_log": None,
    "keepalive_timeout": KEEP_ALIVE_S,
    "lingering_time": 1.0,
    "max_line_size": 2048,
    "max_field_size": 4096,
    "max_headers": 60,
    "auto_decompress": False,  # nobody sends a body compressed but to unpack into more than it is
}


def main() -> int:
    """Serve until the end; returns 0, or 2 when it could not open."""
    args = _arguments()
    try:
        interface, addresses = chosen(args.interface)
        servers = listening(interface, addresses, args.port)
        certificate = certificate_for(addresses, args.folder)
    except CannotOpen as error:
        _say({"error": {"what": error.what, "where": error.where, "fix": error.fix}})
        return 2
    corrections = calibration_file(args.config).parent
    with contextlib.suppress(OSError):  # not writable: then keeping a correction will say so
        corrections.mkdir(exist_ok=True)
    args.confined = confine(read=[args.folder.parent], write=[corrections])
    asyncio.run(_serve(args, servers, certificate, interface))
    return 0


async def _serve(
    args: argparse.Namespace, servers: list[socket.socket], certificate: Certificate, interface: str
) -> None:
    addresses, port = [server.getsockname()[0] for server in servers], servers[0].getsockname()[1]
    pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
    asking = partial(ask, args.control)
    feed, calibrating = Feed(asking), Calibrating(asking, args.config)
    page = Page(
        ask=asking,
        feed=feed,
        actions=Actions(asking, calibrating, tell),
        assets=Assets(),
        hosts=shield.hosts((*addresses, NAME), port),
        pin=pin,
        ends_s=time.monotonic() + args.minutes * 60,
        tell=tell,
    )
    runner = web.AppRunner(page.app(), handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    assert runner.server is not None
    acceptor = Acceptor(servers, _tls(certificate), partial(factory, runner.server, **LIMITS))
    tasks = [asyncio.create_task(work) for work in (acceptor.run(), feed.run())]
    _say(_opened(args, addresses[0], port, certificate, interface) | {"pin": pin})
    try:
        await _end(args.minutes * 60)
    finally:
        for task in tasks:
            task.cancel()
        for server in servers:
            server.close()
        calibrating.close()
        await runner.cleanup()


def tell(event: str, **fields: object) -> None:
    """Have the daemon log an event."""
    _say({"event": event, **fields})


def _opened(
    args: argparse.Namespace, address: str, port: int, certificate: Certificate, interface: str
) -> dict[str, Any]:
    return {
        "url": f"https://{shield.bracketed(address)}:{port}/",
        "name": f"https://{NAME}:{port}/",
        "interface": interface,
        "address": address,
        "port": port,
        "fingerprint": certificate.fingerprint,
        "minutes": args.minutes,
        "confined": args.confined,
        "until": round((time.time() + args.minutes * 60) * 1000),
    }


def _tls(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _end(seconds: float) -> None:
    """Wait until the time is over, the daemon has gone, or somebody ends us."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    loop.add_reader(sys.stdin.fileno(), over.set)  # nothing is ever sent: readable means it has ended
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return
    finally:
        loop.remove_reader(sys.stdin.fileno())


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kaga_edge.station.page", description=__doc__)
    parser.add_argument("--control", type=Path, required=True, help="the daemon's control socket")
    parser.add_argument("--folder", type=Path, required=True, help="where the certificate is kept")
    parser.add_argument("--config", type=Path, required=True, help="the configuration's main file")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--interface")
    parser.add_argument("--port", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
