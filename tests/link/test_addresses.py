"""Names whose addresses lead nowhere, name services that die or lie. Real sockets; the look-up is given."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme

from kaga_edge.link import Dialler, LinkError, LinkSettings, TlsSettings
from kaga_edge.link.addresses import Address

V4 = int(socket.AF_INET)


@contextlib.contextmanager
def mute(host: str) -> Iterator[Address]:
    """An address that answers no SYN: a listener whose queue is full."""
    with contextlib.ExitStack() as open_:
        server = open_.enter_context(socket.socket())
        server.bind((host, 0))
        server.listen(0)
        for _ in range(3):
            filler = open_.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(server.getsockname())
        yield V4, server.getsockname()


@contextlib.asynccontextmanager
async def server(host: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Address]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await reader.read(1)
        writer.transport.abort()

    made = await asyncio.start_server(serve, host, 0, ssl=tls)
    try:
        yield V4, made.sockets[0].getsockname()
    finally:
        made.close()


def context(ca: trustme.CA, name: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(made)
    return made


class Names:
    """A name service that says what the test wants."""

    def __init__(self, *answers: Address) -> None:
        self.answers: list[Address] | None = list(answers)

    def __call__(self, _host: str, _port: int) -> list[Address]:
        if self.answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "dead")
        return self.answers


async def reached(dialler: Dialler, tls: TlsSettings | None = None) -> object:
    settings = LinkSettings(client_id="x", host="broker.test", port=1, tls=tls)
    with contextlib.closing(await dialler.dial(settings)) as ready:
        return ready.getpeername()


async def test_a_name_whose_first_addresses_lead_nowhere_was_never_reached() -> None:
    async with server("127.0.0.1") as good:
        with mute("127.0.0.2") as one, mute("127.0.0.3") as two, mute("127.0.0.4") as three:
            begun = asyncio.get_running_loop().time()
            assert await reached(Dialler(Names(one, two, three, good))) == good[1]
            assert (
                asyncio.get_running_loop().time() - begun < 15
            )  # ten seconds each were more than a dial has


async def test_an_address_that_refuses_holds_up_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.2", 0))  # bound, and nobody listens
        async with server("127.0.0.1") as good:
            assert await reached(Dialler(Names((V4, taken.getsockname()), good))) == good[1]


async def test_a_dead_name_service_cut_off_a_broker_that_was_well(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = TlsSettings(ca_file=str(tmp_path / "ca.pem"))
    async with server("127.0.0.1", context(ca, "broker.test")) as good:
        names = Names(good)
        dialler = Dialler(names)
        await reached(dialler, tls)
        names.answers = None
        assert await reached(dialler, tls) == good[1]


async def test_a_name_that_led_to_somebody_else_cut_off_a_broker_that_was_well(tmp_path: Path) -> None:
    ca, other = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = TlsSettings(ca_file=str(tmp_path / "ca.pem"))
    async with (
        server("127.0.0.1", context(ca, "broker.test")) as good,
        server("127.0.0.2", context(other, "broker.test")) as portal,
    ):
        names = Names(good)
        dialler = Dialler(names)
        await reached(dialler, tls)
        names.answers = [portal]
        for _ in range(2):  # the portal is not remembered as the broker
            assert await reached(dialler, tls) == good[1]


async def test_without_tls_nobody_knows_who_answers_at_an_old_address() -> None:
    async with server("127.0.0.1") as good:
        names = Names(good)
        dialler = Dialler(names)
        await reached(dialler)
        names.answers = None
        with pytest.raises(LinkError, match="name not found"):
            await reached(dialler)
