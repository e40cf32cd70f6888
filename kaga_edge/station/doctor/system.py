"""O01 to O09: the operating system, the service, rights."""

from __future__ import annotations

import os
import re
import stat

from kaga_edge.config.values import GpioLines
from kaga_edge.station.doctor.bench import Bench, Command, Finding, failed, note, passed, skipped, unknown

USER = "kaga-edge"
GROUPS = ("i2c", "gpio", "dialout", "plugdev")
RELEASES = {"12", "13"}
PYTHONS = ((3, 11), (3, 13))
HEADER_CHIPS = ("pinctrl-rp1", "pinctrl-bcm2835", "pinctrl-bcm2711", "raspberrypi,rp1-gpio")
JOURNAL_DROP_IN = "/etc/systemd/journald.conf.d/60-kaga-edge.conf"  # above the OS's 40-rpi-volatile-storage
WATCHDOG_DROP_IN = "/etc/systemd/system.conf.d/60-kaga-edge.conf"


def o01(bench: Bench) -> Finding:
    """Supported OS and Python."""
    release = dict(
        line.split("=", 1) for line in (bench.text("etc/os-release") or "").splitlines() if "=" in line
    )
    name = release.get("PRETTY_NAME", "?").strip('"')
    python = ".".join(map(str, bench.python))
    if not PYTHONS[0] <= bench.python <= PYTHONS[1]:
        return failed("O01", f"Python {python}")
    if not release:
        return unknown("O01", f"no os-release, Python {python}")
    debian = release.get("ID", "").strip('"') in ("debian", "raspbian")
    fits = debian and release.get("VERSION_ID", "").strip('"') in RELEASES
    seen = f"{name}, Python {python}"
    return passed("O01", seen) if fits else note("O01", seen)


def o02(bench: Bench) -> Finding:
    """The board, and its header's GPIO chip by label."""
    model = bench.text("proc/device-tree/model") or bench.text("sys/firmware/devicetree/base/model")
    labels = [
        (file.read_text(encoding="utf-8").strip(), file.parent.name)
        for file in bench.at("sys/class/gpio").glob("gpiochip*/label")
    ]
    chip = next((f"{label} ({name})" for label, name in labels if label.startswith(HEADER_CHIPS)), None)
    if chip:
        return passed("O02", f"{model or '?'}, {chip}")
    nodes = sorted(node.name for node in bench.at("dev").glob("gpiochip*"))
    if model and nodes:
        return passed("O02", f"{model}, {' '.join(nodes)}")
    if bench.sensors(GpioLines):
        return failed("O02", model or "not a Raspberry Pi")
    return unknown("O02", model or "not a Raspberry Pi")


def o03(bench: Bench) -> Finding:
    """The service's user is in the groups that own devices."""
    groups = _groups(bench)
    if not any(line.startswith(f"{USER}:") for line in (bench.text("etc/passwd") or "").splitlines()):
        return unknown("O03", f"no user {USER}: not installed as a service")
    missing = [name for name in GROUPS if USER not in groups.get(name, (0, []))[1]]
    if missing:
        return failed("O03", ", ".join(missing), ("systemd-sysusers",))
    return passed("O03", ", ".join(GROUPS))


def o04(bench: Bench) -> Finding:
    """Each configured device node opens for the service's user, by the node's real group."""
    nodes = [*bench.ports(), *(f"/dev/i2c-{bus}" for bus in bench.i2c_buses())]
    if not nodes:
        return skipped("O04", "no device nodes configured")
    groups = _groups(bench)
    by_number = {number: (name, users) for name, (number, users) in groups.items()}
    bad, fix, seen = [], [], 0
    for node in nodes:
        try:
            facts = bench.at(node).stat()
        except OSError:
            continue  # absent: B01, B05 and B08 say so
        seen += 1
        name, users = by_number.get(facts.st_gid, (str(facts.st_gid), []))
        opens = bool(facts.st_mode & stat.S_IROTH and facts.st_mode & stat.S_IWOTH)
        if not opens and (USER not in users or not facts.st_mode & stat.S_IRGRP):
            bad.append(f"{node} group {name}")
            fix.append(("usermod", "-aG", name, USER))
    if bad:
        return failed("O04", ", ".join(bad), *(one for one in fix if "root" not in one))
    return passed("O04", f"{seen}") if seen else unknown("O04", "none of the nodes is there")


def o05(bench: Bench) -> Finding:
    """The unit is enabled, running and not restarted again and again."""
    if not bench.at("run/systemd/system").is_dir():
        return unknown("O05", "no systemd here")
    shown = bench.call(
        ("systemctl", "show", "kaga-edge", "-p", "LoadState,UnitFileState,ActiveState,NRestarts,Result")
    )
    if shown is None:
        return unknown("O05", "no systemctl")
    facts = dict(line.split("=", 1) for line in shown[1].splitlines() if "=" in line)
    seen = " ".join(f"{key}={value}" for key, value in facts.items())
    fix: Command = ("systemctl", "enable", "--now", "kaga-edge")
    if facts.get("LoadState") != "loaded":
        return failed("O05", "the unit is not installed")
    if facts.get("ActiveState") != "active" or facts.get("UnitFileState") != "enabled":
        return failed("O05", seen, fix)
    restarts = int(facts.get("NRestarts") or 0)
    return note("O05", seen) if restarts > 2 else passed("O05", seen)


def o06(bench: Bench) -> Finding:
    """The journal is kept over a reboot."""
    if not bench.at("run/systemd/system").is_dir():
        return unknown("O06", "no systemd here")
    storage = bench.settings("Storage", "journald.conf") or "auto"
    kept = storage == "persistent" or (storage == "auto" and bench.at("var/log/journal").is_dir())
    if kept:
        return passed("O06", f"Storage={storage}")
    write = f"printf '[Journal]\\nStorage=persistent\\nSystemMaxUse=50M\\n' > {JOURNAL_DROP_IN}"
    return note(
        "O06",
        f"Storage={storage}",
        ("mkdir", "-p", os.path.dirname(JOURNAL_DROP_IN)),
        ("sh", "-c", write),
        ("systemctl", "restart", "systemd-journald"),
    )


def o07(bench: Bench) -> Finding:
    """systemd feeds the hardware watchdog."""
    if not list(bench.at("dev").glob("watchdog*")):
        return unknown("O07", "no watchdog device")
    value = bench.settings("RuntimeWatchdogSec", "system.conf") or "off"
    if value not in ("off", "0", ""):
        return passed("O07", f"RuntimeWatchdogSec={value}")
    write = f"printf '[Manager]\\nRuntimeWatchdogSec=15s\\n' > {WATCHDOG_DROP_IN}"
    return note(
        "O07",
        "RuntimeWatchdogSec=off",
        ("mkdir", "-p", os.path.dirname(WATCHDOG_DROP_IN)),
        ("sh", "-c", write),
        ("systemctl", "daemon-reexec"),
    )


def o08(bench: Bench) -> Finding:
    """No other program has a configured serial port open, and only one gateway runs."""
    ports = {os.path.realpath(bench.at(port)) for port in bench.ports()}
    gateways: list[str] = []
    others, closed = [], 0
    for folder in bench.at("proc").glob("[0-9]*"):
        words = (bench.text(f"proc/{folder.name}/cmdline") or "").split("\x00")
        program = os.path.basename(words[0])
        # Not by the words alone: they stand behind "sudo" too, which waits for the gateway it started.
        ours = program.startswith(("python", "kaga-edge")) and "run" in words and _names_us(words)
        gateways += [f"process {folder.name}"] * ours
        try:
            held = {os.path.realpath(one) for one in (folder / "fd").iterdir()}
        except OSError:
            closed += 1
            continue
        if held & ports and not ours:
            others.append(f"process {folder.name} ({program})")
    if len(gateways) > 1:
        return failed("O08", f"{len(gateways)} gateways run: {', '.join(sorted(gateways))}")
    if others:
        return failed("O08", ", ".join(others))
    if not ports:
        return passed("O08", "no serial ports configured")
    return unknown("O08", "needs sudo to see") if closed else passed("O08")


def o09(bench: Bench) -> Finding:
    """The Japanese locale is there when the environment asks for it."""
    asked = next(
        (bench.environ[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if bench.environ.get(key)), ""
    )
    if not asked.startswith("ja"):
        return skipped("O09", asked or "LANG is not set")
    folder = bench.at("usr/lib/locale")
    try:
        there = any(folder.glob("ja_JP.[uU]*")) or b"ja_JP.utf8" in (folder / "locale-archive").read_bytes()
    except OSError:
        there = False
    fix: Command = ("raspi-config", "nonint", "do_change_locale", "ja_JP.UTF-8")
    return passed("O09", asked) if there else note("O09", asked, fix)


def _names_us(words: list[str]) -> bool:
    return re.search(r"kaga[-_]edge", " ".join(words)) is not None


def _groups(bench: Bench) -> dict[str, tuple[int, list[str]]]:
    groups = {}
    for line in (bench.text("etc/group") or "").splitlines():
        name, _, number, users = [*line.split(":"), "", "", ""][:4]
        if number.isdigit():
            groups[name] = (int(number), users.split(","))
    return groups
