"""Each check of the doctor against a machine made of files: what is wrong is found."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kaga_edge.config import ConfigFaults, load
from kaga_edge.station.doctor import CHECKS, GROUPS, Bench, State, examine
from kaga_edge.station.linesteps import Step
from kaga_edge.text import catalogue

SITE = """
[site]
id = "flood-1"
name = { ja = "川", en = "river" }
contact = "加賀市"
operator = { ja = "加賀市", en = "Kaga City" }
[store]
path = "%s/var/lib/kaga-edge/store.sqlite"
[station]
runtime = "/run/kaga-edge"
[[sensor]]
id = "level-1"
driver = "lx80"
port = "/dev/ttyAMA0"
modbus_id = 1
serial = "9600 8E1"
every = "60s"
[sensor.mount]
gauge_zero_to_sensor_m = 5.0
[[sensor.calibration]]
channel = "water_level"
method = "offset"
at = "CALIBRATED"
who = "Y"
raw = 1.0
true = 1.0
before = 1.0
after = 1.0
[sensor.disclosure]
purpose = { ja = "洪水", en = "floods" }
personal_data = false
ground = { ja = "水防法", en = "Flood Control Act" }
[[sensor]]
id = "air-1"
driver = "sht4x"
i2c = { bus = 1, address = 0x44 }
every = "60s"
[sensor.disclosure]
purpose = { ja = "気温", en = "air" }
personal_data = false
ground = { ja = "水防法", en = "Flood Control Act" }
[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpio = 17
every = "60s"
[sensor.disclosure]
purpose = { ja = "雨", en = "rain" }
personal_data = false
ground = { ja = "水防法", en = "Flood Control Act" }
"""
SITE = SITE.replace("CALIBRATED", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
GROUP = (
    "root:x:0:\ni2c:x:998:kaga-edge\ngpio:x:997:kaga-edge\ndialout:x:20:kaga-edge\nplugdev:x:46:kaga-edge\n"
)
GOOD = {"error": None, "readings": [{"id": "water_level", "value": 1.0}]}


def counted(*, polls: int, failed: int) -> dict:
    sensors = [{"id": "air-1", "age_s": 3.0, "polls": polls, "failed_polls": failed}]
    return {"sensors": sensors, "store": {"error": None}}


@pytest.fixture
def machine(tmp_path: Path):
    """A Pi on which all is well, as files below ``root``; ``bench`` may replace what a test breaks."""
    root = tmp_path / "root"
    files = {
        "etc/os-release": 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
        "etc/passwd": "kaga-edge:x:990:990::/var/lib/kaga-edge:/usr/sbin/nologin\n",
        "etc/group": GROUP,
        "etc/systemd/journald.conf.d/60-kaga-edge.conf": "[Journal]\nStorage=persistent\n",
        "usr/lib/systemd/journald.conf.d/40-rpi-volatile-storage.conf": "[Journal]\nStorage=volatile\n",
        "etc/systemd/system.conf.d/60.conf": "[Manager]\nRuntimeWatchdogSec=15s\n",
        "etc/timezone": "Asia/Tokyo\n",
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\x00",
        "proc/cmdline": "console=tty1 root=PARTUUID=1-02",
        "sys/class/gpio/gpiochip512/label": "pinctrl-bcm2711\n",
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
        "sys/class/thermal/thermal_zone0/temp": "51123\n",
        "sys/class/rtc/rtc0/name": "rtc-ds3231\n",
        "sys/kernel/debug/gpio": " gpio-529 (GPIO17              |lg                  ) in  hi\n",
        "dev/watchdog0": "",
        "dev/i2c-1": "",
        "dev/ttyAMA0": "",
    }
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (root / "run/systemd/system").mkdir(parents=True)
    store = tmp_path / "store"
    for folder in ("var/lib/kaga-edge", "conf.d"):
        (store / folder).mkdir(parents=True)
    for node, gid in (("i2c-1", 998), ("ttyAMA0", 20)):
        os.chown(root / "dev" / node, -1, gid) if os.geteuid() == 0 else None
        (root / "dev" / node).chmod(0o660)
    config = tmp_path / "kaga-edge.toml"
    config.write_text(SITE % "/data", encoding="utf-8")
    (root / "data/var/lib/kaga-edge").mkdir(parents=True)
    (root / "data/var/lib/kaga-edge/store.sqlite").write_bytes(b"")
    config.chmod(0o640)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/50-calibration.toml").write_text("", encoding="utf-8")
    active = "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nNRestarts=0\nResult=success\n"
    answers = {
        "systemctl": (0, active),
        "dmesg": (0, "[1.0] mmc0: new high speed SDHC card\n"),
        "vcgencmd": (0, "throttled=0x0\n"),
        "nmcli": (0, " :90:other\n*:72:kaga\n"),
    }
    sensors = [
        {"id": name, "age_s": 3.0, "polls": 500, "failed_polls": 1} for name in ("level-1", "air-1", "rain-1")
    ]
    snapshot = {"sensors": sensors, "store": {"error": None}, "room_s": 26 * 86_400}

    def bench(**changed) -> Bench:
        facts = {
            "config_path": config,
            "root": root,
            "snapshot": snapshot,
            "environ": {"LANG": "C.UTF-8"},
            "call": lambda command: answers.get(command[0]),
            "readings": lambda: dict.fromkeys(("level-1", "air-1", "rain-1"), GOOD),
            "lgpio_version": lambda: "0.2.2.0",
            "clock_synchronised": lambda: True,
            "now_s": time.time(),
            "python": (3, 13),
        }
        if "config" not in changed:
            facts["config"] = load(config)
        return Bench(**(facts | changed))

    bench.root, bench.config, bench.answers, bench.snapshot = root, config, answers, snapshot
    return bench


def verdict(bench: Bench, code: str):
    return next(examine(bench, code))


def test_there_are_37_checks_each_with_a_repair_in_both_languages() -> None:
    assert len(CHECKS) == 37
    assert GROUPS == ("O", "B", "S", "T", "Q", "L", "P", "C")
    assert all({f"doctor.{code}", f"doctor.{code}.fix"} <= catalogue().keys() for code in CHECKS)


@pytest.mark.skipif(os.geteuid() != 0, reason="the device nodes' groups are set by root")
def test_a_good_machine_passes_whatever_it_needs(machine) -> None:
    states = {finding.code: finding.state for finding in examine(machine())}
    assert {code for code, state in states.items() if state not in (State.PASS, State.SKIP)} == set()
    skipped = {code for code, state in states.items() if state is State.SKIP}
    assert skipped == {"O09", "B09", "L01", "L02", "L03"}


def test_an_empty_machine_is_never_called_good(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    bench = Bench(config_path=tmp_path / "none.toml", config=None, root=tmp_path / "root", now_s=time.time())
    passed = {finding.code for finding in examine(bench) if finding.state is State.PASS}
    assert passed <= {"O08"}  # no process holds a port, because none is configured


BROKEN = [
    ("O01", "etc/os-release", "ID=arch\n", State.NOTE),
    ("O03", "etc/group", GROUP.replace("gpio:x:997:kaga-edge", "gpio:x:997:"), State.FAIL),
    ("O04", "etc/group", GROUP.replace("20:kaga-edge", "20:pi"), State.FAIL),
    ("O06", "etc/systemd/journald.conf.d/60-kaga-edge.conf", "", State.NOTE),
    ("O07", "etc/systemd/system.conf.d/60.conf", "", State.NOTE),
    ("B01", "dev/i2c-1", None, State.FAIL),
    ("B05", "dev/ttyAMA0", None, State.FAIL),
    ("B06", "proc/cmdline", "console=serial0,115200 root=x", State.FAIL),
    ("B08", "dev/ttyAMA0", None, State.FAIL),
    ("B11", "sys/kernel/debug/gpio", " gpio-529 (GPIO17   |spi0 CS1   ) out hi\n", State.FAIL),
    ("B11", "sys/kernel/debug/gpio", None, State.UNKNOWN),
    ("T02", "sys/class/rtc/rtc0/name", None, State.NOTE),
    ("T03", "etc/timezone", "Etc/UTC\n", State.NOTE),
    ("P01", "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n", State.FAIL),
    ("P01", "sys/class/thermal/thermal_zone0/temp", "84000\n", State.NOTE),
]


@pytest.mark.parametrize(("code", "file", "text", "state"), BROKEN)
@pytest.mark.skipif(os.geteuid() != 0, reason="the device nodes' groups are set by root")
def test_a_broken_file_is_found(machine, code: str, file: str, text: str | None, state: State) -> None:
    (machine.root / file).unlink() if text is None else (machine.root / file).write_text(text)
    assert verdict(machine(), code).state is state


SILENT = {"error": {"code": "KE-B02", "what": "no acknowledge"}, "readings": []}


@pytest.mark.parametrize(
    ("code", "changed", "state"),
    [
        ("O01", {"python": (3, 10)}, State.FAIL),
        ("O09", {"environ": {"LANG": "ja_JP.UTF-8"}}, State.NOTE),
        ("B02", {"readings": lambda: {"air-1": SILENT}}, State.FAIL),
        ("B02", {"readings": dict}, State.FAIL),
        ("B02", {"readings": lambda: {"air-1": GOOD | {"remarks": ["check the variant"]}}}, State.NOTE),
        ("B10", {"readings": lambda: {"level-1": SILENT}}, State.FAIL),
        ("B12", {"lgpio_version": lambda: "0.0.0.2"}, State.FAIL),
        ("B12", {"lgpio_version": lambda: None}, State.FAIL),
        ("S01", {"readings": lambda: {"level-1": GOOD, "air-1": GOOD, "rain-1": SILENT}}, State.FAIL),
        ("S02", {"snapshot": None}, State.UNKNOWN),
        ("S03", {"now_s": time.time() + 400 * 86_400}, State.NOTE),
        ("T01", {"clock_synchronised": lambda: False}, State.NOTE),
        ("B04", {"snapshot": counted(polls=500, failed=40)}, State.FAIL),
        ("B04", {"snapshot": counted(polls=20, failed=0)}, State.UNKNOWN),
        ("T01", {"clock_synchronised": lambda: None}, State.UNKNOWN),
        ("T03", {"now_s": 1e9}, State.FAIL),
        ("Q01", {"snapshot": {"sensors": [], "store": {"error": "disk full"}}}, State.FAIL),
        ("L04", {"call": lambda _command: None}, State.UNKNOWN),
    ],
)
def test_what_is_measured_decides(machine, code: str, changed: dict, state: State) -> None:
    assert verdict(machine(**changed), code).state is state


@pytest.mark.parametrize(
    ("code", "command", "answer", "state"),
    [
        ("O05", "systemctl", "LoadState=not-found\n", State.FAIL),
        ("O05", "systemctl", "LoadState=loaded\nUnitFileState=disabled\nActiveState=active\n", State.FAIL),
        (
            "O05",
            "systemctl",
            "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nNRestarts=9\n",
            State.NOTE,
        ),
        ("Q03", "dmesg", "[9.1] blk_update_request: I/O error, dev mmcblk0, sector 1\n", State.FAIL),
        ("P01", "vcgencmd", "throttled=0x50005\n", State.FAIL),
        ("P01", "vcgencmd", "throttled=0x50000\n", State.NOTE),
        ("L04", "nmcli", "*:12:kaga\n", State.NOTE),
        ("L04", "mmcli", "modem.generic.signal-quality.value : 21\n", State.NOTE),
        ("L04", "mmcli", "modem.generic.signal-quality.value : 61\n", State.PASS),
        ("T01", "timedatectl", "       Offset: +3.1s\n", State.NOTE),
        ("T01", "timedatectl", "       Offset: -812us\n", State.PASS),
        ("T01", "chronyc", "A9FEA97B,ntp,2,1795281249.0,-2.5,0,0,0,0,0,0,0,0,Normal\n", State.NOTE),
    ],
)
def test_what_the_system_says_decides(machine, code: str, command: str, answer: str, state: State) -> None:
    machine.answers[command] = (0, answer)
    assert verdict(machine(), code).state is state


def test_the_debug_plug_of_a_pi_5_is_not_taken_for_the_header(machine) -> None:
    (machine.root / "dev/ttyAMA0").unlink()
    (machine.root / "dev/ttyAMA10").write_text("")
    (machine.root / "dev/serial0").symlink_to("ttyAMA10")
    machine.config.write_text((SITE % "/data").replace("ttyAMA0", "serial0"), encoding="utf-8")
    found = verdict(machine(config=load(machine.config)), "B05")
    assert (found.state, found.seen) == (State.FAIL, "/dev/serial0 is ttyAMA10")


def test_the_mini_uart_has_no_parity(machine) -> None:
    (machine.root / "dev/ttyS0").write_text("")
    machine.config.write_text((SITE % "/data").replace("ttyAMA0", "ttyS0"), encoding="utf-8")
    assert verdict(machine(config=load(machine.config)), "B07").state is State.FAIL


def test_a_shaky_port_name_is_told_its_stable_one(machine) -> None:
    (machine.root / "dev/ttyUSB0").write_text("")
    folder = machine.root / "dev/serial/by-id"
    folder.mkdir(parents=True)
    (folder / "usb-FTDI_A1-if00").symlink_to("../../ttyUSB0")
    machine.config.write_text((SITE % "/data").replace("ttyAMA0", "ttyUSB0"), encoding="utf-8")
    found = verdict(machine(config=load(machine.config)), "B08")
    assert (found.state, found.seen) == (State.NOTE, "/dev/ttyUSB0: /dev/serial/by-id/usb-FTDI_A1-if00")


def test_another_program_on_the_port_is_named(machine) -> None:
    process = machine.root / "proc/4711"
    (process / "fd").mkdir(parents=True)
    (process / "fd/3").symlink_to(machine.root / "dev/ttyAMA0")
    (process / "cmdline").write_text("/usr/bin/minicom\x00-D\x00/dev/ttyAMA0\x00")
    found = verdict(machine(), "O08")
    assert (found.state, found.seen) == (State.FAIL, "process 4711 (minicom)")


def test_the_gateway_itself_may_hold_the_port_but_not_a_second_one(machine) -> None:
    for number in ("4711", "4712"):
        process = machine.root / "proc" / number
        (process / "fd").mkdir(parents=True)
        (process / "fd/3").symlink_to(machine.root / "dev/ttyAMA0")
        (process / "cmdline").write_text("/usr/bin/python3\x00/usr/bin/kaga-edge\x00run\x00")
        if number == "4711":
            assert verdict(machine(), "O08").state is State.PASS
    assert verdict(machine(), "O08").seen == "2 gateways run: process 4711, process 4712"


def test_sudo_was_taken_for_a_second_gateway(machine) -> None:
    for number, before in (("4711", "sudo\x00"), ("4712", "/usr/bin/python3\x00")):
        process = machine.root / "proc" / number
        (process / "fd").mkdir(parents=True)
        (process / "cmdline").write_text(f"{before}/usr/bin/kaga-edge\x00run\x00")
    assert verdict(machine(), "O08").state is State.PASS


def test_a_damaged_store_is_found_while_the_gateway_is_stopped(machine) -> None:
    file = machine.root / "data/var/lib/kaga-edge/store.sqlite"
    assert verdict(machine(snapshot=None), "Q01").state is State.PASS
    file.write_bytes(b"SQLite format 3\x00" + os.urandom(8000))
    before = file.read_bytes()
    assert verdict(machine(snapshot=None), "Q01").state is not State.PASS
    assert file.read_bytes() == before


def test_the_write_test_leaves_nothing_behind(machine) -> None:
    assert verdict(machine(), "Q03").state is State.PASS
    assert [one.name for one in (machine.root / "data/var/lib/kaga-edge").iterdir()] == ["store.sqlite"]


def test_a_wrong_configuration_is_counted_and_clashes_are_seen(machine) -> None:
    machine.config.write_text((SITE % "/data").replace("gpio = 17", "gpio = 2"), encoding="utf-8")
    with pytest.raises(ConfigFaults) as wrong:
        load(machine.config)
    bench = machine(config=None, faults=wrong.value)
    assert verdict(bench, "C01").state is State.FAIL
    assert verdict(bench, "B11").state is State.FAIL


def test_a_configuration_that_anybody_reads_is_mended_by_itself(machine) -> None:
    machine.config.chmod(0o644)
    found = verdict(machine(), "C01")
    chgrp = ("chgrp", f"--reference={machine.config.parent}", str(machine.config))
    assert (found.state, found.fix) == (State.NOTE, (chgrp, ("chmod", "640", str(machine.config))))


def test_the_line_is_judged_by_its_steps(machine) -> None:
    text = (SITE % "/data") + '[platform]\nurl = "mqtts://localhost"\n'
    machine.config.write_text(text, encoding="utf-8")
    config = load(machine.config)
    steps = (
        Step(name="name", state="pass"), Step(name="route", state="pass"), Step(name="tcp", state="pass"),
        Step(name="tls", state="pass", days_left=12), Step(name="login", state="fail", seen="not let in"),
        Step(name="permission", state="unknown"), Step(name="ack", state="unknown"),
    )  # fmt: skip
    bench = machine(config=config, line=lambda: steps)
    assert [verdict(bench, code).state for code in ("L01", "L02", "L03")] == [
        State.PASS,
        State.NOTE,
        State.FAIL,
    ]


def test_a_level_nobody_calibrated_and_a_site_without_operator_are_told(machine) -> None:
    start, rest = SITE.split("[[sensor.calibration]]", 1)
    text = start + rest[rest.index("[sensor.disclosure]") :]
    text = text.replace('operator = { ja = "加賀市", en = "Kaga City" }\n', "")
    machine.config.write_text(text % "/data", encoding="utf-8")
    bench = machine(config=load(machine.config))
    assert (verdict(bench, "S03").state, verdict(bench, "S03").seen) == (State.NOTE, "level-1: none")
    assert (verdict(bench, "S04").state, verdict(bench, "S04").seen) == (State.NOTE, "missing: operator")


def test_a_clock_that_is_not_set_by_anybody_is_mended(machine) -> None:
    assert verdict(machine(clock_synchronised=lambda: False), "T01").fix == (
        ("timedatectl", "set-ntp", "true"),
    )
