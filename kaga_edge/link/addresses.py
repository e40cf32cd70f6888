"""From a name to a connected socket: every address is tried, a silent one holds up the next for 2 s only.

Blocking: for a thread (``dialling``). A name may have addresses that lead nowhere: an IPv6 one on a line that
carries none, a server that was taken away.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections import deque
from collections.abc import Sequence

TCP_WAIT_S = 10.0  # for the last address tried; TLS has as long again
NEXT_AFTER_S = 2.0  # of silence, RFC 8305 in the large: a slow line answers within it
ADDRESSES_MOST = 8  # of a name: all in turn must fit into the wait for a dial

Address = tuple[int, tuple[object, ...]]  # family, what connect() takes


def look_up(host: str, port: int) -> list[Address]:
    """Return the addresses of a name, in the system's order. Raises socket.gaierror."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(int(family), where) for family, *_, where in found[:ADDRESSES_MOST]]


def first_connected(addresses: Sequence[Address]) -> tuple[socket.socket, Address]:
    """Return a socket to the first address that answers, and which. Raises the OSError of the last."""
    left, trying = deque(addresses), dict[socket.socket, Address]()
    error: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    with selectors.DefaultSelector() as waiting:
        try:
            while left or trying:
                if left:
                    address = left.popleft()
                    try:
                        started = _started(address)
                    except OSError as refused:
                        error = refused
                        continue
                    trying[started] = address
                    waiting.register(started, selectors.EVENT_WRITE)
                for ready in _answers(waiting, NEXT_AFTER_S if left else TCP_WAIT_S):
                    waiting.unregister(ready)
                    address = trying.pop(ready)
                    code = ready.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not code:
                        ready.settimeout(TCP_WAIT_S)
                        return ready, address
                    ready.close()
                    error = OSError(code, os.strerror(code))
            raise error
        finally:
            for loser in trying:
                loser.close()


def _started(address: Address) -> socket.socket:
    family, where = address
    started = socket.socket(family, socket.SOCK_STREAM)
    started.setblocking(False)
    try:
        started.connect(where)
    except BlockingIOError:
        pass
    except OSError:
        started.close()
        raise
    return started


def _answers(waiting: selectors.BaseSelector, wait_s: float) -> list[socket.socket]:
    """Return whoever answered in time, well or not. Raises TimeoutError when it was the last wait."""
    found = [key.fileobj for key, _ in waiting.select(wait_s)]
    if not found and wait_s >= TCP_WAIT_S:
        raise TimeoutError
    return [ready for ready in found if isinstance(ready, socket.socket)]
