"""The units around the gateway: drop zone, set-up, updates, battery."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "systemd"
UNITS = sorted(one for one in FOLDER.iterdir() if one.suffix in (".service", ".path"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_reads_every_unit_without_a_word(tmp_path):
    for unit in UNITS:  # together, so that each finds the others; the program is not installed here
        text = re.sub(r"(?m)^Exec(\w+)=/\S+", r"Exec\1=/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    said = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, check=False,
    ).stderr.splitlines()  # fmt: skip
    assert [line for line in said if "kaga-edge" in line] == []


def test_every_unit_is_in_the_package():
    build = (REPOSITORY / "scripts/deb/build.py").read_text()
    assert [unit.name for unit in UNITS if f'"{unit.name}"' not in build] == []


def test_the_card_is_taken_in_before_the_gateway_starts():
    unit = (FOLDER / "kaga-edge-import.service").read_text()
    assert "Before=kaga-edge.service" in unit
    assert "RequiresMountsFor=/boot/firmware" in unit


def test_a_faulty_card_does_not_keep_the_gateway_from_starting():
    gateway = (FOLDER / "kaga-edge.service").read_text()
    assert "Requires=kaga-edge-import" not in gateway
    assert "SuccessExitStatus=1 2 78" in (FOLDER / "kaga-edge-import.service").read_text()


def test_folders_and_device_rules_are_read_by_their_tools(tmp_path):
    if shutil.which("systemd-tmpfiles") is None:
        pytest.skip("no systemd-tmpfiles on this machine")
    lines = [
        line
        for line in (FOLDER / "kaga-edge.tmpfiles.conf").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"d /\S+ 0[0-7]{3} root (root|kaga-edge)", line) for line in lines)
    asked = "\n".join(
        line.replace("kaga-edge\n", "root\n").replace(" root kaga-edge", " root root") for line in lines
    )
    subprocess.run(
        ["systemd-tmpfiles", "--create", f"--root={tmp_path}", "-"], input=asked, text=True, check=True
    )
    assert (tmp_path / "etc/kaga-edge/secrets").stat().st_mode & 0o777 == 0o750
