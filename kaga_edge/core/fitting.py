"""What a machine still lacks to be a station: facts in, steps out. Nothing is done here.

Every step asks first whether it is done already, so a set-up that was cut off is simply begun again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kaga_edge.core.boottext import with_lines, without_login

USER = "kaga-edge"
GROUPS = ("i2c", "gpio", "dialout", "plugdev")
MODULES = "etc/modules-load.d/kaga-edge.conf"
JOURNAL = "etc/systemd/journald.conf.d/60-kaga-edge.conf"  # above the OS's 40-rpi-volatile-storage
WATCHDOG = "etc/systemd/system.conf.d/60-kaga-edge.conf"
PORT_RULES = "etc/udev/rules.d/70-kaga-edge-ports.rules"
ENABLED = "etc/systemd/system/multi-user.target.wants/kaga-edge.service"
CONFIGURATION = "etc/kaga-edge/kaga-edge.toml"
MODEL = "proc/device-tree/model"
LOOKED_AT = (MODULES, JOURNAL, WATCHDOG, PORT_RULES, "etc/passwd", "etc/group", MODEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the site asks of the machine. ``ports``: sensor and its serial port."""

    i2c: bool = True
    uart: bool = True
    full_uart: bool = False  # /dev/ttyAMA0 by name: parity, which the mini UART has not
    onewire: bool = False
    ports: tuple[tuple[str, str], ...] = ()
    journal_max: str = "50M"
    watchdog_s: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is there. ``files``: texts by path below the root, None: absent; ``boot``: its folder, or None."""

    files: Mapping[str, str | None]
    boot: str | None
    enabled: bool = False
    configured: bool = False

    def text(self, path: str) -> str:
        """Return the text of a file; empty when it is absent."""
        return self.files.get(path) or ""

    @property
    def board(self) -> str:
        """The maker's name of the board, or nothing."""
        return self.text(MODEL).strip("\0 \n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Replace a file. ``keep``: leave a copy of what was there, once."""

    path: str
    text: str
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Run a command. ``rooted``: it also works on a tree that is not running, with ``--root=``."""

    argv: tuple[str, ...]
    rooted: bool = False


Action = Write | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to have. No actions: it is there. ``reboot``: it takes hold at the next start."""

    key: str
    actions: tuple[Action, ...] = ()
    reboot: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)


def steps(machine: Machine, needs: Needs) -> tuple[Step, ...]:
    """Return every step in its order; those of the boot partition only where there is one."""
    made = [_groups(machine)]
    if machine.boot is not None:
        made += [_interfaces(machine, machine.boot, needs), _login(machine, machine.boot, needs)]
    made += [
        _bus_module(machine, needs),
        _ports(machine, needs),
        _journal(machine, needs),
        _watchdog(machine, needs),
        _service(machine),
    ]
    return tuple(made)


def boot_lines(board: str, needs: Needs) -> tuple[str, ...]:
    """Return the lines of config.txt that these needs ask for on this board."""
    five = "Pi 5" in board or "Compute Module 5" in board or "Pi 500" in board
    lines = []
    if needs.i2c:
        lines.append("dtparam=i2c_arm=on")
    if needs.uart or needs.full_uart:
        lines.append("enable_uart=1")
        if five:  # there serial0 is the debug plug; ttyAMA0 on the header has a switch of its own
            lines.append("dtparam=uart0=on")
        elif needs.full_uart and "Pi 2 Model B Rev 1.1" not in board:
            lines.append("dtoverlay=disable-bt")  # Bluetooth would hold the full UART
    if needs.onewire:
        lines.append("dtoverlay=w1-gpio")
    if needs.watchdog_s:
        lines.append("dtparam=watchdog=on")
    return tuple(lines)


def port_rules(ports: tuple[tuple[str, str], ...]) -> str:
    """Return udev rules that give each configured port the name /dev/kaga/SENSOR and to our group.

    Only these ports: another program's modem stays its own. by-id and by-path are names that 60-serial.rules
    has given before; a bare ttyAMA0 is matched as it is.
    """
    lines = ["# Written by kaga-edge setup from the configuration; run it again after changing a port."]
    for sensor, port in ports:
        name = port.removeprefix("/dev/")
        if name == "serial0" or any(sign in name for sign in '*?[]"\\$%'):
            continue  # the OS's own stable name; a name udev would read as a pattern
        told = "SYMLINK" if "/" in name else "KERNEL"
        lines.append(
            f'SUBSYSTEM=="tty", {told}=="{name}", SYMLINK+="kaga/{sensor}", GROUP="{USER}", MODE="0660", '
            'ENV{ID_MM_DEVICE_IGNORE}="1"'
        )
    return "\n".join(lines) + "\n"


# --- the steps ---


def _groups(machine: Machine) -> Step:
    there = any(line.startswith(f"{USER}:") for line in machine.text("etc/passwd").splitlines())
    members = dict(
        line.split(":")[::3] for line in machine.text("etc/group").splitlines() if line.count(":") == 3
    )
    missing = [name for name in GROUPS if USER not in members.get(name, "").split(",")]
    done = there and not missing
    actions = () if done else (Call(argv=("systemd-sysusers", "kaga-edge.conf"), rooted=True),)
    return Step(key="groups", actions=actions, facts={"names": ", ".join(GROUPS)})


def _interfaces(machine: Machine, boot: str, needs: Needs) -> Step:
    path = f"{boot}/config.txt"
    before = machine.text(path)
    lines = boot_lines(machine.board, needs)
    after = with_lines(before, lines)
    actions = () if after == before else (Write(path=path, text=after, keep=True),)
    return Step(key="interfaces", actions=actions, reboot=True, facts={"lines": ", ".join(lines)})


def _login(machine: Machine, boot: str, needs: Needs) -> Step:
    path = f"{boot}/cmdline.txt"
    before = machine.text(path)
    after = without_login(before) if needs.uart or needs.full_uart else before
    actions = () if after == before else (Write(path=path, text=after, keep=True),)
    return Step(key="login", actions=actions, reboot=True)


def _bus_module(machine: Machine, needs: Needs) -> Step:
    if not needs.i2c:
        return Step(key="module")
    actions = _written(machine, MODULES, "# for /dev/i2c-*; written by kaga-edge setup\ni2c-dev\n")
    return Step(key="module", actions=(*actions, *_after(actions, "modprobe", "i2c-dev")))


def _ports(machine: Machine, needs: Needs) -> Step:
    if not needs.ports and not machine.text(PORT_RULES):
        return Step(key="ports", facts={"names": "-"})
    actions = _written(machine, PORT_RULES, port_rules(needs.ports))
    again = (
        *_after(actions, "udevadm", "control", "--reload"),
        *_after(actions, "udevadm", "trigger", "--subsystem-match=tty"),
    )
    names = ", ".join(f"/dev/kaga/{sensor}" for sensor, _ in needs.ports) or "-"
    return Step(key="ports", actions=(*actions, *again), facts={"names": names})


def _journal(machine: Machine, needs: Needs) -> Step:
    text = f"[Journal]\nStorage=persistent\nSystemMaxUse={needs.journal_max}\n"
    actions = _written(machine, JOURNAL, text)
    again = _after(actions, "systemctl", "restart", "systemd-journald")
    return Step(key="journal", actions=(*actions, *again), facts={"most": needs.journal_max})


def _watchdog(machine: Machine, needs: Needs) -> Step:
    value = f"{needs.watchdog_s}s" if needs.watchdog_s else "off"
    actions = _written(machine, WATCHDOG, f"[Manager]\nRuntimeWatchdogSec={value}\n")
    again = _after(actions, "systemctl", "daemon-reexec")
    return Step(key="watchdog", actions=(*actions, *again), facts={"value": value})


def _service(machine: Machine) -> Step:
    if machine.enabled and machine.configured:
        return Step(key="service")
    enable = (
        () if machine.enabled else (Call(argv=("systemctl", "enable", "kaga-edge.service"), rooted=True),)
    )
    if not machine.configured:
        return Step(key="service_later", actions=enable)
    return Step(key="service", actions=(*enable, Call(argv=("systemctl", "restart", "kaga-edge.service"))))


def _written(machine: Machine, path: str, text: str) -> tuple[Action, ...]:
    return () if machine.files.get(path) == text else (Write(path=path, text=text),)


def _after(actions: tuple[Action, ...], *argv: str) -> tuple[Action, ...]:
    return (Call(argv=argv),) if actions else ()
