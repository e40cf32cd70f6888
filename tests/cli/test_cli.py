"""The frame of the command line: help, unknown commands, exit codes, speed."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from kaga_edge import __version__
from kaga_edge.cli import COMMANDS, available
from tests.quiet import quiet_s

HEAVY = ("pydantic", "gpiozero", "paho", "aiomqtt", "rich", "serial", "smbus2", "sqlite3", "kaga_edge.config")


def test_without_a_word_it_lists_the_commands_with_examples(kaga_edge):
    said = kaga_edge()
    assert said.code == 0
    assert all(f"  {name} " in said.out for name in available())
    assert "kaga-edge config check" in said.out


def test_only_commands_that_exist_are_listed(kaga_edge):
    said = kaga_edge("--help")
    missing = set(COMMANDS) - set(available())
    assert not any(f"  {name} " in said.out for name in missing)


def test_help_speaks_japanese_when_asked(kaga_edge):
    assert "川・雪・道路" in kaga_edge("--lang", "ja").out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("stats", "status"), ("conifg", "config"), ("sensors", "sensor"), ("scan", "sensor scan")],
)
def test_an_unknown_command_names_the_closest(kaga_edge, typed, meant):
    said = kaga_edge(typed)
    assert said.code == 64
    assert f"kaga-edge {meant}" in said.err


def test_the_list_of_commands_ran_out_of_a_phones_screen(kaga_edge, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    said = kaga_edge("xyzzy")
    assert "completion" in said.err
    assert all(len(line) <= 40 for line in said.err.splitlines())


def test_a_wrong_option_is_a_usage_error_and_not_two(kaga_edge):
    said = kaga_edge("status", "--colour")
    assert said.code == 64
    assert "--help" in said.err


@pytest.mark.parametrize("command", available())
def test_every_command_explains_itself(kaga_edge, command):
    said = kaga_edge(command, "--help")
    assert said.code == 0
    assert f"kaga-edge {command}" in said.out


def test_the_version_is_one_line(kaga_edge):
    assert kaga_edge("version").out.startswith(f"kaga-edge {__version__} (Python 3.")
    assert kaga_edge("--version").out == kaga_edge("version").out


@pytest.mark.parametrize(
    "words", [("--help",), ("status", "--help"), ("run", "--help"), ("config", "--help")]
)
def test_no_heavy_library_is_loaded_for_the_parser(words):
    script = (
        "import sys, contextlib\nfrom kaga_edge.cli import main\n"
        f"with contextlib.suppress(SystemExit): main({list(words)!r})\n"
        f"print('heavy', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "heavy []"


def test_status_needs_a_sixth_of_a_second_when_nothing_else_runs(control_socket, snapshot):
    path = control_socket(lambda _: snapshot() | {"state": "ok"})
    took = []
    for _ in range(5):
        began = quiet_s()
        subprocess.run(
            [sys.executable, "-m", "kaga_edge", "status", "--socket", path], capture_output=True, check=True
        )
        took.append(quiet_s() - began)
    # The best of five: the others measure the neighbours on this machine. 0.15 s by itself.
    assert min(took) < 0.30


def test_it_runs_as_a_module_too():
    ran = subprocess.run(
        [sys.executable, "-m", "kaga_edge", "version"], capture_output=True, text=True, check=True
    )
    assert __version__ in ran.stdout


def said_by(*words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "KAGA"))
    }
    command = [sys.executable, "-m", "kaga_edge", *words]
    return subprocess.run(command, env=clean | environ, capture_output=True, check=False)


ASCII = {"PYTHONIOENCODING": "ascii", "LANG": "ja_JP.UTF-8"}


def test_a_terminal_without_japanese_was_given_question_marks() -> None:
    assert said_by("explain", "KE-B02", **ASCII).stdout.startswith(b"KE-B02  no answer\nMeaning")
    assert b"?" in said_by("explain", "KE-B02", "--lang", "ja", **ASCII).stdout  # asked for: obeyed


@pytest.mark.parametrize(
    "words", [("config", "init", "flood"), ("completion", "man", "--lang", "ja"), ("explain", "--json")]
)
def test_a_document_is_utf_8_whatever_the_terminal_writes(words: tuple[str, ...]) -> None:
    usual = said_by(*words, PYTHONIOENCODING="utf-8", LANG="en_US.UTF-8").stdout
    assert said_by(*words, PYTHONIOENCODING="euc-jp", LANG="en_US.UTF-8").stdout == usual
    assert any(byte > 0x7F for byte in usual)


@pytest.mark.parametrize("words", ["--help", "status --help", "sensor models", "completion man"])
def test_a_reader_that_has_seen_enough_is_no_error(words: str) -> None:
    command = f"{sys.executable} -m kaga_edge {words} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_under_the_output_was_a_crash() -> None:
    command = f"{sys.executable} -m kaga_edge sensor models > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "cannot be written: No space left on device\n")


def test_a_closed_output_was_a_crash() -> None:
    command = f"{sys.executable} -m kaga_edge explain KE-B02 >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "words",
    [
        ("sensor", "calibrate", "level-1", "--staff", "1", "--who", "x", "--window", "nan"),
        ("sensor", "calibrate", "level-1", "--staff", "1", "--who", "x", "--window", "-5"),
        ("sensor", "calibrate", "level-1", "--staff", "1", "--who", " "),
        ("commission", "--who", "x", "--cut", "inf"),
        ("commission", "--who", "x", "--cut", "-1"),
        ("sensor", "watch", "level-1", "--seconds", "-1"),
        ("sensor", "scan", "--unit", "300"),
        ("demo", "--seconds", "nan"),
    ],
)
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_number_that_is_none_ran_for_ever_or_was_told_in_programmers_words(kaga_edge, words, lang) -> None:
    said = kaga_edge(*words, "--lang", lang)
    assert said.code == 64
    assert not re.search("positive|named|not_negative|units|serial", said.err)
    assert words[-2] in said.err
