"""B01 to B12: buses, ports and pins."""

from __future__ import annotations

import os
import re
from typing import Any

from kaga_edge.config.values import GpioLines, I2cAddress, ModbusAddress, SensorConfig, SerialPort
from kaga_edge.station.doctor.bench import Bench, Command, Finding, failed, note, passed, skipped, unknown

HEADER_PORTS = {"/dev/serial0", "/dev/ttyAMA0", "/dev/ttyS0"}
PI_5_DEBUG_PLUG = "ttyAMA10"
EMPTY_LGPIO = "0.0.0.2"  # a shim without content, what pip falls back to


def b01(bench: Bench) -> Finding:
    """The configured I2C buses have their device."""
    buses = bench.i2c_buses()
    if not buses:
        return skipped("B01", "no I2C sensors")
    missing = [f"/dev/i2c-{bus}" for bus in buses if not bench.at(f"dev/i2c-{bus}").exists()]
    fix: tuple[Command, ...] = (("raspi-config", "nonint", "do_i2c", "0"),) if "/dev/i2c-1" in missing else ()
    return failed("B01", f"{', '.join(missing)} missing", *fix) if missing else passed("B01")


def b02(bench: Bench) -> Finding:
    """Each configured I2C address answers."""
    return _answering(bench, "B02", bench.sensors(I2cAddress))


def b03(bench: Bench) -> Finding:
    """No address twice."""
    if bench.fault_codes() & {"KE-C35", "KE-C36"}:
        return failed("B03", ", ".join(sorted(bench.fault_codes() & {"KE-C35", "KE-C36"})))
    if bench.config is None:
        return unknown("B03", "the configuration cannot be read")
    return passed("B03") if bench.i2c_buses() else skipped("B03", "no I2C sensors")


def b04(bench: Bench) -> Finding:
    """The share of failed polls of the last half to whole hour, as the running gateway counted them."""
    if not bench.i2c_buses():
        return skipped("B04", "no I2C sensors")
    ids = {one.id for one in bench.sensors(I2cAddress)}
    told = [s for s in (bench.snapshot or {}).get("sensors", ()) if s["id"] in ids and "polls" in s]
    polls = sum(one["polls"] for one in told)
    if polls < 100:
        return unknown("B04", "too few polls counted")
    share = sum(one["failed_polls"] for one in told) / polls
    seen = f"{share:.2%} of {polls} polls failed"
    return failed("B04", seen) if share > 0.01 else passed("B04", seen)


def b05(bench: Bench) -> Finding:
    """The header's UART is on, and serial0 is not the debug plug."""
    ports = [port for port in bench.ports() if port in HEADER_PORTS]
    if not ports:
        return skipped("B05", "no sensor on the header's UART")
    seen = []
    for port in ports:
        if not bench.at(port).exists():
            return failed("B05", f"{port} missing")
        real = os.path.basename(os.path.realpath(bench.at(port)))
        seen.append(f"{port} is {real}")
        if real == PI_5_DEBUG_PLUG:
            return failed("B05", seen[-1])
    return passed("B05", ", ".join(seen))


def b06(bench: Bench) -> Finding:
    """No login console on a configured UART."""
    ports = [port for port in bench.ports() if port in HEADER_PORTS]
    if not ports:
        return skipped("B06", "no sensor on the header's UART")
    kernel = bench.text("proc/cmdline") or bench.text("boot/firmware/cmdline.txt")
    if kernel is None:
        return unknown("B06", "the kernel's command line cannot be read")
    console = re.search(r"console=(serial0|ttyAMA0|ttyS0)", kernel)
    getty = list(bench.at("etc/systemd/system/getty.target.wants").glob("serial-getty@tty[AS]*"))
    if console or getty:
        seen = console.group() if console else getty[0].name
        return failed("B06", seen, ("raspi-config", "nonint", "do_serial_cons", "1"))
    return passed("B06")


def b07(bench: Bench) -> Finding:
    """No parity asked of the mini UART, which has none."""
    sensors = [
        one for one in bench.sensors(SerialPort, ModbusAddress)
        if isinstance(one.bus, SerialPort | ModbusAddress) and one.bus.line.parity != "N"
    ]  # fmt: skip
    if not sensors:
        return skipped("B07", "no sensor asks for parity")
    for one in sensors:
        assert isinstance(one.bus, SerialPort | ModbusAddress)
        if os.path.basename(os.path.realpath(bench.at(one.bus.port))) == "ttyS0" and _is_pi(bench):
            return failed("B07", f"{one.id}: {one.bus.port}")
    return passed("B07")


def b08(bench: Bench) -> Finding:
    """Serial ports are named so that they stay the same."""
    ports = bench.ports()
    if not ports:
        return skipped("B08", "no serial ports configured")
    missing = [port for port in ports if not bench.at(port).exists()]
    if missing:
        return failed("B08", f"{', '.join(missing)} missing")
    shaky = [port for port in ports if re.match(r"/dev/tty(USB|ACM)", port)]
    real = [os.path.realpath(bench.at(port)) for port in ports]
    if len(set(real)) < len(real):
        return failed("B08", "two names, one port")
    return note("B08", ", ".join(f"{p}: {_stable(bench, p)}" for p in shaky)) if shaky else passed("B08")


def b09(bench: Bench) -> Finding:
    """Bytes arrive on the free-running serial ports and make good frames."""
    return _answering(bench, "B09", bench.sensors(SerialPort))


def b10(bench: Bench) -> Finding:
    """Each Modbus unit answers."""
    return _answering(bench, "B10", bench.sensors(ModbusAddress))


def b11(bench: Bench) -> Finding:
    """No configured GPIO is used by something else."""
    clashes = bench.fault_codes() & {"KE-C41", "KE-C42", "KE-C43"}
    if clashes:
        return failed("B11", ", ".join(sorted(clashes)))
    gpios = bench.gpios()
    if not gpios:
        return skipped("B11", "no GPIO sensors")
    overlays = bench.text("boot/firmware/config.txt") or ""
    if 4 in gpios and re.search(r"^dtoverlay=w1-gpio(?!.*gpiopin)", overlays, re.MULTILINE):
        return failed("B11", "GPIO 4 is the 1-wire line (dtoverlay=w1-gpio)")
    lines = bench.text("sys/kernel/debug/gpio")
    if lines is None:
        return unknown("B11", "needs sudo to see who uses a line")
    return _users(gpios, lines)


def b12(bench: Bench) -> Finding:
    """lgpio is there and may make its pipe."""
    if not bench.sensors(GpioLines):
        return skipped("B12", "no GPIO sensors")
    version = bench.lgpio_version()
    if version in (None, EMPTY_LGPIO):
        seen = "lgpio is missing" if version is None else "lgpio 0.0.0.2 is an empty shim"
        return failed("B12", seen, ("apt-get", "install", "-y", "python3-lgpio"))
    runtime = bench.config.station.runtime if bench.config else "/run/kaga-edge"
    folder = bench.at(runtime)
    if folder.is_dir() and not os.access(folder, os.W_OK):
        return note("B12", f"{runtime} may not be written by this user")
    return passed("B12", f"lgpio {version}")


def _users(gpios: tuple[int, ...], lines: str) -> Finding:
    """Read the kernel's list of lines: " gpio-17 (GPIO17 |lg ) in lo"."""
    taken = []
    for name, user in re.findall(r"\((?:GPIO|ID_SD)?(\d*)\s*\|([^)]*)\)", lines):
        if name and int(name) in gpios and user.strip() not in ("", "lg", "kaga-edge"):
            taken.append(f"GPIO {name}: {user.strip()}")
    return failed("B11", ", ".join(taken)) if taken else passed("B11")


def _answering(bench: Bench, code: str, sensors: tuple[SensorConfig, ...]) -> Finding:
    if bench.config is None:
        return unknown(code, "the configuration cannot be read")
    if not sensors:
        return skipped(code, "no such sensors")
    readings: Any = bench.readings()
    bad, odd = [], []
    for one in sensors:
        answer = readings.get(one.id)
        if answer is None:
            bad.append(f"{one.id}: no answer in time")
        elif answer["error"]:
            bad.append(f"{one.id}: {answer['error']['code']} {answer['error']['what']}")
        else:
            odd += [f"{one.id}: {remark}" for remark in answer.get("remarks", ())]
    if bad:
        return failed(code, "; ".join(bad))
    return note(code, ", ".join(odd)) if odd else passed(code, f"{len(sensors)} sensor(s)")


def _is_pi(bench: Bench) -> bool:
    return "Raspberry" in (bench.text("proc/device-tree/model") or "")


def _stable(bench: Bench, port: str) -> str:
    real = os.path.realpath(bench.at(port))
    for folder in ("by-id", "by-path"):
        for link in sorted(bench.at(f"dev/serial/{folder}").glob("*")):
            if os.path.realpath(link) == real:
                return f"/dev/serial/{folder}/{link.name}"
    return "?"
