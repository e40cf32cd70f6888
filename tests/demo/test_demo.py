"""The demo as a person runs it: as a command, to its end, and interrupted."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import sys; from kaga_edge.cli import main; sys.exit(main())", "demo"]


def started(*words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    # A suite run in the background of a script (or by nohup) inherits ignored signals, and so would the demo.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    return subprocess.Popen(
        [*COMMAND, *words],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )


def daemons_of(folder: Path) -> list[str]:
    """Return the command lines of daemons whose configuration lies in ``folder``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "kaga_edge.sim.daemon" in line and str(folder) in line:
            found.append(line)
    return found


@pytest.mark.slow
def test_the_whole_story_ends_with_nothing_lost(tmp_path):
    run = started("--seconds", "20", "--plain", "--lang", "en", "--keep", str(tmp_path))
    said, _ = run.communicate(timeout=240)
    assert run.returncode == 0, said
    counts = dict(re.findall(r"^  (numbered|arrived|lost)\b[^:]*: (\d+)$", said, re.MULTILINE))
    assert counts["lost"] == "0"
    assert counts["numbered"] == counts["arrived"]
    assert int(counts["numbered"]) > 80
    toll = re.search(r"not yet on disk at the kill: (\d+) \(at most ([0-9.]+) s", " ".join(said.split()))
    assert toll
    assert float(toll[2]) <= 1.5
    assert "snow-1 is missing" in said
    assert daemons_of(tmp_path) == []
    if not the_alarm_waited_and_came_first(said):
        # The machine was busy, and the river rose before or after the line was cut. Once more, at leisure.
        again = started("--seconds", "60", "--plain", "--lang", "en", "--keep", str(tmp_path / "again"))
        said, _ = again.communicate(timeout=240)
        assert the_alarm_waited_and_came_first(said), said


def the_alarm_waited_and_came_first(said: str) -> bool:
    alarm_s, *others_s = (
        float(re.search(rf"{what}[^:]*: ([0-9.]+)", " ".join(said.split()))[1])
        for what in ("First alarm after", "First live values after", "All that waited has arrived")
    )
    # The next live values are measured up to a second later: the little that waited may have arrived by then.
    return alarm_s <= min(others_s) and said.index("danger level") > said.index("The line returns")


def test_ctrl_c_ends_it_cleanly_and_leaves_nothing_running(tmp_path):
    run = started("--seconds", "60", "--plain", "--lang", "en", "--keep", str(tmp_path))
    assert run.stdout is not None
    for line in run.stdout:
        if "Normal" in line:
            break
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert "Traceback" not in said
    assert daemons_of(tmp_path) == []


@pytest.fixture
def near() -> Iterator[Path]:
    """A folder with a short path: the demo makes one of its own in it, and a socket's path has a limit."""
    with tempfile.TemporaryDirectory(prefix="kaga-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_ended_by_kill_or_a_closed_terminal_left_its_folder_behind(near, number):
    run = started("--seconds", "60", "--plain", "--lang", "en", env=os.environ | {"TMPDIR": str(near)})
    assert run.stdout is not None
    for line in run.stdout:
        if "Normal" in line:
            break
    run.send_signal(number)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert daemons_of(near) == []
    assert list(near.iterdir()) == []


def test_a_killed_demo_takes_its_daemon_with_it(tmp_path):
    run = started("--seconds", "60", "--plain", "--lang", "en", "--keep", str(tmp_path))
    assert run.stdout is not None
    for line in run.stdout:
        if "Normal" in line:
            break
    assert daemons_of(tmp_path)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)
    ends = time.monotonic() + 60
    while daemons_of(tmp_path) and time.monotonic() < ends:
        time.sleep(0.1)
    assert daemons_of(tmp_path) == []


@pytest.mark.parametrize(("lang", "word"), [("ja", "長すぎて"), ("en", "too long for a socket")])
def test_a_folder_with_a_long_name_was_answered_with_af_unix_path_too_long(tmp_path, lang, word):
    deep = tmp_path / ("x" * 100)
    run = started("--plain", "--lang", lang, "--keep", str(deep))
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert word in said
    assert "--keep" in said
