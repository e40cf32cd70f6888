"""The IPv4 address of a named network interface, asked of the kernel without netlink.

The unit allows the daemon and its children no netlink socket; SIOCGIFADDR (netdevice(7)) needs none.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from pathlib import Path

from kaga_edge.vocabulary.errors import KagaError

SIOCGIFADDR = 0x8915
NAMES = Path("/sys/class/net")
LOOPBACK = "lo"
NAME_BYTES = 15  # IFNAMSIZ without its final zero


class CannotOpen(KagaError):
    """The page cannot be opened as asked."""

    code = "KE-P01"
    exit_code = 2


def chosen(name: object) -> tuple[str, str]:
    """Return (interface, address): the named one, else the only one with an address. Raises CannotOpen."""
    if name is not None:
        address = address_of(name) if isinstance(name, str) else None
        if address is None:
            raise CannotOpen(f"no interface {name!r} with an IPv4 address", fix=_fix())
        return str(name), address
    usable = with_address()
    if len(usable) != 1:
        raise CannotOpen("which interface?" if usable else "no interface has an IPv4 address", fix=_fix())
    return next(iter(usable.items()))


def with_address() -> dict[str, str]:
    """Return the interfaces that have an IPv4 address, without the loopback."""
    names = sorted(entry.name for entry in NAMES.iterdir()) if NAMES.is_dir() else []
    found = {name: address_of(name) for name in names if name != LOOPBACK}
    return {name: address for name, address in found.items() if address is not None}


def address_of(name: str) -> str | None:
    """Return the interface's IPv4 address, None when it has none or is not there."""
    asked = name.encode(errors="replace")
    if not name.isprintable() or len(asked) > NAME_BYTES:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", asked))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])  # struct ifreq: 16 bytes of name, then a sockaddr_in


def listening(name: str, address: str, port: int) -> socket.socket:
    """Return a socket that hears only what comes in over the interface. Raises CannotOpen.

    Linux takes a packet for any of its addresses from any interface; binding to the device does not.
    """
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
        server.bind((address, port))
        server.listen(16)
        server.setblocking(False)
    except OSError as error:
        server.close()
        raise CannotOpen(
            f"port {port} of {address} cannot be opened ({error.strerror})",
            where=name,
            fix="Another program may have the port: kaga-edge web on --port 8444",
        ) from error
    return server


def _fix() -> str:
    usable = ", ".join(f"{name} ({address})" for name, address in with_address().items())
    return f"kaga-edge web on --interface NAME; there are: {usable or '-'}"
