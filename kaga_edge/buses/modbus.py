"""Modbus RTU through minimalmodbus: several devices on one RS-485 line, each answer within 0.3 s."""

from __future__ import annotations

import minimalmodbus

from kaga_edge.buses.serial_port import PORT_ERRORS, Port, lost, open_port, unlock
from kaga_edge.buses.spec import BusSpec
from kaga_edge.buses.wire import Asking, Wire
from kaga_edge.buses.worker import Job
from kaga_edge.vocabulary.errors import BusError, BusFault, SensorRefused, SensorSilent
from kaga_edge.vocabulary.requests import ModbusRead, Reply, Request

DEADLINE_S = 0.3
# A damaged answer is asked for once more. The pause lets a late answer of another device pass: it is
# thrown away with the input buffer before the next request.
TRIES = 2
BETWEEN_TRIES_S = 0.03

CHECK_DEVICE = "check the device's power, its unit number and the A/B wires"
CHECK_BUSY = "nothing to do if it passes; a device that stays busy is asked too often: raise every"
CHECK_LINE = "check termination, A/B polarity and that no two devices have one unit number"
CHECK_REGISTERS = "check that the configured driver fits this device and its firmware"
NO_SUCH_REGISTER = 2
BUSY = (5, 6)  # exceptions "acknowledged, still at it" and "busy": the device asks to be asked again


class ModbusWire(Wire[Job | None]):
    """One RS-485 line."""

    deadline_s = DEADLINE_S
    tries = TRIES
    between_tries_s = BETWEEN_TRIES_S

    def __init__(self, spec: BusSpec) -> None:
        if spec.port is None or spec.line is None:
            raise ValueError(f"{spec.name}: no port or line settings")
        self._path = spec.port
        self._line = spec.line
        self._port: Port | None = None
        self._units: dict[int, minimalmodbus.Instrument] = {}

    def open(self) -> None:
        """Open the port unless it is open. Raises BusMissing."""
        if self._port is None:
            self._port = open_port(self._path, self._line, timeout_s=DEADLINE_S)

    def close(self) -> None:
        """Close the port."""
        port, self._port = self._port, None
        self._units.clear()
        if port is not None:
            port.close()

    def release(self) -> None:
        """Let another worker open the port."""
        if self._port is not None:
            unlock(self._port)

    def carry(self, request: Request, asking: Asking) -> Reply:
        """Read registers and return them. Raises SensorSilent, SensorRefused, BusFault."""
        sensor = asking.sensor
        if not isinstance(request, ModbusRead) or sensor.address is None:
            raise TypeError(f"{sensor.id}: {request} on Modbus, unit {sensor.address}")
        self.open()
        assert self._port is not None
        where = f"{self._path} {sensor.id} unit {sensor.address}"
        self._port.seen = b""
        self._port.expects = (sensor.address, request.function, 2 * request.count & 0xFF)
        try:
            self._port.timeout = max(0.0, asking.budget_s)
            registers = self._unit(sensor.address).read_registers(
                request.address, request.count, functioncode=request.function
            )
        except minimalmodbus.ModbusException as error:
            code = _exception(self._port.seen, sensor.address)
            raise _failed(error, code, where) from error
        except PORT_ERRORS as error:
            raise lost(self._path, error) from error
        self._port.seen = b""
        return tuple(registers)

    def residue(self) -> bytes:
        """Return the bytes of an answer that was no good."""
        return self._port.seen if self._port is not None else b""

    def _unit(self, address: int) -> minimalmodbus.Instrument:
        unit = self._units.get(address)
        if unit is None:
            unit = self._units[address] = minimalmodbus.Instrument(self._port, address)
        return unit


def _failed(error: minimalmodbus.ModbusException, code: int | None, where: str) -> BusError:
    """Return what an exchange that failed means. ``code``: of the exception it ended with."""
    if code in BUSY:
        return SensorSilent("the device is busy", where=where, fix=CHECK_BUSY)
    if isinstance(error, minimalmodbus.SlaveReportedException):
        return SensorRefused(str(error), where=where, fix=CHECK_REGISTERS)
    if code == NO_SUCH_REGISTER:  # by a firmware that counts the check value of a refusal wrongly
        return SensorRefused("Slave reported illegal data address", where=where, fix=CHECK_REGISTERS)
    if isinstance(error, minimalmodbus.NoResponseError):
        return SensorSilent(f"no answer within {DEADLINE_S:g} s", where=where, fix=CHECK_DEVICE)
    return BusFault(f"damaged answer: {error}", where=where, fix=CHECK_LINE)


def _exception(seen: bytes, unit: int) -> int | None:
    """Return the code of an exception that ends what was seen, its check value right or not."""
    end = seen[-5:]
    return end[2] if len(end) == 5 and end[0] == unit and end[1] & 0x80 else None
