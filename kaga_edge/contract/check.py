"""Does a message keep the contract? Without jsonschema, which a gateway does not carry.

Two layers: **shape** is what the JSON Schemas say, read from the very files others use (the subset of
draft-07 they are written in; an unknown keyword is an error, never ignored). **Rules** are what a
schema cannot say: sums, digests, orders. ``problems`` is both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

from kaga_edge.contract import schema
from kaga_edge.contract.rules import RULES

Finder = Callable[[Any, str], Iterator[str]]  # (value, path) -> what is wrong with it

_SILENT = {"$schema", "$id", "title", "description", "definitions", "then", "else", "additionalItems"}


def problems(name: str, body: object) -> list[str]:
    """Return what is wrong with ``body`` as a message of schema ``name``, each as ``path: what``."""
    return shape_problems(name, body) or list(RULES.get(name, _no_rule)(body))


def shape_problems(name: str, body: object) -> list[str]:
    """Return what the JSON Schema alone finds wrong."""
    return list(_compiled(name)(body, ""))


def _no_rule(_body: Any) -> Iterator[str]:
    return iter(())


@cache
def _compiled(name: str) -> Finder:
    whole = schema(name)
    return _finder(whole, whole.get("definitions", {}))


def _finder(part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    """Return a function that finds what is wrong by one schema object."""
    finders: list[Finder] = []
    for keyword, wanted in part.items():
        if keyword in _SILENT:
            continue
        finders.append(_MAKERS[keyword](wanted, part, shared))
    if len(finders) == 1:
        return finders[0]
    return partial(_all, tuple(finders))


def _all(finders: tuple[Finder, ...], value: Any, path: str) -> Iterator[str]:
    for finder in finders:
        yield from finder(value, path)


# --- one maker per keyword: (what the schema says, the schema around it, definitions) -> Finder ---


def _ref(wanted: str, _part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    return _finder(shared[wanted.removeprefix("#/definitions/")], shared)


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": _is_integer,
    "number": _is_number,
}


def _type(wanted: str | list[str], _part: dict[str, Any], _shared: dict[str, Any]) -> Finder:
    names = [wanted] if isinstance(wanted, str) else wanted
    tests = tuple(_TYPES[name] for name in names)

    def find(value: Any, path: str) -> Iterator[str]:
        if not any(test(value) for test in tests):
            yield f"{path or '/'}: {_shown(value)} is not {' or '.join(names)}"

    return find


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)  # JSON: true is not 1


def _enum(wanted: list[Any], _part: dict[str, Any], _shared: dict[str, Any]) -> Finder:
    def find(value: Any, path: str) -> Iterator[str]:
        if not any(_same(value, allowed) for allowed in wanted):
            yield f"{path or '/'}: {_shown(value)} is none of {wanted}"

    return find


def _const(wanted: Any, part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    return _enum([wanted], part, shared)


def _required(wanted: list[str], _part: dict[str, Any], _shared: dict[str, Any]) -> Finder:
    def find(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (f"{path or '/'}: {key} is missing" for key in wanted if key not in value)

    return find


def _properties(wanted: dict[str, Any], _part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    finders = {key: _finder(inner, shared) for key, inner in wanted.items()}

    def find(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            for key, finder in finders.items():
                if key in value:
                    yield from finder(value[key], f"{path}/{key}")

    return find


def _additional_properties(wanted: dict[str, Any], part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    named = part.get("properties", {})
    finder = _finder(wanted, shared)

    def find(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key not in named:
                    yield from finder(inner, f"{path}/{key}")

    return find


def _items(wanted: Any, part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    leading = [_finder(inner, shared) for inner in wanted] if isinstance(wanted, list) else []
    rest = part.get("additionalItems", {}) if isinstance(wanted, list) else wanted
    every = _finder(rest, shared)

    def find(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, list):
            for at, inner in enumerate(value):
                yield from (leading[at] if at < len(leading) else every)(inner, f"{path}/{at}")

    return find


def _contains(wanted: dict[str, Any], _part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    finder = _finder(wanted, shared)

    def find(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, list) and not any(_passes(finder, inner) for inner in value):
            yield f"{path or '/'}: holds nothing that is {wanted}"

    return find


def _if(wanted: dict[str, Any], part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    condition = _finder(wanted, shared)
    then, otherwise = _finder(part.get("then", {}), shared), _finder(part.get("else", {}), shared)

    def find(value: Any, path: str) -> Iterator[str]:
        return (then if _passes(condition, value) else otherwise)(value, path)

    return find


def _all_of(wanted: list[dict[str, Any]], _part: dict[str, Any], shared: dict[str, Any]) -> Finder:
    return partial(_all, tuple(_finder(inner, shared) for inner in wanted))


def _pattern(wanted: str, _part: dict[str, Any], _shared: dict[str, Any]) -> Finder:
    compiled = re.compile(wanted)

    def find(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, str) and not compiled.search(value):
            yield f"{path or '/'}: {_shown(value)} is not of the form {wanted}"

    return find


def _limit(measure: Callable[[Any], Any], broken: Callable[[Any, Any], bool], words: str) -> Any:
    def make(wanted: Any, _part: dict[str, Any], _shared: dict[str, Any]) -> Finder:
        def find(value: Any, path: str) -> Iterator[str]:
            measured = measure(value)
            if measured is not None and broken(measured, wanted):
                yield f"{path or '/'}: {_shown(value)} {words} {wanted}"

        return find

    return make


def _magnitude(value: Any) -> Any:
    return value if _is_number(value) else None


def _array_length(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else None


def _text_length(value: Any) -> int | None:
    return len(value) if isinstance(value, str) else None


def _below(one: Any, other: Any) -> bool:
    return bool(one < other)


def _above(one: Any, other: Any) -> bool:
    return bool(one > other)


def _passes(finder: Finder, value: Any) -> bool:
    return next(finder(value, ""), None) is None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_MAKERS: dict[str, Callable[[Any, dict[str, Any], dict[str, Any]], Finder]] = {
    "$ref": _ref,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional_properties,
    "items": _items,
    "contains": _contains,
    "if": _if,
    "allOf": _all_of,
    "pattern": _pattern,
    "minimum": _limit(_magnitude, _below, "is below"),
    "maximum": _limit(_magnitude, _above, "is above"),
    "minItems": _limit(_array_length, _below, "has fewer items than"),
    "maxItems": _limit(_array_length, _above, "has more items than"),
    "minLength": _limit(_text_length, _below, "is shorter than"),
    "maxLength": _limit(_text_length, _above, "is longer than"),
}
