"""The PIN's gate: few tries, a lock that lasts, sessions that end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.station.page import gate
from kaga_edge.station.page.gate import LOCKED_S, MOST_SESSIONS, TRIES, Gate

PIN = "01234567"


def enter(now, pin=PIN, token="t", at_s=0.0):
    return gate.tried(now, pin, who="Yamada", token=token, now_s=at_s)


def test_the_right_pin_opens_and_spaces_do_not_matter():
    now, came = enter(Gate(pin=PIN), "0123 4567")
    assert came.result == "in"
    assert gate.seen(now, "t", 1.0)[1].who == "Yamada"


@given(st.lists(st.floats(0, 400), max_size=60))
def test_never_more_than_five_wrong_tries_in_ten_minutes(waits):
    now, at_s, compared = Gate(pin=PIN), 0.0, []
    for wait_s in waits:
        at_s += wait_s
        before, (now, _) = now, enter(now, "99999999", at_s=at_s)
        compared += [at_s] if now is not before else []
    assert all(sixth - first >= LOCKED_S for first, sixth in zip(compared, compared[TRIES:], strict=False))


def test_while_locked_the_right_pin_is_refused_and_afterwards_taken():
    now = Gate(pin=PIN)
    for _ in range(TRIES):
        now, came = enter(now, "99999999")
    assert came.result == "locked"
    assert enter(now, at_s=LOCKED_S - 1)[1].result == "locked"
    assert enter(now, at_s=LOCKED_S)[1].result == "in"


def test_a_session_ends_when_nobody_uses_it():
    now, _ = enter(Gate(pin=PIN))
    now, session = gate.seen(now, "t", gate.IDLE_S - 1)
    assert session is not None
    now, session = gate.seen(now, "t", 2 * gate.IDLE_S - 2)
    assert session is not None
    assert gate.seen(now, "t", 3 * gate.IDLE_S)[1] is None


def test_the_oldest_session_gives_way_and_leaving_ends_one():
    now = Gate(pin=PIN)
    for number in range(MOST_SESSIONS + 1):
        now, _ = enter(now, token=f"t{number}", at_s=float(number))
    assert gate.seen(now, "t0", 10.0)[1] is None
    assert gate.seen(now, "t1", 10.0)[1] is not None
    assert gate.seen(gate.left(now, "t1"), "t1", 10.0)[1] is None


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_is_typed_is_an_answer(pin, token):
    assert enter(Gate(pin=PIN), pin)[1].result in ("in", "wrong")
    assert gate.seen(Gate(pin=PIN), token, 0.0)[1] is None


def test_full_width_digits_of_a_japanese_keyboard_are_digits():
    assert enter(Gate(pin=PIN), "０１２３　４５６７")[1].result == "in"


def test_a_cookie_that_is_no_text_is_nobody():
    now, _ = enter(Gate(pin=PIN))
    assert gate.seen(now, "\udcff", 1.0)[1] is None
