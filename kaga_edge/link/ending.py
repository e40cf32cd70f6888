"""Ending a task for certain.

One ``cancel`` may be lost. ``asyncio.wait_for`` of Python 3.11 swallows it when what it waits for is done
in the same turn of the loop (cpython issue 86296), and aiomqtt puts its own error in place of it when the
connection closes late; whoever loops until cancelled then goes on for ever, and its canceller waits.
"""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 0.5


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel until every task has ended; its outcome is the task's own and is not raised here."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)


def end_if_cancelled() -> None:
    """Raise again a cancellation that a closing connection has put its own error in place of."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
