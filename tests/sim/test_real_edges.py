"""Two hours of a real detector's edges, through mock pins, the GPIO wire and the driver."""

import time

import pytest

from kaga_edge.buses.gpio import GpioWire
from kaga_edge.buses.spec import BusSensor, BusSpec
from kaga_edge.buses.wire import Asking, DueTime
from kaga_edge.sim import replay
from kaga_edge.sim.pins import TimedPins
from kaga_edge.vocabulary.readings import ClockTrust, Moment
from kaga_edge.vocabulary.requests import BusKind, TakeEdges

GPIO = 22
MINUTE_NS = 60_000_000_000


class SetClock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.ns = time.monotonic_ns()

    def now(self) -> Moment:
        return Moment(wall_ms=self.ns // 1_000_000, up_ms=0, boot="test", trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        return self.ns


@pytest.mark.parametrize(("detector", "vehicles"), [("18", 1371), ("20", 978), ("46", 694)])
def test_every_real_vehicle_is_counted_minute_by_minute(real_series, driver, values, detector, vehicles):
    series = replay.read(real_series("traffic_atspm_1136_edges_2024-04-15.csv"))
    clock, pins, counter = SetClock(), TimedPins(), driver("vehicle", gpio=GPIO)
    pins.drive(GPIO, high=True, at_ns=clock.ns)
    sensor = BusSensor(id="road", driver=counter, every_s=60.0)
    wire = GpioWire(BusSpec(kind=BusKind.GPIO, name="gpio", sensors=(sensor,)), lambda: pins, clock)
    wire.open()
    began_ns, counted, occupied = clock.ns, 0.0, 0.0
    for minute in range(1, 122):
        until_s = minute * 60.0
        for edge in series.edges(detector, until_s - 60.0 if minute > 1 else -1.0, until_s):
            clock.ns = began_ns + round(edge.at_s * 1e9) + 1
            pins.drive(GPIO, high=not edge.active, at_ns=clock.ns)
        due = DueTime(wall_ms=0, up_ns=began_ns + minute * MINUTE_NS)
        clock.ns = due.up_ns + 50_000_000
        dialogue = counter.measure()
        assert next(dialogue) == TakeEdges()
        with pytest.raises(StopIteration) as end:
            dialogue.send(wire.carry(TakeEdges(), Asking(sensor=sensor, due=due, budget_s=1.0)))
        wire.settled(sensor, good=True)
        read = values(end.value.value)
        counted += read["vehicle_count"]
        occupied += read["occupancy"] * 60
    assert counted == vehicles
    assert wire.lost_edges("road") == 0
    edges = series.lines[detector]
    on_s = sum(off.at_s - on.at_s for on, off in zip(edges[::2], edges[1::2], strict=True))
    assert occupied == pytest.approx(on_s, abs=0.5)
