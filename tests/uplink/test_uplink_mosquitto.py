"""The uplink against Debian's mosquitto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kaga_edge.core.ranges import Ranges


async def test_rows_committed_arrive_and_are_confirmed(
    mosquitto: Any, store: Any, receive: Callable[..., Any], run_uplink: Callable[..., Any]
) -> None:
    heard = await receive(mosquitto.port)
    run_uplink(mosquitto.port)
    store.commit(30)
    await store.until(lambda: not store.waiting)
    assert heard.arrived[store.epoch] == Ranges(((1, 30),))
