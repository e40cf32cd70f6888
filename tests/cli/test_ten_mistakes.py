"""The mistakes people make, and what they read then, in both languages."""

from __future__ import annotations

import pytest

from kaga_edge.config import load

SITE = """\
[site]
id = "flood-1"
name = { ja = "見本", en = "sample" }
"""
PLATFORM = """\
[platform]
url = "mqtts://platform.example.jp:8883"
"""
AIR = """\
[[sensor]]
id = "air-1"
driver = "sht4x"
i2c = { bus = 1, address = 0x44 }
every = "60s"
[sensor.disclosure]
purpose = { ja = "気象", en = "weather" }
personal_data = false
"""
LEVEL = """\
[[sensor]]
id = "level-1"
driver = "a02yyuw"
port = "/dev/ttyAMA0"
[sensor.mount]
gauge_zero_to_sensor_m = 4.2
[sensor.disclosure]
purpose = { ja = "水位", en = "level" }
personal_data = false
"""
RAIN = """\
[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpio = 17
[sensor.disclosure]
purpose = { ja = "雨量", en = "rain" }
personal_data = false
"""
THRESHOLDS = "[sensor.thresholds]\ncaution = 1.3\nevacuation = 1.0\n[sensor.disclosure]"

MISTAKES = {
    "1 misspelt key": (
        SITE + AIR.replace("address =", "adress ="),
        (
            'unknown key "adress". Did you mean "address"?',
            "「adress」という項目はありません。「address」のことですか?",
        ),
    ),
    "2 single brackets, twice": (
        SITE + (AIR + RAIN).replace("[[sensor]]", "[sensor]"),
        (
            "a list of sensors needs double brackets. Write [[sensor]] at lines 4 and 12",
            "センサーを並べるときは [[sensor]] と二重の括弧にします (4、12 行目)",
        ),
    ),
    "3 full-width digit": (
        SITE + RAIN.replace("17", "１７"),
        (
            'full-width character "１" (U+FF11). Use ASCII "1". Fix all: kaga-edge config check --fix-width',
            "全角の「１」(U+FF11) があります。半角の「1」にしてください",
        ),
    ),
    "3 full-width space": (
        SITE + RAIN.replace("gpio = 17", "gpio　= 17"),
        ("(U+3000)", "(U+3000)"),
    ),
    "4 Shift-JIS": (
        (SITE + RAIN).encode("cp932"),
        (
            "the file is Shift-JIS, not UTF-8. Save as UTF-8, or run: kaga-edge config check --convert",
            "文字コードが Shift-JIS です。UTF-8 で保存してください",
        ),
    ),
    "4 UTF-16 as Notepad saves it": ((SITE + RAIN).encode("utf-16"), ("the file is UTF-16", "UTF-16 です")),
    "5 curly quotes": (
        SITE + RAIN.replace('"rain-1"', "“rain-1”"),
        ('Use the straight "', '半角の " を使います'),
    ),
    "6 no unit": (
        SITE + AIR.replace('"60s"', '"10"'),
        (
            '"10" has no unit. Write "10s", "5m" or "1h"',
            '"10" に単位がありません。"10s" "5m" "1h" のように書きます',
        ),
    ),
    "7 header pin": (
        SITE + RAIN.replace("17", "40"),
        (
            "GPIO 40 does not exist (0-27). Header pin 40 is GPIO 21: write gpio = 21",
            "40番はヘッダーのピン番号です。GPIO番号は 21 です",
        ),
    ),
    "7 the I2C data line": (
        SITE + AIR + RAIN.replace("17", "2"),
        (
            'GPIO 2 is the I2C data line used by "air-1"',
            "GPIO 2 は「air-1」が使う I2C のデータ (SDA) 線です",
        ),
    ),
    "8 one id twice": (
        SITE + AIR + RAIN.replace("rain-1", "air-1"),
        ('id "air-1" is also used at line 5', "id「air-1」は 5 行目でも使われています"),
    ),
    "8 one port twice": (
        SITE + LEVEL + LEVEL.replace("level-1", "snow-1"),
        (
            '"snow-1" and "level-1" (line 7) both use /dev/ttyAMA0. One device per port',
            "同じポート /dev/ttyAMA0 を「level-1」(7 行目) と「snow-1」の2台が使っています",
        ),
    ),
    "8 one address twice": (
        SITE + AIR + AIR.replace("air-1", "air-2"),
        ('"air-2" and "air-1" (line 7) both use address 0x44', "番地 0x44 を「air-1」(7 行目) と「air-2」"),
    ),
    "10 thresholds out of order": (
        SITE + LEVEL.replace("[sensor.disclosure]", THRESHOLDS),
        (
            "caution 1.3 is above evacuation 1.0. Order: standby <= caution <= evacuation <= danger",
            "順序が逆です: caution 1.3 が evacuation 1.0 より高くなっています",
        ),
    ),
    "10 the password in the file": (
        SITE + PLATFORM + 'password = "hunter2"\n' + RAIN,
        (
            "do not write the password here. Run: sudo kaga-edge secret set mqtt-password",
            "パスワードは設定に書かず、sudo kaga-edge secret set mqtt-password で登録し",
        ),
    ),
    "further: leading zero": (
        SITE + RAIN.replace("17", "07"),
        ("07 has a leading zero. Write 7", "07 は 0 で始まっています。7 と書きます"),
    ),
    "further: no quotes": (
        SITE + RAIN.replace('"rain-1"', "rain-1"),
        ('rain-1 needs quotes. Write "rain-1"', 'rain-1 に引用符がありません。文字は " で囲みます'),
    ),
    "further: a table twice": (
        SITE + RAIN + '[site]\nid = "x"\n',
        ("[site] is written twice", "[site] が2回あります"),
    ),
    "further: too often for the instrument": (
        SITE + LEVEL.replace('port =', 'every = "10ms"\nport ='),
        ("too short for this model", "この機種には短すぎます"),
    ),
    "further: unknown driver": (
        SITE + RAIN.replace("tipping_bucket", "tiping-bucket"),
        ('unknown driver "tiping-bucket". Nearest: tipping_bucket', "近いもの: tipping_bucket"),
    ),
    "further: latitude and longitude swapped": (
        SITE + "position = [136.31, 36.31]\n" + RAIN,
        ("Write position = [36.31, 136.31]", "緯度と経度が逆です。position = [36.31, 136.31] と書きます"),
    ),
    "further: no disclosure": (
        SITE + RAIN.partition("[sensor.disclosure]")[0],
        ("[sensor.disclosure] is missing", "[sensor.disclosure] がありません"),
    ),
}  # fmt: skip
WARNINGS = {
    "9 a port that changes its number": (
        SITE + LEVEL.replace("ttyAMA0", "ttyUSB0"),
        ("/dev/ttyUSB0 may change at the next start", "/dev/ttyUSB0 は次の起動で番号が変わることがあります"),
    ),
    "further: kept longer than there is room": (
        SITE + '[store]\nmax = "5MB"\nkeep_delivered = "3650d"\n' + AIR,
        ("Raise max or lower keep_delivered", "max を増やすか keep_delivered を減らします"),
    ),
    "further: outside Japan": (
        SITE + "position = [1.0, 1.0]\n" + RAIN,
        ("is outside Japan", "日本の外です"),
    ),
}


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_mistake_is_told_in_words_that_help(kaga_edge, tmp_path, mistake, lang):
    content, texts = MISTAKES[mistake]
    file = tmp_path / "site.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = kaga_edge("config", "check", file, "--lang", lang)
    assert said.code == 78
    assert texts[0 if lang == "en" else 1] in said.out
    assert "hunter2" not in said.out


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("mistake", WARNINGS)
def test_what_works_and_will_not_for_long_is_a_warning(kaga_edge, tmp_path, mistake, lang):
    content, texts = WARNINGS[mistake]
    file = tmp_path / "site.toml"
    file.write_text(content, encoding="utf-8")
    said = kaga_edge("config", "check", file, "--lang", lang)
    assert said.code == 1
    assert texts[0 if lang == "en" else 1] in said.out


def test_a_bom_is_accepted_silently(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(SITE + RAIN, encoding="utf-8-sig")
    assert load(file).warnings == ()


def test_all_mistakes_of_a_file_are_told_in_one_run_sorted_by_line(kaga_edge, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(
        SITE + AIR.replace("address =", "adress =").replace('"60s"', '"10"') + RAIN.replace("17", "40")
    )
    lines = kaga_edge("config", "check", file).out.splitlines()
    places = [line.split("  ")[0] for line in lines if line.startswith("site.toml:")]
    assert places == ["site.toml:7", "site.toml:8", "site.toml:15"]
    assert lines[-2] == "3 fault(s)"
