"""The unit as systemd itself judges it."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "systemd"
UNIT = FOLDER / "kaga-edge.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine"
)


def settings(section: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    inside = ""
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            inside = line.strip("[]")
        elif "=" in line and not line.startswith("#") and inside == section:
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@needs_systemd
def test_its_exposure_is_at_most_one_and_a_half():
    subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", str(UNIT)],
        check=True,
        capture_output=True,
    )


@needs_systemd
def test_systemd_has_nothing_to_say_but_that_the_program_is_not_installed_here():
    said = subprocess.run(
        ["systemd-analyze", "verify", str(UNIT)], capture_output=True, text=True, check=False
    ).stderr.splitlines()
    assert [line for line in said if "kaga-edge" in line and "is not executable" not in line] == []


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers on this machine")
def test_the_user_is_in_every_group_the_unit_asks_for(tmp_path):
    (tmp_path / "etc").mkdir()
    subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", "-"],
        input=(FOLDER / "kaga-edge.sysusers.conf").read_bytes(),
        check=True,
        capture_output=True,
    )
    members = {}
    for line in (tmp_path / "etc" / "group").read_text().splitlines():
        name, _, _, users = line.split(":")
        members[name] = users.split(",")
    asked = settings("Service")["SupplementaryGroups"][0].split()
    assert all("kaga-edge" in members[group] for group in asked)


def test_the_firmware_may_be_asked_about_its_supply():
    """vcgencmd got "Permission denied" from /dev/vcio: throttling was never known."""
    service = settings("Service")
    assert "/dev/vcio rw" in service["DeviceAllow"]
    assert "video" in service["SupplementaryGroups"][0].split()


def test_it_waits_neither_for_the_network_nor_for_the_time():
    words = " ".join(value for values in settings("Unit").values() for value in values)
    assert "network" not in words
    assert "time-sync" not in words


def test_it_is_started_again_for_ever_and_watched():
    service = settings("Service")
    assert settings("Unit")["StartLimitIntervalSec"] == ["0"]
    assert (service["Type"], service["Restart"], service["RestartSec"], service["WatchdogSec"]) == (
        ["notify"], ["always"], ["5"], ["60"],
    )  # fmt: skip
    assert "RestartPreventExitStatus" not in service


def test_lgpio_gets_a_folder_of_its_own_and_gpiozero_sees_the_board():
    service = settings("Service")
    assert service["WorkingDirectory"] == [f"/run/{service['RuntimeDirectory'][0]}"]
    assert "LG_WD=/run/kaga-edge" in service["Environment"][0]
    assert "ProcSubset" not in service


def test_the_unit_is_no_more_than_sections_and_assignments():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT)
    assert parser.sections() == ["Unit", "Service", "Install"]
