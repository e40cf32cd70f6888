"""Many frames of a free-running instrument into one value: its median, its spread, how many were valid.

Waves, falling snow and stray echoes move single frames by centimetres. Over ten seconds or more the
median stands still; the spread (1.4826 x MAD, which is the standard deviation where the noise is normal)
says how rough the surface was. Invalid frames are left out; with fewer than half of them valid the
value is flagged, not withheld.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import cast

from kaga_edge.vocabulary.drivers import Split, UartDriver
from kaga_edge.vocabulary.errors import DecodeError
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import Dialogue, Frame, UartFrames

MAD_TO_SIGMA = 1.4826
LONGEST_S = 60.0
FRAMES_A_SECOND = 100  # the fastest instrument (a TF laser from the factory)
ADDED = (Quantity.SURFACE_DISTANCE_SPREAD_M, Quantity.BURST_VALID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """``value`` and ``spread`` of the valid ones among ``total``. ``trusted``: at least half were valid."""

    value: float
    spread: float
    valid: int
    total: int

    @property
    def trusted(self) -> bool:
        """Whether at least half were valid."""
        return 2 * self.valid >= self.total


def summarise(values: list[float], total: int, share: float = 0.5) -> Summary:
    """Return the burst's summary; ``share`` 0.75 gives the upper quartile instead of the median.

    ``values`` are the valid ones of ``total``; there must be at least one.
    """
    middle = median(values)
    spread = MAD_TO_SIGMA * median([abs(value - middle) for value in values])
    chosen = middle if share == 0.5 else sorted(values)[max(0, ceil(share * len(values)) - 1)]
    return Summary(value=chosen, spread=spread, valid=len(values), total=total)


def median(values: list[float]) -> float:
    """Return the middle value, of an even number the mean of the two (``statistics`` weighs a megabyte)."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


class Burst:
    """A serial driver whose value is that of all its frames in ``span_s`` seconds before the due time.

    A driver with a ``burst_share`` of its own (lasers, where falling snow gives near echoes) has its
    distance taken there instead of in the middle.
    """

    def __init__(self, driver: UartDriver, span_s: float) -> None:
        self._driver = driver
        self._span_s = span_s
        self._share = cast(float, getattr(driver, "burst_share", 0.5))
        self.quantities: tuple[Quantity, ...] = (*driver.quantities, *ADDED)

    @property
    def frames_kept(self) -> int:
        """How many frames the bus must be able to hold for one burst."""
        return ceil(self._span_s * FRAMES_A_SECOND)

    def identify(self) -> Dialogue[None]:
        """Check as the driver does."""
        return self._driver.identify()

    def split(self, buffer: bytes) -> Split:
        """Cut as the driver does."""
        return self._driver.split(buffer)

    def decode(self, frame: bytes) -> tuple[Measurement, ...]:
        """Decode one frame, a burst of one."""
        return self._of([self._driver.decode(frame)], 1)

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Return the burst's value. Raises the last frame's DecodeError when none is valid."""
        asked = next(self._driver.measure())  # its own patience for a first frame, our window
        assert isinstance(asked, UartFrames)
        frames = yield replace(asked, window_s=self._span_s, silence_is_good=False)
        assert isinstance(frames, tuple)
        good: list[tuple[Measurement, ...]] = []
        last_error: DecodeError | None = None
        for frame in frames:
            assert isinstance(frame, Frame)
            try:
                good.append(self._driver.decode(frame.data))
            except DecodeError as error:
                last_error = error
        if last_error is not None and not good:
            raise last_error
        return self._of(good, len(frames))

    def _of(self, good: list[tuple[Measurement, ...]], total: int) -> tuple[Measurement, ...]:
        measured: list[Measurement] = []
        spread: float | None = None
        valid = 0
        for of_one in zip(*good, strict=True):
            quantity, values = of_one[0].quantity, [m.value for m in of_one if m.value is not None]
            flags = _common_flags(of_one)
            if not values:
                measured.append(Measurement(quantity=quantity, value=None, flags=flags | Flag.MISSING))
                continue
            is_distance = quantity is Quantity.SURFACE_DISTANCE_M
            found = summarise(values, total, self._share if is_distance else 0.5)
            flags |= Flag.GOOD if found.trusted else Flag.LOW_QUALITY
            measured.append(Measurement(quantity=quantity, value=found.value, flags=flags))
            if is_distance:
                spread, valid = found.spread, found.valid
        missing = Flag.GOOD if spread is not None else Flag.MISSING
        return (
            *measured,
            Measurement(quantity=Quantity.SURFACE_DISTANCE_SPREAD_M, value=spread, flags=missing),
            Measurement(quantity=Quantity.BURST_VALID, value=float(valid)),
        )


def _common_flags(of_one: tuple[Measurement, ...]) -> Flag:
    """Return the flags that more than half of the frames carry."""
    shared = Flag.GOOD
    for flag in Flag:
        if 2 * sum(flag in m.flags for m in of_one) > len(of_one):
            shared |= flag
    return shared
