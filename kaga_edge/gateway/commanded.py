"""What each command of the city does here: the actions of the control socket, and a few of its own.

Loaded only where the configuration has ``[commands]``.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from kaga_edge import __version__
from kaga_edge.config import Config, ConfigFaults
from kaga_edge.core import command_budget
from kaga_edge.core.command_reading import Command, Rules
from kaga_edge.core.ranges import Ranges
from kaga_edge.gateway.configured import Configured, NoTrial
from kaga_edge.gateway.permitted import forbidden
from kaga_edge.station import journal
from kaga_edge.store import Store
from kaga_edge.uplink import Uplink
from kaga_edge.uplink.commands import Commands, Op, Outcome, Unfit
from kaga_edge.uplink.signature import NotVerified, verified
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import AskedWrongly, KagaError

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
READ_WAIT_S = 60.0
LONGEST_EVERY_S = 86_400.0
CONFIRM_S = 600.0  # how long a change waits to be confirmed, unless the command says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """What commands reach of the gateway."""

    config: Callable[[], Config]
    store: Store
    clock: Clock
    uplink: Callable[[], Uplink | None]
    up_s: Callable[[], float]
    asks: Mapping[str, Ask]  # the control socket's actions: read, collect, maintenance
    pace: Callable[[str, float | None], Awaitable[None]]  # a sensor's period; None: the configured one
    configured: Configured
    change_to: Callable[[Config], Awaitable[None]]


def commands(station: Station) -> Commands:
    """Return what takes the city's commands."""
    config = station.config()
    settings, platform = config.commands, config.platform
    assert settings is not None
    assert platform is not None
    rules = Rules(
        gw=config.site.id,
        allow=frozenset(settings.allow),
        issuers=frozenset(settings.issuers),
        signed=settings.key is not None,
    )

    async def verify(over: bytes, signature: bytes) -> bool:
        if settings.key is None:
            raise NotVerified("there is no key")
        return await verified(settings.key, config.station.runtime, over, signature)

    async def answer(leaf: str, payload: bytes, correlation: bytes) -> bool:
        uplink = station.uplink()
        return uplink is not None and await uplink.answer(leaf, payload, correlation)

    return Commands(
        rules,
        store=station.store,
        clock=station.clock,
        ops=_Ops(station).table(),
        answer=answer,
        verify=verify,
        up=lambda leaf: f"{platform.root}/edge/v1/{config.site.id}/up/{leaf}",
        audit=partial(journal.event, journal.NOTICE),
        day_most=command_budget.a_day(config.store.max_bytes),
    )


class _Ops:
    """One method a command. Raises Unfit for what names nothing here, KagaError for what did not work."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def table(self) -> dict[str, Op]:
        return {
            "ping": self._ping,
            "read": self._read,
            "collect.stop": self._collect_stop,
            "collect.start": self._collect_start,
            "interval": self._interval,
            "maintenance": self._maintenance,
            "replay": self._replay,
            "manifest": self._manifest,
            "catalog": self._catalog,
            "config.apply": self._config_apply,
            "restart": self._restart,
        }

    async def _ping(self, _command: Command) -> Outcome:
        now = self._station.clock.now()
        return Outcome(res={"sw": __version__, "c": int(now.trust), "up_s": round(self._station.up_s())})

    async def _read(self, command: Command) -> Outcome:
        sensor = self._known_sensor(command)
        try:
            async with asyncio.timeout(READ_WAIT_S):
                told = await self._station.asks["read"]({"sensor": sensor})
        except TimeoutError as error:
            raise KagaError(f"{sensor} does not answer") from error
        return Outcome(res={key: told[key] for key in ("sensor", "t", "readings", "error")})

    async def _collect_stop(self, command: Command) -> Outcome:
        sensor, until = self._known_sensor(command), command.args.get("until")
        left_s = None if until is None else (until - self._station.clock.now().wall_ms) / 1000
        if left_s is not None and left_s <= 0:
            raise Unfit("until is over")
        asked = {"do": "stop", "sensor": sensor, "who": command.iss, "why": command.args["reason"]}
        await self._ask("collect", asked | {"seconds": left_s})
        return Outcome(res={"sensor": sensor, "state": "stopped"})

    async def _collect_start(self, command: Command) -> Outcome:
        sensor = self._known_sensor(command)
        await self._ask("collect", {"do": "start", "sensor": sensor, "who": command.iss})
        return Outcome(res={"sensor": sensor, "state": "collecting"})

    async def _interval(self, command: Command) -> Outcome:
        name, every_s = self._known_sensor(command), command.args["every_s"]
        sensor = next(one for one in self._station.config().sensors if one.id == name)
        shortest_s = max(sensor.model.shortest_every_s, sensor.burst_s or 0.0)
        longest_s = min(LONGEST_EVERY_S, sensor.event.longest_every_s if sensor.event else LONGEST_EVERY_S)
        if every_s is not None and not shortest_s <= every_s <= longest_s:
            raise Unfit(f"every_s must be {shortest_s:g} to {longest_s:g}")
        await self._station.pace(name, every_s)
        running = next(one for one in self._station.config().sensors if one.id == name)
        return Outcome(res={"sensor": name, "every_s": running.every_s})

    async def _maintenance(self, command: Command) -> Outcome:
        minutes, why = command.args["minutes"], command.args.get("reason", "")
        asked = {"do": "on", "minutes": minutes, "why": why} if minutes else {"do": "off"}
        sensor = self._known_sensor(command) if "sensor" in command.args else None
        told = await self._ask("maintenance", asked | {"sensor": sensor, "who": command.iss})
        return Outcome(res={"windows": told["windows"]})

    async def _replay(self, command: Command) -> Outcome:
        ep, first, last = (command.args[name] for name in ("ep", "from", "to"))
        if not 1 <= first <= last:
            raise Unfit("from must be at least 1 and not above to")
        kept = (await self._station.store.kept(ep)).within(first, last)
        if not kept:
            raise Unfit("none of these delivered rows is kept any more")
        self._connected().replay(ep, Ranges.of(kept))
        return Outcome(res={"ep": ep, "rows": kept.count, "n": [list(span) for span in kept.spans[:64]]})

    async def _manifest(self, _command: Command) -> Outcome:
        return Outcome(res={"m": self._connected().publish_manifest()})

    async def _catalog(self, command: Command) -> Outcome:
        k = await self._connected().publish_catalog(command.args.get("k", ""))
        if k is None:
            raise Unfit("there is no such catalog here")
        return Outcome(res={"k": k})

    async def _config_apply(self, command: Command) -> Outcome:
        """``text``: a part of a configuration, laid over the files, on trial until ``do`` says "confirm"."""
        text, do, station = command.args.get("text"), command.args.get("do", "try"), self._station
        if (do == "try") != (text is not None) or do not in ("try", "confirm", "rollback"):
            raise Unfit('text, or do = "confirm" or "rollback"')
        try:
            if text is not None:
                seconds = float(command.args.get("confirm_s", CONFIRM_S))
                await station.configured.try_part(text, seconds, _permitted, station.change_to)
            else:
                await station.configured.ask({"do": do}, station.change_to)
        except (NoTrial, ConfigFaults) as error:
            raise Unfit(error.what) from error
        told = station.configured.told()
        return Outcome(res={"source": told["source"], "left_s": told["left_s"]})

    async def _restart(self, _command: Command) -> Outcome:
        return Outcome(res={"state": "restarting"}, after=lambda: os.kill(os.getpid(), signal.SIGTERM))

    # --- the parts of it ---

    async def _ask(self, op: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._station.asks[op](request)
        except AskedWrongly as error:
            raise Unfit(error.what) from error

    def _known_sensor(self, command: Command) -> str:
        sensor = str(command.args["sensor"])
        if all(one.id != sensor for one in self._station.config().sensors):
            raise Unfit("there is no such sensor here")
        return sensor

    def _connected(self) -> Uplink:
        uplink = self._station.uplink()
        if uplink is None:
            raise KagaError("no connection")
        return uplink


def _permitted(old: Config, new: Config) -> None:
    """Raise Unfit where something was changed that the city may not change."""
    changed = forbidden(old, new)
    if changed:
        raise Unfit(f"{changed} may not be changed by a command")
