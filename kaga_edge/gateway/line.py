"""The line to the platform: the uplink that runs, with the city's commands that come over it.

A password that is not there is no reason not to measure: then there is no uplink, the status says why, and
housekeeping looks again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kaga_edge import __version__
from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.gateway import plans
from kaga_edge.gateway.present import Present
from kaga_edge.link import MQTT_OLD
from kaga_edge.station import journal
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Store
from kaga_edge.uplink import LinkHealth, Uplink, UplinkSettings
from kaga_edge.vocabulary.errors import KagaError

if TYPE_CHECKING:
    from kaga_edge.uplink.commands import Commands


class Line:
    """``health`` returns the body of a health message, ``commands`` makes what takes the city's commands."""

    def __init__(
        self,
        present: Present,
        *,
        group: asyncio.TaskGroup,
        store: Store,
        clock: SystemClock,
        health: Callable[[], dict[str, Any]],
        commands: Callable[[], Commands],
    ) -> None:
        self._present, self._group, self._store, self._clock = present, group, store, clock
        self._health, self._make_commands = health, commands
        self.uplink: Uplink | None = None
        self.fault: KagaError | None = None  # why there is none although the site has a platform
        self._settings: UplinkSettings | None = None
        self._task: asyncio.Task[None] | None = None
        self._commands: Commands | None = None
        self._commands_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send, where the configuration wants it and has all that it takes."""
        settings = self._settings = self._wanted()
        if settings is None:
            return
        self._start_commands()
        self.uplink = Uplink(
            settings,
            store=self._store,
            clock=self._clock,
            birth_facts=self._birth_facts,
            manifest=lambda: self._present.manifest,
            health=self._health,
            health_delivered=self._health_delivered,
            on_command=self._commands.take if self._commands is not None else None,
        )
        self._task = self._group.create_task(self.uplink.run(), name="uplink")
        self._present.events.apply()

    def changed(self) -> bool:
        """Say whether the configuration wants another uplink than it wanted at the last start."""
        return self._wanted() != self._settings

    async def stop(self) -> None:
        """Say good-bye and end."""
        if self.uplink is not None and self._task is not None:
            await self.uplink.close()
            self._task.cancel()
            self.uplink = self._task = None

    def abandon(self) -> None:
        """End what ``stop`` could not end in time."""
        if self._task is not None:
            self._task.cancel()

    def stop_commands(self) -> None:
        """Take no more commands; the next start takes them by the configuration of then."""
        if self._commands_task is not None:
            self._commands_task.cancel()
        self._commands = self._commands_task = None

    # --- what others ask of it, whether it runs or not ---

    def snapshot(self) -> LinkHealth | None:
        """Return how it stands; None: there is none."""
        return self.uplink.snapshot() if self.uplink is not None else None

    def left(self) -> Mapping[str, Ranges] | None:
        """Return by epoch the rows that may have left; None while that is not known yet."""
        return self.uplink.left() if self.uplink is not None else {}

    def try_now(self) -> None:
        """Try to connect, if it waits to."""
        if self.uplink is not None:
            self.uplink.try_now()

    def batch_every(self, seconds: float) -> None:
        """Send batches so often from now on."""
        if self.uplink is not None:
            self.uplink.batch_every(seconds)

    # --- what it is made with ---

    def _wanted(self) -> UplinkSettings | None:
        before = self.fault
        try:
            settings = plans.uplink_settings(self._present.config)
        except KagaError as fault:
            self.fault = fault
            if before is None:
                journal.error(
                    "link.unset", code=fault.code, error=fault.what, where=fault.where, fix=fault.fix
                )
            return None
        self.fault = None
        return settings

    def _start_commands(self) -> None:
        if self._present.config.commands is not None and self._commands is None:
            self._commands = self._make_commands()
            self._commands_task = self._group.create_task(self._commands.run(), name="commands")

    def _birth_facts(self) -> dict[str, Any]:
        k, manifest = self._present.told
        facts = {"sw": __version__, "k": k, "m": message.digest(manifest)}
        old = self._settings is not None and self._settings.mqtt == MQTT_OLD
        return facts | {"mqtt": MQTT_OLD} if old else facts  # what is said to be confirmed is not certain

    def _health_delivered(self, body: dict[str, Any]) -> None:
        """Let go of the ledger lines that the platform now has."""
        told = [int(line["id"]) for line in body["led"]]
        if told:
            self._group.create_task(self._forget_told(max(told)), name="ledger")

    async def _forget_told(self, upto: int) -> None:
        with contextlib.suppress(KagaError):  # a sick disk: the next health message carries them again
            await self._store.ledger_reported(upto)
