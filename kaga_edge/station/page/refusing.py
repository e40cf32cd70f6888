"""What is answered to what is no request at all, and when we failed ourselves: the number and nothing else.

aiohttp's own words name its version and Python's, quote what was sent, carry none of our headers, and write
a traceback into the journal for each: anybody on the network could fill it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from kaga_edge.station.page import shield

OURS = 500  # below it is what the other side did wrong


class Terse(web.RequestHandler):
    """aiohttp's end of one connection, with few words."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = OURS,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer; the connection ends after it."""
        del message
        if status >= OURS:
            self.log_exception("the status page failed at %s", request.path, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        headers = shield.HEADERS | {"Server": shield.NAME, "Cache-Control": "no-store"}
        answer = web.Response(status=status, text=f"{status}\n", headers=headers)
        answer.force_close()
        return answer


def factory(server: web.Server, **limits: Any) -> asyncio.Protocol:
    """Return aiohttp's end of a new connection to ``server``."""
    return Terse(server, loop=asyncio.get_running_loop(), **limits)
