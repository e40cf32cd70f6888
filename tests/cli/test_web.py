"""``kaga-edge web``: what the technician reads before taking out the phone."""

from __future__ import annotations

import unicodedata

import pytest

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


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("pin", ["01234567", None])
def test_it_fits_40_columns_with_no_sign_of_ambiguous_width(monkeypatch, lang, pin):
    monkeypatch.setenv("COLUMNS", "40")
    shown = lines(OPEN | ({"pin": pin} if pin else {}), lang)
    assert max(map(width, shown)) <= 40
    assert not [sign for sign in "".join(shown) if unicodedata.east_asian_width(sign) == "A"]
    assert any("https://192.168.100.100:8443/" in line for line in shown)
    assert any("0123 4567" in line for line in shown) == bool(pin)
    pairs = [word for line in shown for word in line.split() if word.startswith("AB:AB")]
    assert ":".join(pairs) == OPEN["fingerprint"]


def test_a_closed_page_is_said_to_be_closed():
    assert lines({"v": 1, "open": False}, "en") == ["The status page is closed"]


def test_without_a_gateway_it_says_how_to_start_it(kaga_edge, tmp_path):
    done = kaga_edge("web", "status", "--socket", tmp_path / "none.sock")
    assert done.code == 3
    assert "systemctl start kaga-edge" in done.err
