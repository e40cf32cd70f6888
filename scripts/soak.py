"""Soak: the real daemon with 20 sensors at 10 s for an hour, and what grew meanwhile.

    scripts/soak [--minutes 60] [--warm-up 10] [--outage-every 600] [--outage 20]

Sixteen I2C devices on four buses of register images, one serial instrument on a pty, three GPIO lines on mock
pins; mosquitto with a subscriber, stopped now and then and started again. Goals: resident memory grows by
less than 1 MB a day (a straight line by least squares), the number of descriptors is the same at the end as
at the start, at most 1 MB of log a day (standard error and the ring of events together). Printed without a
goal, because a card's wear depends on the card: bytes the process caused to be written to the disk a day
(/proc/PID/io, write_bytes) and processor time.

Left out is a warm-up of ten minutes at ten times the pace, with an outage every minute, a reload to the pace
of 10 s at its end, and two minutes after it. What it fills is bounded and would else take hours: SQLite's
page cache (64 pages of 4.3 KB, 34 minutes by sqlite3_memory_used), and pages of the heap that the first
outages and the first reload touch (200 kB in nine outages, then some 5 kB each and ever less).
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

DAY_S = 86_400
LOOK_S = 5.0
WARM_UP_EVERY_S, EVERY_S = 1, 10
MINUTE_S = 60.0
SETTLE_S = 120.0  # after the reload that ends the warm-up
MOST_SLOPE_MB = 1.0
MOST_LOG_BYTES = 1_000_000
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
    {"address": 0x44, "replies": {"FD": "6422B37525BE"}},  # SHT4x
    {"address": 0x48, "registers": {"0x00": "2580"}},  # ADS1115, 12 mA
)  # fmt: skip
ON_A_BUS = (
    ("probe", 'driver = "ms5837"\nvariant = "30BA"', 0x76),
    ("baro", 'driver = "bme280"', 0x77),
    ("air", 'driver = "sht4x"', 0x44),
    ("loop", 'driver = "ads1115"', 0x48),
)
LEVEL_FRAME, LEVEL_EVERY_S = bytes.fromhex("FF07A1A7"), 0.2
SITE = """
[site]
id = "soak-01"
name = {{ ja = "耐久", en = "Soak" }}
contact = "-"
position = [36.3, 136.3]
[platform]
url = "mqtt://127.0.0.1:{port}"
reconnect_max = "10s"
[store]
path = "{folder}/store.sqlite"
[station]
runtime = "{folder}/run"
"""
SENSOR = """
[[sensor]]
id = "{id}"
every = "{every_s}s"
{rest}
[sensor.disclosure]
purpose = {{ ja = "計測", en = "soak" }}
personal_data = false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The process at one moment."""

    at_s: float
    resident_kb: int
    descriptors: int
    written_bytes: int
    cpu_s: float
    log_bytes: int


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=60.0)
    arguments.add_argument("--warm-up", type=float, default=10.0, help="minutes at ten times the pace")
    arguments.add_argument("--outage-every", type=float, default=600.0, help="seconds; 0: never")
    arguments.add_argument("--outage", type=float, default=20.0, help="seconds, below 60")
    arguments.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.child:
        return daemon(asked.child)
    folder = Path(tempfile.mkdtemp(prefix="kaga-soak-"))
    with contextlib.ExitStack() as ends:
        ends.callback(shutil.rmtree, folder)
        port = free_port()
        talking_pty(folder / "tty0", LEVEL_FRAME, LEVEL_EVERY_S)
        (folder / "kaga-edge.toml").write_text(configuration(folder, port, WARM_UP_EVERY_S))
        broker = ends.enter_context(contextlib.closing(Broker(port)))
        log = ends.enter_context((folder / "stderr").open("wb"))
        child = [sys.executable, __file__, "--child", str(folder / "kaga-edge.toml")]
        process = subprocess.Popen(child, stdout=log, stderr=log)
        ends.callback(process.kill)
        warm(process, broker, asked)
        (folder / "kaga-edge.toml").write_text(configuration(folder, port, EVERY_S))
        process.send_signal(signal.SIGHUP)
        time.sleep(SETTLE_S)
        looks = watched(process, broker, folder, asked)
        process.send_signal(signal.SIGTERM)
        process.wait(15)
        return judged(looks, broker)


def warm(process: subprocess.Popen[bytes], broker: Broker, asked: argparse.Namespace) -> None:
    """Let the daemon run at ten times the pace, with an outage every minute."""
    ends_s = time.monotonic() + asked.warm_up * 60
    while time.monotonic() < ends_s:
        time.sleep(MINUTE_S - asked.outage)
        if asked.outage_every:
            broker.stop()
        time.sleep(asked.outage)
        if asked.outage_every:
            broker.start()
    broker.outages = 0
    if process.poll() is not None:
        raise SystemExit(f"the daemon ended with {process.returncode} while warming up")


def watched(
    process: subprocess.Popen[bytes], broker: Broker, folder: Path, asked: argparse.Namespace
) -> list[Look]:
    """Look at the process every few seconds, taking the broker away now and then."""
    looks, began_s = [], time.monotonic()
    next_outage_s = began_s + (asked.outage_every or float("inf"))
    while time.monotonic() - began_s < asked.minutes * 60:
        time.sleep(LOOK_S)
        if process.poll() is not None:
            told = (folder / "stderr").read_text()
            raise SystemExit(f"the daemon ended with {process.returncode}:\n{told}")
        now_s = time.monotonic()
        if broker.up and now_s >= next_outage_s:
            broker.stop()
        elif not broker.up and now_s >= next_outage_s + asked.outage:
            broker.start()
            next_outage_s += asked.outage_every
        looks.append(look(process.pid, folder, now_s - began_s))
        if len(looks) % 60 == 0:
            print(f"  {looks[-1]}", flush=True)
    return looks


def judged(looks: list[Look], broker: Broker) -> int:
    """Print the figures; 1 when a bound is missed."""
    first, last = looks[0], looks[-1]
    span_s = last.at_s - first.at_s
    slope_mb = slope_kb_s(looks) * DAY_S / 1024
    # A descriptor more for the moment of a connection is none that leaks: compare what is usual.
    before, after = (usual([one.descriptors for one in part]) for part in halves(looks))
    log_bytes = (last.log_bytes - first.log_bytes) * DAY_S / span_s
    written_mb = (last.written_bytes - first.written_bytes) * DAY_S / span_s / 1e6
    cpu = (last.cpu_s - first.cpu_s) / span_s
    print(f"soak, 20 sensors at 10 s, {last.at_s / 60:.0f} min, {broker.outages} outages, after the warm-up:")
    print(f"resident memory {last.resident_kb / 1024:.1f} MB, slope {slope_mb:+.2f} MB/day   (goal < 1)")
    print(f"descriptors {before} -> {after}   (goal: the same)")
    print(f"log {log_bytes / 1000:.0f} kB/day   (goal <= 1,000)")
    print(f"written to the disk {written_mb:.0f} MB/day")
    print(f"CPU {100 * cpu:.2f} %")
    return 0 if slope_mb < MOST_SLOPE_MB and before == after and log_bytes <= MOST_LOG_BYTES else 1


def slope_kb_s(looks: list[Look]) -> float:
    """Return the slope of the resident memory by least squares, in kB a second."""
    mean_s = sum(one.at_s for one in looks) / len(looks)
    mean_kb = sum(one.resident_kb for one in looks) / len(looks)
    above = sum((one.at_s - mean_s) * (one.resident_kb - mean_kb) for one in looks)
    return above / sum((one.at_s - mean_s) ** 2 for one in looks)


def halves(looks: list[Look]) -> tuple[list[Look], list[Look]]:
    return looks[: len(looks) // 2], looks[len(looks) // 2 :]


def usual(numbers: list[int]) -> int:
    return max(set(numbers), key=numbers.count)


def look(pid: int, folder: Path, at_s: float) -> Look:
    proc = Path(f"/proc/{pid}")
    # Counted page by page: VmRSS in /proc/PID/status may be wrong by a hundred pages.
    rollup = dict(line.split(":", 1) for line in (proc / "smaps_rollup").read_text().splitlines()[1:])
    io = dict(line.split(": ") for line in (proc / "io").read_text().splitlines())
    tasks = (proc / "task").iterdir()
    logs = [folder / "stderr", *folder.glob("events*.jsonl")]
    return Look(
        at_s=at_s,
        resident_kb=int(rollup["Rss"].split()[0]),
        descriptors=len(list((proc / "fd").iterdir())),
        written_bytes=int(io["write_bytes"]),
        cpu_s=sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9,
        log_bytes=sum(log.stat().st_size for log in logs),
    )


class Broker:
    """mosquitto and one who listens, as child processes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._processes: list[subprocess.Popen[bytes]] = []
        self.outages = 0
        self.start()

    @property
    def up(self) -> bool:
        return bool(self._processes)

    def start(self) -> None:
        port = str(self._port)
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._processes = [subprocess.Popen(["mosquitto", "-p", port], **quiet)]
        until_listening(self._port)
        listen = ["mosquitto_sub", "-p", port, "-t", "kaga/#", "-q", "1"]
        self._processes.append(subprocess.Popen(listen, **quiet))

    def stop(self) -> None:
        self.outages += 1
        self.close()

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes = []


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
            self._devices: dict[int, Any] = {image["address"]: device_of(image) for image in IMAGES}

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


def configuration(folder: Path, port: int, every_s: int) -> str:
    sensors = [
        (f"{name}-{bus}", f"{rest}\ni2c = {{ bus = {bus}, address = {address:#x} }}")
        for bus in (1, 3, 4, 5)
        for name, rest, address in ON_A_BUS
    ]
    mount = "[sensor.mount]\ngauge_zero_to_sensor_m = 5.0"
    sensors += [
        ("level-1", f'driver = "a02yyuw"\nport = "{folder}/tty0"\n{mount}'),
        ("rain-1", 'driver = "tipping_bucket"\ngpio = 17'),
        ("road-1", 'driver = "vehicle"\ngpio = 22'),
        ("road-2", 'driver = "vehicle"\ngpio = 23'),
    ]
    tables = (SENSOR.format(id=name, rest=rest, every_s=every_s) for name, rest in sensors)
    return SITE.format(folder=folder, port=port) + "".join(tables)


def talking_pty(link: Path, frame: bytes, period_s: float) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    link.symlink_to(os.ttyname(slave))

    def talk() -> None:
        while True:
            os.write(master, frame)
            time.sleep(period_s)

    threading.Thread(target=talk, daemon=True).start()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_listening(port: int) -> None:
    ends_s = time.monotonic() + 10
    while time.monotonic() < ends_s:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise SystemExit("mosquitto does not listen")


if __name__ == "__main__":
    raise SystemExit(main())
