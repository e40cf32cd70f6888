"""What a machine lacks: steps from facts."""

from __future__ import annotations

import pytest

from kaga_edge.core.fitting import (
    GROUPS,
    PORT_RULES,
    Call,
    Machine,
    Needs,
    Write,
    boot_lines,
    port_rules,
    steps,
)

GROUP_FILE = "".join(f"{name}:x:9{n}:kaga-edge\n" for n, name in enumerate(GROUPS))


def machine(**files: str | None) -> Machine:
    """Return a Pi whose own files are as given, dots for slashes not needed: keyword "config" and so on."""
    named = {
        "boot/firmware/config.txt": files.pop("config", "arm_64bit=1\n"),
        "boot/firmware/cmdline.txt": files.pop("cmdline", "console=serial0,115200 console=tty1\n"),
        "etc/passwd": "kaga-edge:x:990:990::/var/lib/kaga-edge:/usr/sbin/nologin\n",
        "etc/group": GROUP_FILE,
        "proc/device-tree/model": files.pop("model", "Raspberry Pi 4 Model B Rev 1.4\0"),
    }
    return Machine(files=named | files, boot="boot/firmware", enabled=True, configured=True)


def after(before: Machine, made: list[Write]) -> Machine:
    files = dict(before.files) | {one.path: one.text for one in made}
    return Machine(files=files, boot=before.boot, enabled=True, configured=True)


def test_done_once_nothing_is_left_to_do():
    needs = Needs(ports=(("level-1", "/dev/ttyAMA0"),), full_uart=True, onewire=True)
    first = steps(machine(), needs)
    written = [one for step in first for one in step.actions if isinstance(one, Write)]
    assert written
    assert [step.key for step in steps(after(machine(), written), needs) if step.actions] == []


def test_a_setup_cut_off_after_any_file_is_completed_by_the_next():
    needs = Needs(ports=(("level-1", "/dev/ttyAMA0"),))
    written = [one for step in steps(machine(), needs) for one in step.actions if isinstance(one, Write)]
    for cut in range(len(written)):
        rest = [
            one
            for step in steps(after(machine(), written[:cut]), needs)
            for one in step.actions
            if isinstance(one, Write)
        ]
        assert rest == written[cut:]


@pytest.mark.parametrize(
    ("board", "needs", "lines"),
    [
        ("Raspberry Pi 4 Model B", Needs(uart=True), {"dtparam=i2c_arm=on", "enable_uart=1"}),
        ("Raspberry Pi 5 Model B", Needs(full_uart=True), {"enable_uart=1", "dtparam=uart0=on"}),
        ("Raspberry Pi Zero 2 W", Needs(full_uart=True), {"enable_uart=1", "dtoverlay=disable-bt"}),
        ("Raspberry Pi 3 Model B", Needs(onewire=True), {"dtoverlay=w1-gpio"}),
    ],
)
def test_each_board_gets_the_lines_its_header_needs(board, needs, lines):
    told = set(boot_lines(board, needs))
    assert lines <= told
    assert ("dtoverlay=disable-bt" in told) == (needs.full_uart and "Pi 5" not in board)


def test_a_site_without_serial_instruments_keeps_its_login_on_the_port():
    keys = {step.key: step.actions for step in steps(machine(), Needs(uart=False))}
    assert keys["login"] == ()


def test_off_a_pi_the_boot_partition_is_left_out():
    plain = Machine(files={}, boot=None)
    assert not {"interfaces", "login"} & {step.key for step in steps(plain, Needs())}


def test_without_a_configuration_nothing_is_started():
    bare = Machine(files=machine().files, boot="boot/firmware", enabled=False, configured=False)
    last = steps(bare, Needs())[-1]
    assert last.key == "service_later"
    assert last.actions == (Call(argv=("systemctl", "enable", "kaga-edge.service"), rooted=True),)


def test_only_configured_ports_are_named_and_given_to_our_group():
    text = port_rules(
        (("level-1", "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0"), ("snow-1", "/dev/ttyAMA0"))
    )
    rules = [line for line in text.splitlines() if not line.startswith("#")]
    ours = 'GROUP="kaga-edge", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1"'
    usb = 'SUBSYSTEM=="tty", SYMLINK=="serial/by-id/usb-FTDI_FT232R-if00-port0"'
    assert rules == [
        f'{usb}, SYMLINK+="kaga/level-1", {ours}',
        f'SUBSYSTEM=="tty", KERNEL=="ttyAMA0", SYMLINK+="kaga/snow-1", {ours}',
    ]


@pytest.mark.parametrize("port", ["/dev/tty*", '/dev/ttyUSB0", RUN+="/bin/sh', "/dev/serial0", "/dev/tty[A]"])
def test_a_name_udev_would_read_as_a_pattern_makes_no_rule(port):
    assert "SUBSYSTEM" not in port_rules((("level-1", port),))


def test_ports_taken_out_of_the_configuration_lose_their_rule():
    known = machine(**{PORT_RULES: port_rules((("level-1", "/dev/ttyAMA0"),))})
    made = {step.key: step.actions for step in steps(known, Needs())}
    assert isinstance(made["ports"][0], Write)
    assert "kaga/" not in made["ports"][0].text
