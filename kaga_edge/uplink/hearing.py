"""What comes in: platform acks and commands, acknowledged in the order in which they came."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from kaga_edge.core import delivery_words as words
from kaga_edge.core import message
from kaga_edge.link import Incoming, Link, Suback
from kaga_edge.uplink.sender import Sender
from kaga_edge.uplink.settings import UplinkSettings

log = logging.getLogger("kaga_edge.uplink")

OnCommand = Callable[[Incoming, Callable[[], None]], None]  # the second: it is dealt with


@dataclass(slots=True)
class _Owed:
    """A message to us that the server must still be told of."""

    incoming: Incoming
    done: bool = False


class Hearing:
    """Subscriptions and incoming messages of the present connection."""

    def __init__(
        self, settings: UplinkSettings, topics: message.Topics, sender: Sender, on_command: OnCommand | None
    ) -> None:
        self._settings, self._sender, self._on_command = settings, sender, on_command
        self._ack_topic, self._command_topic = topics.down("ack"), topics.down("cmd")
        self._link: Link | None = None
        self._unheard: dict[str, int] = {}  # what the server does not let us read, and its code
        self._owed: deque[_Owed] = deque()
        self._again: asyncio.TimerHandle | None = None
        self._malformed_said = False

    @property
    def refused(self) -> str:
        """Why platform acks cannot be heard, "" when they can."""
        code = self._unheard.get(self._ack_topic)
        return "" if code is None else f"not allowed to read {self._ack_topic}: 0x{code:02x}"

    def link_up(self, link: Link) -> None:
        """Subscribe on a new connection. What was owed to the last one, the server brings again."""
        self._link = link
        self._owed.clear()
        if self._settings.delivery == "platform":
            self._subscribe(link, self._ack_topic)
        if self._on_command is not None:
            self._subscribe(link, self._command_topic)

    def link_down(self) -> None:
        """The connection is gone."""
        self._link = None
        if self._again is not None:
            self._again.cancel()

    def subscribed(self, answer: Suback) -> None:
        """A subscription that is refused is asked for again, as seldom as a publish that is forbidden."""
        refused, known = answer.code >= 0x80, answer.topic in self._unheard
        if refused and not known:  # one line per change, not per attempt
            log.error("uplink.subscription_refused topic=%s code=0x%02x", answer.topic, answer.code)
        elif known and not refused:
            log.info("uplink.subscription_refused_over topic=%s", answer.topic)
        self._unheard.pop(answer.topic, None)
        if refused:
            self._unheard[answer.topic] = answer.code
            loop, wait_s = asyncio.get_running_loop(), self._settings.forbidden_s
            self._again = loop.call_later(wait_s, self._subscribe, self._link, answer.topic)

    def read(self, incoming: Incoming) -> None:
        """Take a message to us."""
        owed = _Owed(replace(incoming, payload=b"", correlation=b""))  # only who it was is needed
        self._owed.append(owed)
        if incoming.topic == self._command_topic and self._on_command is not None:
            self._on_command(incoming, lambda: self._dealt_with(owed))
            return
        if incoming.topic == self._ack_topic:
            self._read_ack(incoming)
        self._dealt_with(owed)

    def _subscribe(self, link: Link | None, topic: str) -> None:
        if link is not None and link is self._link:
            link.subscribe(topic)

    def _read_ack(self, incoming: Incoming) -> None:
        try:
            ack = message.parse_ack(incoming.payload)
        except message.MessageMalformed as error:
            if not self._malformed_said:
                self._malformed_said = True
                log.warning("uplink.ack_malformed error=%s", error)
        else:
            now_ns = self._sender.now_ns()
            self._sender.tell(
                words.PlatformAcked(now_ns=now_ns, ep=ack.ep, upto=ack.upto, have=ack.have, e=ack.e)
            )

    def _dealt_with(self, owed: _Owed) -> None:
        """Acknowledge what is dealt with, in order of arrival: a strict server hangs up over any other.

        What came on a connection that is gone is in the list no more: the server brings it again.
        """
        owed.done = True
        while self._owed and self._owed[0].done:
            incoming = self._owed.popleft().incoming
            if self._link is not None:
                self._link.acknowledge(incoming)
