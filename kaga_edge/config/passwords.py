"""No password in the file: files are copied, mailed and shown. What looks like one is never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kaga_edge.config.lines import Path

EXACT = {"pass", "pw", "pwd", "passwd", "psk", "pin"}
PARTS = ("password", "passphrase", "token", "apikey", "secretkey", "privatekey", "credential")
PEM = "-----BEGIN"
_IN_URL = re.compile(r"://[^/\s\"']*:[^/\s\"']*@")


def is_password_key(key: str) -> bool:
    """Tell whether a key of this name would hold a secret."""
    plain = re.sub(r"[^a-z0-9]", "", key.rpartition(".")[2].lower())
    return plain in EXACT or any(part in plain for part in PARTS)


def tells_password(text: str) -> bool:
    """Tell whether a text holds a password inside an address."""
    return _IN_URL.search(text) is not None


def passwords_in(table: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any], str]]:
    """Yield path, table and key of everything in the tree that would be a secret."""
    for key, value in list(table.items() if isinstance(table, dict) else enumerate(table)):
        if isinstance(table, dict) and (is_password_key(key) or _is_key_itself(value)):
            yield (*path, key), table, key
        elif isinstance(value, dict | list):
            yield from passwords_in(value, (*path, key))


def _is_key_itself(value: object) -> bool:
    return isinstance(value, str) and PEM in value
