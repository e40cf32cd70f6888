"""Idle cost: CPU and memory of the real daemon with 10 sensors at 1 Hz, connected to a real broker.

    .venv/bin/python scripts/bench_idle.py [--seconds 60] [--rounds 1]

Four I2C sensors on register images, four serial ones on ptys (one frame a second), two GPIO lines on
mock pins; mosquitto with a subscriber. CPU is user + system time of the daemon's process alone, after a
warm-up; memory is its resident set at the end. Goals: at most 0.5 % and 45 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tty
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

WARM_UP_S = 10.0

BME280 = {
    "0xD0": "60",
    "0x88": "696d1e683200828f75d6d00b441bfcfff9ffac260ad8bd10004b",
    "0xE1": "6a01001327031e",
    "0xF2": "000000",
    "0xF7": "5091007eb5807148",
}
SITE = """
[site]
id = "bench-01"
name = {{ ja = "計測", en = "Bench" }}
contact = "-"
position = [36.3, 136.3]
[platform]
url = "mqtt://127.0.0.1:{port}"
[store]
path = "{folder}/store.sqlite"
[station]
runtime = "{folder}/run"
"""
SENSOR = """
[[sensor]]
id = "{id}"
every = "1s"
{rest}
[sensor.disclosure]
purpose = {{ ja = "計測", en = "bench" }}
personal_data = false
"""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.child:
        return daemon(asked.child)
    folder = Path(tempfile.mkdtemp(prefix="kaga-idle-"))
    with contextlib.ExitStack() as ends:
        ends.callback(shutil.rmtree, folder)
        port = free_port()
        ends.enter_context(running(["mosquitto", "-p", str(port)]))
        ends.enter_context(running(["mosquitto_sub", "-p", str(port), "-t", "kaga/#", "-q", "1"], wait_s=1))
        for number in range(4):
            talking_pty(folder / f"tty{number}")
        (folder / "kaga-edge.toml").write_text(configuration(folder, port))
        child = [sys.executable, __file__, "--child", str(folder / "kaga-edge.toml")]
        with running(child, wait_s=WARM_UP_S, out=None) as process:
            before_s, began_s = cpu_s(process.pid), time.monotonic()
            time.sleep(asked.seconds)
            used_s, passed_s = cpu_s(process.pid) - before_s, time.monotonic() - began_s
            resident_mb = resident_kb(process.pid) / 1024
            process.send_signal(signal.SIGTERM)
            process.wait(10)
    print(f"idle, 10 sensors at 1 Hz, {passed_s:.0f} s: CPU {100 * used_s / passed_s:.2f} %   (goal 0.5 %)")
    print(f"resident memory {resident_mb:.1f} MB   (goal 45 MB)")
    return 0


def daemon(config: Path) -> int:
    """Run the daemon in this process, its I2C buses on register images and its pins on mock pins."""
    from gpiozero.pins.mock import MockFactory

    from kaga_edge import gateway
    from kaga_edge.buses import Wires
    from kaga_edge.sim.captured import CommandDevice, RegisterDevice
    from kaga_edge.sim.image import device_of

    class Bus:
        """Images at addresses, answering smbus2's messages."""

        def __init__(self, _number: int) -> None:
            sht4x = {"address": 68, "replies": {"FD": "6422B37525BE", "89": "000181000181"}}
            self._devices: dict[int, Any] = {68: device_of(sht4x), 69: device_of({**sht4x, "address": 69})}
            for address in (118, 119):
                self._devices[address] = device_of({"address": address, "registers": BME280})

        def i2c_rdwr(self, *messages: Any) -> None:
            for message in messages:
                device: RegisterDevice | CommandDevice = self._devices[message.addr]
                if message.flags & 1:
                    for i, byte in enumerate(device.read(message.len)):
                        message.buf[i] = byte
                else:
                    device.write(bytes(message))

        def close(self) -> None:
            """Nothing to close."""

    return gateway.main(config, Wires(open_i2c=Bus, pin_factory=MockFactory))


def configuration(folder: Path, port: int) -> str:
    water = "[sensor.mount]\ngauge_zero_to_sensor_m = 5.0"
    sensors = [
        ("air-1", 'driver = "sht4x"\ni2c = { bus = 1, address = 0x44 }'),
        ("air-2", 'driver = "sht4x"\ni2c = { bus = 1, address = 0x45 }'),
        ("baro-1", 'driver = "bme280"\ni2c = { bus = 1, address = 0x76 }'),
        ("baro-2", 'driver = "bme280"\ni2c = { bus = 1, address = 0x77 }'),
        *((f"level-{n}", f'driver = "a02yyuw"\nport = "{folder}/tty{n}"\n{water}') for n in range(4)),
        ("rain-1", 'driver = "tipping_bucket"\ngpio = 17'),
        ("road-1", 'driver = "vehicle"\ngpio = 22'),
    ]
    return SITE.format(folder=folder, port=port) + "".join(
        SENSOR.format(id=name, rest=rest) for name, rest in sensors
    )


def talking_pty(link: Path) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    link.symlink_to(os.ttyname(slave))

    def talk() -> None:
        while True:
            os.write(master, bytes.fromhex("FF07A1A7"))
            time.sleep(0.5)

    threading.Thread(target=talk, daemon=True).start()


@contextlib.contextmanager
def running(command: list[str], wait_s: float = 0.5, out: Any = subprocess.DEVNULL) -> Any:
    process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        time.sleep(wait_s)
        if process.poll() is not None:
            raise SystemExit(f"{command[0]} ended with {process.returncode}")
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kb(pid: int) -> int:
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1])


if __name__ == "__main__":
    raise SystemExit(main())
