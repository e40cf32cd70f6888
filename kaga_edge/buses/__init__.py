"""Carry a driver's dialogue over a wire: one thread owns each bus, one deadline bounds each transfer.

``bus`` decides in the loop's thread who is asked and when; ``worker`` is the thread; ``dialogue`` drives
a driver's generator; ``standing`` is one sensor's record of failures; ``i2c``, ``uart``, ``modbus`` and
``gpio`` are the wires, each loaded only when a sensor needs it.
"""

from kaga_edge.buses.bus import Bus
from kaga_edge.buses.spec import (
    BusGivenUp,
    BusHealth,
    BusSensor,
    BusSpec,
    I2cPort,
    Polled,
    SensorHealth,
    Wires,
)

__all__ = [
    "Bus",
    "BusSpec",
    "BusSensor",
    "Wires",
    "I2cPort",
    "Polled",
    "BusHealth",
    "SensorHealth",
    "BusGivenUp",
]
