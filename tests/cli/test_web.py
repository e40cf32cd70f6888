"""``kaga-edge web``: what the technician reads before taking out the phone."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import termios
import unicodedata
from itertools import chain

import pytest

from kaga_edge.cli import qr
from kaga_edge.cli.screen import width
from kaga_edge.cli.web import lines

OPEN = {
    "v": 1,
    "open": True,
    "left_s": 3600,
    "url": "https://192.168.100.100:8443/",
    "fingerprint": ":".join(["AB"] * 32),
    "until": 1_700_000_000_000,
}

NO_FILE = argparse.Namespace(config=None)


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("pin", ["01234567", None])
def test_it_fits_40_columns_with_no_sign_of_ambiguous_width(monkeypatch, lang, pin):
    monkeypatch.setenv("COLUMNS", "40")
    shown = lines(OPEN | ({"pin": pin} if pin else {}), NO_FILE, lang)
    assert max(map(width, shown)) <= 40
    assert not [sign for sign in "".join(shown) if unicodedata.east_asian_width(sign) == "A"]
    assert any("https://192.168.100.100:8443/" in line for line in shown)
    assert any("0123 4567" in line for line in shown) == bool(pin)
    pairs = [word for line in shown for word in line.split() if word.startswith("AB:AB")]
    assert ":".join(pairs) == OPEN["fingerprint"]


def test_a_closed_page_is_said_to_be_closed():
    assert lines({"v": 1, "open": False}, NO_FILE, "en") == ["The status page is closed"]


def test_without_a_gateway_it_says_how_to_start_it(kaga_edge, tmp_path):
    done = kaga_edge("web", "status", "--socket", tmp_path / "none.sock")
    assert done.code == 3
    assert "systemctl start kaga-edge" in done.err


def test_the_qr_code_is_read_by_another_program_as_the_address(tmp_path):
    scanner = shutil.which("zbarimg")
    if scanner is None:
        pytest.skip("no zbarimg here (Debian: zbar-tools)")
    rows = [[cell.startswith("[40m") for cell in line.split("\x1b")[1:-1]] for line in qr.lines(OPEN["url"])]
    picture = [[0 if dark else 255 for dark in row for _ in range(8)] for row in rows for _ in range(8)]
    pgm = tmp_path / "qr.pgm"
    pgm.write_bytes(b"P5 %d %d 255\n" % (len(picture[0]), len(picture)) + bytes(chain(*picture)))
    read = subprocess.run([scanner, "--quiet", "--raw", str(pgm)], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == OPEN["url"]


@pytest.mark.parametrize(("size", "drawn"), [((80, 50), True), ((64, 50), False), ((80, 30), False)])
def test_the_qr_code_is_drawn_only_where_it_fits_whole(size, drawn):
    code = f"from kaga_edge.cli import qr; print(len(qr.fits({OPEN['url']!r})))"
    assert (int(on_a_terminal(code, size)) == 33) is drawn  # version 2: 25 modules, 4 quiet ones each side


def test_what_goes_into_a_pipe_has_no_qr_code(capsys):
    assert qr.fits(OPEN["url"]) == []


def on_a_terminal(code: str, size: tuple[int, int]) -> str:
    """Run Python code in a terminal of so many columns and lines; return what it prints."""
    outside, inside = os.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    subprocess.run([sys.executable, "-c", code], stdout=inside, env=environ, check=True)
    os.close(inside)
    with open(outside, "rb", buffering=0) as terminal:
        return terminal.read(4096).decode()
