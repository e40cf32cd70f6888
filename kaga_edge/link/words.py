"""What is said about one connection: where and as whom, what became of it, why it ended."""

from __future__ import annotations

from dataclasses import dataclass

from kaga_edge.vocabulary.errors import KagaError

PUBACK_WAIT_S = 30.0
CONNACK_WAIT_S = 15.0
MQTT_OLD = "3.1.1"
SERVER_MOVED = frozenset({0x9C, 0x9D})
UNSUPPORTED_VERSION = 0x84
TAKEN_OVER = 0x8E
NO_RETAIN = 0x9A
_AUTH = frozenset({0x86, 0x87, 0x8A, 0x8C})


class LinkError(KagaError):
    """The connection did not come about or ended.

    ``kind``: "local" (no route or address of our own), "dns", "refused", "timeout", "tls", "auth",
    "taken_over", "server_moved", "server" (other reason codes), "protocol", "puback", "lost".
    ``code``: the MQTT reason code, 0 when there is none.
    """

    code = "KE-L00"

    def __init__(self, what: str, *, kind: str, reason: int = 0, where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """TLS 1.2 or newer; chain and host name are always verified. None: the system's CAs, no certificate."""

    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Where to connect and as whom."""

    client_id: str
    host: str
    port: int
    tls: TlsSettings | None = None
    username: str | None = None
    password: str | None = None
    keepalive_s: int = 30
    puback_wait_s: float = PUBACK_WAIT_S
    connack_wait_s: float = CONNACK_WAIT_S
    will_retained: bool = True  # False for a server that keeps nothing
    mqtt: str = "5"  # or MQTT_OLD, where a refused publish looks accepted

    @property
    def where(self) -> str:
        """The peer, for messages to people."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says when we vanish, after a delay."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Puback:
    """The answer to the publish with this packet id."""

    mid: int
    code: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to us; not acknowledged until ``Link.acknowledge``."""

    mid: int
    qos: int
    topic: str
    payload: bytes
    retained: bool
    response_topic: str = ""
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Suback:
    """The answer to the subscription to ``topic``; from 0x80 on: refused, nothing will come from there."""

    topic: str
    code: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is over; None: we closed it."""

    error: LinkError | None


LinkEvent = Puback | Incoming | Suback | Closed


def refusal(code: int, name: str, where: str) -> LinkError:
    """Return what a reason code from 0x80 on means for whoever runs the station."""
    if code == TAKEN_OVER:
        fix = "Two gateways use the same id: give each its own"
        return LinkError("another connection took over our id", kind="taken_over", reason=code, fix=fix)
    if code in SERVER_MOVED:
        return LinkError("the server has moved", kind="server_moved", reason=code, where=where)
    if code == UNSUPPORTED_VERSION:
        fix = 'This broker is older: set mqtt = "3.1.1" and delivery = "platform" in [platform]'
        return LinkError("the broker does not speak MQTT 5", kind="server", reason=code, where=where, fix=fix)
    if code in _AUTH:
        fix = "Check user name, password, certificate and the broker's ACL"
        return LinkError(f"not let in: {name}", kind="auth", reason=code, where=where, fix=fix)
    return LinkError(f"the server ended it: {name}", kind="server", reason=code, where=where)
