"""What a request must look like before anything is done for it, and what every answer carries.

The Host must be ours: a page elsewhere whose name is suddenly made to point here (DNS rebinding) sends its
own name. What changes anything must come from our own page: Origin, and a header that a foreign form cannot
set. The content policy lets nothing in but our own files: no inline script or style, no foreign address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address

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
    return frozenset(f"{bracketed(name)}:{port}" for name in names)


def bracketed(address: str) -> str:
    """Return an address as it stands in a URL: IPv6 in brackets, without the zone (RFC 3986)."""
    return f"[{address.partition('%')[0]}]" if ":" in address else address


def _plain(host: str) -> str:
    """Return a Host in its one spelling: small letters, IPv6 as short as it goes and without a zone.

    A zone is the other end's name of its own interface: it says nothing about us.
    """
    address, closing, port = host.lower().removeprefix("[").partition("]")
    if not closing:
        return host.lower()
    try:
        return f"[{IPv6Address(address.partition('%')[0])}]{port}"
    except ValueError:
        return host.lower()


def objection(method: str, headers: Mapping[str, str], allowed: frozenset[str]) -> str | None:
    """Return why a request is refused, None when it may pass."""
    if _plain(headers.get("Host", "")) not in allowed:
        return "host"
    origin = headers.get("Origin")
    if origin is not None and not _own_origin(origin, allowed):
        return "origin"
    own = headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    followed = method == "GET" and headers.get("Sec-Fetch-Mode") == "navigate"  # a link from elsewhere
    if not own and not followed:
        return "site"
    if method not in ("GET", "HEAD") and (origin is None or OWN_HEADER not in headers):
        return "origin"
    return None


def _own_origin(origin: str, allowed: frozenset[str]) -> bool:
    scheme, _, host = origin.partition("://")
    return scheme.lower() == "https" and _plain(host) in allowed
