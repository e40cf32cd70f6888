"""Many readings of one instrument into one value: its median, its spread, how many were valid.

A serial instrument talks by itself (``Burst``: its frames); one on I2C or Modbus is asked once a second in
the last seconds before its due time (``Repeated``; the asking is the bus's).

Waves, falling snow and stray echoes move single frames by centimetres. Over ten seconds or more the
median stands still; the spread (1.4826 x MAD, which is the standard deviation where the noise is normal)
says how rough the surface was. Invalid frames are left out; with fewer than half of them valid the
value is flagged, not withheld.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import cast

from kaga_edge.vocabulary.drivers import Driver, Split, UartDriver
from kaga_edge.vocabulary.errors import DecodeError, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import Dialogue, Frame, Reply, UartFrames

MAD_TO_SIGMA = 1.4826
LONGEST_S = 60.0
FRAMES_A_SECOND = 100  # the fastest instrument (a TF laser from the factory)
FEWEST = 9  # readings of a burst that is asked for
SPACING_S = 1.0  # between two of them
SPREADS = {
    Quantity.WATER_LEVEL_M: Quantity.WATER_LEVEL_SPREAD_M,
    Quantity.WATER_DEPTH_M: Quantity.WATER_DEPTH_SPREAD_M,
    Quantity.SNOW_DEPTH_M: Quantity.SNOW_DEPTH_SPREAD_M,
    Quantity.SURFACE_DISTANCE_M: Quantity.SURFACE_DISTANCE_SPREAD_M,
    Quantity.WATER_PRESSURE_HPA: Quantity.WATER_PRESSURE_SPREAD_HPA,
    Quantity.GAUGE_PRESSURE_HPA: Quantity.GAUGE_PRESSURE_SPREAD_HPA,
}


def added(quantities: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
    """Return the channels a burst adds; none where nothing goes up and down with the waves."""
    spread = next((SPREADS[one] for one in quantities if one in SPREADS), None)
    return () if spread is None else (spread, Quantity.BURST_VALID)


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
        self.quantities: tuple[Quantity, ...] = (*driver.quantities, *added(driver.quantities))

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
        return summed_up([self._driver.decode(frame)], 1, self._share)

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
        return summed_up(good, len(frames), self._share)


def newest_good(decode: Callable[[bytes], tuple[Measurement, ...]], frames: Reply) -> tuple[Measurement, ...]:
    """Return what the newest frame with a value says: one lost echo among several is no lost sample.

    Flagged when the newest had none, nor had most of the others. Raises the newest frame's DecodeError when
    none has one.
    """
    assert isinstance(frames, tuple)
    good: list[tuple[Measurement, ...]] = []
    bad: list[DecodeError] = []
    for frame in reversed(frames):
        assert isinstance(frame, Frame)
        try:
            good.append(decode(frame.data))
        except DecodeError as error:
            bad.append(error)
        if not bad:  # as nearly always
            return good[0]
    if not good:
        raise bad[0]
    echoless = sum(isinstance(error, ValueImpossible) for error in bad)
    flags = Flag.LOW_QUALITY if echoless > len(good) else Flag.GOOD
    return tuple(replace(one, flags=one.flags | flags) for one in good[0])


class Repeated:
    """A driver that is asked several times; ``combine`` makes one value of what it said."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.quantities: tuple[Quantity, ...] = (*driver.quantities, *added(driver.quantities))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the driver finds worth a look."""
        found: tuple[str, ...] = getattr(self._driver, "remarks", ())
        return found

    def identify(self) -> Dialogue[None]:
        """Check as the driver does."""
        return self._driver.identify()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Ask once: what the driver says, without the channels of a burst."""
        return self._driver.measure()

    def combine(self, said: list[tuple[Measurement, ...]], total: int) -> tuple[Measurement, ...]:
        """Return one measurement per quantity from the good ones of ``total`` readings; at least one."""
        return summed_up(said, total)


def summed_up(good: list[tuple[Measurement, ...]], total: int, share: float = 0.5) -> tuple[Measurement, ...]:
    """Return the middle of every quantity, and spread and count of the one that matters.

    ``share``: where in a burst a distance is taken. Fewer than half of ``total`` valid: flagged.
    """
    measured: list[Measurement] = []
    spread, valid, of = None, 0, added(tuple(one.quantity for one in good[0]))
    for of_one in zip(*good, strict=True):
        quantity, values = of_one[0].quantity, [m.value for m in of_one if m.value is not None]
        flags = _common_flags(of_one)
        if not values:
            measured.append(Measurement(quantity=quantity, value=None, flags=flags | Flag.MISSING))
            continue
        found = summarise(values, total, share if quantity is Quantity.SURFACE_DISTANCE_M else 0.5)
        flags |= Flag.GOOD if found.trusted else Flag.LOW_QUALITY
        measured.append(Measurement(quantity=quantity, value=found.value, flags=flags))
        if SPREADS.get(quantity) is of[0]:
            spread, valid = found.spread, found.valid
    missing = Flag.GOOD if spread is not None else Flag.MISSING
    return (
        *measured,
        Measurement(quantity=of[0], value=spread, flags=missing),
        Measurement(quantity=Quantity.BURST_VALID, value=float(valid)),
    )


def _common_flags(of_one: tuple[Measurement, ...]) -> Flag:
    """Return the flags that more than half of the frames carry."""
    shared = Flag.GOOD
    for flag in Flag:
        if 2 * sum(flag in m.flags for m in of_one) > len(of_one):
            shared |= flag
    return shared
