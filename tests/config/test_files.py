"""Files that are not good TOML: the usual slips of a Japanese keyboard and a Windows editor."""

from __future__ import annotations

import pytest

from kaga_edge.config import ConfigFaults, load
from kaga_edge.config.faults import Code


def test_a_file_that_is_not_there_is_a_fault_with_the_way_to_make_one(tmp_path):
    with pytest.raises(ConfigFaults) as caught:
        load(tmp_path / "none.toml")
    (fault,) = caught.value.faults
    assert (fault.code, fault.line) == (Code.FILE_MISSING, 0)
    assert "config init" in fault.text("en")


def test_a_folder_in_its_place_is_a_fault(tmp_path):
    with pytest.raises(ConfigFaults) as caught:
        load(tmp_path)
    assert caught.value.faults[0].code == Code.FILE_CLOSED


@pytest.mark.parametrize(("encoding", "name"), [("cp932", "Shift-JIS"), ("utf-16", "UTF-16")])
def test_another_encoding_is_recognised_and_the_other_faults_are_told_too(sheet, encoding, name):
    found = sheet.faults(sheet.site, sheet.air.replace('"10s"', '"10"'), encoding=encoding)
    assert {fault.code for fault in found} == {Code.ENCODING, Code.NO_UNIT}
    assert name in " ".join(fault.text("en") for fault in found)


def test_full_width_digits_are_pointed_out_and_the_rest_is_still_checked(sheet):
    rain = sheet.rain.replace("gpio = 17", "gpio = １７\nmm_per_tip = -1")
    found = sheet.faults(sheet.site, rain)
    assert [fault.code for fault in found] == [Code.FULL_WIDTH, Code.OUT_OF_BOUNDS]
    assert "U+FF11" in found[0].text("en")
    assert "半角" in found[0].text("ja")


def test_a_full_width_space_is_pointed_out(sheet):
    assert sheet.only(sheet.site, sheet.rain.replace("gpio = 17", "gpio\u3000= 17")).code == Code.FULL_WIDTH


def test_full_width_text_inside_quotes_and_comments_is_welcome(sheet):
    assert sheet.good(sheet.site.replace("見本", "見本１２３　（仮）"), "# メモ：１\n", sheet.rain)


def test_curly_quotes_are_pointed_out(sheet):
    fault = sheet.only(sheet.site, sheet.rain.replace('"rain-1"', "\u201crain-1\u201d"))
    assert (fault.code, fault.line) == (Code.CURLY_QUOTE, 5)


def test_single_brackets_for_two_sensors_are_one_fault_each(sheet):
    found = sheet.faults(sheet.site, (sheet.air + sheet.rain).replace("[[sensor]]", "[sensor]"))
    assert [fault.code for fault in found] == [Code.SINGLE_BRACKETS] * 2


def test_one_sensor_in_single_brackets_is_found_too(sheet):
    assert sheet.only(sheet.site, sheet.air.replace("[[sensor]]", "[sensor]")).code == Code.SINGLE_BRACKETS


def test_a_leading_zero_is_told_without_it(sheet):
    fault = sheet.only(sheet.site, sheet.rain.replace("17", "07"))
    assert (fault.code, fault.key) == (Code.LEADING_ZERO, "gpio")
    assert fault.text("en").endswith("Write 7")


def test_a_value_without_quotes_is_told_with_them(sheet):
    fault = sheet.only(sheet.site, sheet.air.replace('"10s"', "10s"))
    assert fault.code == Code.NO_QUOTES
    assert '"10s"' in fault.text("en")


def test_two_lines_that_are_no_toml_are_both_told_and_so_is_a_wrong_value(sheet):
    text = sheet.air.replace('"10s"', "10s").replace('"bme280"', "bme280").replace("0x77", "0x90")
    found = sheet.faults(sheet.site, text)
    assert [fault.code for fault in found] == [Code.NO_QUOTES, Code.OUT_OF_BOUNDS, Code.NO_QUOTES]


def test_an_unfinished_array_ends_with_a_fault_and_not_with_an_endless_search(sheet):
    found = sheet.faults(sheet.site, "position = [36.3,\n", sheet.air)
    assert found[0].code in (Code.SYNTAX, Code.NO_QUOTES)


@pytest.mark.parametrize("last", ["broken = [", "broken = ", "broken", "broken = '", 'broken = """'])
def test_a_good_line_with_an_apostrophe_was_blamed_for_the_last_one(sheet, last):
    air = sheet.air.replace("en =", 'en = "today\'s weather" } # ', 1)
    text = f"{sheet.site}{air}\n{last}"
    assert [fault.line for fault in sheet.faults(text)] == [text.count("\n") + 1]


def test_a_table_declared_twice_is_told_once(sheet):
    found = sheet.faults(sheet.site, sheet.air, "[site]\nid = 'x'\n")
    assert [fault.code for fault in found] == [Code.TABLE_TWICE]
    assert found[0].text("en").endswith("[site] is written twice. Keep one")


def test_any_bytes_at_all_give_faults_and_never_another_error(tmp_path):
    file = tmp_path / "x.toml"
    for junk in (
        b"\x00\xff",
        b"[",
        b"[[",
        b"= = =",
        b'"""',
        b"a.b.c\n[d",
        b"\xef\xbb\xbf",
        b"sensor = 3\n[site]",
    ):
        file.write_bytes(junk)
        with pytest.raises(ConfigFaults):
            load(file)
