"""The scanner that finds the line of every key."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kaga_edge.config.lines import Path, key_lines

WHOLE = """\
# a comment with [brackets] and key = 1
title = "text with # and = and [x]"
"quoted key" = 'literal # text'

[site]
name = { ja = "あ", en = "a # b" }   # inline
position = [
  36.3,   # one
  136.3,
]
a.b.c = 1

[[sensor]]
id = "one"
[sensor.mount]
tilt_deg = 1.0
[[sensor]]
id = "two"
long = \"\"\"
[not.a.table]
key = "no key"
\"\"\"
i2c = {bus = 1, address = 0x76}
[sensor.quality.water_level]
gross_fail = [0, 1]
[[sensor.event]]
rise = 'x'
[[sensor.event]]
rise = 'y'
"""


def test_every_kind_of_key_is_found_on_its_line():
    lines = key_lines(WHOLE)
    assert lines[("title",)] == 2
    assert lines[("quoted key",)] == 3
    assert lines[("site",)] == 5
    assert lines[("site", "name", "en")] == 6
    assert lines[("site", "position", 1)] == 9
    assert lines[("site", "a", "b", "c")] == 11
    assert lines[("sensor", 0)] == 13
    assert lines[("sensor", 0, "mount", "tilt_deg")] == 16
    assert lines[("sensor", 1, "id")] == 18
    assert lines[("sensor", 1, "i2c", "address")] == 23
    assert lines[("sensor", 1, "quality", "water_level", "gross_fail")] == 25
    assert lines[("sensor", 1, "event", 1, "rise")] == 29


def test_windows_line_ends_do_not_move_the_lines():
    assert key_lines(WHOLE.replace("\n", "\r\n")) == key_lines(WHOLE)


def test_what_looks_like_a_key_inside_a_long_string_is_none():
    assert ("not", "a", "table") not in key_lines(WHOLE)
    assert ("sensor", 1, "key") not in key_lines(WHOLE)


def paths(value: Any, path: Path = ()) -> set[Path]:
    found = {path} if path else set()
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found |= paths(inner, (*path, index))
    return found


def test_it_finds_exactly_the_paths_that_tomllib_reads():
    assert set(key_lines(WHOLE)) == paths(tomllib.loads(WHOLE))


words = st.text(st.sampled_from("ab#=[]{}.\"'\\ あ"), max_size=6)
values = st.recursive(
    st.integers() | st.booleans() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(k)} = {written(v)}" for k, v in value.items()) + "}"
    return str(value)


@settings(max_examples=100)
@given(st.dictionaries(words, values, max_size=4), st.lists(st.dictionaries(words, values, max_size=3)))
def test_any_toml_has_each_of_its_paths_on_the_line_it_was_written(top, tables):
    lines = [f"{written(key)} = {written(value)}" for key, value in top.items() if key != "t"]
    expected: dict[Path, int] = {}
    for number, (key, value) in enumerate(((k, v) for k, v in top.items() if k != "t"), 1):
        expected |= dict.fromkeys(paths(value, (key,)), number)
    for index, table in enumerate(tables):
        lines.append("[[t]]")
        expected[("t", index)] = len(lines)
        for key, value in table.items():
            lines.append(f"{written(key)} = {written(value)}")
            expected |= dict.fromkeys(paths(value, ("t", index, key)), len(lines))
    found = key_lines("\n".join(lines))
    found.pop(("t",), None)
    assert found == expected
