"""The system's openssl: keys, requests, certificates. No library for them has wheels for every processor."""

from __future__ import annotations

import os
import subprocess

from kaga_edge.vocabulary.errors import KagaError

SLOWEST_S = 60.0  # a Zero at work; on a desk it is a tenth of a second
P256 = ("-pkeyopt", "ec_paramgen_curve:P-256")


class OpensslFailed(KagaError):
    """It is not there, does not come to an end, or refuses."""

    code = "KE-U07"
    exit_code = 2


def client_key() -> bytes:
    """Return a new private key (PEM, EC P-256). It never leaves the machine."""
    return openssl("genpkey", "-algorithm", "EC", *P256)


def client_request(key: bytes, name: str) -> bytes:
    """Return the request (PEM) for a certificate of ``name``, which the platform's people sign."""
    uses = ("-addext", "keyUsage=digitalSignature", "-addext", "extendedKeyUsage=clientAuth")
    return openssl("req", "-new", "-subj", f"/CN={name}", *uses, "-key", "/dev/stdin", given=key)


def openssl(*words: str, given: bytes = b"") -> bytes:
    """Return what it prints, ``given`` on its standard input. Raises OpensslFailed with its last line."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["openssl", *words],  # noqa: S607 - where the system has it
            input=given,
            capture_output=True,
            timeout=SLOWEST_S,
            check=False,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpensslFailed(f"openssl cannot be run ({error})", fix="sudo apt install openssl") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OpensslFailed(f"openssl: {said[-1] if said else done.returncode}", fix="openssl version")
    return done.stdout
