"""S, T, Q, L, P, C: what is measured, the time, the store, the line, power, the configuration.

Longer than most: a dozen and a half checks, each short and read by itself.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kaga_edge.station.doctor.bench import Bench, Command, Finding, failed, note, passed, skipped, unknown

FRESH_INTERVALS = 3
YEAR_S = 366 * 86_400
BUILT_S = datetime(2026, 11, 1, tzinfo=UTC).timestamp()  # no clock of a running gateway is before this
LITTLE_BYTES, TOO_LITTLE_BYTES = 500_000_000, 50_000_000
DAYS_OF_ROOM = 7
SLOW_S, TOO_SLOW_S = 1.0, 5.0
CHECK_STEPS = 20_000_000  # of SQLite's machine: a few seconds on a Pi
CERTIFICATE_DAYS = 30
WEAK_PERCENT = 40
OFFSET_S = 2.0
HOT_C = 80.0
THROTTLED_NOW, THROTTLED_SINCE = 0x5, 0x50000  # under-voltage and throttling, now and since the start


def s01(bench: Bench) -> Finding:
    """Each sensor gives one reading with a value."""
    if bench.config is None:
        return unknown("S01", "the configuration cannot be read")
    readings: Any = bench.readings()
    bad = []
    for one in bench.sensors():
        answer = readings.get(one.id)
        if answer is None or answer["error"]:
            bad.append(f"{one.id}: {answer['error']['code'] if answer else 'no answer in time'}")
        elif all(reading["value"] is None for reading in answer["readings"]):
            bad.append(f"{one.id}: no value")
    return failed("S01", ", ".join(bad)) if bad else passed("S01", f"{len(bench.sensors())} sensor(s)")


def s02(bench: Bench) -> Finding:
    """The running gateway's readings are fresh."""
    if bench.snapshot is None or bench.config is None:
        return unknown("S02", "the gateway does not run")
    every_s = {one.id: one.every_s for one in bench.config.sensors}
    old = [
        one["id"]
        for one in bench.snapshot["sensors"]
        if one["age_s"] is None or one["age_s"] > FRESH_INTERVALS * every_s.get(one["id"], one["age_s"])
    ]
    return failed("S02", ", ".join(old)) if old else passed("S02")


def s03(bench: Bench) -> Finding:
    """There is a calibration, and it is not older than a year."""
    if bench.config is None:
        return unknown("S03", "the configuration cannot be read")
    heights = ("gauge_zero_to_sensor_m", "gauge_zero_to_probe_m", "ground_to_sensor_m")
    wanted = [one for one in bench.sensors() if any(getattr(one.mount, name) is not None for name in heights)]
    if not wanted:
        return skipped("S03", "no sensor measures from a height")
    bad, newest = [], 0
    for one in wanted:
        made = [datetime.fromisoformat(line.on).replace(tzinfo=UTC) for line in one.corrections]
        days = round((bench.now_s - max(made).timestamp()) / 86_400) if made else None
        if days is None:
            bad.append(f"{one.id}: none")
        elif days * 86_400 > YEAR_S:
            bad.append(f"{one.id}: {days} d old")
        newest = max(newest, days or 0)
    return note("S03", ", ".join(bad)) if bad else passed("S03", f"at most {newest} d old")


def s04(bench: Bench) -> Finding:
    """Everybody can learn what is measured and whom to ask."""
    if bench.config is None:
        missing = bench.fault_codes() & {"KE-C50"}
        return failed("S04", "KE-C50") if missing else unknown("S04", "the configuration cannot be read")
    site = bench.config.site
    lacking = [name for name, there in (("contact", site.contact), ("operator", site.operator)) if not there]
    lacking += [f"{one.id} ground" for one in bench.sensors() if one.disclosure.ground is None]
    return note("S04", "missing: " + ", ".join(lacking)) if lacking else passed("S04")


def t01(bench: Bench) -> Finding:
    """The clock is synchronised."""
    held = bench.clock_synchronised()
    if held is None:
        return unknown("T01", "the kernel does not say")
    if not held:
        return note("T01", "not synchronised", ("timedatectl", "set-ntp", "true"))
    offset_s = _clock_offset_s(bench)
    if offset_s is None:
        return passed("T01")
    seen = f"offset {offset_s * 1000:+.1f} ms"
    return note("T01", seen) if abs(offset_s) > OFFSET_S else passed("T01", seen)


def t02(bench: Bench) -> Finding:
    """There is a clock with a battery."""
    if not bench.at("sys/class").is_dir():
        return unknown("T02", "no /sys")
    name = bench.text("sys/class/rtc/rtc0/name")
    return passed("T02", name) if name else note("T02", "no RTC")


def t03(bench: Bench) -> Finding:
    """The machine's zone is the site's; the date is possible."""
    if bench.now_s < BUILT_S:
        return failed("T03", datetime.fromtimestamp(bench.now_s, UTC).date().isoformat())
    wanted = bench.config.site.zone if bench.config else "Asia/Tokyo"
    local = bench.at("etc/localtime")
    link = os.readlink(local) if local.is_symlink() else ""
    zone = link.partition("zoneinfo/")[2] or (bench.text("etc/timezone") or "").strip()
    if not zone:
        return unknown("T03", "no zone is set")
    fix = ("timedatectl", "set-timezone", wanted)
    return passed("T03", zone) if zone == wanted else note("T03", f"{zone}, site {wanted}", fix)


def q01(bench: Bench) -> Finding:
    """The store opens and is whole: the gateway's word, or a check of the file while it does not run."""
    if bench.snapshot is not None:
        error = bench.snapshot["store"]["error"]
        return failed("Q01", error) if error else passed("Q01", "open in the gateway")
    if bench.config is None:
        return unknown("Q01", "the configuration cannot be read")
    file = bench.at(bench.config.store.path)
    if not file.exists():
        return unknown("Q01", f"{bench.config.store.path} is not there yet")
    return _whole(file)


def q02(bench: Bench) -> Finding:
    """There is room on the disk, and for days of readings."""
    folder = _store_folder(bench)
    if folder is None:
        return unknown("Q02", "no store folder")
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    days = ((bench.snapshot or {}).get("room_s") or 0) / 86_400
    megabytes = free // 1_000_000
    left = f"{round(days)} d" if days >= 1 else f"{round(days * 24)} h"
    seen = f"{megabytes} MB free, about {left}" if days else f"{megabytes} MB free"
    if free < TOO_LITTLE_BYTES:
        return failed("Q02", seen)
    return note("Q02", seen) if free < LITTLE_BYTES or 0 < days < DAYS_OF_ROOM else passed("Q02", seen)


def q03(bench: Bench) -> Finding:
    """The card takes a write and a sync, and the kernel has no complaint about it."""
    folder = _store_folder(bench)
    if folder is None:
        return unknown("Q03", "no store folder")
    logged = bench.call(("dmesg",))
    complaints = re.findall(
        r".*(?:I/O error|mmc\d: (?:error|timeout)|Remounting filesystem read-only).*", (logged or (0, ""))[1]
    )
    if complaints:
        return failed("Q03", complaints[-1][-100:])
    try:
        took_s = _write_and_sync(folder)
    except PermissionError:
        return unknown("Q03", "needs sudo to try a write")
    except OSError as error:
        return failed("Q03", error.strerror or str(error))
    seen = f"4 KiB synced in {took_s * 1000:.0f} ms"
    if took_s > TOO_SLOW_S:
        return failed("Q03", seen)
    return note("Q03", seen) if took_s > SLOW_S else passed("Q03", seen)


def l01(bench: Bench) -> Finding:
    """Name, route, TCP and TLS, each by itself."""
    return _steps(bench, "L01", ("name", "route", "tcp", "tls"))


def l02(bench: Bench) -> Finding:
    """The platform's certificate is valid for a while yet."""
    if bench.config is not None and bench.config.platform is None:
        return skipped("L02", "no [platform]")
    steps = {step.name: step for step in bench.line()}
    if "tls" not in steps or steps["tls"].days_left is None:
        plain = "tls" in steps and steps["tls"].state == "skip"
        return skipped("L02", "no TLS") if plain else unknown("L02", "no certificate seen")
    days = steps["tls"].days_left
    seen = f"{days} d left"
    return note("L02", seen) if days < CERTIFICATE_DAYS else passed("L02", seen)


def l03(bench: Bench) -> Finding:
    """The platform lets us in, lets us write, and confirms."""
    return _steps(bench, "L03", ("login", "permission", "ack"))


def l04(bench: Bench) -> Finding:
    """The radio's strength by ModemManager or NetworkManager, and what the modem carried since the start."""
    modem = bench.call(("mmcli", "-m", "any", "--output-keyvalue"))
    quality = re.search(r"signal-quality\.value\s*:\s*(\d+)", modem[1]) if modem else None
    if quality is not None:
        seen = f"{quality.group(1)} %, {_modem_bytes(bench) / 1e6:.0f} MB since the start"
        return note("L04", seen) if int(quality.group(1)) < WEAK_PERCENT else passed("L04", seen)
    told = bench.call(("nmcli", "-t", "-f", "IN-USE,SIGNAL,SSID", "device", "wifi"))
    used = re.search(r"^\*:(\d+)", told[1], re.MULTILINE) if told else None
    if used is None:
        return unknown("L04", "no radio that this machine can ask")
    strength = int(used.group(1))
    return note("L04", f"{strength} %") if strength < WEAK_PERCENT else passed("L04", f"{strength} %")


def p01(bench: Bench) -> Finding:
    """Under-voltage and throttling by the firmware, the kernel's alarm, the temperature."""
    alarm = None
    for monitor in sorted(bench.at("sys/class/hwmon").glob("*")):
        if bench.text(f"sys/class/hwmon/{monitor.name}/name") == "rpi_volt":
            alarm = bench.text(f"sys/class/hwmon/{monitor.name}/in0_lcrit_alarm")
    told = bench.call(("vcgencmd", "get_throttled"))
    bits = re.search(r"throttled=0x([0-9a-fA-F]+)", told[1]) if told else None
    throttled = int(bits.group(1), 16) if bits else None
    temperature = bench.text("sys/class/thermal/thermal_zone0/temp")
    celsius = int(temperature) / 1000 if temperature and temperature.lstrip("-").isdigit() else None
    if alarm is None and throttled is None:
        return unknown("P01", "this board does not measure its supply")
    seen = f"alarm {alarm or '-'}, throttled {'-' if throttled is None else hex(throttled)}"
    seen += "" if celsius is None else f", {celsius:.0f} Cel"
    if alarm == "1" or (throttled or 0) & THROTTLED_NOW:
        return failed("P01", seen)
    warm = celsius is not None and celsius > HOT_C
    return note("P01", seen) if warm or (throttled or 0) & THROTTLED_SINCE else passed("P01", seen)


SECRET_READABLE = "KE-C53"  # noqa: S105 - a code
FOLDER = "KE-W07"  # that a folder is not there: Q01 and Q02 look at the store itself


def c01(bench: Bench) -> Finding:
    """The configuration is valid, not readable by everybody, and its secrets are there."""
    if bench.faults is not None:
        first = bench.faults.faults[0]
        secrets = [one.params["file"] for one in bench.faults.faults if one.code == SECRET_READABLE]
        fix = [line for file in secrets for line in _for_us_alone(Path(str(file)))]
        return failed("C01", f"{len(bench.faults.faults)} fault(s), first {first.place} {first.code}", *fix)
    try:
        mode = stat.S_IMODE(bench.config_path.stat().st_mode)
    except OSError as error:
        return failed("C01", error.strerror or str(error))
    warnings = bench.config.warnings if bench.config else ()
    warned = [str(fault.code) for fault in warnings if fault.code != FOLDER]
    if mode & stat.S_IROTH:
        return note("C01", f"mode {mode:04o}", *_for_us_alone(bench.config_path))
    return note("C01", ", ".join(warned)) if warned else passed("C01", str(bench.config_path))


def _for_us_alone(file: Path) -> tuple[Command, Command]:
    """Close a file to others. What root's editor wrote is root's group's: the gateway could not read it."""
    return ("chgrp", f"--reference={file.parent}", str(file)), ("chmod", "640", str(file))


def _steps(bench: Bench, code: str, names: tuple[str, ...]) -> Finding:
    if bench.config is not None and bench.config.platform is None:
        return skipped(code, "no [platform]")
    steps = [step for step in bench.line() if step.name in names]
    bad = [f"{step.name}: {step.seen}" for step in steps if step.state == "fail"]
    if bad:
        return failed(code, "; ".join(bad))
    open_ = [step.name for step in steps if step.state == "unknown"]
    if open_ or not steps:
        return unknown(code, ", ".join(open_) or "not reached")
    return passed(code, ", ".join(step.name for step in steps if step.state == "pass"))


def _clock_offset_s(bench: Bench) -> float | None:
    """Return how far timesyncd or chrony found the clock off; None when neither says."""
    told = bench.call(("timedatectl", "timesync-status"))
    found = re.search(r"Offset:\s*([+-]?[0-9.]+)(us|ms|s)\b", told[1]) if told else None
    if found:
        return float(found.group(1)) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[found.group(2)]
    told = bench.call(("chronyc", "-c", "tracking"))
    fields = told[1].split(",") if told and told[0] == 0 else []
    try:
        return float(fields[4])
    except (IndexError, ValueError):
        return None


def _modem_bytes(bench: Bench) -> int:
    """Return what the modem's network devices carried since the start, both ways."""
    total = 0
    for pattern in ("wwan*", "ppp*"):
        for device in bench.at("sys/class/net").glob(pattern):
            for name in ("rx_bytes", "tx_bytes"):
                text = bench.text(f"sys/class/net/{device.name}/statistics/{name}")
                total += int(text) if text and text.isdigit() else 0
    return total


def _store_folder(bench: Bench) -> Path | None:
    if bench.config is None:
        return None
    folder = bench.at(bench.config.store.path).parent
    return folder if folder.is_dir() else None


def _whole(file: Path) -> Finding:
    """Check a file nobody has open; "immutable" takes no lock, so a starting gateway is not disturbed."""
    try:
        db = sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            db.set_progress_handler(lambda: 1, CHECK_STEPS)
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            db.close()
    except sqlite3.OperationalError as error:
        return unknown("Q01", str(error))
    except sqlite3.DatabaseError as error:
        return failed("Q01", str(error))
    return passed("Q01") if answer == "ok" else failed("Q01", str(answer).splitlines()[-1])


def _write_and_sync(folder: Path) -> float:
    file = folder / f".doctor-{os.getpid()}"
    began = time.monotonic()
    handle = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    try:
        os.write(handle, bytes(4096))
        os.fsync(handle)
    finally:
        os.close(handle)
        file.unlink()
    return time.monotonic() - began
