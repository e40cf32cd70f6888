"""The configured sensors as a list shows them: driver, interval, where each hangs, its channels."""

from __future__ import annotations

from typing import Any

from kaga_edge.config.values import (
    GpioLines,
    HostItself,
    I2cAddress,
    ModbusAddress,
    OnewireDevice,
    SensorConfig,
    SerialPort,
)


def sensor_facts(sensor: SensorConfig) -> dict[str, Any]:
    """Return one configured sensor as JSON shows it."""
    return {
        "id": sensor.id,
        "driver": sensor.driver,
        "every_s": sensor.every_s,
        "where": attachment_words(sensor),
        "channels": list(sensor.limits),
    }


def attachment_words(sensor: SensorConfig) -> str:
    """Return where a sensor hangs, in the words of the configuration."""
    match sensor.bus:
        case I2cAddress(bus=bus, address=address):
            return f"i2c-{bus} 0x{address:02X}"
        case SerialPort(port=port):
            return port
        case ModbusAddress(port=port, unit=unit):
            return f"{port} modbus {unit}"
        case OnewireDevice(device=device):
            return f"1-wire {device}"
        case HostItself():
            return "host"
        case GpioLines():
            pins = sensor.driver_class(sensor.options).pins()
            return "gpio " + ", ".join(str(pin.gpio) for pin in pins)
