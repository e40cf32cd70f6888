"""``[commands]``: what the platform may ask of this gateway. Without the table: nothing."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from kaga_edge.config.faults import Code
from kaga_edge.config.models import Table
from kaga_edge.config.secret import named_file
from kaga_edge.config.tables import Desk, read_table
from kaga_edge.config.values import CommandSettings

Op = Literal[
    "ping", "read", "collect.stop", "collect.start", "interval", "maintenance", "replay", "manifest",
    "catalog", "config.apply", "restart",
]  # fmt: skip
HARMLESS = frozenset({"ping", "read", "manifest", "catalog", "replay"})
ED25519 = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: what stands before the 32 bytes of a key
KEY_BYTES = len(ED25519) + 32


class CommandTable(Table):
    """Which commands, by whom, and the key. Nobody named: whoever the broker lets write."""

    allow: Annotated[tuple[Op, ...], Field(min_length=1)]
    issuers: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()
    command_key: str | None = None


def read_commands(desk: Desk, directory: Path) -> CommandSettings | None:
    """Return what is allowed, or None without the table or with its faults noted."""
    if "commands" not in desk.documents.tree:
        return None
    if "platform" not in desk.documents.tree:
        desk.fault(("commands",), Code.MISSING_KEY, name="[platform]")
    table = read_table(desk, CommandTable, desk.documents.tree["commands"], ("commands",))
    if table is None:
        return None
    key = named_file(directory, table.command_key) if table.command_key is not None else None
    if key is not None:
        _check_key(desk, key)
    elif grave := sorted(set(table.allow) - HARMLESS):
        desk.warn(("commands", "allow"), Code.COMMANDS_UNSIGNED, ops=", ".join(grave))
    return CommandSettings(allow=table.allow, issuers=table.issuers, key=key)


def _check_key(desk: Desk, file: Path) -> None:
    path = ("commands", "command_key")
    try:
        text = file.read_text("ascii", errors="replace")
    except OSError:
        desk.fault(path, Code.FILE_NOT_THERE, file=str(file))
        return
    found = re.search(r"-----BEGIN PUBLIC KEY-----\s+([0-9A-Za-z+/=\s]+)-----END PUBLIC KEY-----", text)
    try:
        content = base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != KEY_BYTES or not content.startswith(ED25519):
        desk.fault(path, Code.COMMAND_KEY, file=str(file))
