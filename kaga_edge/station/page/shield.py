"""What a request must look like before anything is done for it, and what every answer carries.

The Host must be ours: a page elsewhere whose name is suddenly made to point here (DNS rebinding) sends its
own name. What changes anything must come from our own page: Origin, and a header that a foreign form cannot
set. The content policy lets nothing in but our own files: no inline script or style, no foreign address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

OWN_HEADER = "X-Kaga-Edge"
NAME = "kaga-edge"  # what the Server header says
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def hosts(names: Iterable[str], port: int) -> frozenset[str]:
    """Return the values of Host that mean us."""
    return frozenset(f"{name}:{port}" for name in names)


def objection(method: str, headers: Mapping[str, str], allowed: frozenset[str]) -> str | None:
    """Return why a request is refused, None when it may pass."""
    if headers.get("Host", "").lower() not in allowed:
        return "host"
    origin = headers.get("Origin")
    if origin is not None and origin.lower() not in {f"https://{host}" for host in allowed}:
        return "origin"
    own = headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    followed = method == "GET" and headers.get("Sec-Fetch-Mode") == "navigate"  # a link from elsewhere
    if not own and not followed:
        return "site"
    if method not in ("GET", "HEAD") and (origin is None or OWN_HEADER not in headers):
        return "origin"
    return None
