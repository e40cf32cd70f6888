"""The packages for ARM, imported under qemu's user emulation with Debian's own Python for that processor.

It proves that the wheels are the right ones and load; not that a Raspberry Pi's devices work.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.debian import FULL, REPOSITORY, WORK, needs, run_or_skip

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not FULL, reason="an emulated processor: full runs"),
    pytest.mark.timeout(900),
    pytest.mark.slow,
]
IMPORTS = """
import sys
import aiohttp, aiomqtt, gpiozero, iotcore, lgpio, minimalmodbus, pydantic_core, rich, serial, smbus2
import kaga_edge.gateway, kaga_edge.config.reading
from kaga_edge.cli import main
sys.exit(main(sys.argv[1:]))
"""
CASES = [("arm64", "qemu-aarch64-static", "aarch64"), ("armhf", "qemu-arm-static", "armv7l")]


def python_of(arch: str) -> Path:
    """Return a folder with Debian 12's Python for a processor, unpacked and never run by itself."""
    root = WORK / f"bookworm-{arch}"
    if not (root / "usr/bin/python3.11").exists():
        if os.geteuid() != 0:
            pytest.skip("unpacking another processor's Debian needs root")
        shutil.rmtree(root, ignore_errors=True)
        WORK.mkdir(parents=True, exist_ok=True)
        run_or_skip(
            "mmdebstrap", "--quiet", "--mode=root", f"--architectures={arch}", "--variant=extract",
            "--include=python3-minimal,python3,libpython3-stdlib,libgcc-s1", "bookworm",
            str(root), *own_source(),
        )  # fmt: skip
    return root


def own_source() -> list[str]:
    """Return the release alone as a source, from where this machine has it, else nothing.

    What mmdebstrap itself chooses takes in the security archive, and a mirror has had its index for armhf out
    of step for days.
    """
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Codename: bookworm", "Label: Debian"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return [f"deb {place} bookworm main" for place in done.stdout.split()[:1]]


@pytest.mark.parametrize(("arch", "emulator", "machine"), CASES)
def test_every_library_loads_and_a_site_is_checked(
    build: Callable[..., Path], tmp_path: Path, arch: str, emulator: str, machine: str
) -> None:
    needs("mmdebstrap", emulator)
    root, package = python_of(arch), tmp_path / "package"
    subprocess.run(["dpkg-deb", "--extract", str(build(arch=arch)), str(package)], check=True)
    libraries = package / "usr/lib/kaga-edge"
    (tmp_path / "kaga-edge.toml").write_bytes((REPOSITORY / "config/kaga-edge.snow.toml").read_bytes())

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        emulated = [emulator, "-L", str(root)]
        for name, value in (
            ("PYTHONPATH", f"{libraries}/site:{libraries}/cp311"),
            ("PYTHONHOME", str(root / "usr")),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("PYTHONTZPATH", "/usr/share/zoneinfo"),
        ):
            emulated += ["-E", f"{name}={value}"]
        command = [*emulated, str(root / "usr/bin/python3.11"), "-c", IMPORTS, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=400)

    version = run("version")
    assert version.returncode == 0, version.stderr
    assert machine in version.stdout
    checked = run("config", "check", str(tmp_path / "kaga-edge.toml"), "--lang", "en")
    assert "Traceback" not in checked.stderr
    assert "snow" in checked.stdout
