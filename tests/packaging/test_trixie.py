"""The same package on Trixie, whose Python is 3.13: installed, asked, then booted. Full runs only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.debian import FULL, SITE, VCGENCMD, Container, needs, unpacked

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not FULL, reason="unpacks a Debian: full runs"),
    pytest.mark.timeout(900),
    pytest.mark.slow,
]
# What Raspberry Pi OS has as python3-lgpio and plain Debian has not.
LGPIO = "LGPIO_OF_THE_OS = True\n"
PASSWORD = "only-systemd-opens-this"
PLATFORM = """
[platform]
url = "mqtt://127.0.0.1:1883"
username = "gw"
secret = "mqtt-password"
"""
# Hears what a gateway says first, which is where the password is (MQTT 5, section 3.1.3.6).
LISTENER = """
import socket
server = socket.create_server(("127.0.0.1", 1883))
while True:
    line, _ = server.accept()
    with line:
        open("/root/heard", "ab").write(line.recv(4096))
"""


@pytest.fixture(scope="module")
def trixie(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Path:
    """Give a Trixie with the package installed."""
    root = unpacked("trixie", tmp_path_factory.mktemp("trixie") / "root")
    shutil.copyfile(package, root / "root" / package.name)
    installed = inside(root, "dpkg", "--install", f"/root/{package.name}")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return root


def inside(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["chroot", str(root), "env", "-i", "PATH=/usr/sbin:/usr/bin", "LANG=C.UTF-8", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_its_python_finds_its_own_libraries(trixie):
    told = inside(trixie, "kaga-edge", "version")
    assert "Python 3.13" in told.stdout, told.stderr


def test_a_site_is_checked_by_the_compiled_library_of_this_python(trixie):
    (trixie / "root/site.toml").write_text(SITE)
    told = inside(trixie, "kaga-edge", "config", "check", "/root/site.toml", "--json")
    assert told.returncode == 0, told.stdout + told.stderr


def test_lgpio_is_the_os_own_there(trixie):
    (trixie / "usr/lib/python3/dist-packages").mkdir(parents=True, exist_ok=True)
    (trixie / "usr/lib/python3/dist-packages/lgpio.py").write_text(LGPIO)
    launcher = (trixie / "usr/bin/kaga-edge").read_text()
    asked = launcher.partition("from kaga_edge.cli")[0] + "import lgpio; print(lgpio.LGPIO_OF_THE_OS)\n"
    told = inside(trixie, "python3", "-I", "-c", asked)
    assert told.stdout == "True\n", told.stderr


def test_the_libraries_were_compiled_when_it_was_installed(trixie):
    caches = list((trixie / "usr/lib/kaga-edge/site/kaga_edge").rglob("*.cpython-313.pyc"))
    assert len(caches) > 100


def test_the_change_of_the_systems_python_compiles_them_again(trixie):
    script = "/usr/share/python3/runtime.d/kaga-edge.rtupdate"
    told = inside(trixie, script, "rtupdate", "python3.11", "python3.13")
    assert told.returncode == 0, told.stderr
    assert list((trixie / "usr/lib/kaga-edge/site/kaga_edge").rglob("*.cpython-313.pyc"))


# --- booted: these follow each other ---


@pytest.fixture(scope="module")
def booted(trixie: Path) -> Iterator[Container]:
    """Give that machine switched on, with a configuration put there by hand and no secret yet."""
    needs("systemd-nspawn")
    (trixie / "etc/kaga-edge/kaga-edge.toml").write_text(SITE + PLATFORM)
    (trixie / "usr/bin/vcgencmd").write_text(VCGENCMD)
    (trixie / "usr/bin/vcgencmd").chmod(0o755)
    (trixie / "usr/lib/python3/dist-packages/lgpio.py").unlink(missing_ok=True)
    (trixie / "root/listener.py").write_text(LISTENER)
    machine = Container(root=trixie, name=f"kaga-trixie-{os.getpid()}")
    try:
        machine.boot()
        yield machine
    finally:
        machine.close()


def told(machine: Container) -> dict:
    said = machine.run("kaga-edge", "status", "--json", check=False)
    return json.loads(said) if said.startswith("{") else {}


def test_it_measures_there_under_systemd_as_its_own_user(booted):
    booted.until(booted.running, 60, "the gateway runs")
    booted.until(lambda: told(booted).get("sensors", [{}])[0].get("state") == "ok", 60, "a reading")
    assert booted.run("stat", "-c", "%U", f"/proc/{booted.show('MainPID')}") == "kaga-edge"


def test_its_exposure_is_at_most_one_and_a_half_there_too(booted):
    said = booted.run("systemd-analyze", "security", "--no-pager", "kaga-edge.service", timeout_s=60)
    assert float(said.splitlines()[-1].split()[-3]) <= 1.5


def test_a_password_that_systemd_alone_can_open_reaches_the_platform(booted):
    booted.run("systemd-run", "--unit=listener", "python3", "/root/listener.py")
    asked = "printf %s '" + PASSWORD + "' | kaga-edge secret set mqtt-password --credential"
    booted.run("sh", "-c", asked)
    assert [one.name for one in (booted.root / "etc/kaga-edge/secrets").iterdir()] == ["mqtt-password.cred"]
    booted.run("systemctl", "restart", "kaga-edge")
    heard = booted.root / "root/heard"
    booted.until(lambda: heard.exists() and PASSWORD.encode() in heard.read_bytes(), 60, "the password")
    kept = booted.run("grep", "-rl", PASSWORD, "/etc", "/var/lib", check=False)
    assert kept == ""
