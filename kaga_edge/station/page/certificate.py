"""A certificate of our own making for one address: ECDSA P-256, by the openssl command.

Nobody vouches for it: the browser warns once, and the fingerprint that ``web on`` prints is what to compare.
It is kept and used again for the same address, so that a phone need be told only once.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kaga_edge.station.page.opening import CannotOpen

DAYS = 820  # phones refuse certificates that are valid for longer than 825
LEFT_S = 2 * 86_400
NAME = "kaga-edge.local"
OPENSSL_S = 60.0  # a Zero at work; on a desk it is a tenth of a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Two PEM files, and the SHA-256 fingerprint as browsers show it."""

    certificate: Path
    key: Path
    fingerprint: str


def certificate_for(address: str, folder: Path) -> Certificate:
    """Return the certificate for ``address``, made when there is none that will last. Raises CannotOpen."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate, key = folder / f"{address}.crt", folder / f"{address}.key"
        if not (certificate.exists() and key.exists() and _lasts(certificate)):
            _make(address, certificate, key)
        found = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    except (OSError, ValueError) as error:
        raise CannotOpen(f"no certificate ({error})", where=str(folder), fix="look at the disk") from error
    digest = hashlib.sha256(found).hexdigest().upper()
    shown = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    return Certificate(certificate=certificate, key=key, fingerprint=shown)


def _lasts(certificate: Path) -> bool:
    """Say whether it is valid for two days yet."""
    return _openssl("x509", "-in", str(certificate), "-noout", "-checkend", str(LEFT_S)).returncode == 0


def _make(address: str, certificate: Path, key: Path) -> None:
    scratch = key.with_suffix(".new")
    os.close(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))  # never readable by others
    done = _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha256", "-nodes"),
        *("-days", str(DAYS), "-subj", f"/CN={NAME}/O=kaga-edge", "-keyout", str(scratch)),
        *("-addext", f"subjectAltName=IP:{address},DNS:{NAME}"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"),
        *("-addext", "keyUsage=critical,digitalSignature", "-out", str(certificate)),
    )
    if done.returncode:
        scratch.unlink(missing_ok=True)
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CannotOpen(f"openssl failed: {said[-1] if said else done.returncode}", fix="openssl version")
    scratch.replace(key)


def _openssl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 our own words
            ["openssl", *arguments],  # noqa: S607 where the system has it
            capture_output=True,
            timeout=OPENSSL_S,
            check=False,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotOpen(f"openssl cannot be run ({error})", fix="sudo apt install openssl") from error
