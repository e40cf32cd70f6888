"""Every good sample keeps the contract and every bad one breaks it, by jsonschema and by our own check."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from kaga_edge import contract
from kaga_edge.contract.check import problems, shape_problems
from kaga_edge.contract.wire import body_of

VALIDATORS = {name: Draft7Validator(schema) for name, schema in contract.schemas().items()}
GOOD = [sample for sample in contract.samples() if sample.good]
BAD = [sample for sample in contract.samples() if not sample.good]


def named(sample: contract.Sample) -> str:
    return f"{sample.schema}/{sample.name}"


@pytest.mark.parametrize("name", contract.NAMES)
def test_each_schema_is_itself_valid_draft_07(name: str) -> None:
    Draft7Validator.check_schema(contract.schema(name))


@pytest.mark.parametrize("sample", GOOD, ids=named)
def test_a_good_sample_validates(sample: contract.Sample) -> None:
    VALIDATORS[sample.schema].validate(sample.body)
    assert problems(sample.schema, sample.body) == []


@pytest.mark.parametrize("sample", BAD, ids=named)
def test_a_bad_sample_fails(sample: contract.Sample) -> None:
    assert not VALIDATORS[sample.schema].is_valid(sample.body)
    assert shape_problems(sample.schema, sample.body) != []


def test_every_schema_has_good_and_bad_samples_each_with_a_reason() -> None:
    assert {sample.schema for sample in GOOD} == set(contract.NAMES)
    assert {sample.schema for sample in BAD} == set(contract.NAMES)
    assert all(sample.why for sample in contract.samples())
    names = [named(sample) for sample in contract.samples()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("sample", contract.samples(), ids=named)
def test_a_sample_s_leaf_leads_to_its_schema(sample: contract.Sample) -> None:
    assert contract.schema_name(f"kaga/edge/v1/gw-1/{sample.leaf}") == sample.schema


@pytest.mark.parametrize("sample", GOOD, ids=named)
def test_a_sample_survives_the_wire(sample: contract.Sample) -> None:
    assert body_of(json.dumps(sample.body).encode()) == sample.body


JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.sampled_from([-1, 0, 1, 2, 3, 4, 255, 65535, 65536, 1.0, 0.5, -0.5, 1e300]),
    st.text(max_size=4),
    st.sampled_from(["3f2a9c1e", "alive", "dead", "raised", "ping", "gw-1", "jp.kaga.edge.clock.v1"]),
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: {"q": 128}),
    st.lists(st.integers(-1, 70000), max_size=4),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, child in inner for place in places(child, (*path, key))]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, Any]:
    """A sample with one to three things replaced, removed or added somewhere."""
    sample = draw(st.sampled_from(contract.samples()))
    body = copy.deepcopy(sample.body)
    for _ in range(draw(st.integers(1, 3))):
        if not (where := places(body)):
            break
        *path, key = draw(st.sampled_from(where))
        holder = body
        for step in path:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "replace", "remove", "add"])):
            case "replace":
                holder[key] = draw(JUNK)
            case "remove":
                del holder[key]
            case _ if isinstance(holder, dict):
                holder[draw(st.text(max_size=3))] = draw(JUNK)
            case _:
                holder.insert(key, draw(JUNK))
    return sample.schema, body


@given(mutated())
def test_our_check_agrees_with_jsonschema_on_mutated_samples(case: tuple[str, Any]) -> None:
    name, body = case
    assert (shape_problems(name, body) == []) == VALIDATORS[name].is_valid(body)


@given(mutated())
def test_the_rules_never_fall_over_what_has_the_right_shape(case: tuple[str, Any]) -> None:
    name, body = case
    assert isinstance(problems(name, body), list)


@given(st.sampled_from(contract.NAMES), st.recursive(JUNK, lambda inner: st.lists(inner, max_size=3)))
def test_our_check_agrees_with_jsonschema_on_anything_else(name: str, body: Any) -> None:
    assert (shape_problems(name, body) == []) == VALIDATORS[name].is_valid(body)


@pytest.mark.parametrize("where", ["/n", "/epochs/0"])
def test_a_ledger_that_does_not_add_up_is_told_with_its_place(where: str) -> None:
    sums = {"numbered": 10, "delivered": 7, "waiting": 2, "gone": 1}
    lies = sums | {"gone": 0}
    body = {"v": 1, "ep": "3f2a9c1e", "t": 0, "c": 2, "n": lies if where == "/n" else sums}
    body["epochs"] = [{"ep": "aa00bb11", **(sums if where == "/n" else lies)}]
    assert problems("health", body) == [f"{where}: numbered is not delivered + waiting + gone"]
