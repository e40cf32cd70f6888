"""What was written down from the program is still what the program says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kaga_edge.cli.completion import SHOWN
from scripts.refresh import ROOT, SHOWING


def test_completion_and_the_outputs_in_the_man_pages_are_not_stale() -> None:
    command = [sys.executable, "-m", "scripts.refresh", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_man_page_shows_what_each_of_these_commands_prints(kaga_edge, lang: str) -> None:
    page = kaga_edge("completion", "man", "--lang", lang).out.replace("\\-", "-").replace("\\(aq", "'")
    page = page.replace("\\e", "\\").replace("\\:", "")
    for line in SHOWING:
        printed = json.loads(SHOWN.read_text(encoding="utf-8"))[line][lang].splitlines()
        at = page.index(f"\\fB$ kaga-edge {line}\\fR")
        assert page[at:].splitlines()[1 : 1 + len(printed)] == [f"\\&{row}" for row in printed]
