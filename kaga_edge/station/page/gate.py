"""Who may act: an eight-digit PIN, few tries, and sessions that end. Pure: the time is an argument.

Five wrong PINs from anybody lock the gate for ten minutes: a thief on the same network has thirty tries in
an hour against a hundred million numbers. Whoever stands at the box can open the page anew.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

TRIES = 5
LOCKED_S = 600.0
IDLE_S = 900.0  # a phone left on the bench
MOST_SESSIONS = 8
PIN_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who knew the PIN. ``who``: the name that goes with what is done."""

    who: str
    last_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The gate's state: wrong tries since the last right one, locked until when, who is inside."""

    pin: str
    wrong: int = 0
    locked_until_s: float = 0.0
    sessions: Mapping[str, Session] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a try came to: "in", "wrong" or "locked"; how many tries are left, or how long it is locked."""

    result: str
    left: int = 0
    wait_s: float = 0.0


def tried(gate: Gate, pin: str, *, who: str, token: str, now_s: float) -> tuple[Gate, Tried]:
    """Return the gate after somebody said ``pin``. ``token``: what the session will be known by."""
    if now_s < gate.locked_until_s:
        return gate, Tried(result="locked", wait_s=gate.locked_until_s - now_s)
    typed = unicodedata.normalize("NFKC", pin)  # a Japanese keyboard gives full-width digits
    said = "".join(sign for sign in typed if sign not in " -")
    if hmac.compare_digest(said.encode(), gate.pin.encode()):
        inside = {**_awake(gate.sessions, now_s), token: Session(who=who, last_s=now_s)}
        newest = dict(sorted(inside.items(), key=lambda one: one[1].last_s)[-MOST_SESSIONS:])
        return replace(gate, wrong=0, locked_until_s=0.0, sessions=newest), Tried(result="in")
    wrong = gate.wrong + 1
    if wrong < TRIES:
        return replace(gate, wrong=wrong), Tried(result="wrong", left=TRIES - wrong)
    locked = replace(gate, wrong=0, locked_until_s=now_s + LOCKED_S)
    return locked, Tried(result="locked", wait_s=LOCKED_S)


def seen(gate: Gate, token: str, now_s: float) -> tuple[Gate, Session | None]:
    """Return the gate and the session of ``token``; None: nobody inside is known by it."""
    inside = _awake(gate.sessions, now_s)
    said = token.encode(errors="replace")  # whatever bytes came as a cookie
    known = next((one for one in inside if hmac.compare_digest(one.encode(), said)), None)
    if known is None:
        return replace(gate, sessions=inside), None
    session = inside[known] = replace(inside[known], last_s=now_s)
    return replace(gate, sessions=inside), session


def left(gate: Gate, token: str) -> Gate:
    """Return the gate after somebody went out."""
    return replace(gate, sessions={known: one for known, one in gate.sessions.items() if known != token})


def _awake(sessions: Mapping[str, Session], now_s: float) -> dict[str, Session]:
    return {token: one for token, one in sessions.items() if now_s - one.last_s < IDLE_S}
