"""The catalogue: both languages, the same placeholders, words for everything that is shown."""

from __future__ import annotations

import importlib
import pkgutil
import string

import pytest

import kaga_edge.text
from kaga_edge.config.faults import Code
from kaga_edge.text import (
    TOPICS,
    Phrase,
    age_words,
    catalogue,
    language,
    quality_words,
    quantity_name,
    say,
    span_words,
    unit_shown,
)
from kaga_edge.vocabulary import errors
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_every_text_has_both_languages_with_the_same_placeholders(code):
    japanese, english = catalogue()[code]
    assert japanese.strip()
    assert english.strip()
    assert placeholders(japanese) == placeholders(english)
    assert english.isascii()


@pytest.mark.parametrize("code", list(Code))
def test_every_fault_of_a_configuration_has_its_words(code):
    assert code.value in catalogue()


def test_every_topic_is_in_the_catalogue_and_none_overwrites_another():
    names = [one.name for one in pkgutil.iter_modules(kaga_edge.text.__path__)]
    files = {name: importlib.import_module(f"kaga_edge.text.{name}") for name in names}
    assert set(TOPICS) == {name for name, file in files.items() if hasattr(file, "TEXTS")}
    topics = [files[name] for name in TOPICS]
    assert sum(len(topic.TEXTS) for topic in topics) == len(catalogue())


def test_every_error_of_the_vocabulary_has_its_words():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.code for kind in kinds if issubclass(kind, errors.KagaError)}
    assert codes <= catalogue().keys()


@pytest.mark.parametrize("quantity", list(Quantity))
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_quantity_has_a_name_and_its_unit_is_shown(quantity, lang):
    assert quantity_name(quantity.channel, lang) != quantity.channel
    bare = quantity.unit == "1"  # a plain number has no unit
    assert bare or f"unit.{quantity.unit}" in catalogue()
    assert bool(unit_shown(quantity.unit, lang)) is not bare


def test_what_nobody_named_keeps_its_code():
    assert (quantity_name("new_thing", "ja"), unit_shown("furlong", "en")) == ("new_thing", "furlong")


def test_every_flag_has_a_word_and_the_gravest_comes_first():
    assert all(f"flag.{flag.name}" in catalogue() for flag in Flag)
    assert quality_words(Flag.GOOD, "en") == "good"
    assert quality_words(Flag.RETIMED | Flag.MISSING, "en") == "missing, re-timed"
    assert quality_words(Flag.SPIKE | Flag.STUCK, "ja") == "急変、変化なし"


@pytest.mark.parametrize(
    ("seconds", "japanese", "english"),
    [
        (0.4, "0秒前", "0 s ago"),
        (12, "12秒前", "12 s ago"),
        (59.4, "59秒前", "59 s ago"),
        (60, "1分前", "1 min ago"),
        (2467, "41分前", "41 min ago"),
        (7199, "119分前", "119 min ago"),
        (7200, "2時間前", "2 h ago"),
        (26 * 86_400, "26日前", "26 d ago"),
        (None, "まだなし", "never"),
    ],
)
def test_ages_are_told_in_words(seconds, japanese, english):
    assert (age_words(seconds, "ja"), age_words(seconds, "en")) == (japanese, english)


def test_a_span_is_never_negative():
    assert span_words(-3, "en") == "0 s"


def test_a_phrase_inside_a_sentence_takes_its_language():
    words = {"expected": Phrase("type.bool"), "got": Phrase("type.text")}
    assert say("KE-C13", "ja", **words) == "必要なもの: true か false。書かれているもの: 文字列"
    assert say("KE-C13", "en", **words) == "true or false is needed here, not text in quotes"


@pytest.mark.parametrize(
    ("asked", "configured", "environ", "expected"),
    [
        (None, None, {}, "en"),
        (None, "ja", {}, "ja"),
        (None, "ja", {"LANG": "C.UTF-8"}, "ja"),
        (None, "ja", {"LANG": "en_GB.UTF-8"}, "en"),
        (None, "en", {"LANG": "ja_JP.UTF-8"}, "ja"),
        (None, None, {"LANG": "ja_JP.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        (None, None, {"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP"}, "ja"),
        (None, None, {"LC_ALL": "en_US.UTF-8", "KAGA_EDGE_LANG": "ja"}, "ja"),
        ("en", "ja", {"KAGA_EDGE_LANG": "ja"}, "en"),
        (None, "ja", {"KAGA_EDGE_LANG": "ja", "TERM": "linux"}, "en"),
        ("ja", None, {"TERM": "linux"}, "ja"),
    ],
)
def test_the_language_is_the_first_that_is_said(asked, configured, environ, expected):
    assert language(asked, configured=configured, environ=environ) == expected
