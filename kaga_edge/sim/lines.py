"""The GPIO lines of the site: every edge of the world, driven at its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.world import World

LOOK_AHEAD_S = 0.25  # how far the thread asks the world for edges at a time
OnEdge = Callable[[int, bool, int], None]  # gpio, high, at_ns


class Story(Protocol):
    """Where the story stands against CLOCK_MONOTONIC; ``speed``: story seconds in a real one."""

    speed: float

    def story_s(self) -> float:
        """Return where in the story we are."""

    def monotonic_ns(self, story_s: float) -> int:
        """Return CLOCK_MONOTONIC at a time of the story."""


class Lines:
    """The GPIO lines: drives every edge of the world at its time and remembers the levels."""

    def __init__(self, fittings: Sequence[Fitting], world: World, story: Story) -> None:
        self._fittings = [f for f in fittings if f.gpio is not None]
        self._fittings += [_second(f) for f in self._fittings if f.second_line]
        self._world, self._story = world, story
        self._lock = threading.Lock()
        self._levels: dict[int, tuple[bool, int]] = {}
        self._listeners: list[OnEdge] = []
        self._over = threading.Event()
        self._ends_s = 0.0
        self._thread = threading.Thread(target=self._drive, name="lines", daemon=True)

    def start(self) -> None:
        """Set the levels of this moment and begin."""
        for fitting in self._fittings:
            active = self._world.active(fitting.line, self._story.story_s())
            self._set(fitting, active, time.monotonic_ns())
        self._thread.start()

    def stop(self) -> float:
        """End the thread; return where in the story: every edge up to there was driven, and none after."""
        with self._lock:
            if not self._over.is_set():
                self._ends_s = self._story.story_s()
                self._over.set()
        if self._thread.is_alive():
            self._thread.join(5)
        return self._ends_s

    def listen(self, on_levels: Callable[[dict[int, tuple[bool, int]]], None], on_edge: OnEdge) -> None:
        """Call ``on_levels`` once and ``on_edge`` for every edge after that; none is missed between."""
        with self._lock:
            on_levels(dict(self._levels))
            self._listeners.append(on_edge)

    def forget(self, on_edge: OnEdge) -> None:
        """Stop calling."""
        with self._lock:
            if on_edge in self._listeners:
                self._listeners.remove(on_edge)

    def _drive(self) -> None:
        since_s = self._story.story_s()
        while not self._ended(since_s):
            until_s = since_s + LOOK_AHEAD_S * self._story.speed
            found = [(e, f) for f in self._fittings for e in self._world.edges(f.line, since_s, until_s)]
            for edge, fitting in sorted(found, key=lambda pair: pair[0].at_s):
                at_ns = self._story.monotonic_ns(edge.at_s)
                self._over.wait(max(0.0, (at_ns - time.monotonic_ns()) / 1e9))
                if self._ended(edge.at_s):
                    return
                self._set(fitting, edge.active, at_ns)
            since_s = until_s
            self._over.wait(max(0.0, (self._story.monotonic_ns(until_s) - time.monotonic_ns()) / 1e9))

    def _ended(self, story_s: float) -> bool:
        """Tell whether the end came before ``story_s``: what is overdue on a busy machine is driven first."""
        return self._over.is_set() and story_s > self._ends_s

    def _set(self, fitting: Fitting, active: bool, at_ns: int) -> None:
        assert fitting.gpio is not None
        high = active != fitting.active_low
        with self._lock:
            self._levels[fitting.gpio] = (high, at_ns)
            for on_edge in list(self._listeners):
                on_edge(fitting.gpio, high, at_ns)


def _second(fitting: Fitting) -> Fitting:
    """Return the second line of a pair as a fitting of its own."""
    gpio = fitting.options["gpio_second"]
    assert isinstance(gpio, int)
    return replace(fitting, gpio=gpio, line=fitting.second_line, second_line="")
