"""What a command writes to: a terminal that may know no Japanese, a file, a pipe that closes early."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

# Their output is a file for other programs: UTF-8 whatever the terminal's encoding is.
DOCUMENTS = {"init", "schema", "completion", "asyncapi", "samples", "notice", "--json"}


def prepare(arguments: Sequence[str]) -> None:
    """Make standard output and error ready: never UnicodeEncodeError, documents in UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and DOCUMENTS & set(arguments) and not out.isatty():
        out.reconfigure(encoding="utf-8")


def has_japanese() -> bool:
    """Say whether what is printed can hold Japanese: else it would be a row of question marks."""
    try:
        "日本".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def finish() -> None:
    """Send what waits. Raises BrokenPipeError, OSError: here, and not unseen when the process ends."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def give_up() -> None:
    """Let nothing more be written: the reader has gone, or the disk is full."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            os.dup2(nowhere, stream.fileno())
