"""``kaga-edge decode``: what people see, what programs get, and the exit codes."""

from __future__ import annotations

import argparse
import json

import pytest

from kaga_edge.cli import decode

SR50A = "02 33333b313833383b3139343b31313031313b32430d0a03"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command; give the exit code, what was printed, and what was complained about."""
    for name in ("KAGA_EDGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "TERM"):
        monkeypatch.delenv(name, raising=False)

    def call(*words):
        parser = argparse.ArgumentParser()
        decode.add(parser.add_subparsers())
        args = parser.parse_args(["decode", *words])
        code = args.func(args)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def image(tmp_path):
    """Write an image file."""

    def write(body) -> str:
        path = tmp_path / "image.json"
        path.write_text(json.dumps(body), encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("frames", [["FF07A1A7"], ["FF", "07", "A1", "A7"], ["0xFF07A1A7"], ["ff 07 a1 a7"]])
def test_a_frame_is_decoded_however_it_is_written(run, frames):
    code, out, _ = run("a02yyuw", "--frames", *frames)
    assert code == 0
    assert "1.953 m" in out
    assert "surface_distance" in out


def test_several_frames_and_rubbish_are_all_told(run):
    code, out, _ = run("a02yyuw", "--frames", "0012FF07A1A7FF1194A4FF")
    assert code == 0
    assert "1.953 m" in out
    assert "4.500 m" in out
    assert "3 bytes skipped" in out


def test_json_holds_the_readings_and_what_was_skipped(run):
    code, out, _ = run("sr50a", "--frames", "00" + SR50A, "--json")
    body = json.loads(out)
    assert code == 0
    assert body["driver"] == "sr50a"
    assert body["readings"] == [
        {"quantity": "surface_distance", "value": 1.838, "unit": "m", "flags": 0},
        {"quantity": "echo_quality", "value": 194.0, "unit": "1", "flags": 0},
    ]
    assert body["skipped_bytes"] == 1


@pytest.mark.parametrize(
    ("driver", "frames", "check", "place"),
    [
        ("a02yyuw", "FF07A1", "length", "byte 3"),
        ("a02yyuw", "FE07A1A6", "shape", "byte 0"),
        ("a02yyuw", "0000FF07A1A8", "checksum", "byte 3"),
        ("a02yyuw", "FF157C90", "value", "bytes 1-2"),
        ("maxbotix", "5230393834", "length", "5 bytes"),
        ("maxbotix", "52303938340A", "shape", "byte 5"),
        ("maxbotix", "52353030300D", "value", "bytes 1-4"),
        ("sr50a", SR50A.replace("3243", "3244"), "checksum", "byte 19"),
    ],
)
def test_what_cannot_be_decoded_names_the_check_and_the_byte(run, driver, frames, check, place):
    code, _, err = run(driver, "--frames", frames)
    assert code == 1
    assert f"({check})" in err
    assert place in err
    code, out, _ = run(driver, "--frames", frames, "--json")
    assert code == 1
    assert json.loads(out)["error"]["check"] == check


@pytest.mark.parametrize(
    ("driver", "frames", "check"),
    [
        ("a02yyuw", ["FF157C90FF07A1A7"], "value"),
        ("a02yyuw", ["FF07A1A8FF07A1A7"], "checksum"),
        ("a02yyuw", ["FF07A1A7", "FF07A1A8"], "checksum"),
        ("a02yyuw", ["FF07A1A7", "FF07A1"], "length"),
        ("a02yyuw", ["FE07A1A6", "FF07A1A7"], "shape"),
        ("sr50a", [SR50A, SR50A.replace("3243", "3244")], "checksum"),
    ],
)
def test_a_bad_frame_beside_a_good_one_was_skipped_without_a_word(run, driver, frames, check):
    code, out, err = run(driver, "--frames", *frames)
    assert code == 1
    assert ("1.953 m" in out) or ("1.838 m" in out)
    assert f"({check})" in err
    code, out, _ = run(driver, "--frames", *frames, "--json")
    assert (code, json.loads(out)["error"]["check"]) == (1, check)


@pytest.mark.parametrize("frames", [["FF07A1A7FF07"], ["FF", "07", "A1", "A7", "00"], ["5869FF07A1A7"]])
def test_noise_and_half_a_frame_at_the_end_are_no_error(run, frames):
    code, out, err = run("a02yyuw", "--frames", *frames)
    assert (code, err) == (0, "")
    assert "1.953 m" in out


def test_the_banner_of_a_sensor_is_no_error(run):
    banner = b"SCXL-MaxSonar-WRS\rPN:MB7574\rCopyright 2011-2017\rMaxBotix Inc.\rRoHSv24b 084  0517\rTempI\r"
    code, out, err = run("maxbotix", "--frames", (banner + b"R0984\r").hex())
    assert (code, err) == (0, "")
    assert "0.984 m" in out


@pytest.mark.parametrize(
    ("driver", "body", "words", "shows"),
    [
        ("sht4x", {"address": 68, "replies": {"FD": "2FD666C08233"}}, [], ["-12.30", "88.00 %"]),
        (
            "ads1115",
            {"address": 72, "registers": {"0x00": "2580"}},
            ["--set", "measures=water_depth", "--set", "value_at_4_ma=0", "--set", "value_at_20_ma=5"],
            ["2.500 m", "12.000 mA"],
        ),
        (
            "keller",
            {"unit": 1, "holding": {"2": [16245, 61563]}},
            ["--set", "temperature=none"],
            ["960.70 hPa"],
        ),
        ("a02yyuw", {"frames": ["FF07A1A7"]}, [], ["1.953 m"]),
    ],
)
def test_an_image_is_decoded(run, image, driver, body, words, shows):
    code, out, err = run(driver, "--image", image(body), *words)
    assert (code, err) == (0, "")
    assert all(text in out for text in shows)


def test_a_quantity_without_a_value_says_so(run, image):
    edges = {"start_ns": 0, "end_ns": 60_000_000_000, "edges": []}
    code, out, _ = run("vehicle", "--image", image(edges), "--set", "gpio=22")
    assert code == 0
    assert "(vehicle_speed): no value" in out


def test_a_wrong_checksum_in_an_image_exits_1_and_says_so(run, image):
    code, _, err = run("sht4x", "--image", image({"address": 68, "replies": {"FD": "2FD667C08233"}}))
    assert code == 1
    assert "(checksum)" in err
    assert "byte 2" in err


def test_what_an_image_lacks_exits_1_and_names_it(run, image):
    code, _, err = run("bme280", "--image", image({"address": 118, "registers": {"0xD0": "60"}}))
    assert code == 1
    assert "0x88" in err


# The maker's blocks of the calibration and a reading; expected: RPi.bme280 and the datasheet's double form.
BME280 = {
    "0x88": "696d1e683200828f75d6d00b441bfcfff9ffac260ad8bd10004b",
    "0xE1": "6a01001327031e",
    "0xF7": "5091007eb5807148",
}


def test_a_bme280_captured_without_its_identity_could_not_be_decoded(run, image):
    code, out, err = run("bme280", "--image", image({"address": 118, "registers": BME280}))
    assert (code, err) == (0, "")
    assert all(shown in out for shown in ("1027.72 hPa", "22.52", "50.08 %"))


def test_another_chip_than_the_driver_is_for_exits_1(run, image):
    code, _, err = run("bme280", "--image", image({"address": 118, "registers": BME280 | {"0xD0": "58"}}))
    assert code == 1
    assert "BMP280" in err


def test_a_fault_in_an_image_exits_64_and_names_the_file(run, image):
    code, _, err = run("sht4x", "--image", image({"replies": 5}))
    assert code == 64
    assert "image.json" in err


def test_an_unknown_driver_lists_the_closest(run):
    code, _, err = run("a02yuw", "--frames", "FF")
    assert code == 64
    assert "a02yyuw" in err


def test_an_unknown_option_lists_the_options(run):
    code, _, err = run("a02yyuw", "--frames", "FF", "--set", "nearst_mm=3")
    assert code == 64
    assert all(name in err for name in ("nearest_mm", "farthest_mm", "[30]"))


@pytest.mark.parametrize(
    ("driver", "setting"),
    [
        ("a02yyuw", "nearest_mm=9999"),
        ("a02yyuw", "nearest_mm=near"),
        ("a02yyuw", "nearest_mm"),
        ("maxbotix", "digits=5"),
        ("maxbotix", "nearest_mm=6000"),
        ("sr50a", "unit=inch"),
        ("bme280", "anything=1"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(run, driver, setting):
    code, _, err = run(driver, "--frames", "FF", "--set", setting)
    assert code == 64
    assert err


@pytest.mark.parametrize(("setting", "metres"), [("digits=3", "0.98"), ("digits=4", "0.984")])
def test_a_choice_of_numbers_can_be_set(run, setting, metres):
    frame = "523039380D" if "3" in setting else "52303938340D"
    unit = ["--set", "unit=cm"] if "3" in setting else []
    code, out, _ = run("maxbotix", "--frames", frame, "--set", setting, *unit)
    assert code == 0
    assert metres in out


def test_a_needed_option_is_asked_for(run, image):
    code, _, err = run("tipping_bucket", "--image", image({"start_ns": 0, "end_ns": 1, "edges": []}))
    assert code == 64
    assert "gpio" in err


@pytest.mark.parametrize(("driver", "frames"), [("sht4x", "FF"), ("a02yyuw", "GG"), ("a02yyuw", "F")])
def test_frames_that_are_none_are_refused(run, driver, frames):
    assert run(driver, "--frames", frames)[0] == 64


def test_it_speaks_japanese(run, monkeypatch):
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    _, out, _ = run("a02yyuw", "--frames", "00FF07A1A7")
    assert "読み飛ばし 1 バイト" in out
    code, _, err = run("a02yyuw", "--frames", "FF07A1A8")
    assert code == 1
    assert "チェックサム" in err


def test_a_doubtful_product_id_is_remarked_upon(run, image):
    prom = {"A0": "9340", "A2": "88A6", "A4": "8E00", "A6": "4F68", "A8": "5752", "AA": "6816", "AC": "6622"}
    body = {"address": 118, "replies": {**prom, "4A:00": "4BA7E3", "5A:00": "67FEB6"}}
    code, _, err = run("ms5837", "--image", image(body), "--set", "variant=02BA")
    assert code == 0
    assert "0x1A" in err


def test_decode_told_the_detail_in_english_under_a_japanese_heading(kaga_edge) -> None:
    said = kaga_edge("decode", "a02yyuw", "--frames", "FF07A1A9", "--lang", "ja")
    assert "解読できません(チェックサム): 合計 (バイト 3) が A9 です。計算では A7" in said.out + said.err


@pytest.mark.parametrize("line", ["12.2\r\n", '"mps",12.2\r\n'], ids=["plain", "with its unit"])
def test_the_makers_own_plain_line_was_no_line_where_nothing_came_before_it(run, line):
    code, out, _ = run("ops243a", "--frames", line.encode().hex())
    assert code == 0
    assert "43.9 km/h" in out
    assert "1 bytes skipped" in out


def test_the_first_of_several_plain_lines_was_skipped_without_a_word(run):
    code, out, _ = run("ops243a", "--frames", b"12.2\r\n13.0\r\n".hex())
    assert (code, out.count("km/h")) == (0, 2)


def test_an_image_saved_by_notepad_was_refused(run, tmp_path):
    path = tmp_path / "image.json"
    path.write_bytes(b'\xef\xbb\xbf{"frames": ["FF07A1A7"]}')
    code, out, _ = run("a02yyuw", "--image", str(path))
    assert code == 0
    assert "1.953 m" in out


EDGES = [[1_000_000_000, 17, True], [1_100_000_000, 17, False]]
MINUTE = {"start_ns": 0, "end_ns": 60_000_000_000}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (MINUTE | {"edges": [[1_000_000_000, 17, "false"]]}, "active"),
        (MINUTE | {"edges": [], "active_at_start": {"17": "no"}}, "active_at_start 17"),
        ({"start_ns": 60_000_000_000, "end_ns": 0, "edges": []}, "end_ns"),
        ({"start_ns": 0, "end_ns": 1_000_000_000, "edges": EDGES}, "1100000000"),
        (MINUTE | {"edges": [[1_000_000_000, 22, True]]}, "no GPIO 17, only 22"),
    ],
    ids=["level as text", "first level as text", "end before start", "edge after the end", "another line"],
)
def test_edges_that_cannot_be_were_decoded_as_no_rain(run, image, body, says):
    code, out, err = run("tipping_bucket", "--image", image(body), "--set", "gpio=17")
    assert (code, out) == (64, "")
    assert says in err


def test_edges_written_in_another_order_than_that_of_time_gave_no_rain(run, image):
    code, out, _ = run(
        "tipping_bucket", "--image", image(MINUTE | {"edges": EDGES[::-1]}), "--set", "gpio=17"
    )
    assert code == 0
    assert "0.500 mm" in out


@pytest.mark.parametrize(
    ("driver", "setting", "says"),
    [
        ("a02yyuw", "nearest_mm=near", "a whole number is needed"),
        ("a02yyuw", "nearest_mm=9000", "<= 4500"),
        ("ads1115", "shunt_ohm=100ohm", "a number is needed"),
        ("maxbotix", "unit=CM", "use one of 'mm' or 'cm'"),
        ("modbus_map", 'registers=[{"quantity":"rain","adress":1}]', "address: it is needed"),
        (
            "modbus_map",
            'registers=[{"quantity":"rain","address":1,"adress":1}]',
            "[0].adress: there is no such",
        ),
    ],
)
def test_a_wrong_option_names_the_entry_and_what_it_should_be(run, driver, setting, says):
    code, _, err = run(driver, "--frames", "00", "--set", setting)
    assert code == 64
    assert says in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a02yyuw", "--frames", "00", "--set", "nearest_mm=near"), "整数にします"),
        (("bme280", "--image", "{none}"), "ファイルがありません"),
        (("keller", "--image", "{wrong}"), "機器イメージのファイルに誤りがある"),
    ],
)
def test_a_wrong_argument_was_told_in_english_to_japanese_readers(run, monkeypatch, tmp_path, words, says):
    monkeypatch.setenv("KAGA_EDGE_LANG", "ja")
    (tmp_path / "wrong.json").write_text('{"unit": "one", "holding": {}}')
    paths = {"none": tmp_path / "none.json", "wrong": tmp_path / "wrong.json"}
    code, _, err = run(*(word.format(**paths) for word in words))
    assert code == 64
    assert says in err
