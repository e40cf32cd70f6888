"""Asking the daemon over its control socket: one JSON line out, one back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from kaga_edge.vocabulary.errors import KagaError

ANSWER_S = 10.0  # a read on a sick bus takes its deadlines
STATUS_S = 4.0  # a look has none; who watches must soon be told that nobody answers
ANSWER_BYTES = 4 * 1024 * 1024


class Silent(KagaError):
    """The daemon does not answer."""

    code = "KE-P03"


class Refused(KagaError):
    """The daemon's own words about what it would not or could not do."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(
            str(error.get("what")), where=str(error.get("where") or ""), fix=str(error.get("fix") or "")
        )
        self.code = str(error.get("code"))


async def ask(control: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return the daemon's answer. Raises Silent, Refused."""
    try:
        async with asyncio.timeout(STATUS_S if request["op"] == "status" else ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(control, limit=ANSWER_BYTES)
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                answer: dict[str, Any] = json.loads(await reader.readline())
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, ValueError, TimeoutError) as error:
        raise Silent("the gateway does not answer", where=str(control), fix="kaga-edge status") from error
    if "error" in answer and "v" not in answer:
        raise Refused(answer["error"])
    return answer
