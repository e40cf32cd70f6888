"""The same package on Trixie, whose Python is 3.13: installed and asked, not booted. Full runs only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.debian import FULL, SITE, unpacked

pytestmark = [
    pytest.mark.skipif(not FULL, reason="unpacks a Debian: full runs"),
    pytest.mark.timeout(900),
    pytest.mark.slow,
]
# What Raspberry Pi OS has as python3-lgpio and plain Debian has not.
LGPIO = "LGPIO_OF_THE_OS = True\n"


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
