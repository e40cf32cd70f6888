"""The help of every command: in both languages, at 40 columns, with examples that can be typed."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from kaga_edge.cli import COMMANDS, _parser, available
from kaga_edge.cli.completion import _everything
from kaga_edge.cli.helping import examples, fill, meaning, name_of, path_of, summary, text_of
from kaga_edge.cli.screen import width
from kaga_edge.text import LANGUAGES, topic

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
# What design.md names, word for word.
TREE = """
run demo decode status doctor explain setup commission maintenance log report web secret enroll
receive simulate/replay config/check config/init config/show config/diff config/apply
config/rollback config/schema sensor/list sensor/models sensor/scan sensor/read sensor/test
sensor/watch sensor/calibrate collect/stop collect/start store/show store/ledger store/verify
store/salvage store/export store/import store/rejected link/status link/test manifest/show
manifest/check manifest/notice contract/schema contract/asyncapi contract/samples contract/verify
opendata/export completion version
"""
# Commands whose output is a document or a story of its own, not facts about the station.
NO_JSON = {
    "run", "demo", "completion", "config init", "config schema", "contract schema", "contract asyncapi",
}  # fmt: skip


def everyone(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [one for child in action.choices.values() for one in everyone(child)]
    return found


def commands() -> list[argparse.ArgumentParser]:
    return [one for one in everyone(_everything()) if path_of(one)]


def leaves() -> list[argparse.ArgumentParser]:
    return [
        one
        for one in commands()
        if not any(isinstance(action, argparse._SubParsersAction) for action in one._actions)
    ]


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [one for one in parser._actions if not isinstance(one, argparse._SubParsersAction)]


@pytest.mark.parametrize("path", [one.replace("/", " ") for one in TREE.split()])
def test_every_command_of_the_design_is_there(path: str) -> None:
    assert path in {path_of(one) for one in leaves()} | {path_of(one) for one in commands()}


def test_every_command_that_shows_something_has_json() -> None:
    without = {path_of(one) for one in leaves() if "--json" not in one._option_string_actions}
    assert without - {path for path in without if path.split()[0] in NO_JSON or path in NO_JSON} == set()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("parser", commands(), ids=path_of)
def test_every_command_and_option_has_its_meaning(parser: argparse.ArgumentParser, lang: str) -> None:
    path = path_of(parser)
    assert summary(path, lang)
    silent = [name_of(one) for one in arguments(parser) if not meaning(path, one, lang)]
    assert silent == []


def test_no_meaning_is_of_an_option_that_is_gone() -> None:
    known = {f"option.{path_of(one)}.{name_of(action)}" for one in commands() for action in arguments(one)}
    known |= {f"option.{name_of(action)}" for one in commands() for action in arguments(one)}
    known |= {f"{kind}.{path_of(one)}" for one in commands() for kind in ("about", "examples", "exits")}
    told = {code for name in ("helping", "helping_commands", "helping_examples") for code in topic(name)}
    assert {code for code in told - known if not code.startswith("frame.")} == {"option.--lang"}


def test_no_parser_carries_words_of_its_own() -> None:
    worded = [
        (path_of(one), action.dest)
        for one in commands()
        for action in arguments(one)
        if action.dest != "help" and action.help not in (None, argparse.SUPPRESS)
    ]
    assert worded == []
    assert [path_of(one) for one in commands() if one.description or one.epilog] == []


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("command", available())
def test_help_keeps_to_the_terminal(monkeypatch, command: str, lang: str, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for parser in everyone(_parser(command, lang)):
        wide = [line for line in parser.format_help().splitlines() if width(line) > columns]
        # A path or a web address is not torn apart: it could not be copied.
        assert [line for line in wide if len(line.split()) > 2] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_of_commands_keeps_to_40_columns(kaga_edge, monkeypatch, lang: str) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = kaga_edge("--lang", lang).out.splitlines()
    assert [line for line in shown if width(line) > 40 and len(line.split()) > 2] == []


@pytest.mark.parametrize("command", available())
def test_japanese_help_has_no_english_of_argparse(command: str) -> None:
    for parser in everyone(_parser(command, "ja")):
        shown = parser.format_help()
        for word in ("usage", "options:", "arguments", "show this help", "examples:", "exit codes"):
            assert word not in shown


@pytest.mark.parametrize(
    ("environ", "japanese"),
    [
        ({"LANG": "ja_JP.UTF-8"}, True),
        ({"KAGA_EDGE_LANG": "ja"}, True),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "ja_JP.UTF-8", "TERM": "linux"}, False),
    ],
)
def test_help_follows_the_environment(kaga_edge, monkeypatch, environ, japanese: bool) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert ("使い方" in kaga_edge("sensor", "read", "--help").out) is japanese


@pytest.mark.parametrize(
    ("typed", "japanese", "english"),
    [
        (("collect", "stop"), "足りないもの: --why, --who", "required: --why, --who"),
        (("sensor", "clibrate"), "「calibrate」のことですか?", 'did you mean "calibrate"?'),
        (("status", "--colour"), "分からない語: --colour", "not known: --colour"),
        (("sensor", "scan", "--jsn"), "「--json」のことですか?", 'did you mean "--json"?'),
        (("sensor", "scan", "--jsn"), "kaga-edge sensor scan --help", "kaga-edge sensor scan --help"),
        (
            ("log", "--last", "many"),
            "--last: 「many」は 整数 ではありません",
            "--last: many is no whole number",
        ),
        (("log", "--last"), "--last: 値が1つ要ります", "--last: needs one value"),
        (("collect", "start", "--who", "a"), "どれか1つが要ります", "one of these is required"),
        (("collect", "stop", "a", "--site"), "一緒には使えません", "not together with"),
        (("status", "--json=1"), "値は付けられません", "takes no value"),
    ],
)
def test_a_wrong_word_is_told_in_both_languages(kaga_edge, monkeypatch, typed, japanese, english) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for lang, told in (("ja", japanese), ("en", english)):
        said = (
            kaga_edge(*typed, "--lang", lang) if typed[-1] != "--last" else kaga_edge("--lang", lang, *typed)
        )
        assert said.code == 64
        assert told in said.err
        assert "--help" in said.err


def test_language_may_stand_behind_a_group(kaga_edge) -> None:
    assert "使い方" in kaga_edge("store", "--lang", "ja", "--help").out


def test_a_percent_sign_in_a_text_breaks_no_help() -> None:
    parser = _parser("contract", "en")
    fill(parser, "en")
    assert "%t %x" in text_of("about.contract verify", "en")
    assert all("%t %x" in one.format_help() for one in everyone(parser) if path_of(one) == "contract verify")


# --- every line somebody may copy ---


def shown_in_help() -> list[str]:
    lines = [line for one in commands() for line, _ in examples(path_of(one), "en")]
    return sorted(set(lines))


def shown_in(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8")
    inline = re.findall(r"`((?:sudo )?kaga-edge [^`]+)`", text)
    block = re.findall(r"^ {4}(?:.*\| )?((?:sudo )?kaga-edge .+)$", text, re.MULTILINE)
    block += re.findall(r"^ {4}(kaga-edge .+?) \| ", text, re.MULTILINE)
    return sorted({line for line in (*inline, *block) if "kaga-edge.service" not in line})


def words_of(line: str) -> list[str]:
    """Return what the shell would hand over: no prompt, no redirection, no pipe, no remark."""
    plain = re.sub(r"\[[^\]]*\]|…|\.\.\.", "", line)
    words = []
    for word in shlex.split(plain, comments=True):
        if word in (">", ">>", "<", "|", "||", "&&", ";", "2>"):
            break
        words.append(word)
    return [word for word in words if word != "sudo"][1:]


def parse(line: str) -> None:
    words = words_of(line)
    assert words, line
    if words[0] in ("--help", "--version", "--lang", "COMMAND"):
        return
    assert words[0] in COMMANDS, line
    if "--help" in words or " ".join(words) in {path_of(one) for one in commands()}:
        return  # named, not shown
    # An alternative such as ja|en stands for its first; SENSOR, FILE and the like for themselves.
    words = [word.split("|")[0] for word in words]
    _parser(words[0], "en").parse_args(words)


@pytest.mark.parametrize("line", shown_in_help())
def test_every_example_of_the_help_parses(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("line", shown_in(README))
def test_every_command_line_of_the_readme_parses(line: str) -> None:
    parse(line)
