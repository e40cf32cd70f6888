"""A scripted MQTT 5 server that is wrong in one way, and the table of ways (one ``Case`` a row).

It misbehaves until ``behave`` is called; from then on it is a good server. What it accepted, meanwhile
and after, is in ``accepted``: the child's ledger must never claim more.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ctypes.util
import datetime
import itertools
import json
import select
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from tests.quiet import quiet_s

from .conftest import Publish, _length, _packet, _publish

DN = b"kaga/edge/v1/daishoji-01/dn/cmd"
ACK = b"kaga/edge/v1/daishoji-01/dn/ack"
SOON = 0.05


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def connack(code: int = 0, *, present: int = 0, properties: bytes = b"") -> bytes:
    return packet(0x20, bytes([present, code]) + _length(len(properties)) + properties)


def puback(mid: int, code: int = 0, properties: bytes = b"") -> bytes:
    return packet(0x40, struct.pack(">HB", mid, code) + _length(len(properties)) + properties)


def disconnect(code: int) -> bytes:
    return packet(0xE0, bytes([code, 0]))


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def user_properties(count: int) -> bytes:
    return b"".join(b"\x26" + text(b"key%d" % i) + text(b"value") for i in range(count))


def incoming(
    payload: bytes = b"{}",
    *,
    qos: int = 0,
    topic: bytes = DN,
    flags: int = 0,
    properties: bytes = b"",
    mid: int = 9,
) -> bytes:
    head = text(topic) + (struct.pack(">H", mid) if qos else b"")
    return packet(0x30 | qos << 1 | flags, head + _length(len(properties)) + properties + payload)


class Connection:
    """One client's connection, as a case's functions see it."""

    def __init__(self, peer: Peer, writer: asyncio.StreamWriter, number: int) -> None:
        self.peer, self.writer, self.number = peer, writer, number
        self.waiting: list[Publish] = []
        self.publishes = 0
        self.mute = False
        self.subscribed = False
        self.pouring: asyncio.Task[None] | None = None

    def send(self, data: bytes) -> None:
        if not self.writer.transport.is_closing():
            self.writer.write(data)

    def accept(self, publish: Publish, data: bytes | None = None) -> None:
        """Answer a publish with success, and remember its rows as taken."""
        self.peer.took(publish)
        self.send(puback(publish.mid) if data is None else data)
        self.acknowledge()

    def acknowledge(self) -> None:
        """Say on dn/ack what is stored, to whoever was let subscribe."""
        if self.subscribed and self.peer.stored:
            self.send(incoming(self.peer.ack(), topic=ACK))

    def fall_mute(self) -> None:
        """From here on nothing is answered; the peer notes when the client has noticed."""
        if not self.mute:
            self.mute, self.muted_s = True, quiet_s()

    def reset(self) -> None:
        """Close with RST."""
        sock = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def greet_well(conn: Connection, _connect: bytes) -> None:
    conn.send(connack())


async def answer_well(conn: Connection, publish: Publish) -> None:
    conn.accept(publish)


Greet = Callable[[Connection, bytes], Awaitable[None]]
Answer = Callable[[Connection, Publish], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to misbehave.

    ``reads``: bytes a read may take, every second (0: nothing is read at all, None: normally).
    ``keeps``: the connections live on when the server begins to behave; else they are dropped then.
    ``within_s``: how long after that everything must be delivered; ``loses``: rows may be declared gone.
    ``noticed_s``: how soon a connection that fell mute must be left. ``suback``: what a subscription gets.
    ``real``: with the waits as they are in the field, so for full runs only.
    """

    name: str
    greet: Greet = greet_well
    answer: Answer = answer_well
    pongs: bool = True
    reads: int | None = None
    keeps: bool = False
    tls: str = ""
    within_s: float = 15.0
    loses: bool = False
    noticed_s: float | None = None
    suback: int = 1
    real: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


GOOD = Case(name="good")


class Peer:
    """The server. ``accepted``: numbers of rows it answered below 0x80 (0x10 apart)."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.folder = case, folder
        self.accepted: set[int] = set()
        self.stored: set[int] = set()  # with platform delivery: not accepted before the ack has been said
        self.epoch = ""
        self.noticed_s: list[float] = []
        self.gone_told = 0
        self.connects = 0
        self.last_accepted_s = 0.0
        self.port = 0
        self.changed = asyncio.Event()
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._front: Renegotiating | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _acks(self) -> bool:
        return self.case.settings.get("delivery") == "platform"

    def ack(self) -> bytes:
        """Return the body for dn/ack; from now on its rows count as accepted."""
        self.accepted |= self.stored
        self._progress()
        have = Ranges.of((number, number) for number in self.stored).spans  # live rows overtake a backlog
        return json.dumps({"v": 1, "ep": self.epoch, "upto": 0, "have": have[:64]}).encode()

    async def start(self) -> None:
        # Small buffers: "reads nothing" must fill them within seconds.
        sock = socket.create_server(("127.0.0.1", self.port))
        if self.case.reads is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = sock.getsockname()[1]
        if self.case.tls == "renegotiates":
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            inner = self._server.sockets[0].getsockname()[1]
            self._front = Renegotiating(sock, inner, certificate(self.folder))
            return
        context = tls_context(self.case.tls, self.folder) if self.case.tls else None
        self._server = await asyncio.start_server(self._serve, sock=sock, ssl=context)

    async def behave(self) -> None:
        """Become a good server; connections of the bad one are dropped unless the case keeps them."""
        bad = self.case
        self.case = Case(name="good", tls="good" if bad.tls else "", settings=bad.settings)
        if bad.tls or bad.reads is not None:
            await self.stop()
            await self.start()
            return
        for conn in list(self._connections):
            if bad.keeps:
                waiting, conn.waiting = conn.waiting, []
                for publish in waiting:
                    conn.accept(publish)
            elif not conn.mute:
                conn.writer.transport.abort()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._front is not None:
            self._front.close()
        for conn in list(self._connections):
            conn.writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()

    def took(self, publish: Publish) -> None:
        leaf = publish.leaf
        if leaf in ("data", "hist"):
            body = message.parse(publish.payload)
            rows = set(range(body["n"], body["n"] + len(body["r"])))
            if self._acks:
                self.stored, self.epoch = self.stored | rows, body["ep"]
            else:
                self.accepted |= rows
                self._progress()
        elif leaf == "gone":
            self.gone_told += 1

    def _progress(self) -> None:
        self.last_accepted_s = asyncio.get_running_loop().time()
        self.changed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connects += 1
        conn = Connection(self, writer, self.connects)
        self._connections.add(conn)
        try:
            await self._converse(conn, reader)
        except (
            asyncio.IncompleteReadError,
            ConnectionError,
            ssl.SSLError,
            asyncio.CancelledError,
            IndexError,
        ):
            pass
        finally:
            if conn.mute:
                self.noticed_s.append(quiet_s() - conn.muted_s)
            self._connections.discard(conn)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _converse(self, conn: Connection, reader: asyncio.StreamReader) -> None:
        kind, body = await _packet(reader)
        await self.case.greet(conn, body)
        slow = self.case.reads
        if slow is not None:
            reader._transport.pause_reading()  # type: ignore[attr-defined]  # nobody drains the socket
            await self._trickle(conn, slow)
            return
        while True:
            kind, body = await _packet(reader)
            if kind >> 4 == 3:
                conn.publishes += 1
                await self.case.answer(conn, _publish(kind, body))
            elif kind >> 4 == 8:
                conn.send(b"\x90\x04" + body[:2] + bytes([0, self.case.suback]))
                conn.subscribed = self.case.suback < 0x80
                conn.acknowledge()
            elif kind >> 4 == 12 and self.case.pongs and not conn.mute:
                conn.send(b"\xd0\x00")

    async def _trickle(self, conn: Connection, most: int) -> None:
        sock = conn.writer.get_extra_info("socket")
        while not conn.writer.transport.is_closing():
            await asyncio.sleep(1)
            if most:
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    sock._sock.recv(most)


# --- TLS, good and bad ---


def tls_context(kind: str, folder: Path) -> ssl.SSLContext:
    """Return a server's context for ``kind``; the CA the client trusts lies in ``folder``/ca.pem."""
    ca_file = folder / "ca.key.pem"
    ca = trustme.CA.from_pem((folder / "ca.pem").read_bytes(), ca_file.read_bytes())
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    name = "elsewhere.example" if kind == "wrong_host" else "localhost"
    issuer = trustme.CA() if kind == "unknown_ca" else ca
    times: dict[str, Any] = {}
    if kind == "expired":
        times = {"not_before": now - 10 * day, "not_after": now - day}
    elif kind == "not_yet":
        times = {"not_before": now + day, "not_after": now + 10 * day}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(name, **times).configure_cert(context)
    if kind == "old":
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
            context.minimum_version = ssl.TLSVersion.TLSv1_1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
    elif kind == "client_refused":  # TLS 1.3: the client has finished before the server's alert comes
        context.verify_mode = ssl.CERT_REQUIRED
        trustme.CA().configure_trust(context)
    return context


def certificate(folder: Path) -> Path:
    """Return a file with the server's key and chain, issued by the CA in ``folder``."""
    ca = trustme.CA.from_pem((folder / "ca.pem").read_bytes(), (folder / "ca.key.pem").read_bytes())
    ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return folder / "server.pem"


class Renegotiating:
    """TLS 1.2 in front of a plain port, asking every second to negotiate again.

    Python's ssl cannot ask for that, so OpenSSL is called itself.
    """

    EVERY_S = 1.0
    FILETYPE_PEM, CTRL_SET_MAX_PROTO, TLS1_2 = 1, 124, 0x0303

    def __init__(self, server: socket.socket, inner: int, chain: Path) -> None:
        self._server, self._inner = server, inner
        self.asked = 0
        ssl3 = self._ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
        for function in ("TLS_server_method", "SSL_CTX_new", "SSL_new"):
            getattr(ssl3, function).restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(ssl3.SSL_CTX_new(ctypes.c_void_p(ssl3.TLS_server_method())))
        ssl3.SSL_CTX_ctrl(self._context, self.CTRL_SET_MAX_PROTO, ctypes.c_long(self.TLS1_2), None)
        assert ssl3.SSL_CTX_use_certificate_chain_file(self._context, bytes(chain)) == 1
        assert ssl3.SSL_CTX_use_PrivateKey_file(self._context, bytes(chain), self.FILETYPE_PEM) == 1
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        ssl3, tls = self._ssl, ctypes.c_void_p(self._ssl.SSL_new(self._context))
        with near, socket.create_connection(("127.0.0.1", self._inner)) as far:
            ssl3.SSL_set_fd(tls, near.fileno())
            if ssl3.SSL_accept(tls) == 1:
                with contextlib.suppress(OSError):
                    self._pump(tls, near, far)
        ssl3.SSL_free(tls)

    def _pump(self, tls: ctypes.c_void_p, near: socket.socket, far: socket.socket) -> None:
        ssl3, room, due_s = self._ssl, ctypes.create_string_buffer(16_384), time.monotonic() + self.EVERY_S
        while True:
            ready, _, _ = select.select([near, far], [], [], max(0.0, due_s - time.monotonic()))
            if not ready:
                due_s += self.EVERY_S
                self.asked += 1
                ssl3.SSL_renegotiate(tls)
                ssl3.SSL_do_handshake(tls)
            if near in ready:
                count = ssl3.SSL_read(tls, room, len(room))
                if count <= 0:
                    return
                far.sendall(room.raw[:count])
            if far in ready:
                data = far.recv(len(room))
                if not data or ssl3.SSL_write(tls, data, len(data)) <= 0:
                    return


def make_ca(folder: Path) -> str:
    """Write a CA to ``folder`` and return the file the client trusts."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ca.private_key_pem.write_to_path(folder / "ca.key.pem")
    return str(folder / "ca.pem")


# --- what can be done wrong ---


def greeting(code: int = 0, **how: Any) -> Greet:
    async def greet(conn: Connection, _connect: bytes) -> None:
        conn.send(connack(code, **how))

    return greet


def and_then(*packets: bytes) -> Greet:
    """A good CONNACK, then something nobody asked for."""

    async def greet(conn: Connection, _connect: bytes) -> None:
        conn.send(connack() + b"".join(packets))

    return greet


def coded(code: int, *, always: bool = False) -> Answer:
    """Every batch and notice is answered with ``code``; posts too if ``always``."""

    async def answer(conn: Connection, publish: Publish) -> None:
        if always or publish.leaf in ("data", "hist", "alert", "gone"):
            conn.send(puback(publish.mid, code))
        else:
            conn.accept(publish)

    return answer


def hangs_up(code: int) -> Answer:
    async def answer(conn: Connection, publish: Publish) -> None:
        conn.send(disconnect(code))
        conn.writer.close()

    return answer


async def no_connack(conn: Connection, _connect: bytes) -> None:
    pass


async def dripping_connack(conn: Connection, _connect: bytes) -> None:
    for byte in connack(properties=user_properties(3)):
        conn.send(bytes([byte]))
        await asyncio.sleep(1)


async def every_refusal(conn: Connection, _connect: bytes) -> None:
    conn.send(connack(0x80 + (conn.number - 1) % 0x20))


async def session_lies(conn: Connection, _connect: bytes) -> None:
    conn.send(connack(present=conn.number % 2))  # 1 at the very first connection, 0 when it was kept


async def no_retained_will(conn: Connection, connect: bytes) -> None:
    retained_will = connect[7] & 0x20
    conn.send(connack(0x9A if retained_will else 0, properties=b"\x25\x00"))


async def no_retained_message(conn: Connection, publish: Publish) -> None:
    if publish.retain:
        await hangs_up(0x9A)(conn, publish)
    else:
        conn.accept(publish)


async def never(conn: Connection, publish: Publish) -> None:
    pass


async def late(conn: Connection, publish: Publish) -> None:
    """Never in this connection; in the next one the old packet ids are answered."""
    late = conn.peer.__dict__.setdefault("late", [])
    late.append((conn.number, publish.mid))
    conn.send(b"".join(puback(mid) for number, mid in late[:50] if number < conn.number))


async def twice(conn: Connection, publish: Publish) -> None:
    conn.accept(publish)
    conn.send(puback(publish.mid))


async def unknown_id(conn: Connection, publish: Publish) -> None:
    conn.send(puback((publish.mid + 1000) % 65535 + 1))


async def out_of_order(conn: Connection, publish: Publish) -> None:
    conn.waiting.append(publish)
    if len(conn.waiting) >= 2 or publish.leaf == "health":
        waiting, conn.waiting = conn.waiting, []
        for held in reversed(waiting):
            conn.accept(held)


async def talkative(conn: Connection, publish: Publish) -> None:
    properties = b"\x1f" + text(b"because") + user_properties(50)
    conn.accept(publish, puback(publish.mid, 0, properties))


async def closes_in_the_middle(conn: Connection, publish: Publish) -> None:
    conn.writer.transport.abort() if conn.publishes > 3 else conn.accept(publish)


async def resets(conn: Connection, publish: Publish) -> None:
    conn.reset() if conn.publishes > 3 else conn.accept(publish)


async def falls_mute(conn: Connection, publish: Publish) -> None:
    """Half-open: nothing comes back any more and nobody hangs up."""
    if conn.publishes > 3:
        conn.fall_mute()
    if not conn.mute:
        conn.accept(publish)


async def floods(conn: Connection, _connect: bytes) -> None:
    conn.send(connack() + incoming(b'{"v":1,"id":"x","op":"ping"}') * 10_000)


def pours(make: Callable[[int], bytes]) -> Greet:
    """A good CONNACK, then ``make(0)``, ``make(1)`` … for ever, as fast as it is read."""

    async def pour(conn: Connection) -> None:
        with contextlib.suppress(ConnectionError):
            for i in itertools.count():
                if conn.writer.transport.is_closing():
                    return
                conn.send(make(i))
                await conn.writer.drain()
                await asyncio.sleep(0.01)  # for the other cases: 5 MB a second are flood enough

    async def greet(conn: Connection, _connect: bytes) -> None:
        conn.send(connack())
        conn.pouring = asyncio.create_task(pour(conn))

    return greet


async def talks_first(conn: Connection, _connect: bytes) -> None:
    """A hundred messages of 100 kB where the CONNACK should be."""
    for mid in range(1, 100):
        conn.send(incoming(b"x" * 100_000, qos=1, mid=mid))
        await asyncio.sleep(0.01)


async def hangs_up_in_turn(conn: Connection, _connect: bytes) -> None:
    conn.send(connack())
    await asyncio.sleep(SOON)
    codes = (0x81, 0x82, 0x83, 0x89, 0x8B, 0x8D, 0x93, 0x97, 0x98)
    conn.send(disconnect(codes[conn.number % len(codes)]))
    conn.writer.close()


def made_up_acks(i: int) -> bytes:
    """Ten acks for epochs that never were."""
    bodies = (b'{"v":1,"ep":"%08x","upto":5}' % (10 * i + j) for j in range(10))
    return b"".join(incoming(body, topic=ACK) for body in bodies)


async def huge_length(conn: Connection, _connect: bytes) -> None:
    conn.send(connack() + b"\x30\xff\xff\xff\x7f" + b"\0" * 1000)


async def hangs_up_rudely(conn: Connection, publish: Publish) -> None:
    conn.writer.get_extra_info("socket")._sock.shutdown(socket.SHUT_RDWR)  # no close_notify
    conn.writer.transport.abort()


async def closes_at_once(conn: Connection, _connect: bytes) -> None:
    conn.writer.transport.abort()


REFUSED_ROWS = {"forbidden_s": 3.0}  # 300 s is the promise; here the question is what happens at the retry
TLS_SETTINGS = {"host": "localhost"}

CASES: tuple[Case, ...] = (
    Case(name="no CONNACK", greet=no_connack),
    Case(name="CONNACK one byte a second", greet=dripping_connack),
    Case(name="CONNACK 0x80 to 0x9F in turn", greet=every_refusal),
    *(
        Case(name=f"CONNACK 0x{code:02X}", greet=greeting(code))
        for code in (0x80, 0x84, 0x87, 0x88, 0x89, 0x95, 0x97, 0x9C, 0x9F)
    ),
    Case(name="session present lies", greet=session_lies),
    Case(name="Receive Maximum 1", greet=greeting(properties=b"\x21\x00\x01"), keeps=True),
    Case(name="Receive Maximum 0", greet=greeting(properties=b"\x21\x00\x00"), keeps=True),
    Case(name="Maximum Packet Size 64", greet=greeting(properties=b"\x27\x00\x00\x00\x40")),
    Case(name="Maximum QoS 0", greet=greeting(properties=b"\x24\x00"), answer=hangs_up(0x9B)),
    Case(name="Retain Available 0", greet=greeting(properties=b"\x25\x00"), answer=no_retained_message),
    Case(name="no retained will", greet=no_retained_will, answer=no_retained_message),
    Case(name="Server Keep Alive 5", greet=greeting(properties=b"\x13\x00\x05"), keeps=True),
    Case(name="assigned client id", greet=greeting(properties=b"\x12" + text(b"other")), keeps=True),
    Case(name="Topic Alias Maximum", greet=greeting(properties=b"\x22\x00\x05"), keeps=True),
    Case(name="never PUBACK", answer=never),
    Case(name="PUBACK after the resend", answer=late, settings={"puback_wait_s": 1.0}),
    Case(name="PUBACK twice", answer=twice, keeps=True),
    Case(name="PUBACK for an unknown id", answer=unknown_id),
    Case(name="PUBACK out of order", answer=out_of_order, keeps=True),
    *(
        Case(
            name=f"PUBACK 0x{code:02X}",
            answer=coded(code),
            keeps=True,
            loses=code in (0x90, 0x99),
            settings=REFUSED_ROWS,
        )
        for code in (0x10, 0x80, 0x83, 0x87, 0x89, 0x90, 0x91, 0x95, 0x97, 0x99)
    ),
    Case(name="PUBACK 0x97 to everything", answer=coded(0x97, always=True), keeps=True),
    Case(name="PUBACK with a reason and 50 user properties", answer=talkative, keeps=True),
    Case(name="reads nothing", reads=0),
    Case(name="reads one byte a second", reads=1),
    Case(name="closes in the middle of a PUBLISH", answer=closes_in_the_middle),
    Case(name="RST", answer=resets),
    Case(name="half-open", answer=falls_mute, settings={"keepalive_s": 4}, within_s=21.0, noticed_s=6.0),
    Case(
        name="half-open and a Server Keep Alive of ten minutes",
        greet=greeting(properties=b"\x13\x02\x58"),
        answer=falls_mute,
        settings={"puback_wait_s": 300},  # else the missing PUBACK is seen first
        within_s=60.0,
        noticed_s=45.0,
        real=True,
    ),
    Case(name="never PINGRESP", pongs=False, answer=never, settings={"keepalive_s": 2}),
    *(
        Case(name=f"DISCONNECT 0x{code:02X}", answer=hangs_up(code), settings={"taken_over_s": 4.0})
        for code in (0x82, 0x89, 0x8B, 0x8D, 0x8E, 0x93, 0x95, 0x98, 0x9C, 0x9D)
    ),
    Case(name="command QoS 0", greet=and_then(incoming()), keeps=True),
    Case(name="command QoS 1", greet=and_then(incoming(qos=1)), keeps=True),
    Case(name="command QoS 2", greet=and_then(incoming(qos=2)), keeps=True),
    Case(name="command retained", greet=and_then(incoming(qos=1, flags=1)), keeps=True),
    Case(name="command twice (DUP)", greet=and_then(incoming(qos=1), incoming(qos=1, flags=8)), keeps=True),
    Case(name="command expired", greet=and_then(incoming(properties=b"\x02\0\0\0\0")), keeps=True),
    Case(name="command of 256 KiB", greet=and_then(incoming(b"x" * 262_144))),
    Case(name="command with bad UTF-8", greet=and_then(incoming(topic=b"\xff\xfe\xc0", qos=1)), keeps=True),
    Case(
        name="command with a wildcard response topic",
        greet=and_then(incoming(properties=b"\x08" + text(b"kaga/#"))),
        keeps=True,
    ),
    Case(
        name="command with correlation data",
        greet=and_then(incoming(properties=b"\x09" + text(b"\0" * 500))),
        keeps=True,
    ),
    Case(name="flood of 10,000 commands", greet=floods, keeps=True),
    Case(name="flood of PINGRESP without end", greet=pours(lambda _i: b"\xd0\x00" * 2000)),
    Case(name="flood of PUBACK without end", greet=pours(lambda _i: puback(60_000) * 500)),
    Case(name="flood of messages without end", greet=pours(lambda _i: incoming(b"x" * 1000) * 50)),
    Case(
        name="flood of acks for made-up epochs without end",
        greet=pours(made_up_acks),
        settings={"delivery": "platform"},
    ),
    Case(
        name="QoS 2 messages never released",
        greet=pours(lambda i: incoming(b"x" * 100_000, qos=2, mid=i % 65535 + 1)),
    ),
    Case(name="messages before CONNACK", greet=talks_first),
    Case(name="DISCONNECT with another code each time", greet=hangs_up_in_turn),
    Case(name="SUBACK nobody waits for", greet=and_then(b"\x90\x04\x00\x01\x00\x87"), keeps=True),
    *(
        Case(
            name=f"SUBACK 0x{code:02X}",
            suback=code,
            keeps=True,
            settings={"delivery": "platform", "forbidden_s": 3.0},
        )
        for code in (0x80, 0x87, 0x8F, 0x97)
    ),
    # With the waits of the field: five minutes after "not authorised", a minute and more after "taken over".
    Case(name="PUBACK 0x87, real wait", answer=coded(0x87), keeps=True, within_s=300 + 15, real=True),
    Case(name="DISCONNECT 0x8E, real wait", answer=hangs_up(0x8E), within_s=60 + 10 + 15, real=True),
    Case(name="unsolicited PUBREL", greet=and_then(b"\x62\x02\x00\x09"), keeps=True),
    Case(name="unsolicited AUTH", greet=and_then(b"\xf0\x02\x18\x00")),
    Case(name="unsolicited PINGREQ", greet=and_then(b"\xc0\x00")),
    Case(name="a packet of 268,435,455 bytes", greet=huge_length),
    *(
        Case(name=f"TLS: {name}", tls=kind, settings=TLS_SETTINGS)
        for name, kind in (
            ("wrong host", "wrong_host"),
            ("expired", "expired"),
            ("not yet valid", "not_yet"),
            ("unknown CA", "unknown_ca"),
            ("only 1.1", "old"),
            ("our certificate refused", "client_refused"),
        )
    ),
    Case(name="TLS: wants to renegotiate", tls="renegotiates", settings=TLS_SETTINGS),
    Case(name="TLS: closes after the handshake", tls="good", greet=closes_at_once, settings=TLS_SETTINGS),
    Case(name="TLS: no close_notify", tls="good", answer=hangs_up_rudely, settings=TLS_SETTINGS),
)
