"""Secrets: one file each, named in the configuration, never written in it."""

from __future__ import annotations

import os
from pathlib import Path

from kaga_edge.vocabulary.errors import KagaError

CREDENTIAL_SUFFIX = ".cred"  # encrypted by systemd-creds: the unit gets it opened, root may open it
OPEN_S = 30.0


class SecretMissing(KagaError):
    """The file a ``secret`` names is not there or may not be read."""

    code = "KE-C58"


def secret_file(directory: Path, name: str) -> Path:
    """Return where a secret is looked for: systemd's credentials first, then ``secrets`` beside the file."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and os.path.isfile(Path(credentials) / name):
        return Path(credentials) / name
    plain = directory / "secrets" / name
    sealed = plain.with_name(plain.name + CREDENTIAL_SUFFIX)
    # Not pathlib's: that one raises where the folder may not be looked into, and anybody may check a file.
    return sealed if os.path.isfile(sealed) and not os.path.isfile(plain) else plain


def named_file(directory: Path, name: str) -> Path:
    """Return where a certificate or key file is: beside the configuration, else among the secrets."""
    beside = directory / name
    return beside if os.path.isfile(beside) else secret_file(directory, name)


def read_secret_at(directory: Path, name: str) -> str:
    """Return the secret without its final newline. Raises SecretMissing."""
    file = secret_file(directory, name)
    try:
        text = _opened(file, name) if file.suffix == CREDENTIAL_SUFFIX else file.read_text("utf-8-sig")
        return text.rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise SecretMissing(
            f"the secret {name} cannot be read ({reason})",
            where=str(file),
            fix=f"sudo kaga-edge secret set {name}",
        ) from error


def _opened(file: Path, name: str) -> str:
    """Return what systemd-creds encrypted: for root, who runs a command beside the unit. Raises OSError."""
    import subprocess  # late: the gateway is given it by systemd

    asked = ["systemd-creds", "decrypt", f"--name={name}", str(file), "-"]
    done = subprocess.run(asked, capture_output=True, timeout=OPEN_S, check=False)  # noqa: S603 - fixed
    if done.returncode:
        raise OSError(done.returncode, "encrypted for systemd: sudo systemctl restart kaga-edge")
    return done.stdout.decode()
