"""``opendata export``: what may be published, as files that others can read."""

from __future__ import annotations

import csv
import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.receiver.archive import Archive, Arrival
from kaga_edge.store.disk import Disk
from tests.crash.workload import Life

GW = "daishoji-01"
K = "a1b2c3d4"
CATALOG = {
    "v": 1, "k": K, "gw": GW,
    "site": {"name": {"ja": "大聖寺川", "en": "Daishoji"}, "lat": 36.3, "lon": 136.3, "tz": "Asia/Tokyo"},
    "s": [
        {"i": 0, "id": "level-1", "driver": "a02yyuw", "kind": "sample",
         "ch": [{"id": "water_level", "u": "m", "res": 0.001}]},
        {"i": 1, "id": "speed-1", "driver": "ops243a", "kind": "sample",
         "ch": [{"id": "vehicle_speed", "u": "km/h", "res": 1}]},
        {"i": 2, "id": "air-1", "driver": "sht4x", "kind": "sample",
         "ch": [{"id": "air_temperature", "u": "Cel"}, {"id": "humidity", "u": "%"}]},
        {"i": 3, "id": "old-1", "driver": "sht4x", "kind": "sample",
         "ch": [{"id": "air_temperature", "u": "Cel", "res": 0.01}]},
    ],
}  # fmt: skip


def disclosed(sensor: str, *, personal: bool = False, **more: Any) -> dict[str, Any]:
    words = {"ja": "水位を見る", "en": "watch the level"}
    return {"id": sensor, "measures": [], "every_s": 60, "purpose": words, "personal_data": personal} | more


MANIFEST = {
    "v": 1, "gw": GW, "site": CATALOG["site"], "by": {"ja": "加賀市", "en": "Kaga City"}, "contact": "道路課",
    "s": [disclosed("level-1"), disclosed("speed-1", personal=True), disclosed("air-1", open=False)],
}  # fmt: skip


def at_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Rows around the end of October, Japanese time."""
    path = tmp_path / "receive.db"
    made = Archive(path, root="kaga")

    def take(leaf: str, body: dict[str, Any]) -> None:
        topic = f"kaga/edge/v1/{GW}/up/{leaf}"
        made.keep([Arrival(topic=topic, payload=json.dumps(body).encode(), retained=False, at_ms=0)])

    take(f"catalog/{K}", CATALOG)
    take("manifest", MANIFEST)
    begin = at_ms("2026-10-31T23:59:59.000+09:00")
    rows = [
        [0, 0, 1.21], [0, 1000, 1.22], [1, 10, 48], [2, 10, 3.25, 81.5], [3, 10, 3.5],
        [0, 1000, None, {"q": 128}], [0, 1000, 9.9, {"q": 2}], [0, 1000, None, {"q": 512}],
        [0, 1000, 1.3, {"q": 32}], [0, 1000, 1.31, {"q": 16}],
    ]  # fmt: skip
    take("data", {"v": 1, "ep": "3f2a9c1e", "n": 1, "k": K, "t0": begin, "c": 2, "r": rows})
    assert made.unreadable == 0
    made.close()
    return path


def export(kaga_edge: Any, archive: Path, out: Path, *words: str) -> Any:
    place = ("--archive", archive, "--out", out, "--json")
    return kaga_edge("opendata", "export", *place, "--licence", "CC BY 4.0", *words)


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_month_is_the_months_of_the_site_and_not_of_greenwich(kaga_edge, archive, tmp_path) -> None:
    said = export(kaga_edge, archive, tmp_path, "--from", "2026-10", "--to", "2026-11")
    assert said.code == 0
    october, november = (tmp_path / f"{GW}_{month}.csv" for month in ("2026-10", "2026-11"))
    assert [row["time"] for row in rows_of(october)] == ["2026-10-31T23:59:59.000+09:00"]
    assert rows_of(november)[0]["time"] == "2026-11-01T00:00:00.000+09:00"
    assert len(rows_of(november)) == 6


def test_each_value_has_unit_and_quality(kaga_edge, archive, tmp_path) -> None:
    export(kaga_edge, archive, tmp_path, "--from", "2026-11-01", "--per", "day")
    rows = rows_of(tmp_path / f"{GW}_2026-11-01.csv")
    assert {row["unit"] for row in rows} == {"m"}
    assert [(row["value"], row["quality"], row["flags"]) for row in rows] == [
        ("1.22", "good", "0"),
        ("", "missing", "128"),
        ("9.9", "suspect", "2"),
        ("", "stopped", "512"),
        ("1.3", "maintenance", "32"),
        ("1.31", "estimated", "16"),
    ]


def test_personal_data_withheld_and_undisclosed_sensors_are_never_in_it(kaga_edge, archive, tmp_path) -> None:
    said = export(kaga_edge, archive, tmp_path, "--from", "2026-10", "--to", "2026-11")
    facts = json.loads(said.out)
    assert facts["sensors"] == ["level-1"]
    assert facts["left_out"] == {"speed-1": "personal", "air-1": "withheld"}
    for file in tmp_path.glob(f"{GW}*"):
        text = file.read_text(encoding="utf-8")
        assert not any(sensor in text for sensor in ("speed-1", "air-1", "old-1"))


def test_the_file_is_as_rfc_4180_says_and_excel_is_helped_when_asked(kaga_edge, archive, tmp_path) -> None:
    export(kaga_edge, archive, tmp_path, "--from", "2026-11")
    plain = (tmp_path / f"{GW}_2026-11.csv").read_bytes()
    assert plain.startswith(b"time,station,sensor,item,value,unit,quality,flags,clock\r\n")
    assert plain.endswith(b"\r\n")
    assert plain.count(b"\n") == plain.count(b"\r\n") == 7
    export(kaga_edge, archive, tmp_path, "--from", "2026-11", "--bom")
    assert (tmp_path / f"{GW}_2026-11.csv").read_bytes() == b"\xef\xbb\xbf" + plain


def test_the_description_says_licence_source_and_every_column_in_both_languages(
    kaga_edge, archive, tmp_path
) -> None:
    export(kaga_edge, archive, tmp_path, "--from", "2026-11")
    told = json.loads((tmp_path / f"{GW}_2026-11.csv-metadata.json").read_text(encoding="utf-8"))
    assert told["url"] == f"{GW}_2026-11.csv"
    assert told["dc:license"] == "CC BY 4.0"
    assert told["dc:publisher"]["ja"] == "加賀市"
    named = [one["name"] for one in told["tableSchema"]["columns"]]
    header = (tmp_path / f"{GW}_2026-11.csv").read_text().splitlines()[0]
    assert ",".join(named) == header
    assert all(one["titles"].keys() == {"ja", "en"} for one in told["tableSchema"]["columns"])
    assert set(told["kaga:quality"]) == {
        "good", "suspect", "maintenance", "estimated", "missing", "stopped",
    }  # fmt: skip


def test_without_a_licence_nothing_is_published(kaga_edge, archive, tmp_path) -> None:
    said = kaga_edge("opendata", "export", "--archive", archive, "--out", tmp_path / "o", "--from", "2026-11")
    assert said.code == 64
    assert "--licence" in said.err
    assert not (tmp_path / "o").exists()


def test_a_time_without_values_makes_no_file_and_says_so(kaga_edge, archive, tmp_path) -> None:
    said = export(kaga_edge, archive, tmp_path / "o", "--from", "2020-01")
    assert (said.code, json.loads(said.out)["files"]) == (1, [])
    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.parametrize("words", [("--from", "2026-13"), ("--from", "yesterday"), ("--gateway", "other")])
def test_what_cannot_be_meant_is_told(kaga_edge, archive, tmp_path, words) -> None:
    assert export(kaga_edge, archive, tmp_path, *words).code == 64


def test_a_file_that_is_no_archive_is_told(kaga_edge, tmp_path) -> None:
    other = tmp_path / "other.db"
    other.write_text("not a database, but long enough to look like a file")
    assert export(kaga_edge, other, tmp_path).code == 2


def test_the_rows_of_a_store_are_published_as_the_configuration_discloses(kaga_edge, tmp_path) -> None:
    life = Life(tmp_path / "kaga.db", Disk(), random.Random(3))
    database = life.open()
    for _ in range(10):
        life.append(7)
    database.close()
    config = tmp_path / "kaga-edge.toml"
    config.write_text(
        '[site]\nid = "gw"\nname = { ja = "川", en = "river" }\nzone = "Asia/Tokyo"\n'
        '[[sensor]]\nid = "level-1"\ndriver = "a02yyuw"\nport = "/dev/ttyAMA0"\n'
        "[sensor.mount]\nground_to_sensor_m = 4.0\n"
        "[sensor.disclosure]\n"
        'purpose = { ja = "水位", en = "level" }\npersonal_data = false\n',
        encoding="utf-8",
    )
    out = tmp_path / "o"
    words = ("--store", life.path, "--config", config, "--licence", "CC BY 4.0", "--out", out)
    said = kaga_edge("opendata", "export", *words, "--from", "2023-01", "--to", "2023-12", "--json")
    assert said.code == 0, said.err
    assert sum(one["values"] for one in json.loads(said.out)["files"]) == 70


def test_licence_and_what_is_not_to_be_published_stand_in_the_configuration(kaga_edge, tmp_path) -> None:
    config = tmp_path / "kaga-edge.toml"
    config.write_text(
        '[site]\nid = "gw"\nname = { ja = "川", en = "river" }\nlicence = "CC BY 4.0"\n'
        '[[sensor]]\nid = "rain-1"\ndriver = "tipping_bucket"\ngpio = 17\n[sensor.disclosure]\n'
        'purpose = { ja = "雨", en = "rain" }\npersonal_data = false\nopen_data = false\n',
        encoding="utf-8",
    )
    told = json.loads(kaga_edge("manifest", "show", "--json", "--config", config).out)
    assert told["licence"] == "CC BY 4.0"
    assert told["s"][0]["open"] is False
    assert kaga_edge("manifest", "check", "--config", config).code in (0, 1)
    assert "CC BY 4.0" in kaga_edge("manifest", "show", "--config", config).out
