"""Idle cost: CPU and memory of the real daemon with 10 sensors at 1 Hz, connected to a real broker.

    .venv/bin/python scripts/bench_idle.py [--seconds 60] [--rounds 1]

Each of the nine day-one drivers once and a second road detector: four I2C devices on images, three serial
instruments on ptys at their own rates (5, 6 and 1 frames a second), three GPIO lines on mock pins;
mosquitto with a subscriber. CPU is the run time of the daemon's process alone, by the scheduler's own
count, from when every sensor measures; memory is its resident set at the end. Goals: at most 0.5 % and 45 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
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

MEASURING_WITHIN_S = 120.0  # MaxBotix values count 11 s after the start, which may take some time itself
SETTLE_S = 5.0

IMAGES: tuple[dict[str, Any], ...] = (
    {
        "address": 0x76,  # MS5837-30BA, the datasheet's example
        "replies": {
            "A0": "9340", "A2": "88A6", "A4": "8E00", "A6": "4F68", "A8": "5752", "AA": "6816",
            "AC": "6622", "4A:00": "4BA7E3", "5A:00": "67FEB6",
        },
    },
    {
        "address": 0x77,  # BME280
        "registers": {
            "0xD0": "60",
            "0x88": "696d1e683200828f75d6d00b441bfcfff9ffac260ad8bd10004b",
            "0xE1": "6a01001327031e",
            "0xF7": "5091007eb5807148",
        },
    },
    {"address": 0x44, "replies": {"FD": "6422B37525BE", "89": "BEEF92BEEF92"}},  # SHT4x, with a serial number
    {"address": 0x48, "registers": {"0x00": "2580"}},  # ADS1115, 12 mA
)  # fmt: skip
INSTRUMENTS = (  # frame, how often a second
    (bytes.fromhex("FF07A1A7"), 5),
    (b"R1953\r", 6),
    (b"\x0233;1838;194;11011;2C\r\n\x03", 1),
)
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
        for number, (frame, per_s) in enumerate(INSTRUMENTS):
            talking_pty(folder / f"tty{number}", frame, 1 / per_s)
        (folder / "kaga-edge.toml").write_text(configuration(folder, port))
        child = [sys.executable, __file__, "--child", str(folder / "kaga-edge.toml")]
        with running(child, out=None) as process:
            wait_until_all_measure(folder / "run" / "control.sock")
            before_s, began_s = cpu_s(process.pid), time.monotonic()
            time.sleep(asked.seconds)
            used_s, passed_s = cpu_s(process.pid) - before_s, time.monotonic() - began_s
            resident_mb = resident_kb(process.pid) / 1024
            process.send_signal(signal.SIGTERM)
            process.wait(10)
    print(f"idle, 10 sensors at 1 Hz, {passed_s:.0f} s: CPU {100 * used_s / passed_s:.2f} %   (goal 0.5 %)")
    print(f"resident memory {resident_mb:.1f} MB   (goal 45 MB)")
    return 0 if used_s / passed_s <= 0.005 and resident_mb <= 45 else 1


def wait_until_all_measure(control: Path) -> None:
    ends_s = time.monotonic() + MEASURING_WITHIN_S
    while not all_measure(control):
        if time.monotonic() > ends_s:
            raise SystemExit(f"not every sensor measures after {MEASURING_WITHIN_S:.0f} s")
        time.sleep(1)
    time.sleep(SETTLE_S)


def all_measure(control: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(control))
        except OSError:
            return False  # it has not begun yet
        asked.sendall(b'{"op":"status"}\n')
        answer = json.loads(asked.makefile().readline())
    return all(one["state"] == "ok" for one in answer["sensors"])


def daemon(config: Path) -> int:
    """Run the daemon in this process, its I2C buses on register images and its pins on mock pins."""
    from gpiozero.pins.mock import MockFactory

    from kaga_edge import gateway
    from kaga_edge.buses import Wires
    from kaga_edge.sim.image import device_of

    class Bus:
        """Images at addresses, answering smbus2's messages."""

        def __init__(self, _number: int) -> None:
            self._devices: dict[int, Any] = {image["address"]: device_of(image) for image in IMAGES}
            self._told: dict[int, tuple[bytes, bytes]] = {}
            self._answers: dict[tuple[int, tuple[bytes, bytes], int], bytes] = {}

        def i2c_rdwr(self, *messages: Any) -> None:
            for message in messages:
                address = message.addr
                if message.flags & 1:
                    answer = self._answer(address, message.len)
                    ctypes.memmove(message.buf, answer, len(answer))
                else:
                    command = bytes(message)
                    self._devices[address].write(command)
                    self._told[address] = self._told.get(address, (b"", b""))[1], command

        def _answer(self, address: int, count: int) -> bytes:
            """A chip shall cost about what the ioctl does: each question is worked out once."""
            question = address, self._told[address], count
            if question not in self._answers:
                self._answers[question] = self._devices[address].read(count)
            return self._answers[question]

        def close(self) -> None:
            """Nothing to close."""

    return gateway.main(config, Wires(open_i2c=Bus, pin_factory=MockFactory))


def configuration(folder: Path, port: int) -> str:
    snow = "[sensor.mount]\nground_to_sensor_m = 3.0"
    sensors = [
        ("probe-1", 'driver = "ms5837"\nvariant = "30BA"\ni2c = { bus = 1, address = 0x76 }'),
        ("baro-1", 'driver = "bme280"\ni2c = { bus = 1, address = 0x77 }'),
        ("air-1", 'driver = "sht4x"\ni2c = { bus = 1, address = 0x44 }'),
        ("loop-1", 'driver = "ads1115"\ni2c = { bus = 1, address = 0x48 }'),
        (
            "level-1",
            f'driver = "a02yyuw"\nport = "{folder}/tty0"\n[sensor.mount]\ngauge_zero_to_sensor_m = 5.0',
        ),
        ("snow-1", f'driver = "maxbotix"\nport = "{folder}/tty1"\n{snow}'),
        ("snow-2", f'driver = "sr50a"\nport = "{folder}/tty2"\nunit = "mm"\nhas_quality = true\n{snow}'),
        ("rain-1", 'driver = "tipping_bucket"\ngpio = 17'),
        ("road-1", 'driver = "vehicle"\ngpio = 22'),
        ("road-2", 'driver = "vehicle"\ngpio = 23'),
    ]
    return SITE.format(folder=folder, port=port) + "".join(
        SENSOR.format(id=name, rest=rest) for name, rest in sensors
    )


def talking_pty(link: Path, frame: bytes, period_s: float) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    link.symlink_to(os.ttyname(slave))

    def talk() -> None:
        while True:
            os.write(master, frame)
            time.sleep(period_s)

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
    """Return the run time of all threads by the scheduler's count: /proc/PID/stat knows only 10 ms ticks."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident_kb(pid: int) -> int:
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1])


if __name__ == "__main__":
    raise SystemExit(main())
