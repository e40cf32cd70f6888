"""``kaga-edge explain``: every code that can be printed has a meaning, causes and a repair, offline."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest

import kaga_edge
from kaga_edge.cli import explain
from kaga_edge.text import catalogue

SOURCE = Path(kaga_edge.__file__).parent
CODE = re.compile(r'"(KE-[A-Z]\d\d)"')


def codes_in_source() -> set[str]:
    found: set[str] = set()
    for file in SOURCE.rglob("*.py"):
        if file.parent.name != "text":
            found |= set(CODE.findall(file.read_text(encoding="utf-8")))
    return found


def test_every_code_of_the_source_has_its_name_and_explanation() -> None:
    used = codes_in_source()
    assert len(used) > 60
    missing = {
        key
        for code in used
        for key in (code, *(f"{code}.{part}" for part in explain.PARTS))
        if key not in catalogue()
    }
    assert not missing


def test_no_two_errors_share_a_code() -> None:
    owners: dict[str, set[str]] = {}
    for file in SOURCE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for name, code in re.findall(
            r'class (\w+)\([\w, ]+\):\n(?:(?!class ).*\n)*?    code = "(KE-\w+)"', text
        ):
            owners.setdefault(code, set()).add(f"{file.name}:{name}")
    assert {code: names for code, names in owners.items() if len(names) > 1} == {}


def test_nothing_is_explained_that_nobody_prints() -> None:
    assert set(explain.codes()) <= codes_in_source()


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("code", explain.codes())
def test_an_explanation_fits_40_columns_with_no_sign_of_ambiguous_width(
    kaga_edge, monkeypatch, code: str, lang: str
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    said = kaga_edge("explain", code, "--lang", lang)
    assert said.code == 0
    assert said.out.startswith(code)
    assert not [sign for sign in said.out if unicodedata.east_asian_width(sign) == "A"]
    for line in said.out.splitlines():
        columns = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)
        unbreakable = max((len(word) for word in re.findall(r"[!-~]+", line)), default=0)
        assert columns <= 42 or unbreakable > 26, line  # a closing mark may hang over


def test_a_code_is_found_as_people_type_it(kaga_edge) -> None:
    assert kaga_edge("explain", "d03").out == kaga_edge("explain", "KE-D03").out
    assert "Nobody replies" in kaga_edge("explain", "b02").out


def test_an_unknown_code_names_the_nearest(kaga_edge) -> None:
    said = kaga_edge("explain", "KE-B99")
    assert said.code == 64
    assert "KE-B0" in said.err


def test_json_has_both_languages(kaga_edge) -> None:
    told = json.loads(kaga_edge("explain", "KE-L00", "--json").out)
    assert told["en"]["causes"][0] == "radio or line"
    assert told["ja"]["meaning"]


def test_without_a_code_all_are_listed(kaga_edge) -> None:
    lines = kaga_edge("explain").out
    assert all(code in lines for code in explain.codes())


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_code_that_the_doctor_printed_was_unknown(kaga_edge, lang) -> None:
    said = kaga_edge("explain", "q02", "--lang", lang)
    assert said.code == 0
    assert said.out.startswith("Q02  ")
    assert catalogue()["doctor.Q02.fix"][lang == "en"] in said.out
    assert "kaga-edge doctor --only Q02" in said.out
    told = json.loads(kaga_edge("explain", "Q02", "--json").out)
    assert (told["code"], told["en"]["title"]) == ("Q02", "free space")


def test_a_code_of_both_is_told_as_both(kaga_edge) -> None:
    said = kaga_edge("explain", "B02", "--lang", "en").out
    assert said.startswith("KE-B02  no answer")
    assert "B02  a check of the doctor: " in said
    assert "check" not in kaga_edge("explain", "KE-B02", "--lang", "en").out
