"""The page's routes: what everybody on the interface may see, and what the PIN allows.

GET  /  /style.css  /page.js  /chart.js  /icon.svg
GET  /events?lang=     server-sent events: view, spark, log
GET  /api/status  /api/series?sensor=&channel=&hours=  /metrics
POST /api/enter  /api/leave  /api/do
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from kaga_edge.station.page import gate, records, shield, view, wording
from kaga_edge.station.page.actions import Actions, Tell, text
from kaga_edge.station.page.assets import Assets
from kaga_edge.station.page.calibrating import RefusedHere
from kaga_edge.station.page.feed import Ask, Feed, Look
from kaga_edge.station.page.gate import Gate, Session
from kaga_edge.text import LANGUAGES, language, say
from kaga_edge.vocabulary.errors import KagaError

COOKIE = "__Host-kaga-edge"
BODY_BYTES = 4096
BODY_S = 5.0
HOURS = (3.0, 24.0, 168.0)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Page:
    """One opening's page. ``ends_s``: monotonic seconds when it closes; ``tell``: logs an event."""

    def __init__(
        self,
        *,
        ask: Ask,
        feed: Feed,
        actions: Actions,
        assets: Assets,
        hosts: frozenset[str],
        pin: str,
        ends_s: float,
        tell: Tell,
    ) -> None:
        self._ask, self._feed, self._actions, self._assets = ask, feed, actions, assets
        self._hosts, self._ends_s, self._tell = hosts, ends_s, tell
        self._gate = Gate(pin=pin)

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=BODY_BYTES, middlewares=[self._shielded])
        app.on_response_prepare.append(_armoured)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get(r"/{name:style\.css|page\.js|chart\.js|icon\.svg}", self._asset),
                web.get("/events", self._events, allow_head=False),
                web.get("/api/status", self._status),
                web.get("/api/series", self._series),
                web.get("/metrics", self._metrics),
                web.post("/api/enter", self._enter),
                web.post("/api/leave", self._leave),
                web.post("/api/do", self._do),
            ]
        )
        return app

    @web.middleware
    async def _shielded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        objection = shield.objection(request.method, request.headers, self._hosts)
        if objection is not None:
            return web.Response(status=403, text=f"refused: {objection}\n")
        return await handler(request)

    # --- looking ---

    async def _index(self, request: web.Request) -> web.Response:
        lang = _lang(request)
        look = await self._feed.fresh()
        content: dict[str, Any] = {
            "strings": wording.strings(lang),
            "view": self._view(look, lang),
            "inside": self._who(request),
        }
        content |= {"spark": _sparks(look, lang), "log": records.events(look.events, look.facts, lang)}
        body = self._assets.page(lang, look.facts, content)
        return self._assets.answer(request, body, "text/html", cached=False)

    async def _asset(self, request: web.Request) -> web.Response:
        body, kind = self._assets.file(request.match_info["name"])
        return self._assets.answer(request, body, kind, cached=True)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        with self._feed.watched(str(request.remote)) as room:
            if not room:
                return web.Response(status=503, text="too many watch\n")
            headers = {"Cache-Control": "no-store", "Content-Type": "text/event-stream"}
            answer = web.StreamResponse(headers=headers)
            await answer.prepare(request)
            with contextlib.suppress(ConnectionError):  # gone, as watchers go
                await self._pour(answer, _lang(request))
        return answer

    async def _pour(self, answer: web.StreamResponse, lang: str) -> None:
        """Write what is new until the watcher goes."""
        look, series, events = await self._feed.fresh(), -1, -1
        while True:
            await answer.write(_event("view", self._view(look, lang)))
            if look.series_number != series:
                series = look.series_number
                await answer.write(_event("spark", _sparks(look, lang)))
            if look.events_number != events:
                events = look.events_number
                await answer.write(_event("log", records.events(look.events, look.facts, lang)))
            look = await self._feed.newer(look.number)

    async def _status(self, _request: web.Request) -> web.Response:
        look = await self._feed.fresh()
        if look.status is None or look.gone_s is not None:
            return web.json_response({"error": {"code": "KE-P03"}}, status=503)
        return web.json_response(look.status, headers={"Cache-Control": "no-store"})

    async def _series(self, request: web.Request) -> web.Response:
        asked: dict[str, Any] = {"op": "series", "points": 400, "sensor": request.query.get("sensor", "")}
        if "channel" in request.query:
            asked["channel"] = request.query["channel"]
        try:
            hours = float(request.query.get("hours", "24"))
        except ValueError:
            hours = 0.0
        if hours not in HOURS:
            return web.json_response({"error": {"code": "KE-U01"}}, status=400)
        try:
            return web.json_response(await self._ask(asked | {"hours": hours}))
        except KagaError as error:
            return _failed(error, _lang(request))

    async def _metrics(self, request: web.Request) -> web.Response:
        """Prometheus text, made by the daemon: ``{"op":"metrics"}`` answers ``{"text":…}``."""
        try:
            answer = await self._ask({"op": "metrics"})
        except KagaError as error:
            return _failed(error, _lang(request))
        return web.Response(
            body=str(answer["text"]).encode(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    def _view(self, look: Look, lang: str) -> dict[str, Any]:
        now_s = time.monotonic()
        left_s = max(0, round(self._ends_s - now_s))
        gone_s = None if look.gone_s is None else round(now_s - look.gone_s, 1)
        if look.status is None:
            return view.nothing(lang) | {"left_s": left_s}
        old_s = now_s - look.status_s
        return view.view(look.status, look.facts, lang=lang, old_s=old_s, gone_s=gone_s) | {"left_s": left_s}

    # --- acting ---

    async def _enter(self, request: web.Request) -> web.Response:
        lang, asked = _lang(request), await _body(request)
        try:
            who, pin = text(asked, "who", lang)[:40], text(asked, "pin", lang)
        except RefusedHere as error:
            return _failed(error, lang)
        token, address, before = secrets.token_urlsafe(32), str(request.remote), self._gate
        self._gate, came = gate.tried(self._gate, pin, who=who, token=token, now_s=time.monotonic())
        if came.result == "in":
            self._tell("web.entered", who=who, address=address)
            answer = web.json_response({"who": who})
            answer.set_cookie(COOKIE, token, httponly=True, secure=True, samesite="Strict", path="/")
            return answer
        if came.result == "wrong":
            self._tell("web.refused", address=address)
            return web.json_response({"wrong": came.left}, status=403)
        if self._gate is not before:  # once a lock: tries at a locked gate would wash the log away
            self._tell("web.locked", address=address, wait_s=round(came.wait_s))
        return web.json_response({"locked_s": round(came.wait_s)}, status=429)

    async def _leave(self, request: web.Request) -> web.Response:
        self._gate = gate.left(self._gate, request.cookies.get(COOKIE, ""))
        answer = web.json_response({})
        answer.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
        return answer

    async def _do(self, request: web.Request) -> web.Response:
        lang, session = _lang(request), self._session(request)
        if session is None:
            return web.json_response({"ended": say("page.no_session", lang)}, status=401)
        asked = await _body(request)
        try:
            return web.json_response(await self._actions.do(asked, session.who, lang))
        except KagaError as error:
            return _failed(error, lang)

    def _session(self, request: web.Request) -> Session | None:
        token = request.cookies.get(COOKIE, "")
        self._gate, session = gate.seen(self._gate, token, time.monotonic())
        return session

    def _who(self, request: web.Request) -> str | None:
        session = self._session(request)
        return None if session is None else session.who


def _lang(request: web.Request) -> str:
    """Return ?lang=, else what the browser asks for first that we speak."""
    asked = request.query.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    for part in request.headers.get("Accept-Language", "").lower().split(","):
        if part.strip()[:2] in LANGUAGES:
            return part.strip()[:2]
    return language(environ={})


async def _body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that was sent, within five seconds. Raises HTTPException."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(BODY_S):
            asked = json.loads(await request.read())
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest from error
    if not isinstance(asked, dict):
        raise web.HTTPBadRequest
    return asked


def _failed(error: KagaError, lang: str) -> web.Response:
    told = {"code": error.code, "what": error.what, "fix": error.fix}
    return web.json_response({"error": wording.explained(told, wording.Words(lang=lang))}, status=409)


def _event(name: str, content: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n".encode()


def _sparks(look: Look, lang: str) -> dict[str, Any]:
    return {sensor: records.spark(series, lang) for sensor, series in look.series.items()}


async def _armoured(_request: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.update(shield.HEADERS)
    answer.headers["Server"] = shield.NAME
    answer.headers.setdefault("Cache-Control", "no-store")
