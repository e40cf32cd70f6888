"""Files as people really save them, each named after what went wrong before it was told in helpful words."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import pytest

from kaga_edge.config.documents import Documents
from kaga_edge.config.faults import Code, Notes
from kaga_edge.config.mending import convert, fix_width
from kaga_edge.config.reading import judged
from kaga_edge.config.tables import Desk
from tests.config.conftest import AIR, LEVEL, RAIN, SITE

PLATFORM = '[platform]\nurl = "mqtts://platform.example.jp:8883"\n'
LAMP = '[[output]]\nid = "lamp"\nkind = "lamp"\ngpio = 22\non = ["danger"]\n'
POWER = '[[power]]\nid = "modem"\nsensors = ["level-1"]\ngpio = 23\n'

# What stands in the file, then the only faults it may give: code, line, and what the words must hold.
SAVED = {
    "brackets of a Japanese keyboard were no quotes": (
        SITE + RAIN.replace('"rain-1"', "「rain-1」"), [("KE-C05", 5, "straight")]),
    "a space that is none stood before the equals sign": (
        SITE + RAIN.replace("gpio =", "gpio\u00a0="), [("KE-C04", 7, "U+00A0")]),
    "an unseen character made the key unknown": (
        SITE + RAIN.replace("gpio", "\u200bgpio"), [("KE-C28", 7, "U+200B")]),
    "a Japanese comma left the list open": (
        SITE + "position = [36.3、136.3]\n" + RAIN, [("KE-C04", 4, 'ASCII ","')]),
    "a full-width header hid its sensor's other faults": (
        SITE + RAIN.replace("[[sensor]]", "［sensor］").replace("17", "40"),
        [("KE-C04", 4, "["), ("KE-C07", 4, "[[sensor]]"), ("KE-C40", 7, "GPIO 21")]),
    "full-width digits inside of quotes were told as no duration": (
        SITE + AIR.replace("10s", "１０s"), [("KE-C29", 8, 'Write "10s"')]),
    "half of the double brackets was missing": (
        SITE + RAIN.replace("[[sensor]]", "[[sensor]"), [("KE-C07", 4, "[[sensor]] at line 4")]),
    "one list left open hid the rest of the file": (
        SITE + "position = [36.3, 136.3\n" + RAIN.replace("17", "40"),
        [("KE-C06", 4, "closing ]"), ("KE-C40", 8, "GPIO 21")]),
    "a table over several lines was told at each of them": (
        SITE.replace("{ ja", "{\n ja").replace('" }', '",\n}') + RAIN.replace("17", "40"),
        [("KE-C06", 3, "on one line"), ("KE-C40", 9, "GPIO 21")]),
    "a quote left open was told at the end of the file": (
        SITE + RAIN.replace('"rain-1"', "'rain-1"), [("KE-C06", 5, "closing quote")]),
    "False was to be written in quotes": (
        SITE + RAIN.replace("false", "False"), [("KE-C13", 10, "true or false is needed here, not False")]),
    "a decimal comma was no TOML": (
        SITE + LEVEL.replace("4.2", "4,2"), [("KE-C06", 9, "a point, not a comma")]),
    "a unit after a number was no TOML": (
        SITE + LEVEL.replace("4.2", "4.2m"), [("KE-C06", 9, "Write only 4.2")]),
    "a colon for the equals sign made the key missing as well": (
        SITE + RAIN.replace("gpio = 17", "gpio: 17"), [("KE-C06", 7, "key = value")]),
    "a key twice was told in the parser's words": (
        SITE + RAIN.replace("gpio = 17", "gpio = 17\ngpio = 18"), [("KE-C06", 8, "written twice")]),
    "a misspelt list of sensors hid every fault in it": (
        SITE + RAIN.replace("[[sensor]]", "[[sensors]]").replace("[sensor.", "[sensors.").replace("17", "40"),
        [("KE-C11", 4, '"sensor"'), ("KE-C40", 7, "GPIO 21")]),
    "a misspelt mount was told as missing too": (
        SITE + LEVEL.replace("[sensor.mount]", "[sensor.mout]"), [("KE-C11", 8, '"mount"')]),
    "double brackets for a single table gave no hint": (
        SITE.replace("[site]", "[[site]]") + RAIN, [("KE-C59", 1, "Write [site]")]),
    "a name in one language only was told as no table": (
        SITE.replace('{ ja = "見本", en = "sample" }', '"sample"') + RAIN, [("KE-C13", 3, "{ ja =")]),
    "one list of sensors misspelt was told at every table of the file": (
        SITE + RAIN.replace("[[sensor]]", "[[Sensors]]") + AIR.replace("10s", "10"),
        [("KE-C11", 4, '"sensor"'), ("KE-C14", 15, "no unit")]),
    "a table of a misspelt list was called missing": (
        SITE + LEVEL.replace("[sensor.mount]", "[sensors.mount]") + RAIN.replace("17", "40"),
        [("KE-C11", 8, '"sensor"'), ("KE-C40", 16, "GPIO 21")]),
    "Driver with a capital was called missing, and its line not told": (
        SITE + AIR.replace("driver", "Driver").replace("10s", "10"),
        [("KE-C11", 6, 'Did you mean "driver"?'), ("KE-C14", 8, "no unit")]),
    "a text begun straight and ended curly had no closing quote": (
        SITE + AIR.replace('"10s"', '"10s\u201d'), [("KE-C05", 8, "straight")]),
    "a minus sign typed with Japanese switched on was no TOML": (
        SITE + LEVEL.replace("4.2", "\u30fc4.2"), [("KE-C04", 9, 'Use ASCII "-"'), ("KE-C19", 9, ">")]),
    "a hyphen typed with Japanese switched on gave no hint": (
        SITE + RAIN.replace("rain-1", "rain\u30fc1"), [("KE-C29", 5, 'Write "rain-1"')]),
    "a damaged byte far below was told at the first Japanese word": (
        (SITE + RAIN).encode().replace(b"gpio", b"gp\xffo"), [("KE-C09", 7, "damaged")]),
    "a leading zero in a table on one line was told as a table over several": (
        SITE + AIR.replace("0x77", "077"), [("KE-C25", 7, "Write 77")]),
    "a comma forgotten in a table was told as a table over several lines": (
        SITE + RAIN.replace('", en', '" en'), [("KE-C06", 9, "commas between its keys")]),
    "an address with a space in it was taken": (
        SITE + PLATFORM.replace("platform.", "platform ") + RAIN, [("KE-C21", 5, "no platform address")]),
    "a purpose of nothing was a disclosure": (
        SITE + RAIN.replace("雨量", "\u3000").replace("rain\"", "\""),
        [("KE-C24", 9, "it is empty"), ("KE-C24", 9, "it is empty")]),
    "a size too small was told in bytes": (
        SITE + RAIN + '[store]\nmax = "1MB"\n', [("KE-C19", 12, "1MB is out of bounds (allowed: >= 4MB)")]),
    "a laser snow gauge was asked more often than it measures": (
        SITE + AIR.replace("bme280", "shm31").replace("i2c = { bus = 1, address = 0x77 }",
        'port = "/dev/ttyAMA0"\nmodbus_id = 1').replace('"10s"', '"9s"'), [("KE-C44", 9, "10s or more")]),
    "a fault of the platform was told at the modem's power switch too": (
        SITE + PLATFORM + 'root = "A B"\n' + RAIN + '[[power]]\nid = "lte"\nmodem = true\ngpio = 22\n',
        [("KE-C18", 6, "is no id")]),
    "a lamp that lights at nothing was taken": (
        SITE + RAIN + LAMP.replace('["danger"]', "[]"), [("KE-C24", 15, "at least one")]),
    "a folder for the store's file was taken": (
        SITE + RAIN + '[store]\npath = "/tmp"\n', [("KE-C24", 12, "this is a folder")]),
    "a gauge was held against itself": (
        SITE + LEVEL + '[[site.check]]\nkind = "levels"\nsensor = "level-1"\nagainst = "level-1"\n',
        [("KE-C24", 16, "against itself")]),
    "a date was shown as Python holds it": (
        SITE + AIR.replace('"10s"', "2026-01-01"), [("KE-C15", 8, '"2026-01-01"')]),
    "a place of one number was told as a missing 1": (
        SITE + "position = [36.3]\n" + RAIN, [("KE-C24", 4, "[latitude, longitude]")]),
    "limits upside down would have failed every value": (
        SITE + LEVEL + "[sensor.quality.water_level]\ngross_fail = [5.0, 1.0]\n", [("KE-C24", 14, "lower")]),
    "millimetres for metres were taken": (
        SITE + LEVEL.replace("4.2", "4200"), [("KE-C19", 9, "<= 100")]),
    "a port of Windows was taken": (
        SITE + LEVEL.replace("/dev/ttyAMA0", "COM3"), [("KE-C61", 7, "/dev/serial/by-id")]),
    "a list for a port was a crash": (
        SITE + LEVEL.replace('"/dev/ttyAMA0"', '["/dev/ttyAMA0"]'), [("KE-C13", 7, "text in quotes")]),
    "one port under two names was taken": (
        SITE + LEVEL + LEVEL.replace("level-1", "level-2").replace("/dev/", "/dev/../dev/"),
        [("KE-C34", 16, '"level-1" (line 7)')]),
    "a lamp on the data line of the I2C bus was taken": (
        SITE + AIR + LAMP.replace("22", "2"), [("KE-C42", 15, 'used by "air-1"')]),
    "a power switch on a lamp's line": (
        SITE + LEVEL + LAMP + POWER.replace("23", "22"), [("KE-C41", 21, '"lamp" (line 16)')]),
    "two lamps of one id were taken": (
        SITE + RAIN + LAMP + LAMP.replace("22", "23"), [("KE-C33", 17, "line 12")]),
    "a lamp for a faulty sensor was told that there is none": (
        SITE + LEVEL.replace("a02yyuw", "a02") + LAMP + 'sensors = ["level-1"]\n',
        [("KE-C30", 6, "a02yyuw")]),
    "Notepad's carriage returns alone": (
        (SITE + RAIN.replace("17", "40")).replace("\n", "\r"), [("KE-C40", 7, "GPIO 21")]),
    "EUC-JP was taken for Shift-JIS": (
        (SITE + RAIN).encode("euc_jp"), [("KE-C03", 3, "EUC-JP")]),
    "JIS was no TOML": ((SITE + RAIN).encode("iso2022_jp"), [("KE-C03", 3, "ISO-2022-JP")]),
    "UTF-16 without a mark was told at every line": (
        (SITE + RAIN).encode("utf-16-le"), [("KE-C03", 1, "UTF-16")]),
    "UTF-32 was taken for UTF-16": ((SITE + RAIN).encode("utf-32"), [("KE-C03", 1, "UTF-32")]),
    "zeros after a power cut were no TOML": (b"\0" * 512, [("KE-C09", 1, "put a copy back")]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", SAVED)
def test_the_file_is_told_in_words_that_help_and_nothing_follows_from_them(sheet, mistake):
    content, expected = SAVED[mistake]
    found = sheet.faults(content if isinstance(content, bytes) else content.encode())
    assert [(fault.code.value, fault.line) for fault in found] == [(code, line) for code, line, _ in expected]
    for fault, (_, _, words) in zip(found, expected, strict=True):
        assert words in fault.text("en")
        assert fault.text("ja") != fault.text("en")


def test_forty_lines_without_quotes_are_forty_faults_and_the_others_are_told_too(sheet):
    many = "".join(
        RAIN.replace('"rain-1"', f"rain-{at}").replace("gpio = 17\n", "gpio = 40\n") for at in range(40)
    )
    codes = [fault.code for fault in sheet.faults(SITE, many)]
    assert (codes.count(Code.NO_QUOTES), codes.count(Code.GPIO_HEADER_PIN)) == (40, 40)


def test_a_clash_with_another_file_names_that_file(sheet):
    sheet.part("50-more.toml", LEVEL.replace("level-1", "level-2"))
    (fault,) = sheet.faults(SITE, LEVEL)
    assert (fault.file, fault.line) == ("conf.d/50-more.toml", 4)
    assert '"level-1" (kaga-edge.toml:7)' in fault.text("en")


def test_a_part_for_a_misspelt_sensor_was_told_to_lack_everything_else(sheet):
    sheet.part("50-more.toml", '[[sensor]]\nid = "level-l"\nevery = "30s"\n')
    (fault,) = sheet.faults(SITE, LEVEL)
    assert (fault.file, fault.line, fault.code) == ("conf.d/50-more.toml", 2, Code.NO_SUCH_SENSOR)
    assert 'no sensor "level-l". There are: level-1' in fault.text("en")


SECRETS = {
    "in the platform": PLATFORM + 'password = "hunter2"\n' + RAIN,
    "with a capital": PLATFORM + 'Password = "hunter2"\n' + RAIN,
    "in a table of its own": PLATFORM + '[platform.auth]\npassword = "hunter2"\n' + RAIN,
    "in the site": 'api_token = "hunter2"\n' + RAIN,
    "in a sensor": RAIN.replace("gpio", 'pw = "hunter2"\ngpio'),
    "without quotes": PLATFORM + "password = hunter2\n" + RAIN,
    "in the address": '[platform]\nurl = "mqtts://kaga:hunter2@platform.example.jp"\n' + RAIN,
    "in an address of a wrong kind": '[platform]\nurl = "http://kaga:hunter2@platform.example.jp"\n' + RAIN,
    "in an address without quotes": "[platform]\nurl = mqtts://kaga:hunter2@platform.example.jp\n" + RAIN,
    "as the key itself": PLATFORM + 'key = """-----BEGIN PRIVATE KEY-----\nhunter2"""\n' + RAIN,
}


@pytest.mark.parametrize("where", SECRETS)
def test_a_secret_anywhere_in_the_file_is_told_and_never_repeated(sheet, where):
    found = sheet.faults(SITE, SECRETS[where])
    assert Code.PASSWORD_IN_FILE in [fault.code for fault in found]
    assert "hunter2" not in "".join(fault.text(lang) for fault in found for lang in ("ja", "en"))


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "iso2022_jp", "utf-16", "utf-16-be", "utf-32"])
def test_convert_gives_back_the_text_that_was_saved(sheet, encoding):
    file = sheet.write(SITE, RAIN, encoding=encoding)
    assert convert(file)
    assert file.read_text(encoding="utf-8") == SITE + RAIN


def test_convert_leaves_bytes_that_are_no_text_alone(sheet):
    sheet.file.write_bytes(b"\0" * 64)
    assert convert(sheet.file) is None
    assert sheet.file.read_bytes() == b"\0" * 64


def test_fix_width_mends_what_it_promises_and_leaves_texts_as_they_are(sheet):
    wrong = RAIN.replace('"rain-1"', "「rain-1」").replace("gpio =", "\u200bｇｐｉｏ\u00a0＝")
    file = sheet.write(SITE, wrong)
    assert fix_width(file) == 2
    assert file.read_text(encoding="utf-8") == SITE + RAIN


EVERYTHING = (
    SITE
    + 'position = [36.3, 136.3]\n[[site.check]]\nkind = "levels"\nsensor = "level-1"\nagainst = "level-1"\n'
    + PLATFORM
    + '[store]\nmax = "1GB"\n[commands]\nallow = ["ping"]\n'
    + '[battery]\nsensor = "level-1"\nstop_below_v = 11.0\n'
    + AIR
    + LEVEL
    + "[sensor.thresholds]\ncaution = 1.0\n[sensor.quality.water_level]\ngross_fail = [1.0, 2.0]\n"
    + '[[sensor.quality.water_level.season]]\nbetween = ["11-01", "03-01"]\n'
    + '[sensor.event]\nrise = "0.1m/10m"\nevery = "10s"\n[[sensor.calibration]]\nchannel = "water_level"\n'
    + RAIN
    + "[sensor.rain]\n[sensor.stranding]\n[sensor.icing]\n[sensor.snow]\n"
    + LAMP
    + POWER
)
WRONG: tuple[Any, ...] = (True, -1, "", "１", [], [{}], {}, {"a": [1]}, 10**30)


def _paths(table: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = table.items() if isinstance(table, dict) else enumerate(table)
    return [
        one
        for key, value in entries
        for one in ((*path, key), *(_paths(value, (*path, key)) if isinstance(value, dict | list) else ()))
    ]


@pytest.mark.parametrize("path", _paths(tomllib.loads(EVERYTHING)), ids=lambda path: ".".join(map(str, path)))
def test_a_value_of_any_kind_in_any_place_is_told_and_no_crash(tmp_path, path):
    for value in WRONG:
        tree = copy.deepcopy(tomllib.loads(EVERYTHING))
        inner = tree
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        notes = Notes()
        judged(Desk(documents=Documents(tree=tree), notes=notes), tmp_path)
        for fault in notes.faults:
            assert fault.text("ja")
            assert fault.text("en")


LOST = {
    "the example's zeros were taken for the authority's numbers": (
        "standby = 0.0\ndanger = 0.00\n", "all thresholds are 0"),
    "a threshold in centimetres raised no alarm ever": ("danger = 180\n", "180.0 m is never reached"),
    "a threshold within the blind zone raised no alarm ever": ("danger = 4.19\n", "at most 4.17 m"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", LOST)
def test_thresholds_that_cannot_be_meant_are_warned_of(sheet, mistake):
    written, words = LOST[mistake]
    (warning,) = sheet.good(SITE + LEVEL + f"[sensor.thresholds]\n{written}").warnings
    assert words in warning.text("en")


def test_an_alarm_that_can_never_end_is_warned_of(sheet):
    table = "[sensor.alarms.rain_intensity]\ncaution = {}\nwarning = 50.0\nhysteresis = 20.0\n"
    (warning,) = sheet.good(sheet.site, sheet.rain, table.format(20.0)).warnings
    assert "would still not end" in warning.text("en")
    assert not sheet.good(sheet.site, sheet.rain, table.format(20.5)).warnings


@pytest.mark.parametrize(
    "limits",
    ['flat_suspect = "6h"\nflat_fail = "3h"', "attenuated_suspect = 0.01\nattenuated_fail = 0.02"],
)
def test_a_suspect_limit_that_is_never_seen_is_warned_of(sheet, limits):
    (warning,) = sheet.good(SITE + LEVEL + f"[sensor.quality.water_level]\n{limits}\n").warnings
    assert "beyond the fail limit" in warning.text("en")


def test_thresholds_that_can_be_reached_are_not_warned_of(sheet):
    assert sheet.good(SITE + LEVEL + "[sensor.thresholds]\nstandby = 0.0\ndanger = 4.17\n").warnings == ()
