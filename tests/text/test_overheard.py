"""English that is said far below, found again and told in Japanese; events with their fields in words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import kaga_edge
from kaga_edge.text import misread, overheard
from kaga_edge.text.happened import event_says
from kaga_edge.text.overheard import heard, is_japanese

TEXTS = overheard.TEXTS | misread.TEXTS
# What the operating system, the C library and paho say: not in our sources.
OF_OTHERS = re.compile(
    r"No such|Permission|Connection|No route|Network is|Device or|Input/output|Remote I/O|No space|Read-only"
    r"|certificate (has|is)|self-signed|unable to get|Hostname mis|IP address mis"
    r"|wrong version|Not auth|Bad user"
    r"|File exists|file is not a database|unable to open database|database disk"
    r"|Is a dir|Not a dir|Address already|Temporary failure|Name or service"
)


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("/dev/i2c-1 cannot be opened: Permission denied", "/dev/i2c-1 を開けません: 権限がありません"),
        ("no interface 'eth9' with an address", "通信口 eth9 にアドレスがありません"),
        ("TCP refused: Connection refused", "TCP を断られました: 接続を断られました"),
        ("127.0.0.1:8883: no answer to TCP", "127.0.0.1:8883: TCP に応答がありません"),
        ("level-1: none, snow-1: none", "level-1: なし、snow-1: なし"),
        (
            "a-1: KE-B01 x cannot be opened: Permission denied; a-2: none",
            "a-1: KE-B01 x を開けません: 権限がありません; a-2: なし",
        ),
        ("no configuration is on trial", "試行中の設定はありません"),
        ("the broker: [Errno 111] Connection refused", "ブローカー: 接続を断られました"),
        # Any "of" was taken for a share of polls.
        ("keep a copy of the file", "keep a copy of the file"),
        # And any "group" for a device's.
        ("let the service's user into the group i2c", "サービスの利用者をグループ i2c に入れます"),
        ("the epoch itself is missing", "the epoch itself is missing"),
        ("/dev/i2c-1, /dev/i2c-3 missing", "/dev/i2c-1, /dev/i2c-3 がありません"),
        (
            "2 gateways run: process 12, process 345",
            "2 個のゲートウェイが動いています: プロセス 12、プロセス 345",
        ),
        # What commission says of a sensor and of the line: it stood in the report in English.
        (
            "0/5 KE-B01 /dev/ttyAMA0 cannot be opened: No such file or directory",
            "0/5 KE-B01 /dev/ttyAMA0 を開けません: ファイルがありません",
        ),
        ("a.example.jp: Name or service not known 12 ms", "a.example.jp: その名前はありません 12 ms"),
        ("process 4711 (minicom)", "プロセス 4711 (minicom)"),
        ("/dev/ttyUSB0 group root", "/dev/ttyUSB0 のグループは root"),
        ("1.50% of 200 polls failed", "200 回のうち 1.50% が失敗"),
        # The repair of the code, about the signature, stood where the way out was meant.
        ("0.1.0 is not newer than 0.2.0", "0.1.0 は今の 0.2.0 より新しくありません"),
        ("--older installs it all the same", "--older を付ければそれでも入れます"),
        ("this machine is amd64", "この機器は amd64 です"),
        ("something new that nobody wrote down", "something new that nobody wrote down"),
    ],
)
def test_a_sentence_from_far_below_is_told_in_japanese(english: str, japanese: str) -> None:
    assert heard(english, "ja") == japanese
    assert heard(english, "en") == english


def test_every_sentence_is_still_said_somewhere() -> None:
    """A sentence that was reworded at its source would come out in English again."""
    package = Path(kaga_edge.__file__).parent
    files = [file for file in package.rglob("*.py") if file.name not in ("overheard.py", "misread.py")]
    said = re.sub(r'"\s*f?"|\\', "", "\n".join(file.read_text(encoding="utf-8") for file in files))
    for _, english in TEXTS.values():
        parts = [part.strip(" ,:()'") for part in re.split(r"\{\w+\}", english)]
        for part in parts:
            assert OF_OTHERS.match(english) or part in said, english


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_what_was_heard_is_japanese(code: str) -> None:
    assert is_japanese(TEXTS[code][0])


def test_the_first_connection_is_no_recovery() -> None:
    assert event_says({"event": "link.up"}, "ja") == "接続しました"
    assert event_says({"event": "link.up"}, "en") == "connected"
    assert event_says({"event": "link.up", "outage_s": 2467}, "ja") == "41分ぶりに接続しました"


def test_the_start_is_told_in_words_not_in_names_for_scripts() -> None:
    ready = {"event": "service.ready", "sensors": 6, "clock": "none", "reason": "first"}
    assert event_says(ready, "ja") == "センサー 6台、時計 未同期、起動の理由 初めての起動"
    assert event_says(ready, "en") == "6 sensors, clock not known, started because: first start"


def test_a_field_an_older_version_did_not_write_is_a_dash() -> None:
    assert event_says({"event": "maintenance.on", "sensor": "site"}, "ja") == "観測所全体 -"


def test_a_doubtful_value_and_an_alarm_are_told_in_words() -> None:
    suspect = {"event": "sensor.suspect", "sensor": "air-1", "quality": "spike, stuck"}
    assert event_says(suspect, "ja") == "air-1 急変、変化なし"
    alarm = {"event": "alert.raised", "key": "danger/level-1", "value": 1.34, "threshold": 1.2}
    assert event_says(alarm, "en") == "level-1 flood danger level 1.34 reached 1.2"
    assert event_says(alarm, "ja") == "level-1 氾濫危険水位 値 1.34 が基準 1.2 に達しました"
    assert event_says(alarm | {"key": "own-rule"}, "en") == "own-rule 1.34 reached 1.2"


def test_an_alarm_without_a_threshold_was_two_dashes_and_a_value_had_no_unit() -> None:
    icing = {"event": "alert.raised", "key": "icing/road-1"}
    assert event_says(icing, "en") == "road-1: The road surface may be icy"
    assert event_says(icing | {"event": "alert.cleared"}, "ja") == "road-1: 路面凍結のおそれはなくなりました"
    assert event_says({"event": "alert.raised", "key": "stopped/road-1", "value": 0.0}, "en").endswith(
        "(stranded)"
    )
    level = {"event": "alert.raised", "key": "danger/level-1", "value": 1.34, "threshold": 1.2, "unit": "m"}
    assert event_says(level, "en") == "level-1 flood danger level 1.34 m reached 1.2 m"


def test_a_line_that_is_down_tells_its_reason_in_japanese() -> None:
    event = {"event": "link.down", "reason": "no answer to TCP"}
    assert event_says(event, "ja") == "TCP に応答がありません。保存を続けます"


def _raised_by_drivers() -> list[tuple[str, str]]:
    """Return where, and every sentence a driver raises, its placeholders filled with a sample."""
    found = []
    for file in sorted((Path(kaga_edge.__file__).parent / "sensors").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args):
                continue
            words = [node.exc.args[0], *(one.value for one in node.exc.keywords if one.arg == "fix")]
            texts = [
                text for text in map(_sample, words) if text and not text.startswith(("write ", "7 (", "7:"))
            ]
            found += [(f"{file.name}:{node.lineno}", text) for text in texts]
    return found


def _sample(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in node.values)
    return ""


@pytest.mark.parametrize(("where", "english"), _raised_by_drivers())
def test_what_a_driver_finds_wrong_is_told_in_japanese(where: str, english: str) -> None:
    assert is_japanese(heard(english, "ja")), where
