"""A built package, and a Debian 12 that it is installed in and booted."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.packaging.debian import BUILD, EXIT_NO_WHEEL, WORK, Container, needs, unpacked

Builder = Callable[..., Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Give a function that builds a package of this processor's kind; skips where the index has no wheels."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb on this machine")
    out = tmp_path_factory.mktemp("packages")
    environ = os.environ | {"SOURCE_DATE_EPOCH": "1790000000"}

    def build(*options: str, arch: str = "amd64") -> Path:
        command = [sys.executable, str(BUILD), "--arch", arch, "--compress", "none", "--out", str(out)]
        WORK.mkdir(parents=True, exist_ok=True)
        with (WORK / "lock").open("w") as lock:  # the wheels are fetched into one folder
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run(
                [*command, *options], env=environ, capture_output=True, text=True, check=False, timeout=600
            )
        if done.returncode == EXIT_NO_WHEEL:
            pytest.skip(f"the wheels cannot be fetched here: {done.stderr.strip()[-200:]}")
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip().splitlines()[-1].rsplit("  ", 1)[0])

    return build


@pytest.fixture(scope="session")
def package(build: Builder) -> Path:
    """Give the amd64 package of this commit."""
    return build()


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Give a fresh Debian 12, not booted yet."""
    needs("systemd-nspawn")
    root = unpacked("bookworm", tmp_path_factory.mktemp("debian") / "root")
    made = Container(root=root, name=f"kaga-package-{os.getpid()}")
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(root, ignore_errors=True)
