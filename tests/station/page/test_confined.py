"""The page's process, confined by the kernel: in a process of its own, for there is no way back."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TRIES = """
import json, os, sys
from pathlib import Path
from kaga_edge.station.page.confined import confine
from kaga_edge.config.placing import put
site = Path(sys.argv[1])
done = confine(read=[site / "state"], write=[site / "conf.d"])

def comes_to(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"

import colorsys  # a library nobody had asked for until now
print(json.dumps({
    "confined": done,
    "secret": comes_to((site / "secrets" / "mqtt-password").read_text),
    "other file": comes_to(Path("/etc/passwd").read_text),
    "program": comes_to(lambda: os.execv("/bin/true", ["true"])),
    "shown": comes_to((site / "state" / "events.jsonl").read_text),
    "shown, written": comes_to(lambda: (site / "state" / "events.jsonl").write_text("")),
    "correction": comes_to(lambda: put(site / "conf.d" / "50-calibration.toml", b"x")),
    "configuration": comes_to(lambda: (site / "kaga-edge.toml").write_text("")),
}))
"""


@pytest.fixture
def came(tmp_path) -> dict[str, str]:
    """What a confined process could do with a site's files."""
    for name in (
        "secrets/mqtt-password",
        "state/events.jsonl",
        "conf.d/50-calibration.toml",
        "kaga-edge.toml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("kept")
    command = [sys.executable, "-c", TRIES, str(tmp_path)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if not told["confined"]:
        pytest.skip("this kernel has no Landlock")
    return told


def test_it_reads_no_secret_and_no_other_file_and_starts_no_program(came):
    assert {came[name] for name in ("secret", "other file", "program")} == {"PermissionError"}


def test_it_reads_what_it_shows_and_keeps_a_correction_and_writes_nothing_else(came):
    assert (came["shown"], came["correction"]) == ("done", "done")
    assert (came["shown, written"], came["configuration"]) == ("PermissionError", "PermissionError")
