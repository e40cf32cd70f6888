"""The demo: a station, a line and a platform on one machine, and a story told with them.

Everything is the real thing but the weather, the wires and the broker: the daemon runs unchanged as its
own process, the receiver keeps the contract and gives the count at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from kaga_edge.link.ending import end
from kaga_edge.sim import demo_site
from kaga_edge.sim.aftermath import aftermath
from kaga_edge.sim.broker import EmbeddedBroker
from kaga_edge.sim.demo_roles import MakePlatform, News, Outcome
from kaga_edge.sim.demo_view import Picture, View, values_of
from kaga_edge.sim.demo_words import words
from kaga_edge.sim.ears import Ears
from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.line import Line
from kaga_edge.sim.running import DaemonProcess
from kaga_edge.sim.scenarios import demo as demo_story
from kaga_edge.sim.site import SimulatedSite
from kaga_edge.sim.slots import Fault
from kaga_edge.sim.toll import Toll, toll_of
from kaga_edge.vocabulary.errors import KagaError

SHORTEST_S = 20.0  # below this the acts run into each other
LOOK_EVERY_S = 0.5
DRAIN_S = 20.0  # the longest wait for what waits to leave
STOP_S = 10.0
START_S = 1.5  # about what the daemon and the rest need before the story can begin
KILL_AFTER_DUE_S = 0.3
PULLED = "snow-1"

# When each act begins, as a share of the whole.
ACTS = (
    (0.00, "normal"),
    (0.13, "rise"),
    (0.33, "cut"),
    (0.53, "restore"),
    (0.66, "pull"),
    (0.75, "replug"),
    (0.84, "kill"),
)


@dataclass(slots=True, kw_only=True)
class Marks:
    """What must be remembered between the acts. Times are CLOCK_MONOTONIC."""

    began_s: float = 0.0
    restored_s: float | None = None
    owed: int = 0  # highest number on disk when the line came back
    drained: bool = False
    told: set[str] = field(default_factory=set)
    missing: frozenset[str] = frozenset()


class Demo:
    """One run. ``folder`` holds every file it makes."""

    def __init__(
        self, folder: Path, *, seconds: float, view: View, lang: str, platform: MakePlatform
    ) -> None:
        self._folder, self._total_s, self._view, self._lang = folder, max(seconds, SHORTEST_S), view, lang
        self._fittings = demo_site.fittings()
        story = demo_story(length_s=self._total_s)
        self._site = SimulatedSite(folder, self._fittings, story, begins_s=-START_S)
        self._broker = EmbeddedBroker(folder)
        self._line = Line(self._broker.port)
        self._ears = Ears(self._broker.port, demo_site.GATEWAY)
        self._receiver = platform(self._broker.port, folder / "receiver.sqlite", self._on_news)
        self._config = folder / "kaga-edge.toml"
        self._daemon = DaemonProcess(
            site=self._site.socket, config=self._config, runtime=folder / "run", log=folder / "daemon.log"
        )
        self._alarms: dict[str, str] = {}
        self._state = "unknown"
        self._marks = Marks()
        self._picture: Picture | None = None
        self._act = "act.normal"

    async def run(self) -> Outcome:
        """Tell the story and count. Raises KagaError when the daemon does not start or ends unasked."""
        async with self._stage():
            self._marks.began_s = time.monotonic()
            looking = asyncio.create_task(self._keep_looking(), name="demo view")
            try:
                for share, act in ACTS:
                    await self._until(share * self._total_s)
                    await self._begin(act)
                await self._until(self._total_s)
                exit_code = await self._finish()
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
            return await self._reckon(exit_code)

    # --- the stage ---

    @contextlib.asynccontextmanager
    async def _stage(self) -> AsyncIterator[None]:
        """Set everything up, and take everything down in reverse whatever happens."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._broker.stop)
            await self._broker.start()
            stack.push_async_callback(self._line.stop)
            await self._line.start()
            stack.callback(self._site.stop)
            self._site.start()
            await self._listen(stack)
            self._write_config(self._fittings)
            (self._folder / "run").mkdir(exist_ok=True)
            stack.callback(self._daemon.sweep)
            await self._start_daemon()
            yield

    async def _listen(self, stack: contextlib.AsyncExitStack) -> None:
        """Have the receiver and the ears listen before the station says its first word."""
        tasks = [asyncio.create_task(one.run()) for one in (self._ears, self._receiver)]

        stack.push_async_callback(end, *tasks)
        await self._ears.listening.wait()
        await self._receiver.until(lambda receiver: receiver.connected)

    def _write_config(self, fittings: tuple[Fitting, ...]) -> None:
        self._config.write_text(demo_site.config_text(self._folder, self._line.port, fittings))

    async def _start_daemon(self) -> None:
        began_s = time.monotonic()
        await self._daemon.start()
        if not await self._daemon.until_ready():
            raise KagaError(f"{words('failed.start', self._lang)}\n{self._daemon.last_words()}")
        self._say("gateway.ready", seconds=f"{time.monotonic() - began_s:.1f}")

    # --- the acts ---

    async def _begin(self, act: str) -> None:
        self._act = f"act.{act}"
        self._view.event(self._elapsed_s(), words(self._act, self._lang), self._picture)
        match act:
            case "cut":
                await self._line.cut()
            case "restore":
                status = await self._daemon.status()
                self._marks.owed = status["store"]["numbered"] if status else 0
                await self._line.restore()
                self._marks.restored_s = time.monotonic()
            case "pull":
                self._site.turn(PULLED, Fault.UNPLUGGED)
            case "replug":
                self._site.turn(PULLED, Fault.NONE)
            case "kill":
                # Between a measurement and its commit, so that the count at the end has something to say.
                await asyncio.sleep(KILL_AFTER_DUE_S - time.time() % 1.0 + 1.0)
                await self._daemon.kill()
                await self._start_daemon()

    async def _finish(self) -> int:
        """Let the station rest, let what waits leave, stop the daemon. Returns its exit code."""
        self._act = "act.finish"
        self._view.event(self._elapsed_s(), words(self._act, self._lang), self._picture)
        self._write_config(demo_site.resting(self._fittings))
        self._daemon.reload()
        ends_s = time.monotonic() + DRAIN_S
        while time.monotonic() < ends_s:
            status = await self._daemon.status()
            if status and len(status["sensors"]) == 1 and not status["store"]["waiting"]:
                await self._look()  # the last picture shows nothing waiting
                break
            await asyncio.sleep(0.1)
        exit_code = await self._daemon.terminate(within_s=STOP_S)
        with contextlib.suppress(TimeoutError):
            await self._receiver.until(lambda _: self._state == "stopped", timeout_s=2.0)
        self._say(f"gateway.{self._state}")
        return exit_code

    # --- the count ---

    async def _reckon(self, exit_code: int) -> Outcome:
        """Read the ledger of the stopped daemon's file and hold it against what arrived."""
        left = await aftermath(self._folder / "store.sqlite")
        expected = left.next_numbers
        with contextlib.suppress(TimeoutError):
            await self._receiver.until(lambda receiver: receiver.verify(expected).lost == 0, timeout_s=5.0)
        verdict = self._receiver.verify(expected)
        restored_s = self._marks.restored_s
        alarm_s = None if restored_s is None else self._ears.first_after(restored_s, "alert")
        committed = {sensor: [row.at_ms for row in rows] for sensor, rows in left.rows.items()}
        return Outcome(
            seconds=self._elapsed_s(),
            verdict=verdict,
            waiting=min(verdict.lost, left.waiting),
            outage_s=max(verdict.longest_outage_s, self._ears.longest_silence_s()),
            alarm_delay_s=alarm_s,
            tolls=tuple(self._toll(at_ms, committed) for at_ms in self._daemon.killed_ms),
            exit_code=exit_code,
        )

    def _toll(self, killed_ms: int, committed: dict[str, list[int]]) -> Toll:
        return toll_of(
            killed_ms=killed_ms,
            committed_ms=committed,
            answered_ms={f.id: self._site.answered_ms(f.id) for f in self._fittings if f.i2c},
            every_ms={f.id: 1000 for f in self._fittings},
        )

    # --- looking and telling ---

    async def _keep_looking(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        status = await self._daemon.status()
        counts = [c for (gw, _), c in self._receiver.counts().items() if gw == demo_site.GATEWAY]
        store = status["store"] if status else {}
        before = self._picture
        self._picture = Picture(
            elapsed_s=self._elapsed_s(),
            total_s=self._total_s,
            act=self._act,
            values=values_of(status),
            line_up=self._line.up,
            state=self._state,
            numbered=store.get("numbered", before.numbered if before else 0),
            waiting=store.get("waiting", before.waiting if before else 0),
            oldest_s=store.get("oldest_wait_s"),
            arrived=sum(c.arrived for c in counts),
            alarms=tuple(self._alarms.values()),
        )
        self._tell_changes(self._picture, owing=any(c.gaps.first is not None for c in counts) or not counts)
        self._view.show(self._picture)

    def _tell_changes(self, picture: Picture, *, owing: bool) -> None:
        """Tell what changed in the numbers: sensors lost and back, the lanes after the return."""
        if picture.values is not None and self._act != "act.finish":
            missing = frozenset(v.sensor for v in picture.values if v.missing)
            for sensor in sorted(missing - self._marks.missing):
                self._say("sensor.lost", sensor=sensor)
            for sensor in sorted(self._marks.missing - missing):
                self._say("sensor.back", sensor=sensor)
            self._marks.missing = missing
        if self._marks.restored_s is None:
            return
        for leaf in ("alert", "data"):
            delay_s = self._ears.first_after(self._marks.restored_s, leaf)
            if delay_s is not None and leaf not in self._marks.told:
                self._marks.told.add(leaf)
                self._say(f"lane.{leaf}", seconds=f"{delay_s:.1f}")
        if not self._marks.drained and not owing and picture.arrived >= self._marks.owed:
            self._marks.drained = True
            self._say("lane.drained", seconds=f"{time.monotonic() - self._marks.restored_s:.1f}")

    def _on_news(self, news: News) -> None:
        """Hear of alarms and of the station's state, in the order in which the receiver stored them."""
        if news.what == "state":
            self._state = news.facts["st"]
            if self._act != "act.finish":  # the reload that lets the station rest connects anew
                self._say(f"gateway.{self._state}")
        elif news.what == "alert":
            key, state = news.facts["key"], news.facts["state"]
            text = news.facts.get(self._lang) or key
            if state == "raised":
                self._alarms[key] = text
            else:
                self._alarms.pop(key, None)
            self._say(f"alarm.{state}", text=text)

    def _say(self, code: str, **params: object) -> None:
        picture = self._picture
        if picture is not None:
            picture = replace(picture, elapsed_s=self._elapsed_s())
        self._view.event(self._elapsed_s(), words(code, self._lang, **params), picture)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._marks.began_s if self._marks.began_s else 0.0

    async def _until(self, story_s: float) -> None:
        """Wait until the story has come this far; the daemon must not end meanwhile."""
        while (left_s := story_s - self._elapsed_s()) > 0:
            if not self._daemon.alive:
                raise KagaError(f"{words('failed.died', self._lang)}\n{self._daemon.last_words()}")
            await asyncio.sleep(min(left_s, LOOK_EVERY_S))
