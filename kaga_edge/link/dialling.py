"""Opens sockets: look-up, TCP, TLS, in daemon threads, a handful at most.

``getaddrinfo`` cannot be interrupted and must block neither the loop nor the shutdown.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from kaga_edge.link.addresses import Address, first_connected, look_up
from kaga_edge.link.words import LinkError, LinkSettings, TlsSettings

DIAL_WAIT_S = 30.0  # look-up, TCP and TLS together
DIALS_AT_ONCE = 4  # a hanging look-up is left behind; more than this are not
NOT_SENT_BYTES = 16 * 1024  # what the kernel has not sent yet is still ours to order
TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)  # 25: Linux
_BY_DATE = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_LOCAL_ERRNOS = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.ENODEV})


LookUp = Callable[[str, int], list[Address]]


class Dialler:
    """Opens sockets in daemon threads: look-up, TCP, TLS. Keep one for all attempts: it counts them."""

    def __init__(self, look_up: LookUp = look_up) -> None:
        self._room = threading.BoundedSemaphore(DIALS_AT_ONCE)
        self._look_up = look_up
        self._known: dict[str, Address] = {}  # where each peer was reached last
        self.last_mid = 0  # the last packet id of the connection before

    async def dial(self, settings: LinkSettings) -> socket.socket:
        """Return a connected, verified socket. Raises LinkError."""
        if not self._room.acquire(blocking=False):
            raise LinkError("earlier name look-ups still hang", kind="dns", where=settings.where)
        attempt = _Attempt(settings, asyncio.get_running_loop(), self._room.release, self._dialled)
        threading.Thread(target=attempt.run, name="dial", daemon=True).start()
        try:
            async with asyncio.timeout(DIAL_WAIT_S):
                return await attempt.done
        except TimeoutError as error:
            raise LinkError(
                "no answer to look-up, TCP or TLS", kind="timeout", where=settings.where
            ) from error
        finally:
            attempt.abandon()

    def _dialled(self, settings: LinkSettings) -> socket.socket:
        """Look up, connect, verify (in the thread). A dead or lying name service is no reason to be cut off:
        where TLS says who answers, the address of the last time is as good as a look-up."""
        context = _tls_context(settings) if settings.tls else None
        known = self._known.get(settings.where) if context else None
        try:
            found = self._look_up(settings.host, settings.port)
        except socket.gaierror as error:
            if known is None:
                raise _dial_error(error, settings) from error
            found = []
        if known is not None and known not in found:
            found = [*found, known]
        try:
            ready, self._known[settings.where] = _opened(settings, context, found)
        except LinkError as error:
            if error.kind != "tls" or known is None or known == found[0]:
                raise
            ready, _ = _opened(settings, context, [known])  # somebody else answers under that name
        return ready


class _Attempt:
    """One dial. Whoever comes last (thread or loop) closes a socket nobody wants."""

    def __init__(
        self,
        settings: LinkSettings,
        loop: asyncio.AbstractEventLoop,
        release: Callable[[], None],
        dialled: Callable[[LinkSettings], socket.socket],
    ) -> None:
        self.done: asyncio.Future[socket.socket] = loop.create_future()
        self._settings = settings
        self._loop = loop
        self._release, self._dialled = release, dialled
        self._lock = threading.Lock()
        self._unwanted = False

    def run(self) -> None:
        """Dial (in the thread) and hand over the result."""
        ready: socket.socket | None = None
        error: LinkError | None = None
        try:
            ready = self._dialled(self._settings)
        except LinkError as failure:
            error = failure
        finally:
            self._release()
        try:
            self._loop.call_soon_threadsafe(self._hand_over, ready, error)
        except RuntimeError:  # the loop has ended: so does the attempt
            if ready is not None:
                ready.close()

    def abandon(self) -> None:
        """Nobody waits any more; a socket that still comes is closed."""
        self._unwanted = True
        if not self.done.done():
            self.done.cancel()

    def _hand_over(self, ready: socket.socket | None, error: LinkError | None) -> None:
        if self._unwanted or self.done.done():
            if ready is not None:
                ready.close()
        elif ready is not None:
            self.done.set_result(ready)
        else:
            self.done.set_exception(error or LinkError("no address", kind="dns"))


def network_absent() -> bool:
    """True when this machine has no route to anywhere: our own fault, not the platform's. Sends nothing."""
    for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))  # UDP: only asks the routing table
                return False
        except OSError:
            continue
    return True


def _opened(
    settings: LinkSettings, context: ssl.SSLContext | None, addresses: list[Address]
) -> tuple[socket.socket, Address]:
    try:
        plain, address = first_connected(addresses)
    except OSError as error:
        raise _dial_error(error, settings) from error
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_BYTES)
        if context is None:
            return plain, address
        return context.wrap_socket(plain, server_hostname=settings.host), address
    except (OSError, ValueError) as error:
        plain.close()
        raise _tls_error(error, settings) from error


def _tls_context(settings: LinkSettings) -> ssl.SSLContext:
    tls = settings.tls or TlsSettings()
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION  # what was verified stays as it was
        if tls.certificate_file:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        fix = f"Check {tls.ca_file}, {tls.certificate_file}, {tls.key_file}"
        raise LinkError(
            f"certificates unusable: {error}", kind="tls", where=settings.where, fix=fix
        ) from error
    return context


def _dial_error(error: OSError, settings: LinkSettings) -> LinkError:
    where = settings.where
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_AGAIN and network_absent():
            return LinkError("this machine has no network", kind="local", where=where)
        return LinkError(f"name not found: {error.strerror}", kind="dns", where=where)
    if error.errno in _LOCAL_ERRNOS:
        return LinkError(f"this machine has no way out: {error.strerror}", kind="local", where=where)
    if isinstance(error, TimeoutError):
        return LinkError("no answer to TCP", kind="timeout", where=where)
    return LinkError(f"TCP refused: {error.strerror or error}", kind="refused", where=where)


def _tls_error(error: OSError | ValueError, settings: LinkSettings) -> LinkError:
    if isinstance(error, TimeoutError):
        return LinkError("no answer to TLS", kind="timeout", where=settings.where)
    if isinstance(error, ssl.SSLCertVerificationError):
        fix = "Check the clock, the CA file and the host name; verification is never switched off"
        what = f"the server's certificate is not trusted: {error.verify_message}"
        if error.verify_code in _BY_DATE:  # the wrong side may be ours
            what += f" (this machine's clock says {datetime.now(UTC):%Y-%m-%d})"
        return LinkError(what, kind="tls", where=settings.where, fix=fix)
    return LinkError(f"TLS failed: {error}", kind="tls", where=settings.where)
