"""Secrets: one file each, named in the configuration, never written in it."""

from __future__ import annotations

import os
from pathlib import Path

from kaga_edge.vocabulary.errors import KagaError


class SecretMissing(KagaError):
    """The file a ``secret`` names is not there or may not be read."""

    code = "KE-C58"


def secret_file(directory: Path, name: str) -> Path:
    """Return where a secret is looked for: systemd's credentials first, then ``secrets`` beside the file."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / name).is_file():
        return Path(credentials) / name
    return directory / "secrets" / name


def named_file(directory: Path, name: str) -> Path:
    """Return where a certificate or key file is: beside the configuration, else among the secrets."""
    beside = directory / name
    return beside if beside.is_file() else secret_file(directory, name)


def read_secret_at(directory: Path, name: str) -> str:
    """Return the secret without its final newline. Raises SecretMissing."""
    file = secret_file(directory, name)
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SecretMissing(
            f"the secret {name} cannot be read ({error.strerror})",
            where=str(file),
            fix=f"sudo kaga-edge secret set {name}",
        ) from error
