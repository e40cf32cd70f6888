"""What a command is worth, door by door; and no mutation of a signed one is ever taken for it."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.contract import check, samples
from kaga_edge.core import command_budget, command_keeping, command_reading, commanding
from kaga_edge.core.command_keeping import Record
from kaga_edge.core.command_reading import Command, Refusal, Rules, Signed
from kaga_edge.core.commanding import Again, Interrupted, Run
from kaga_edge.vocabulary.readings import ClockTrust, Moment

NOW_MS = 1_630_065_110_000
RULES = Rules(gw="daishoji-01", allow=frozenset(commanding.OPS))
SIGNED = Rules(gw="daishoji-01", allow=frozenset(commanding.OPS), signed=True)


def at(trust: ClockTrust = ClockTrust.NTP, wall_ms: int = NOW_MS) -> Moment:
    return Moment(wall_ms=wall_ms, up_ms=1000, boot="7c1d", trust=trust)


def body(**fields: object) -> dict[str, object]:
    made = {"v": 1, "id": "01J8Z6T9Q4", "ctr": 412, "op": "ping", "iss": "operations", "exp": NOW_MS + 1}
    return made | fields


def command(**fields: object) -> Command:
    found = command_reading.unwrapped(json.dumps(body(**fields)).encode(), RULES)
    assert isinstance(found, Command)
    return found


def verdict(
    rules: Rules = RULES, *, moment: Moment | None = None, known=None, highest=None, retained=False, **f
):
    moment = moment or at()
    return commanding.judge(rules, command(**f), retained=retained, known=known, highest=highest, at=moment)


def err(found: object) -> str:
    assert isinstance(found, Refusal)
    return found.err


def test_the_contracts_good_samples_are_read_and_its_bad_ones_are_not() -> None:
    for sample in samples():
        if sample.leaf != "dn/cmd":
            continue
        signed = "cmd" in sample.body
        rules = SIGNED if signed else RULES
        found = command_reading.unwrapped(json.dumps(sample.body).encode(), rules)
        if sample.good:
            assert isinstance(found, Command | Signed), sample.name
        elif sample.name == "shell":
            assert isinstance(found, Command)
            assert err(verdict(op="shell")) == "unknown_op"
        else:
            assert isinstance(found, Refusal), sample.name


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"op": "restart"}, "unknown_op"),
        ({"op": "shell"}, "unknown_op"),
        ({"iss": "somebody"}, "bad_sig"),
        ({"exp": NOW_MS}, "expired"),
        ({"ctr": 411}, "replayed"),
        ({"ctr": 410}, "replayed"),
        ({"args": {"path": "/etc/passwd"}}, "bad_args"),
        ({"retained": True}, "replayed"),
    ],
)
def test_each_shut_door_gives_its_own_answer(fields, expected) -> None:
    rules = Rules(gw="daishoji-01", allow=frozenset({"ping"}), issuers=frozenset({"operations"}))
    assert err(verdict(rules, highest=411, **fields)) == expected


def test_a_known_id_gets_its_answer_again_whatever_else_would_be_said() -> None:
    done = Record(at_ms=1, iss="operations", ctr=412, op="ping", raw="{}", reply='{"v":1}')
    assert verdict(known=done, highest=412, exp=0) == Again("01J8Z6T9Q4", b'{"v":1}')


def test_a_known_id_without_an_answer_was_cut_off() -> None:
    open_one = Record(at_ms=1, iss="operations", ctr=412, op="ping", raw="{}")
    assert verdict(known=open_one, highest=412) == Interrupted("01J8Z6T9Q4", open_one)


@pytest.mark.parametrize("trust", [ClockTrust.NONE, ClockTrust.LAST_KNOWN])
def test_with_an_untrusted_clock_only_the_harmless_run_whatever_the_expiry(trust) -> None:
    fitting = {
        "read": {"sensor": "a"}, "maintenance": {"minutes": 1},
        "collect.stop": {"sensor": "a", "reason": "x"},
        "collect.start": {"sensor": "a"}, "interval": {"sensor": "a", "every_s": 1},
        "replay": {"ep": "a", "from": 1, "to": 1},
    }  # fmt: skip
    for op in commanding.OPS:
        found = verdict(moment=at(trust), op=op, args=fitting.get(op, {}), exp=0)
        if op in {"ping", "read", "manifest", "catalog", "collect.stop", "maintenance"}:
            assert isinstance(found, Run), op
        else:
            assert err(found) == "clock"
        assert isinstance(verdict(op=op, args=fitting.get(op, {})), Run)
    assert err(verdict(moment=at(trust), highest=412)) == "replayed"


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"sensor": 1},
        {"sensor": "a", "reason": "x", "until": 1.5},
        {"sensor": "a", "reason": "x", "until": True},
        {"sensor": "a", "reason": "x", "shell": "id"},
        {"sensor": None, "reason": "x"},
    ],
)
def test_arguments_of_another_kind_are_refused(args) -> None:
    assert err(verdict(op="collect.stop", args=args)) == "bad_args"


def test_only_the_signed_form_is_read_where_there_is_a_key() -> None:
    plain = json.dumps(body()).encode()
    assert err(command_reading.unwrapped(plain, SIGNED)) == "bad_sig"
    wrapped = {"v": 1, "cmd": base64.urlsafe_b64encode(plain).decode(), "gw": "daishoji-01", "sig": "A" * 86}
    found = command_reading.unwrapped(json.dumps(wrapped).encode(), SIGNED)
    assert found == Signed(cmd=plain, over=b"kaga-cmd-v1\ndaishoji-01\n" + plain, signature=bytes(64))
    assert (
        err(command_reading.unwrapped(json.dumps(wrapped | {"gw": "other-01"}).encode(), SIGNED)) == "bad_sig"
    )
    assert err(command_reading.unwrapped(json.dumps(wrapped | {"sig": "AAAA"}).encode(), SIGNED)) == "bad_sig"
    assert err(command_reading.unwrapped(json.dumps(wrapped).encode(), RULES)) == "bad_sig"
    assert command_reading.forged(found).id == "01J8Z6T9Q4"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff",
        b"{" * 100_000,
        b'{"v":1,"id":"a","id":"b"}',
        b"x" * 1_000_000,
        json.dumps(body(ctr=2**53)).encode(),
        json.dumps(body(ctr=True)).encode(),
        json.dumps(body(v=2)).encode(),
        json.dumps(body(exp=1.5)).encode(),
        json.dumps(body(iss="a\nb")).encode(),
        json.dumps(body(iss="")).encode(),
        b'{"v":1,"id":"a","ctr":NaN,"op":"ping","iss":"x","exp":1}',
        json.dumps(body(args={"a": "\ud800"})).encode(),
    ],
)
def test_what_is_no_command_is_refused_and_nothing_else_happens(payload) -> None:
    assert err(command_reading.unwrapped(payload, RULES)) == "bad_args"


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_a_command_or_a_refusal(payload) -> None:
    for rules in (RULES, SIGNED):
        assert isinstance(command_reading.unwrapped(payload, rules), Command | Signed | Refusal)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["v", "id", "ctr", "op", "args", "iss", "exp", "cmd", "gw", "sig"]), JSON)
)
def test_what_runs_keeps_the_contract(changes) -> None:
    payload = json.dumps(body() | changes).encode()
    found = command_reading.unwrapped(payload, RULES)
    if not isinstance(found, Command):
        return
    result = commanding.judge(RULES, found, retained=False, known=None, highest=None, at=at())
    if isinstance(result, Run):
        assert check.problems("command", json.loads(payload)) == []


def test_an_answer_keeps_the_contract_and_goes_only_where_we_may_write() -> None:
    done = command_keeping.done("a", NOW_MS, {"x": 1})
    refused = command_keeping.not_done(
        Refusal(id="a", err="expired"), NOW_MS, {"ja": "期限切れ", "en": "expired"}
    )
    for reply in (done, refused):
        assert check.problems("reply", json.loads(reply)) == []

    def up(leaf: str) -> str:
        return f"kaga/edge/v1/daishoji-01/up/{leaf}"

    assert commanding.reply_leaf(up("reply/desk-3"), up) == "reply/desk-3"
    others = [
        "",
        "kaga/edge/v1/other-01/up/reply",
        up("data"),
        up("state"),
        up("catalog/a"),
        up("a/+"),
        up("#"),
    ]
    for topic in [*others, up("a//b"), up("a\n"), up("")]:
        assert commanding.reply_leaf(topic, up) == "reply"


@given(
    st.integers(0, 10**13), st.text(max_size=20), st.integers(0, 2**53 - 1), st.none() | st.text(max_size=20)
)
def test_a_record_comes_back_as_it_was_and_sorts_by_time(at_ms, raw, ctr, reply) -> None:
    record = Record(at_ms=at_ms, iss="operations", ctr=ctr, op="ping", raw=raw, reply=reply)
    assert command_keeping.from_text(command_keeping.to_text(record)) == record
    assert command_keeping.to_text(record) < command_keeping.stamp(at_ms + 1)


def test_what_is_spoilt_lets_nothing_pass() -> None:
    spoilt = command_keeping.from_text("rubbish")
    assert spoilt is not None
    assert spoilt.reply is None
    assert err(verdict(highest=command_keeping.highest_of("rubbish"))) == "replayed"


def test_a_long_commands_bytes_are_kept_as_a_digest_once_it_is_answered() -> None:
    long = command_keeping.begun(command(args={"text": "x" * 2000}), NOW_MS)
    assert "x" * 2000 in long.raw
    assert command_keeping.answered(long, b"{}").raw.startswith("sha256:")


def test_twenty_at_once_then_one_in_four_seconds_and_so_many_a_day() -> None:
    budget, taken = command_budget.Budget(day_most=34), 0
    for second in range(86_400):
        budget, enough = command_budget.spent(budget, float(second))
        taken += enough
        if second == 0:
            assert enough
    assert taken == pytest.approx(68, abs=1)  # a day's share, and what comes back over the day
    budget = command_budget.Budget(day_most=1000)
    firsts = [command_budget.spent(budget, 0.0)]
    while firsts[-1][1]:
        firsts.append(command_budget.spent(firsts[-1][0], 0.0))
    assert len(firsts) == 21
    assert command_budget.spent(firsts[-1][0], 3.9)[1] is False
    assert command_budget.spent(firsts[-1][0], 4.0)[1]
