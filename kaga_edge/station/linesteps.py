"""The line to the platform, one step after the other, each by itself.

It connects as ``GATEWAY-test``, so that a running gateway keeps its own connection, and sends one reply
that answers no command: it proves the right to write and changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from kaga_edge.config.secret import SecretMissing, read_secret_at
from kaga_edge.config.values import Config, Platform
from kaga_edge.link import MQTT_OLD, Dialler, Link, LinkError, LinkEvent, LinkSettings, Puback, TlsSettings
from kaga_edge.text import Phrase

STEP_S = 5.0
NO_SUBSCRIBER = 0x10
ACK_LATE_S = 15.0  # a batch's way to the city's disk and back; over LTE a few seconds
ORDER = ("name", "route", "tcp", "tls", "login", "permission", "ack", "round_trip")

# What the certificate's check says, and the repair that helps.
TLS_REPAIRS = (
    ("expired", "expired"),
    ("not yet valid", "clock"),
    ("mismatch", "name"),
    ("self-signed", "ca"),
    ("self signed", "ca"),
    ("issuer", "ca"),
    ("No such file", "file"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. ``state``: "pass", "note", "fail", "unknown" (not reached, not to be known) or "skip"."""

    name: str
    state: str
    seen: str = ""
    took_s: float | None = None
    days_left: int | None = None
    repair: Phrase | None = None  # how to mend a step that fails


async def walk(config: Config, snapshot: Mapping[str, Any] | None) -> AsyncIterator[Step]:
    """Yield the steps in order; after one that fails the rest are "unknown"."""
    assert config.platform is not None
    done: list[str] = []
    async for step in _walk(config, config.platform, snapshot):
        done.append(step.name)
        yield step
        if step.state == "fail":
            break
    for name in ORDER:
        if name not in done:
            yield Step(name=name, state="unknown", seen="not reached")


async def _walk(config: Config, at: Platform, snapshot: Mapping[str, Any] | None) -> AsyncIterator[Step]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(STEP_S):
            found = await asyncio.get_running_loop().getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        repair = Phrase("step.fix.name", host=at.host)
        yield Step(name="name", state="fail", seen=f"{at.host}: {_why(error)}", repair=repair)
        return
    family, address = found[0][0], found[0][4]
    yield Step(name="name", state="pass", seen=str(address[0]), took_s=time.monotonic() - began)
    yield _route(family, address)
    began = time.monotonic()
    try:
        async with asyncio.timeout(STEP_S):
            _, writer = await asyncio.open_connection(at.host, at.port)
    except (OSError, TimeoutError) as error:
        repair = Phrase("step.fix.tcp", host=at.host, port=at.port)
        yield Step(name="tcp", state="fail", seen=f"{address[0]}:{at.port}: {_why(error)}", repair=repair)
        return
    yield Step(name="tcp", state="pass", seen=f"{at.host}:{at.port}", took_s=time.monotonic() - began)
    writer.close()
    yield await _tls(at)
    async for step in _session(config, at, snapshot):
        yield step


def _route(family: int, address: Any) -> Step:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:  # UDP: only asks the routing table
            probe.connect(address)
            return Step(name="route", state="pass", seen=str(probe.getsockname()[0]))
    except OSError as error:
        return Step(name="route", state="fail", seen=_why(error), repair=Phrase("step.fix.route"))


async def _tls(at: Platform) -> Step:
    if not at.tls:
        return Step(name="tls", state="skip", seen="mqtt:// is not encrypted")
    began = time.monotonic()
    try:
        context = ssl.create_default_context(cafile=at.ca)
        if at.certificate:
            context.load_cert_chain(at.certificate, at.key)
        async with asyncio.timeout(STEP_S):
            _, writer = await asyncio.open_connection(at.host, at.port, ssl=context, server_hostname=at.host)
    except (OSError, TimeoutError, ValueError) as error:
        return Step(name="tls", state="fail", seen=_why(error), repair=_tls_repair(at, _why(error)))
    took_s = time.monotonic() - began
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    until = certificate.get("notAfter")
    days = None if until is None else int((ssl.cert_time_to_seconds(until) - time.time()) / 86_400)
    seen = "" if days is None else f"certificate {days} d left"
    return Step(name="tls", state="pass", seen=seen, took_s=took_s, days_left=days)


async def _session(config: Config, at: Platform, snapshot: Mapping[str, Any] | None) -> AsyncIterator[Step]:
    answers: asyncio.Queue[LinkEvent] = asyncio.Queue()
    gw = config.site.id
    began = time.monotonic()
    try:
        password = read_secret_at(config.directory, at.secret) if at.secret else None
        settings = LinkSettings(
            client_id=f"{gw}-test",
            host=at.host,
            port=at.port,
            tls=TlsSettings(ca_file=at.ca, certificate_file=at.certificate, key_file=at.key)
            if at.tls
            else None,
            username=at.username or (gw if password else None),
            password=password,
            mqtt=at.mqtt,
        )
        link = await Link.open(settings, None, answers.put_nowait, Dialler())
    except (LinkError, SecretMissing) as error:
        repair = Phrase("step.fix.login", secret=at.secret or "mqtt-password", gw=gw)
        yield Step(name="login", state="fail", seen=error.what, repair=repair)
        return
    yield Step(
        name="login", state="pass", seen=settings.username or "anonymous", took_s=time.monotonic() - began
    )
    try:
        began = time.monotonic()
        body = {"v": 1, "id": "link-test", "ok": True, "at": time.time_ns() // 1_000_000}
        link.publish(f"{at.root}/edge/v1/{gw}/up/reply", json.dumps(body).encode())
        code = await _puback(answers)
    finally:
        await link.close()
    took_s = time.monotonic() - began
    repair = Phrase("step.fix.permission", gw=gw, topic=f"{at.root}/edge/v1/{gw}/up/#")
    yield _permission(code, at.mqtt, repair)
    yield acknowledged(at, snapshot)
    if code is not None:
        yield Step(name="round_trip", state="pass", seen="broker", took_s=took_s)


async def _puback(answers: asyncio.Queue[LinkEvent]) -> int | None:
    try:
        async with asyncio.timeout(STEP_S):
            while True:
                event = await answers.get()
                if isinstance(event, Puback):
                    return event.code
    except TimeoutError:
        return None


def _permission(code: int | None, mqtt: str, repair: Phrase) -> Step:
    if code is None:
        return Step(name="permission", state="fail", seen="no PUBACK", repair=repair)
    if code >= 0x80:
        return Step(name="permission", state="fail", seen=f"up/reply refused (0x{code:02x})", repair=repair)
    if mqtt == MQTT_OLD:
        return Step(name="permission", state="unknown", seen="MQTT 3.1.1 does not tell")
    seen = "up/reply, but nobody subscribes" if code == NO_SUBSCRIBER else "up/reply"
    return Step(name="permission", state="pass", seen=seen)


def acknowledged(at: Platform, snapshot: Mapping[str, Any] | None) -> Step:
    """Tell from the running gateway whether the platform confirms: only real rows can be confirmed."""
    if at.delivery != "platform":
        return Step(name="ack", state="skip", seen='delivery = "broker"')
    if snapshot is None:
        return Step(name="ack", state="unknown", seen="the gateway does not run")
    age_s = snapshot["link"].get("delivered_age_s")
    if age_s is None:
        seen = "the platform has confirmed nothing yet"
        return Step(name="ack", state="fail", seen=seen, repair=Phrase("step.fix.ack"))
    oldest_s, late_s = snapshot["store"].get("oldest_wait_s") or 0.0, at.batch_s + ACK_LATE_S
    up = snapshot["link"]["state"] == "up"  # else they wait for the line, and the steps before say so
    if up and oldest_s > late_s and age_s > late_s:
        seen = f"rows wait for {round(oldest_s)} s, the last was confirmed {round(age_s)} s ago"
        return Step(name="ack", state="fail", seen=seen, repair=Phrase("step.fix.ack"))
    return Step(name="ack", state="pass", seen=f"confirmed {round(age_s)} s ago")


def _tls_repair(at: Platform, why: str) -> Phrase:
    for words, name in TLS_REPAIRS:
        if words in why:
            return Phrase(f"step.fix.tls.{name}", host=at.host, ca=at.ca or "ca")
    return Phrase("step.fix.tls.other")


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error).replace("_", " ").lower()
    number = getattr(error, "errno", None)
    if number and number > 0:  # asyncio's own words are for programmers
        return os.strerror(number)
    return getattr(error, "strerror", None) or str(error)
