"""Building the package, without what goes into it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.debian import BUILD

SCRIPT = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
runpy.run_path(sys.argv[1] + "/build.py")["_pack"](Path(sys.argv[2]), Path(sys.argv[3]), "1790000000", "none")
"""


@pytest.mark.parametrize(("ends", "left"), [("exit 1", False), ("exit 0", True)])
def test_a_build_that_was_broken_off_left_half_a_package(tmp_path: Path, ends: str, left: bool) -> None:
    packer = tmp_path / "dpkg-deb"
    packer.write_text(f'#!/bin/sh\nfor last; do :; done\necho half > "$last"\n{ends}\n')
    packer.chmod(0o755)
    (tmp_path / "tree").mkdir()
    package = tmp_path / "kaga-edge.deb"
    words = [sys.executable, "-c", SCRIPT, str(Path(BUILD).parent), str(tmp_path / "tree"), str(package)]
    subprocess.run(words, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False, capture_output=True)
    assert package.exists() is left
