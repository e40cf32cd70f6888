"""How the scripts set themselves up: which Python they take, and what they install by themselves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]


def bash(folder: Path, text: str, **names: str) -> str:
    """Run some lines after lib.sh was read; return what they said."""
    done = subprocess.run(
        ["bash", "-euc", f". {REPO}/scripts/lib.sh\n{text}"],
        cwd=folder,
        env=os.environ | names,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def python_that(folder: Path, name: str, *, version_is_right: bool, makes_venvs: bool) -> str:
    """Make a stand-in for a Python; it answers the two questions it is asked."""
    file = folder / name
    answers = f"*ensurepip*) exit {int(not makes_venvs)};; *) exit {int(not version_is_right)};;"
    file.write_text(f"#!/bin/sh\ncase $2 in {answers} esac\n")
    file.chmod(0o755)
    return str(file)


def test_a_debian_without_venv_was_told_to_type_what_root_could_install_by_itself(tmp_path: Path) -> None:
    plain = python_that(tmp_path, "plain", version_is_right=True, makes_venvs=False)
    said = bash(tmp_path, "apt_ready() { cat $1; exit; }\nvenv_ready none.lock", KAGA_PYTHON=plain)
    assert said == "python3-venv\n"


def test_a_python_that_cannot_make_a_venv_comes_after_one_that_can(tmp_path: Path) -> None:
    python_that(tmp_path, "python3.11", version_is_right=True, makes_venvs=False)
    able = python_that(tmp_path, "python3.12", version_is_right=True, makes_venvs=True)
    for name in ("python3", "python3.13"):
        python_that(tmp_path, name, version_is_right=False, makes_venvs=True)
    look = '"$(find_python)" -c "import ensurepip, venv" && echo able'
    assert bash(tmp_path, look, PATH=f"{tmp_path}:{os.environ['PATH']}") == "able\n"
    assert bash(tmp_path, "find_python", KAGA_PYTHON=able) == able


def test_without_a_python_it_is_said_what_to_install(tmp_path: Path) -> None:
    old = python_that(tmp_path, "old", version_is_right=False, makes_venvs=True)
    assert "apt install python3" in bash(tmp_path, "find_python", KAGA_PYTHON=old)
