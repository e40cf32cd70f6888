"""Float switch or any other yes/no contact: is the water there, for how long, and how often it changed.

Source
    Arithmetic on the kernel's edge times. Hold times after common practice: 1-5 s on, 10-60 s off.

Wiring
    Contact between a GPIO line and ground, internal pull-up. Best a switch that opens when the water comes
    (``normally_closed``): then a cut cable reads as flood, not as calm. Long cables: opto-coupler.

Frame
    Edges of one line. A new state counts once it lasted ``hold_on_s`` (wet) or ``hold_off_s`` (dry) without
    a break, because waves make a float chatter; it is dated back to its first edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaga_edge.core.tallies import NS_PER_S
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, Edges, PinUse, TakeEdges

MODEL = Model(
    names=("float switch", "contact"),
    bus=BusKind.GPIO,
    measures={
        "ja": "浸水などの有無(フロートスイッチ、接点)、継続時間、変化回数",
        "en": "whether the water is there (float switch, any contact), for how long, how often it changed",
    },
    wiring={
        "ja": "GPIO と GND の間に接点。水で開く(常閉)スイッチなら断線も浸水として分かる",
        "en": "contact between GPIO and ground; one that opens in water also tells of a cut cable",
    },
    example="""\
[[sensor]]
id = "float-1"
driver = "float_switch"
every = "10s"
gpio = 22
normally_closed = true

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "道路冠水の検知", en = "flooding of the road"}
personal_data = false
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    gpio: int = field(
        metadata={
            "help": {"ja": "GPIO番号(ピン番号ではない)", "en": "GPIO number, not the header pin"},
            "ge": 0,
            "le": 27,
        }
    )
    normally_closed: bool = field(
        default=True,
        metadata={
            "help": {
                "ja": "水が来ると開く接点なら true(断線も検知)",
                "en": "true: the contact opens when the water comes; a cut cable then reads as water",
            }
        },
    )
    hold_on_s: float = field(
        default=2.0,
        metadata={
            "help": {"ja": "この秒数続いたら「あり」とする", "en": "seconds it must last to count as there"},
            "ge": 0,
            "le": 600,
        },
    )
    hold_off_s: float = field(
        default=30.0,
        metadata={
            "help": {
                "ja": "この秒数続いたら「なし」とする",
                "en": "seconds it must be away to count as gone",
            },
            "ge": 0,
            "le": 3600,
        },
    )
    pull_up: bool = field(
        default=True,
        metadata={
            "help": {
                "ja": "内部プルアップを使い、GND に落ちたら閉とみなす",
                "en": "use the internal pull-up: joined to ground is closed",
            }
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactState:
    """What counts now and since when, and what the contact says meanwhile. None: nobody watched yet."""

    there: bool | None = None
    since_ns: int = 0
    seen: bool = False
    seen_since_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """How long a state must last to count."""

    on_ns: int
    off_ns: int


class Driver:
    """Follows one contact between polls."""

    quantities = (Quantity.CONTACT_STATE, Quantity.CONTACT_HELD_S, Quantity.CONTACT_CHANGES)

    def __init__(self, options: Options) -> None:
        self._options = options
        self._holds = Holds(
            on_ns=round(options.hold_on_s * NS_PER_S), off_ns=round(options.hold_off_s * NS_PER_S)
        )
        self._state = ContactState()

    def pins(self) -> tuple[PinUse, ...]:
        """Return the one line."""
        up = self._options.pull_up
        return (PinUse(gpio=self._options.gpio, pull="up" if up else "none", active_low=up),)

    def identify(self) -> Dialogue[None]:
        """Do nothing: a contact cannot be asked."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Follow the edges since the poll before."""
        edges = yield TakeEdges()
        assert isinstance(edges, Edges)
        return self.decode(edges)

    def decode(self, edges: Edges) -> tuple[Measurement, ...]:
        """Return state, seconds in it, and changes of one interval; flagged where edges were lost."""
        gpio, opens = self._options.gpio, self._options.normally_closed
        closed = edges.active_at_start.get(gpio, False)
        self._state, changes = fold_contact(
            self._state,
            start_ns=edges.start_ns,
            end_ns=edges.end_ns,
            at_start=closed != opens,
            changes=tuple((e.at_ns, e.active != opens) for e in edges.edges if e.gpio == gpio),
            holds=self._holds,
            first=edges.first,
        )
        flags = Flag.LOW_QUALITY if edges.lost else Flag.GOOD
        held_s = (edges.end_ns - self._state.since_ns) / NS_PER_S
        return (
            Measurement(quantity=Quantity.CONTACT_STATE, value=float(bool(self._state.there)), flags=flags),
            Measurement(quantity=Quantity.CONTACT_HELD_S, value=held_s, flags=flags),
            Measurement(quantity=Quantity.CONTACT_CHANGES, value=float(changes), flags=flags),
        )


def fold_contact(
    state: ContactState,
    *,
    start_ns: int,
    end_ns: int,
    at_start: bool,
    changes: tuple[tuple[int, bool], ...],
    holds: Holds,
    first: bool,
) -> tuple[ContactState, int]:
    """Return the next state and how often it changed within one interval.

    What is there when watching begins counts at once: a flood is not kept waiting.
    """
    if first or state.there is None:
        state = ContactState(there=at_start, since_ns=start_ns, seen=at_start, seen_since_ns=start_ns)
    elif state.seen != at_start:  # an edge between two intervals was lost
        state = replace(state, seen=at_start, seen_since_ns=start_ns)
    count = 0
    for at_ns, seen in changes:
        state, changed = _settled(state, at_ns, holds)
        count += changed
        if seen != state.seen:
            state = replace(state, seen=seen, seen_since_ns=at_ns)
    state, changed = _settled(state, end_ns, holds)
    return state, count + changed


def _settled(state: ContactState, now_ns: int, holds: Holds) -> tuple[ContactState, bool]:
    """Return the state at ``now_ns``, before anything that happens then."""
    hold_ns = holds.on_ns if state.seen else holds.off_ns
    if state.seen == state.there or now_ns - state.seen_since_ns < hold_ns:
        return state, False
    return replace(state, there=state.seen, since_ns=state.seen_since_ns), True
