"""Completion as bash itself does it, and a man page that man reads without a warning."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess

import pytest

from kaga_edge.cli.completion import _everything, _subparsers
from kaga_edge.text.manual import COMMANDS


def completed(script: str, *typed: str) -> list[str]:
    words = " ".join(f'"{word}"' for word in ("kaga-edge", *typed))
    ask = f"{script}\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _kaga_edge; echo ${{COMPREPLY[@]}}"
    return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_commands_sub_commands_and_options(kaga_edge) -> None:
    script = kaga_edge("completion", "bash").out
    assert completed(script, "doc") == ["doctor"]
    assert {"scan", "read", "models"} <= set(completed(script, "sensor", ""))
    assert completed(script, "doctor", "--o") == ["--only"]
    assert completed(script, "sensor", "read", "level-1", "--rec") == ["--record"]


def test_bash_completes_what_follows_an_option_drivers_codes_and_files(kaga_edge) -> None:
    script = kaga_edge("completion", "bash").out
    assert completed(script, "--lang", "") == ["ja", "en"]
    assert completed(script, "--lang", "ja", "doc") == ["doctor"]
    assert completed(script, "sensor", "models", "sht") == ["sht3x", "sht4x"]
    assert "KE-B02" in completed(script, "explain", "KE-B")
    assert completed(script, "explain", "Q0") == ["Q01", "Q02", "Q03"]
    assert "complete -o default" in script  # a file's name, where nothing is offered
    for typed in (
        ("config", "check", ""),
        ("status", "--config", ""),
        ("store", "import", "--database", "ka"),
    ):
        assert completed(script, *typed) == []
    assert completed(script, "config", "init", "") == ["flood", "snow", "traffic"]


def test_zsh_gets_its_header(kaga_edge) -> None:
    assert kaga_edge("completion", "zsh").out.startswith("#compdef kaga-edge\n")


def test_zsh_stopped_at_an_offset_that_began_with_a_letter(kaga_edge) -> None:
    """It takes ${words[@]:1:COUNT} for a modifier of history, and path and words are its own arrays."""
    script = kaga_edge("completion", "zsh").out
    assert not re.search(r":\d+:[A-Za-z]", script)
    assert not re.search(r"\b(path|words)=", script)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_man_page_names_every_command(kaga_edge, lang: str) -> None:
    page = kaga_edge("completion", "man", "--lang", lang).out
    assert page.startswith(".TH KAGA-EDGE 1")
    assert ".SS doctor" in page
    if shutil.which("groff"):
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-Kutf8", "-ww"], input=page, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


def leaves(parser: argparse.ArgumentParser, path: str = "") -> list[str]:
    below = _subparsers(parser)
    if not below:
        return [path]
    return [leaf for name, one in below.items() for leaf in leaves(one, f"{path} {name}".strip())]


def test_the_man_page_has_every_sub_command_in_both_languages() -> None:
    named = {leaf for leaf in leaves(_everything()) if " " in leaf}
    assert named - COMMANDS.keys() == set()


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_man_page_has_options_examples_files_and_exit_codes(kaga_edge, lang: str) -> None:
    page = kaga_edge("completion", "man", "--lang", lang).out.replace(r"\:", "")
    assert r"\-\-confirm" in page
    assert r"kaga\-edge config apply new.toml \-\-confirm 10m" in page
    assert "/etc/kaga\\-edge/kaga\\-edge.toml" in page
    assert ("78 configuration" if lang == "en" else "78 設定の誤り") in page
