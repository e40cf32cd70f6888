"""The page's own files, read once, sent compressed; the HTML is filled in with a language's words.

``uplot.js`` and ``uplot.css`` are uPlot 1.6.32 as published, see THIRD-PARTY; they are sent only when a chart
is opened (the script) or with the style sheet. Nothing is built, nothing comes from anywhere else.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
from importlib import resources
from string import Template
from typing import Any

from aiohttp import web

from kaga_edge import __version__
from kaga_edge.station.page.records import notice
from kaga_edge.station.page.wording import Words

FILES = {
    "style.css": (("uplot.css", "style.css"), "text/css"),
    "page.js": (("page.js",), "text/javascript"),
    "chart.js": (("uplot.js", "chart.js"), "text/javascript"),
    "icon.svg": (("icon.svg",), "image/svg+xml"),
}
DAY_S = 86_400


class Assets:
    """Every file of the page, ready to be sent."""

    def __init__(self) -> None:
        folder = resources.files(__package__)
        self._files = {
            name: (b"\n".join(folder.joinpath(part).read_bytes() for part in parts), kind)
            for name, (parts, kind) in FILES.items()
        }
        self._packed: dict[bytes, bytes] = {}
        self._html = Template(folder.joinpath("index.html").read_text("utf-8"))
        whole = b"".join(body for body, _ in self._files.values())
        self.digest = hashlib.sha256(whole).hexdigest()[:10]

    def file(self, name: str) -> tuple[bytes, str]:
        """Return a file's bytes and kind."""
        return self._files[name]

    def page(self, lang: str, facts: dict[str, Any], content: dict[str, Any]) -> bytes:
        """Return the HTML in one language with its first content."""
        say_ = Words(lang=lang)
        name = say_.pair(facts.get("name", {})) or "kaga-edge"
        other = "en" if lang == "ja" else "ja"
        texts = {
            key: html.escape(say_(f"page.{key}"))
            for key in ("facts", "sensors", "events", "notice", "noscript", "skip")
        }
        return self._html.substitute(
            texts,
            lang=lang,
            other=other,
            other_name="English" if other == "en" else "日本語",
            title=html.escape(say_("page.title", name=name)),
            name=html.escape(name),
            gw=html.escape(str(facts.get("gw", ""))),
            version=html.escape(__version__),
            digest=self.digest,
            zone=html.escape(str(facts.get("zone", "UTC"))),
            about=_about(notice(facts, lang)),
            content=json.dumps(content, ensure_ascii=False).replace("<", "\\u003c"),
        ).encode()

    def answer(self, request: web.Request, body: bytes, kind: str, *, cached: bool) -> web.Response:
        """Return a response, compressed when the browser takes it."""
        headers = {
            "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
            "Cache-Control": f"private, max-age={DAY_S}" if cached else "no-store",
            "Vary": "Accept-Encoding, Accept-Language",
        }
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = self._gzip(body, keep=cached)
        return web.Response(body=body, headers=headers)

    def _gzip(self, body: bytes, *, keep: bool) -> bytes:
        if not keep:
            return gzip.compress(body, 6, mtime=0)
        if body not in self._packed:
            self._packed[body] = gzip.compress(body, 9, mtime=0)
        return self._packed[body]


def _about(rows: list[list[str]]) -> str:
    return "".join(
        f"<dt>{html.escape(label)}</dt>" + "".join(f"<dd>{html.escape(line)}</dd>" for line in lines)
        for label, *lines in rows
    )
