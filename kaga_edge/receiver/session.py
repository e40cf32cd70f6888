"""The receiver's MQTT connection: aiomqtt, made to acknowledge only what is on disk.

A subscriber is what aiomqtt does well. Its one gap for us: paho answers PUBACK as soon as a message is
queued, so what is queued when the process dies would be lost although the broker was told otherwise.
paho has manual acknowledgement; ``AckingClient`` switches it on and gives it a name.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SESSION_EXPIRY_S = 7 * 24 * 3600  # the broker keeps for us what comes while we are away
RECEIVE_MAXIMUM = 200  # messages the broker may have on their way to us: more only fills our memory
MAXIMUM_PACKET_BYTES = 1024 * 1024 + 4096  # nothing in the contract is larger; see contract/wire.py
ACK_EXPIRY_S = 300  # an ack for a gateway that is away grows stale; its next birth gets a new one
KEEPALIVE_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to check the broker (chain and host name always) and how to prove who we are."""

    ca_file: Path | None = None  # None: the system's
    certificate_file: Path | None = None
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return a context for TLS 1.2 or newer."""
        context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context


class AckingClient(aiomqtt.Client):
    """A client whose messages are acknowledged by ``confirm`` and not before."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        identifier: str,
        username: str | None,
        password: str | None,
        tls: Tls | None,
    ) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAXIMUM_PACKET_BYTES
        super().__init__(
            host,
            port,
            identifier=identifier,
            username=username,
            password=password,
            tls_context=None if tls is None else tls.context(),
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
            keepalive=KEEPALIVE_S,
        )
        self._client.manual_ack_set(True)

    def confirm(self, message: aiomqtt.Message) -> None:
        """Tell the broker that ``message`` is safe here."""
        if message.qos:
            self._client.ack(message.mid, message.qos)

    def waiting(self) -> int:
        """Return how many messages are queued here."""
        return len(self.messages)


def expiring(seconds: int) -> Properties:
    """Return PUBLISH properties with a message expiry."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
    properties.MessageExpiryInterval = seconds
    return properties
