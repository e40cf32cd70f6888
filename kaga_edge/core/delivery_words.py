"""What the delivery machine is told (events), what it asks for (actions), and the rules it keeps.

Every event carries ``now_ns``, the monotonic clock: the machine has none of its own. ``size_bytes`` is
always the whole MQTT packet. ``Ref`` names one message while it is being carried: a number for a batch,
(epoch, e) for a notice, a text for a post (state, catalog, health …).

Longer than most: a list of words, and nothing happens here.
"""

from __future__ import annotations

from enum import Enum

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Standing
from kaga_edge.vocabulary.lanes import Lane
from kaga_edge.vocabulary.quick import dataclass

SECOND_NS = 1_000_000_000
Ref = int | tuple[str, int] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The configured promises and the machine's fixed measures, each with its reason."""

    platform_acks: bool = False  # delivery = "platform": delivered is what dn/ack says, not PUBACK
    accept_no_subscriber: bool = False
    batch_ns: int = 10 * SECOND_NS
    ack_wait_ns: int = 60 * SECOND_NS
    no_ack_ns: int = 300 * SECOND_NS
    no_ack_most_ns: int = 3600 * SECOND_NS
    unacked_most: int = 20_000
    window_most: int = 20  # more in flight costs paho twice the CPU and brings nothing (measured)
    batch_rows_most: int = 500
    batch_rows_first: int = 100
    batch_rows_least: int = 8
    carried_span_ns: int = 2 * SECOND_NS  # unacknowledged backlog: what the link carried in this time
    slow_ns: int = 2 * SECOND_NS  # a batch that took longer was too big for this link
    fast_ns: int = SECOND_NS // 2
    birth_ack_ns: int = 3 * SECOND_NS  # the platform answers a birth with its ack: wait before re-sending
    pause_first_ns: int = 2 * SECOND_NS
    pause_most_ns: int = 120 * SECOND_NS
    forbidden_ns: int = 300 * SECOND_NS
    cap_again_ns: int = 1800 * SECOND_NS  # then batches twice as large are tried on who hung up over one
    load_again_ns: int = SECOND_NS  # the disk is sick
    refused_in_a_row: int = 20  # batches; then it is none of them: hold all such rather than lose them


class Saying(Enum):
    """What is worth saying: raised once when it begins, and once when it ends."""

    NO_SUBSCRIBER = "no_subscriber"
    BUSY = "busy"
    FORBIDDEN = "forbidden"
    REFUSING = "refusing"
    NO_PLATFORM_ACK = "no_platform_ack"
    UNACKED_FULL = "unacked_full"


# --- events ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """The store's standing, at start or after its file had to be replaced."""

    now_ns: int
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsCommitted:
    """Rows first..last (none when first is 0) and notices (none: 0) are on disk.

    ``late``: these rows tell of the past, they go on hist.
    """

    now_ns: int
    ep: str
    first: int = 0
    last: int = 0
    first_e: int = 0
    last_e: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsGone:
    """These rows will never be sent; notice ``e`` says so (0: no notice)."""

    now_ns: int
    ep: str
    ranges: Ranges
    e: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The platform wants delivered rows again: on hist, behind all that waits."""

    now_ns: int
    ep: str
    rows: Ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp:
    """Connection number ``link`` stands, with what the server allows."""

    now_ns: int
    link: int
    receive_most: int = 65535
    packet_most_bytes: int = 268_435_455


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """Connection number ``link`` is gone; ``code``: the server's DISCONNECT reason, 0 when it gave none."""

    now_ns: int
    link: int
    code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A post is ready. ``catalog``: it is the catalog with this digest, awaited by batches."""

    now_ns: int
    ref: str
    leaf: str
    size_bytes: int
    catalog: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogAbsent:
    """The catalog ``k`` cannot be had: its rows go all the same, the receiver asks for it."""

    now_ns: int
    k: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReady:
    """Rows first..last of load ``ref`` are packed. ``first`` 0: no row in the asked range exists."""

    now_ns: int
    ref: int
    first: int = 0
    last: int = 0
    size_bytes: int = 0
    k: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeInfo:
    """One loaded notice. ``key`` "" is bound to no order."""

    e: int
    key: str
    leaf: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesReady:
    """The notices of load ``ref`` that exist."""

    now_ns: int
    ref: int
    ep: str
    notices: tuple[NoticeInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailed:
    """The store could not read (a sick disk); the rows are still there."""

    now_ns: int
    ref: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """PUBACK with ``code`` for ``ref`` on connection ``link``."""

    now_ns: int
    link: int
    ref: Ref
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAcked:
    """A well-formed ``dn/ack``."""

    now_ns: int
    ep: str
    upto: int
    have: Ranges
    e: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has passed: see ``wake_at_ns``."""

    now_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """We are about to stop: live rows leave now."""

    now_ns: int


Event = (
    Stood
    | RowsCommitted
    | RowsGone
    | Replay
    | LinkUp
    | LinkDown
    | Offered
    | CatalogAbsent
    | BatchReady
    | NoticesReady
    | LoadFailed
    | Answered
    | PlatformAcked
    | Tick
    | Flush
)


# --- actions ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Read and pack rows first..last (one run, one batch): answer BatchReady or LoadFailed."""

    ref: int
    ep: str
    first: int
    last: int
    lane: Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadNotices:
    """Read notices: answer NoticesReady or LoadFailed."""

    ref: int
    ep: str
    first_e: int
    last_e: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Fetch the catalog ``k``: answer Offered (with ``catalog=k``) or CatalogAbsent."""

    k: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Put ``ref`` on the wire now, on ``leaf`` below ``up/``."""

    ref: Ref
    leaf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """``ref`` is done with in this connection: its bytes are not needed any more."""

    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of a post: ``code`` of its PUBACK."""

    ref: str
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """These are delivered."""

    ep: str
    rows: Ranges = Ranges()
    notices: Ranges = Ranges()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """The platform's side will never take these rows: declare them gone."""

    ep: str
    first: int
    last: int
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A state of delivery began or ended."""

    saying: Saying
    on: bool
    code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AckIgnored:
    """A platform ack changed nothing: ``why`` is "unknown epoch", "below an earlier one", "above …"."""

    ep: str
    why: str


Action = Load | LoadNotices | Announce | Publish | Forget | Posted | Confirm | Quarantine | Say | AckIgnored
