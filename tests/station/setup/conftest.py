"""A tree that looks like a Raspberry Pi's root with its boot partition mounted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
SITE = """\
[site]
id = "flood-test-01"
name = { ja = "試験", en = "Test" }
contact = "test"

[platform]
url = "mqtts://platform.example.jp:8883"
username = "flood-test-01"
secret = "mqtt-password"
ca = "ca.pem"

[[sensor]]
id = "level-1"
driver = "a02yyuw"
port = "/dev/ttyAMA0"
every = "60s"
[sensor.mount]
gauge_zero_to_sensor_m = 5.0
[sensor.disclosure]
purpose = { ja = "試験", en = "test" }
personal_data = false
"""


@pytest.fixture
def site() -> str:
    """Give a good configuration."""
    return SITE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the root: a Pi 4 as it comes, the package's files in place."""
    tree = tmp_path / "root"
    for folder in (
        "boot/firmware/kaga-edge",
        "etc/kaga-edge/secrets",
        "proc/device-tree",
        "usr/lib/sysusers.d",
    ):
        (tree / folder).mkdir(parents=True)
    (tree / "boot/firmware/config.txt").write_text("arm_64bit=1\n\n[all]\n")
    (tree / "boot/firmware/cmdline.txt").write_text(
        "console=serial0,115200 console=tty1 root=PARTUUID=a-02\n"
    )
    (tree / "proc/device-tree/model").write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    unit = tree / "usr/lib/systemd/system/kaga-edge.service"
    unit.parent.mkdir(parents=True)
    shutil.copyfile(REPOSITORY / "systemd/kaga-edge.service", unit)
    shutil.copyfile(
        REPOSITORY / "systemd/kaga-edge.sysusers.conf", tree / "usr/lib/sysusers.d/kaga-edge.conf"
    )
    return tree


@pytest.fixture
def zone(root: Path) -> Path:
    """Give the drop zone."""
    return root / "boot/firmware/kaga-edge"
