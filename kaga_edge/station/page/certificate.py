"""A certificate of our own making for the addresses of one interface: ECDSA P-256, by the openssl command.

Nobody vouches for it: the browser warns once, and the fingerprint that ``web on`` prints is what to compare.
It is kept and used again for the same addresses, so that a phone need be told only once.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kaga_edge.station.openssl import P256, OpensslFailed, openssl
from kaga_edge.station.page.interfaces import CannotOpen

DAYS = 820  # phones refuse certificates that are valid for longer than 825
LEFT_S = 2 * 86_400
NAME = "kaga-edge.local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Two PEM files, and the SHA-256 fingerprint as browsers show it."""

    certificate: Path
    key: Path
    fingerprint: str


def certificate_for(addresses: Sequence[str], folder: Path) -> Certificate:
    """Return the certificate for these, made when there is none that will last. Raises CannotOpen."""
    name = "_".join(addresses)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        if not (certificate.exists() and key.exists() and _lasts(certificate)):
            _make(addresses, certificate, key)
        found = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    except OpensslFailed as error:
        raise CannotOpen(error.what, fix=error.fix) from error
    except (OSError, ValueError) as error:
        raise CannotOpen(f"no certificate ({error})", where=str(folder), fix="look at the disk") from error
    digest = hashlib.sha256(found).hexdigest().upper()
    shown = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    return Certificate(certificate=certificate, key=key, fingerprint=shown)


def _lasts(certificate: Path) -> bool:
    """Say whether it is valid for two days yet."""
    try:
        openssl("x509", "-in", str(certificate), "-noout", "-checkend", str(LEFT_S))
    except OpensslFailed:
        return False
    return True


def _make(addresses: Sequence[str], certificate: Path, key: Path) -> None:
    names = ",".join((*(f"IP:{address}" for address in addresses), f"DNS:{NAME}"))
    scratch = key.with_suffix(".new")
    os.close(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))  # never readable by others
    try:
        openssl(
            *("req", "-x509", "-newkey", "ec", *P256, "-sha256", "-nodes"),
            *("-days", str(DAYS), "-subj", f"/CN={NAME}/O=kaga-edge", "-keyout", str(scratch)),
            *("-addext", f"subjectAltName={names}"),
            *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"),
            *("-addext", "keyUsage=critical,digitalSignature", "-out", str(certificate)),
        )
    except OpensslFailed:
        scratch.unlink(missing_ok=True)
        raise
    scratch.replace(key)
