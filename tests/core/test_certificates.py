"""When a certificate ends: as openssl says, over both kinds of time."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.certificates import not_after

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def made(folder: Path, days: int) -> tuple[bytes, datetime]:
    """Return a certificate of openssl's and what openssl says about its end."""
    file = folder / "c.pem"
    subject = ["-subj", "/C=JP/O=加賀市/CN=flood-1", "-utf8"]
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-days", str(days)]
    subprocess.run(["openssl", *words, *subject, "-out", str(file)], check=True, capture_output=True)
    told = subprocess.run(
        ["openssl", "x509", "-in", str(file), "-noout", "-enddate"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.partition("=")[2]
    text = file.read_text()
    seconds = ssl.cert_time_to_seconds(told.strip())
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN") :]), datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize("days", [1, 398, 40_000])  # the last one ends after 2049: the other kind of time
def test_it_ends_when_openssl_says(tmp_path: Path, days: int) -> None:
    der, told = made(tmp_path, days)
    assert not_after(der) == told


@given(st.binary(max_size=300))
def test_anything_else_is_a_value_error(junk: bytes) -> None:
    with pytest.raises(ValueError):
        not_after(junk)
