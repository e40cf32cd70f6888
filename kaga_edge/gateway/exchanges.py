"""What a poll asked and was answered, to JSON and back: how ``sensor read --record`` hears it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kaga_edge.vocabulary.requests import (
    Edge,
    Edges,
    Frame,
    HostRead,
    I2cTransfer,
    ModbusRead,
    OnewireRead,
    Reply,
    Request,
    TakeEdges,
    UartFrames,
)


def told(request: Request, reply: Reply) -> dict[str, Any] | None:
    """Return one exchange as JSON; None for a pause, which nobody answered."""
    match request, reply:
        case I2cTransfer(), bytes():
            return {"write": request.write.hex(), "settle_s": request.settle_s, "read": reply.hex()}
        case ModbusRead(), tuple():
            return {"function": request.function, "register": request.address, "words": list(reply)}
        case UartFrames(), tuple():
            return {"frames": [frame.data.hex() for frame in reply if isinstance(frame, Frame)]}
        case OnewireRead(), bytes():
            return {"w1_slave": reply.decode("ascii", "replace")}
        case HostRead(), bytes():
            return {"host": request.what, "said": reply.decode("ascii", "replace")}
        case _, Edges():
            return {
                "start_ns": reply.start_ns,
                "end_ns": reply.end_ns,
                "edges": [[edge.at_ns, edge.gpio, edge.active] for edge in reply.edges],
                "active_at_start": {str(gpio): active for gpio, active in reply.active_at_start.items()},
                "lost": reply.lost,
            }
    return None


def exchanges_of(told: Sequence[dict[str, Any]]) -> list[tuple[Request, Reply]]:
    """Return the exchanges as the bus saw them."""
    return [_exchange(one) for one in told]


def _exchange(one: dict[str, Any]) -> tuple[Request, Reply]:
    if "read" in one:
        reply = bytes.fromhex(one["read"])
        write = bytes.fromhex(one["write"])
        return I2cTransfer(write=write, read_bytes=len(reply), settle_s=one["settle_s"]), reply
    if "words" in one:
        words = tuple(one["words"])
        return ModbusRead(function=one["function"], address=one["register"], count=len(words)), words
    if "frames" in one:
        frames = tuple(Frame(data=bytes.fromhex(frame), age_s=0.0) for frame in one["frames"])
        return UartFrames(window_s=0.0, timeout_s=0.0), frames
    if "w1_slave" in one:
        return OnewireRead(), one["w1_slave"].encode("ascii", "replace")
    if "host" in one:
        return HostRead(what=one["host"]), one["said"].encode("ascii", "replace")
    return TakeEdges(), Edges(
        start_ns=one["start_ns"],
        end_ns=one["end_ns"],
        edges=tuple(Edge(at_ns=at, gpio=gpio, active=active) for at, gpio, active in one["edges"]),
        active_at_start={int(gpio): active for gpio, active in one["active_at_start"].items()},
        lost=one["lost"],
    )
