"""One MQTT connection's life: greeted, watched, closed. A new object for every connection.

paho is driven from asyncio directly here. aiomqtt would be nicer to read, but it hides what this
gateway lives by: the PUBACK reason codes (a refused publish looks accepted), the CONNACK properties
(Receive Maximum, Maximum Packet Size) and manual acknowledgement. It serves the receiving side.

What paho does by itself and must not do here:
- its own outbox: switched off by never reusing a client (a dead one's messages die with it) and by
  ``max_inflight`` 0 (no queueing; our window is ``core.delivery``'s);
- blocking connect: it is given a socket that is open already (``dialling``);
- a callback that raises makes it handle the same packet for ever: ours only append to a list;
- half-open links are seen after two keepalives: our own watch sees them after one and a half, and a
  PUBACK that does not come after 30 s. A server may ask for more rare pings (Server Keep Alive), not for
  less watching: we ping at the shorter of the two.

MQTT 3.1.1 is there for a broker that knows nothing newer. Its PUBACK has no reason code, so a refused
publish looks accepted; the will comes at once; what is retained is sent to us with every subscription.

What reaches the owner: ``on_event(Puback | Incoming | Suback | Closed)``, always in the loop's
thread, Closed exactly once and last.

Longer than most: paho stands in this file only, and whoever changes one of these habits must see all the
others.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any

from paho.mqtt import MQTTException
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from kaga_edge.link.dialling import Dialler
from kaga_edge.link.flood import Flood
from kaga_edge.link.words import (
    MQTT_OLD,
    Closed,
    Incoming,
    LinkError,
    LinkEvent,
    LinkSettings,
    Puback,
    Suback,
    Will,
    refusal,
)

SESSION_EXPIRY_S = 7 * 86400  # commands queued for us survive a week of outage
WILL_DELAY_S = 90  # a short flap must not look like a death
SILENT_KEEPALIVES = 1.5  # after so many without a byte the line is dead
NEVER_S = 1e9
GOODBYE_WAIT_S = 1.0
INCOMING_BYTES = 128 * 1024  # nothing the platform has to say is longer
INCOMING_WAITING = 16  # unacknowledged messages to us
INCOMING_OWED_MOST = 256  # a server that minds no Receive Maximum may have so many; then it is left
UNREAD_MOST = 256  # packets of ours that the peer does not read: we owe a flood no answers without end
PACKET_LEAST_BYTES = 256  # a server that takes no more cannot take a single row with its topic
_BAD_PACKET = (MQTTException, ValueError, LookupError, TypeError, AttributeError, struct.error)


class _Client(Client):
    """paho, given a socket that is already connected instead of opening one itself."""

    def __init__(self, settings: LinkSettings, ready: socket.socket) -> None:
        old = settings.mqtt == MQTT_OLD
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=False if old else None,  # MQTT 5 says it in CONNECT's clean_start
            protocol=MQTTProtocolVersion.MQTTv311 if old else MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self.answers: list[tuple[int, int]] = []  # packet id, reason code of PUBACKs not yet handed on
        self._ready = ready

    def _create_socket(self) -> Any:
        return self._ready

    def _handle_pubackcomp(self, cmd: str) -> MQTTErrorCode:
        """Read packet id and reason code, whatever the code is.

        paho itself ends the connection over a code that MQTT 5 does not list for PUBACK (0x89, 0x95 …);
        a broker that sends one would be reconnected to for ever with the same message.
        """
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) < 2:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        mid = int.from_bytes(packet[:2], "big")
        if self._out_messages.pop(mid, None) is not None:
            self._inflight_messages -= 1
            self.answers.append((mid, packet[2] if len(packet) > 2 else 0))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    @property
    def last_packet_id(self) -> int:
        """The packet id given last; the next one is one higher."""
        return int(self._last_mid)

    @last_packet_id.setter
    def last_packet_id(self, mid: int) -> None:
        self._last_mid = mid

    @property
    def ping_every_s(self) -> int:
        """How long nothing may be heard or said before a ping."""
        return int(self._keepalive)

    @ping_every_s.setter
    def ping_every_s(self, every_s: int) -> None:
        self._keepalive = every_s

    @property
    def unread_packets(self) -> int:
        """How many packets of ours the line has not taken yet."""
        return len(self._out_packet)

    @property
    def half_taken(self) -> int:
        """How many QoS 2 messages paho keeps until their PUBREL, whatever their size."""
        return len(self._in_messages)

    @property
    def incoming_bytes(self) -> int:
        """How long the packet being read says it is."""
        return int(self._in_packet["remaining_length"])


class Link:
    """One connection. ``await Link.open(...)`` gives a greeted one or raises LinkError."""

    def __init__(self, settings: LinkSettings, on_event: Callable[[LinkEvent], None]) -> None:
        self.settings = settings
        self._old = settings.mqtt == MQTT_OLD
        self.session_present = False
        self.retains = True
        self._qos_most = 2
        self._usable = False
        self.receive_most = 65535
        self.packet_most_bytes = 268_435_455
        self.keepalive_s = float(settings.keepalive_s)
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._client: _Client | None = None
        self._socket: socket.socket | None = None
        self._writing = False
        self._inbox: list[Incoming] = []
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._error: LinkError | None = None
        self._goodbye = False
        self._closed = False
        self._owed = 0  # messages to us, not acknowledged yet
        self._flood = Flood(self._loop.time())
        self._pause: asyncio.TimerHandle | None = None
        self._last_in_s = 0.0
        self._sent: dict[int, float] = {}  # packet id → when; PUBACKs still to come
        self._asked: dict[int, str] = {}  # packet id → topic; SUBACKs still to come
        self._subacks: list[Suback] = []
        self._watch: asyncio.TimerHandle | None = None
        self._dialler: Dialler | None = None

    @classmethod
    async def open(
        cls,
        settings: LinkSettings,
        will: Will | None,
        on_event: Callable[[LinkEvent], None],
        dialler: Dialler,
    ) -> Link:
        """Dial, send CONNECT, wait for CONNACK. Raises LinkError; leaves nothing behind then."""
        link = cls(settings, on_event)
        link._dialler = dialler
        ready = await dialler.dial(settings)
        try:
            link._start(ready, will)
            async with asyncio.timeout(settings.connack_wait_s):
                await link._greeted
            link._refuse_unusable()
        except TimeoutError as error:
            raise LinkError("no CONNACK", kind="timeout", where=settings.where) from error
        finally:
            if not link._is_greeted() or not link._usable:
                link._on_event = _ignore
                link.abort()
        return link

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, correlation: bytes = b"") -> int:
        """Put a QoS 1 message on the wire; returns its packet id, 0 when the link is gone."""
        if self._client is None or self._closed:
            return 0
        extra = self._properties(PacketTypes.PUBLISH, CorrelationData=correlation) if correlation else None
        info = self._client.publish(topic, payload, qos=1, retain=retain and self.retains, properties=extra)
        self._sent[info.mid] = self._loop.time()
        return info.mid

    def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1, without retained messages: an old one is no news.

        One that is published as retained while we listen says so: it is no news to whoever comes later.
        """
        if self._client is not None and not self._closed:
            if self._old:  # what was retained comes all the same, marked as such
                _result, mid = self._client.subscribe(topic, qos=1)
            else:
                wishes = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=2)
                _result, mid = self._client.subscribe(topic, options=wishes)
            if mid is not None:
                self._asked[mid] = topic

    def acknowledge(self, message: Incoming) -> None:
        """Say that ``message`` has been dealt with."""
        if self._client is not None and not self._closed and message.qos:
            self._owed -= 1
            self._client.ack(message.mid, message.qos)

    async def close(self) -> None:
        """Say DISCONNECT (the will is dropped) and close; at most one second."""
        if self._client is not None and not self._closed:
            self._goodbye = True
            self._client.disconnect()
            try:
                async with asyncio.timeout(GOODBYE_WAIT_S):
                    await self._ended.wait()
            except TimeoutError:
                pass
        self.abort()

    def abort(self) -> None:
        """Close the socket now, without a word."""
        self._finish(None)

    # --- paho's side ---

    def _start(self, ready: socket.socket, will: Will | None) -> None:
        client = self._client = _Client(self.settings, ready)
        client.max_inflight_messages_set(0)
        if self._dialler is not None:
            # Packet ids go on where the last connection ended: a server that answers an old one late must
            # not confirm a new message by accident.
            client.last_packet_id = self._dialler.last_mid
        client.username_pw_set(self.settings.username, self.settings.password)
        if will is not None:
            delay = self._properties(PacketTypes.WILLMESSAGE, WillDelayInterval=WILL_DELAY_S)
            retained = self.settings.will_retained
            client.will_set(will.topic, will.payload, qos=1, retain=retained, properties=delay)
        self._hook(client)
        wishes = self._properties(
            PacketTypes.CONNECT,
            SessionExpiryInterval=SESSION_EXPIRY_S,
            ReceiveMaximum=INCOMING_WAITING,
            MaximumPacketSize=INCOMING_BYTES,
        )
        client.connect_async(
            self.settings.host,
            self.settings.port,
            self.settings.keepalive_s,
            clean_start=False,
            properties=wishes,
        )
        self._last_in_s = self._loop.time()
        client.reconnect()
        self._tick()

    def _properties(self, packet_type: int, **values: int | bytes) -> Properties | None:
        """Return what goes with a packet; None: MQTT 3.1.1 knows nothing of the kind."""
        if self._old:
            return None
        made = Properties(packet_type)  # type: ignore[no-untyped-call]
        for name, value in values.items():
            setattr(made, name, value)
        return made

    def _hook(self, client: _Client) -> None:
        client.on_socket_open = self._socket_opened
        client.on_socket_close = self._socket_closed
        client.on_socket_register_write = self._want_write
        client.on_socket_unregister_write = self._no_write
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_subscribe = self._subscribed

    def _socket_opened(self, _client: Any, _data: Any, opened: Any) -> None:
        self._socket = opened
        self._loop.add_reader(opened, self._readable)

    def _socket_closed(self, _client: Any, _data: Any, closed: Any) -> None:
        self._loop.remove_reader(closed)
        self._loop.remove_writer(closed)
        self._socket = None

    def _want_write(self, _client: Any, _data: Any, wanted: Any) -> None:
        self._loop.add_writer(wanted, self._writable)

    def _no_write(self, _client: Any, _data: Any, unwanted: Any) -> None:
        self._loop.remove_writer(unwanted)

    def _connected(self, _client: Any, _data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.value >= 0x80:
            self._error = refusal(reason.value, str(reason), self.settings.where)
            return
        self.session_present = bool(flags.session_present)
        self.receive_most = getattr(properties, "ReceiveMaximum", 65535)
        self.packet_most_bytes = getattr(properties, "MaximumPacketSize", 268_435_455)
        self._keep_alive(int(getattr(properties, "ServerKeepAlive", self.settings.keepalive_s)))
        self.retains = bool(getattr(properties, "RetainAvailable", 1))
        self._qos_most = int(getattr(properties, "MaximumQoS", 2))
        if not self._greeted.done():
            self._greeted.set_result(None)

    def _keep_alive(self, server_s: int) -> None:
        """Ping at the shorter of what was asked for and ours; 0 is a server that never looks: ours then."""
        wanted_s = [every_s for every_s in (server_s, self.settings.keepalive_s) if every_s]
        self.keepalive_s = float(min(wanted_s, default=0))
        if self._client is not None:
            self._client.ping_every_s = round(self.keepalive_s)

    def _disconnected(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if self._error is None and flags.is_disconnect_packet_from_server:
            self._error = refusal(reason.value, str(reason), self.settings.where)

    def _message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # never acknowledged: not ours to read
        if len(self._inbox) < INCOMING_WAITING and len(message.payload) <= INCOMING_BYTES:
            self._inbox.append(_incoming(message, topic))

    def _subscribed(self, _client: Any, _data: Any, mid: int, codes: Any, _properties: Any) -> None:
        topic = self._asked.pop(mid, None)
        if topic is not None and codes:
            self._subacks.append(Suback(topic, int(codes[0].value)))

    def _refuse_unusable(self) -> None:
        """Raise LinkError for a server that could only be served by losing rows."""
        where = self.settings.where
        if self._qos_most < 1:
            raise LinkError(
                "the server takes no QoS 1: nothing could be confirmed", kind="server", where=where
            )
        if self.packet_most_bytes < PACKET_LEAST_BYTES:
            what = f"the server takes no packet above {self.packet_most_bytes} bytes: too little for a row"
            raise LinkError(what, kind="server", where=where)
        self._usable = True

    # --- the loop's side ---

    def _readable(self) -> None:
        client = self._client
        if client is None or self._pause is not None:
            return
        self._last_in_s = self._loop.time()
        self._acknowledge_at_once()
        things, answers = self._drive(client, client.loop_read)
        self._refuse_excess(client)
        wait_s = self._flood.pause_s(self._last_in_s, things=things, answers=answers)
        if wait_s and self._socket is not None:
            self._loop.remove_reader(self._socket)  # the line's own flow control tells the peer
            self._pause = self._loop.call_later(wait_s, self._go_on)
        pending = self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0
        if pending and not self._closed:  # decrypted already: the socket will not say readable again
            self._loop.call_soon(self._readable)

    def _acknowledge_at_once(self) -> None:
        """Have TCP not wait 40 ms for something of ours to send along (tcp(7), TCP_QUICKACK).

        A server that gathers small packets (Nagle; mosquitto by default) holds its next PUBACKs back until
        then. The kernel forgets the wish, so it is repeated with every look.
        """
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the look itself says what is wrong
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _refuse_excess(self, client: _Client) -> None:
        """Leave a peer that would have us keep, or answer, more than was agreed."""
        if client.incoming_bytes > INCOMING_BYTES:
            self._fail(LinkError("the peer sends more than we allowed", kind="protocol"))
        if client.half_taken > INCOMING_WAITING or self._owed > INCOMING_OWED_MOST:
            self._fail(LinkError("the peer sends more messages at once than we allowed", kind="protocol"))
        if client.unread_packets > UNREAD_MOST:
            self._fail(LinkError("the peer sends but reads nothing", kind="protocol"))

    def _go_on(self) -> None:
        self._pause = None
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._readable)
            self._readable()  # what TLS has decrypted already makes no socket readable

    def _writable(self) -> None:
        if self._client is not None:
            self._drive(self._client, self._client.loop_write)

    def _drive(self, client: _Client, turn: Callable[[], MQTTErrorCode]) -> tuple[int, int]:
        """Let paho do one thing, then hand on what it learned; return how much: events, and PUBACKs."""
        try:
            result = turn()
        except _BAD_PACKET as error:
            self._fail(LinkError(f"unreadable packet: {error}", kind="protocol", where=self.settings.where))
            return 0, 0
        told = self._hand_on(client)
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS or self._socket is None:
            self._finish(self._error or LinkError("connection lost", kind="lost", where=self.settings.where))
        return told

    def _hand_on(self, client: _Client) -> tuple[int, int]:
        if self._inbox and not self._is_greeted():
            self._fail(LinkError("the peer sends messages before CONNACK", kind="protocol"))
            return 0, 0
        answers, client.answers = client.answers, []
        for mid, code in answers:
            self._sent.pop(mid, None)
            self._on_event(Puback(mid, code))
        self._owed += sum(message.qos > 0 for message in self._inbox)
        events: list[LinkEvent] = [*self._inbox, *self._subacks]
        self._inbox.clear()
        self._subacks.clear()
        for event in events:
            self._on_event(event)
        return len(events), len(answers)

    def _tick(self) -> None:
        """Watch the clock: pings, silence, missing PUBACKs."""
        if self._closed or self._client is None:
            return
        self._drive(self._client, self._client.loop_misc)
        now = self._loop.time()
        silent_at_s = self._last_in_s + (SILENT_KEEPALIVES * self.keepalive_s or NEVER_S)
        overdue_at_s = next(iter(self._sent.values()), now) + self.settings.puback_wait_s
        if now >= silent_at_s:
            self._fail(LinkError("the peer is silent", kind="timeout", where=self.settings.where))
        if now >= overdue_at_s:
            self._fail(LinkError("no PUBACK", kind="puback", where=self.settings.where))
        if not self._closed:
            # No later than what it waits for: "within 45 s" is not "within 45 s and a look every five".
            wait_s = min(5.0, max(0.1, min(self.keepalive_s or 20.0, self.settings.puback_wait_s) / 4))
            self._watch = self._loop.call_at(min(now + wait_s, silent_at_s, overdue_at_s), self._tick)

    def _fail(self, error: LinkError) -> None:
        self._finish(self._error or error)

    def _finish(self, error: LinkError | None) -> None:
        if self._closed:
            return
        self._closed = True
        for timer in (self._watch, self._pause):
            if timer is not None:
                timer.cancel()
        client, self._client = self._client, None
        if client is not None:
            if self._dialler is not None:
                self._dialler.last_mid = client.last_packet_id
            _let_go(client, self)
        if not self._greeted.done():
            self._greeted.set_exception(error or LinkError("closed", kind="lost"))
            self._greeted.exception()  # read it: nobody may be waiting any more
        self._ended.set()
        self._on_event(Closed(None if self._goodbye else error))

    def _is_greeted(self) -> bool:
        return self._greeted.done() and not self._greeted.cancelled() and self._greeted.exception() is None


def _incoming(message: MQTTMessage, topic: str) -> Incoming:
    asked = message.properties
    return Incoming(
        message.mid,
        message.qos,
        topic,
        bytes(message.payload),
        bool(message.retain),
        response_topic=str(getattr(asked, "ResponseTopic", "")),
        correlation=bytes(getattr(asked, "CorrelationData", b"")),
    )


def _ignore(_event: LinkEvent) -> None:
    """Stand in for an owner who was never given the link."""


def _let_go(client: _Client, link: Link) -> None:
    """Close paho's socket and cut every reference between the two, so that both are freed at once."""
    client._sock_close()  # noqa: SLF001 -- disconnect() would first try to send
    client.on_socket_open = client.on_socket_close = None
    client.on_socket_register_write = client.on_socket_unregister_write = None
    client.on_connect = client.on_disconnect = client.on_message = client.on_subscribe = None
    link._socket = None  # noqa: SLF001
