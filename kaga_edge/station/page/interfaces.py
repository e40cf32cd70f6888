"""The addresses of a named network interface, asked of the kernel without netlink.

The unit allows the daemon and its children no netlink socket; SIOCGIFADDR (netdevice(7)) and
/proc/net/if_inet6 need none.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path

from kaga_edge.vocabulary.errors import KagaError

SIOCGIFADDR = 0x8915
NAMES = Path("/sys/class/net")
IPV6 = Path("/proc/net/if_inet6")
LOOPBACK = "lo"
NAME_BYTES = 15  # IFNAMSIZ without its final zero
PASSING = 0x01 | 0x08 | 0x20 | 0x40  # temporary, a duplicate, deprecated, tentative: not to be relied on
LOCAL = IPv6Network("fc00::/7")  # RFC 4193: ours, not routed to the internet
MOST_IPV6 = 3


class CannotOpen(KagaError):
    """The page cannot be opened as asked."""

    code = "KE-P01"
    exit_code = 2


def chosen(name: object) -> tuple[str, tuple[str, ...]]:
    """Return (interface, addresses): of the named one, else of the only one. Raises CannotOpen.

    The first address is the one to show; an interface with IPv4 is asked for before one without.
    """
    if name is not None:
        addresses = addresses_of(name) if isinstance(name, str) else ()
        if not addresses:
            raise CannotOpen(f"no interface {name!r} with an address", fix=_fix())
        return str(name), addresses
    found = with_address()
    usable = {name: held for name, held in found.items() if ":" not in held[0]} or found
    if len(usable) != 1:
        raise CannotOpen("which interface?" if usable else "no interface has an address", fix=_fix())
    return next(iter(usable.items()))


def with_address() -> dict[str, tuple[str, ...]]:
    """Return the interfaces that have an address, without the loopback."""
    names = sorted(entry.name for entry in NAMES.iterdir()) if NAMES.is_dir() else []
    found = {name: addresses_of(name) for name in names if name != LOOPBACK}
    return {name: addresses for name, addresses in found.items() if addresses}


def addresses_of(name: str) -> tuple[str, ...]:
    """Return the interface's addresses, the one to show first; none when it is not there.

    Beside IPv4 only what cannot be reached from the internet: the page is for whoever is on site.
    """
    if not name.isprintable() or len(name.encode(errors="replace")) > NAME_BYTES:
        return ()
    ipv4, ipv6 = _ipv4(name), sorted(_ipv6(name), key=lambda one: (one not in LOCAL, one.is_link_local, one))
    near = [one for one in ipv6 if ipv4 is None or one in LOCAL or one.is_link_local or one.is_loopback]
    return (*([ipv4] if ipv4 else []), *map(str, near[:MOST_IPV6]))


def _ipv4(name: str) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", name.encode(errors="replace")))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])  # struct ifreq: 16 bytes of name, then a sockaddr_in


def _ipv6(name: str) -> Iterator[IPv6Address]:
    """Give the lasting ones. A line: address, index, prefix length, scope, flags (hex all), name."""
    try:
        lines = IPV6.read_text().splitlines()
    except OSError:  # a kernel without IPv6
        return
    for line in lines:
        address, _index, _prefix, _scope, flags, of = line.split()
        if of == name and not int(flags, 16) & PASSING:
            yield IPv6Address(int(address, 16))


def listening(name: str, addresses: tuple[str, ...], port: int) -> list[socket.socket]:
    """Return sockets, one for each address, that hear only what comes in over the interface.

    Linux takes a packet for any of its addresses from any interface; binding to the device does not.
    ``port`` 0: any, the same for all. Raises CannotOpen.
    """
    servers: list[socket.socket] = []
    for address in addresses:
        port = servers[0].getsockname()[1] if servers else port
        try:
            servers.append(_listening(name, address, port))
        except OSError as error:
            for server in servers:
                server.close()
            raise CannotOpen(
                f"port {port} of {address} cannot be opened ({error.strerror})",
                where=name,
                fix="Another program may have the port: kaga-edge web on --port 8444",
            ) from error
    return servers


def _listening(name: str, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.bind((address, port, 0, socket.if_nametoindex(name)))  # fe80:: means nothing without it
        else:
            server.bind((address, port))
        server.listen(16)
        server.setblocking(False)
    except OSError:
        server.close()
        raise
    return server


def _fix() -> str:
    usable = ", ".join(f"{name} ({addresses[0]})" for name, addresses in with_address().items())
    return f"kaga-edge web on --interface NAME; there are: {usable or '-'}"
