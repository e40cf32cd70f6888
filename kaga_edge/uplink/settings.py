"""How the uplink is set, and how it stands: two frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from kaga_edge.core.delivery_words import SECOND_NS, Rules
from kaga_edge.link import TlsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkSettings:
    """Where the platform is and what was agreed with it."""

    gw: str
    host: str
    port: int
    root: str = "kaga"
    tls: TlsSettings | None = None
    username: str | None = None
    password: str | None = None
    delivery: str = "broker"  # or "platform"
    batch_s: float = 10.0
    keepalive_s: float = 30.0
    ack_wait_s: float = 60.0
    no_ack_s: float = 300.0
    no_subscriber: str = "hold"  # or "accept"
    reconnect_first_s: float = 5.0
    reconnect_max_s: float = 120.0
    unacked_max: int = 20_000
    puback_wait_s: float = 30.0
    pause_s: float = 2.0  # first pause after "busy" and "no subscriber"
    forbidden_s: float = 300.0  # between tries after "not authorised"
    taken_over_s: float = 60.0  # at least, after another connection took over our id
    birth_ack_s: float = 3.0  # how long the backlog waits for the platform's answer to the birth
    health_s: float = 3600.0
    client_id: str = ""  # default: the gateway's id
    mqtt: str = "5"  # or "3.1.1", where a refused publish looks accepted

    def rules(self) -> Rules:
        """Return the delivery machine's rules."""
        return Rules(
            platform_acks=self.delivery == "platform",
            accept_no_subscriber=self.no_subscriber == "accept",
            batch_ns=int(self.batch_s * SECOND_NS),
            ack_wait_ns=int(self.ack_wait_s * SECOND_NS),
            no_ack_ns=int(self.no_ack_s * SECOND_NS),
            no_ack_most_ns=max(3600 * SECOND_NS, int(self.no_ack_s * SECOND_NS)),
            unacked_most=self.unacked_max,
            birth_ack_ns=int(self.birth_ack_s * SECOND_NS),
            pause_first_ns=int(self.pause_s * SECOND_NS),
            pause_most_ns=int(max(self.pause_s, self.reconnect_max_s) * SECOND_NS),
            forbidden_ns=int(self.forbidden_s * SECOND_NS),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkHealth:
    """How the uplink stands, for status, page and watchdog.

    ``state``: "up", "down" or "refused" (connected or reachable, but not let in or not allowed to
    publish). ``since_s``: how long so. ``delivered_age_s``: since anything was last delivered, None:
    not in this run. ``states``: what delivery has to say (no_subscriber, busy, forbidden, refusing,
    no_platform_ack, unacked_full). ``beat_ns``: monotonic time of the sender's last turn.
    """

    state: str
    since_s: float
    delivered_age_s: float | None
    in_flight: int
    waiting_rows: int
    waiting_notices: int
    reason: str
    states: tuple[str, ...] = ()
    connects: int = 0
    beat_ns: int = 0
