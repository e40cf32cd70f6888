"""The backlog on a stick: exported at the station, fed in at the city's side; duplicates are harmless."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import pytest

from kaga_edge.receiver.archive import Archive, Arrival
from kaga_edge.receiver.importing import LINE_MOST_BYTES, lines_of, message_of_line
from kaga_edge.receiver.opendata import Source
from kaga_edge.store.disk import Disk
from tests.crash.workload import Life


@pytest.fixture
def stick(tmp_path: Path, kaga_edge) -> Path:
    """A store's 420 rows, some of them given up, as JSON lines."""
    life = Life(tmp_path / "kaga.db", Disk(), random.Random(3))
    database = life.open()
    for _ in range(60):
        life.append(7)
    life.confirm()
    life.give_up()
    database.close()
    out = tmp_path / "stick.jsonl"
    assert kaga_edge("store", "export", life.path, out).code == 0
    return out


def brought(kaga_edge, stick: Path, database: Path) -> dict:
    said = kaga_edge("store", "import", stick, "--database", database, "--json")
    return json.loads(said.out) | {"code": said.code}


def test_everything_arrives_and_no_number_is_missing(kaga_edge, stick, tmp_path):
    done = brought(kaga_edge, stick, tmp_path / "city.db")
    assert (done["code"], done["rows"], done["repeated"], done["conflicting"]) == (0, 420, 0, 0)
    archive = Archive(tmp_path / "city.db", root="kaga")
    (counts,) = archive.everything().counts
    archive.close()
    assert (counts.arrived, counts.gaps.count) == (420, 0)


def test_the_same_stick_twice_is_harmless(kaga_edge, stick, tmp_path):
    brought(kaga_edge, stick, tmp_path / "city.db")
    again = brought(kaga_edge, stick, tmp_path / "city.db")
    assert (again["code"], again["rows"], again["repeated"], again["conflicting"]) == (0, 0, 420, 0)


def test_what_had_come_over_the_line_already_is_not_doubled(kaga_edge, stick, tmp_path):
    lines = stick.read_text().splitlines(keepends=True)
    half = tmp_path / "half.jsonl"
    half.write_text("".join(lines[: len(lines) // 2]))
    first = brought(kaga_edge, half, tmp_path / "city.db")
    second = brought(kaga_edge, stick, tmp_path / "city.db")
    assert first["rows"] + second["rows"] == 420
    assert second["repeated"] == first["rows"]


def test_a_stick_pulled_out_too_early_gives_what_it_has_and_says_so(kaga_edge, stick, tmp_path):
    stick.write_bytes(stick.read_bytes()[:-40])
    done = brought(kaga_edge, stick, tmp_path / "city.db")
    assert (done["code"], done["torn"]) == (1, 1)
    assert done["rows"] > 0


def test_junk_changes_nothing(kaga_edge, tmp_path):
    (tmp_path / "junk").write_bytes(
        b'\xff\n{}\n[]\n{"topic":1}\n{"topic":"kaga/edge/v1/x/up/hist","payload":{}}\n'
    )
    done = brought(kaga_edge, tmp_path / "junk", tmp_path / "city.db")
    assert (done["code"], done["rows"], done["unreadable"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("kaga/edge/v1/gw/up/alert", {"subject": "\ud800"}),
        ("kaga/edge/v1/\udfff/up/hist", {}),
        ("kaga/edge/v1/+/up/hist", {}),
        ("kaga/edge/v1/#/up/hist", {}),
        ("kaga/edge/v1/\0/up/hist", {}),
        ("kaga/edge/v1/" + 22_000 * "河" + "/up/hist", {}),  # 66,000 bytes: MQTT's strings end at 65,535
    ],
    ids=["half a character", "half a character in the topic", "+", "#", "NUL", "long"],
)
def test_a_line_that_no_broker_could_carry_ended_the_import(kaga_edge, stick, tmp_path, topic, payload):
    line = json.dumps({"topic": topic, "payload": payload})
    assert message_of_line(line.encode(), 0) is None  # nor is it published
    stick.write_text(line + "\n" + stick.read_text())
    done = brought(kaga_edge, stick, tmp_path / "city.db")
    assert (done["code"], done["torn"], done["unreadable"], done["rows"]) == (1, 1, 0, 420)


def test_a_spoilt_stick_of_one_endless_line_filled_the_memory(kaga_edge, stick, tmp_path):
    stick.write_bytes(bytes(5_000_000) + b"\n" + stick.read_bytes())
    with stick.open("rb") as export:
        assert max(len(piece) for piece in lines_of(export)) == LINE_MOST_BYTES
    done = brought(kaga_edge, stick, tmp_path / "city.db")
    assert (done["code"], done["torn"], done["rows"]) == (1, 3, 420)


def test_a_running_receivers_file_is_left_alone(kaga_edge, stick, tmp_path):
    archive = Archive(tmp_path / "city.db", root="kaga")
    said = kaga_edge("store", "import", stick, "--database", tmp_path / "city.db")
    archive.close()
    assert (said.code, said.err[:6]) == (75, "KE-R01")


def test_nothing_is_confirmed_at_the_station(kaga_edge, stick, tmp_path):
    before = (tmp_path / "kaga.db").read_bytes()
    brought(kaga_edge, stick, tmp_path / "city.db")
    assert (tmp_path / "kaga.db").read_bytes() == before


def test_without_a_file_name_the_configured_store_is_exported(kaga_edge, stick, tmp_path):
    config = tmp_path / "kaga-edge.toml"
    example = (Path(__file__).parents[2] / "config" / "kaga-edge.flood.toml").read_text()
    config.write_text(example.replace("[store]\n", '[store]\npath = "kaga.db"\n'))
    assert kaga_edge("store", "export", tmp_path / "two.jsonl", "--config", config).code == 0
    assert (tmp_path / "two.jsonl").read_bytes() == stick.read_bytes()


@pytest.fixture
def disclosing(tmp_path) -> Path:
    """A configuration of the gateway whose store was exported, below a root of the city's own."""
    config = tmp_path / "kaga-edge.toml"
    example = (Path(__file__).parents[2] / "config" / "kaga-edge.flood.toml").read_text()
    example = example.replace('id = "flood-sample-01"', 'id = "gw"')
    config.write_text(example.replace("[platform]\n", '[platform]\nroot = "kanazawa"\n'))
    return config


def published(kaga_edge, database: Path, out: Path):
    words = (
        "--archive",
        database,
        "--out",
        out,
        "--licence",
        "CC BY 4.0",
        "--from",
        "2000-01",
        "--to",
        "2040-12",
    )
    return kaga_edge("opendata", "export", *words, "--json")


def test_what_came_on_a_stick_alone_was_never_published(kaga_edge, stick, disclosing, tmp_path):
    out, city = tmp_path / "two.jsonl", tmp_path / "city.db"
    said = kaga_edge("store", "export", tmp_path / "kaga.db", out, "--config", disclosing)
    assert said.code == 0, said.err
    said = kaga_edge("store", "import", out, "--database", tmp_path / "other.db", "--lang", "en")
    assert (said.code, "--root kanazawa" in said.err) == (1, True)  # the default root takes none of it
    said = kaga_edge("store", "import", out, "--database", city, "--root", "kanazawa", "--json")
    assert (json.loads(said.out)["rows"], json.loads(said.out)["unreadable"]) == (420, 0)
    said = published(kaga_edge, city, tmp_path / "open")
    assert said.code == 0, said.err
    assert json.loads(said.out)["sensors"][0] == "air-1"
    assert sum(one["values"] for one in json.loads(said.out)["files"]) == 420


def test_a_stick_never_takes_the_place_of_the_disclosure_that_came_over_the_line(
    kaga_edge, stick, disclosing, tmp_path
):
    out, topic = tmp_path / "two.jsonl", "kanazawa/edge/v1/gw/up/manifest"
    kaga_edge("store", "export", tmp_path / "kaga.db", out, "--config", disclosing)
    (line,) = [line for line in map(json.loads, out.read_text().splitlines()) if line["topic"] == topic]
    newer = line["payload"] | {"contact": "newer"}
    archive = Archive(tmp_path / "city.db", root="kanazawa")
    archive.keep([Arrival(topic=topic, payload=json.dumps(newer).encode(), retained=True, at_ms=0)])
    archive.close()
    kaga_edge("store", "import", out, "--database", tmp_path / "city.db", "--root", "kanazawa")
    with contextlib.closing(Source(tmp_path / "city.db")) as source:
        assert source.manifest("gw")["contact"] == "newer"


def test_the_store_of_another_gateway_is_not_disclosed_by_this_configuration(
    kaga_edge, stick, disclosing, tmp_path
):
    disclosing.write_text(disclosing.read_text().replace('id = "gw"', 'id = "gw-2"'))
    kaga_edge("store", "export", tmp_path / "kaga.db", tmp_path / "two.jsonl", "--config", disclosing)
    assert "manifest" not in (tmp_path / "two.jsonl").read_text()


def test_a_stick_read_out_of_order_gives_the_same(kaga_edge, stick, tmp_path):
    lines = stick.read_bytes().splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    stick.write_bytes(b"".join(lines))
    done = brought(kaga_edge, stick, tmp_path / "city.db")
    assert (done["code"], done["rows"], done["repeated"], done["conflicting"]) == (0, 420, 0, 0)


@pytest.mark.parametrize(("lang", "why"), [("ja", "受信側の"), ("en", "not a receiver's file")])
def test_an_import_into_a_gateways_store_added_the_receivers_tables_to_it(
    kaga_edge, stick, tmp_path, lang, why
):
    before = (tmp_path / "kaga.db").read_bytes()
    said = kaga_edge("store", "import", stick, "--database", tmp_path / "kaga.db", "--lang", lang)
    assert said.code == 2
    assert why in " ".join(said.err.split())
    assert (tmp_path / "kaga.db").read_bytes() == before
    assert not list(tmp_path.glob("kaga.db?lock"))


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_folder_for_the_database_was_a_crash(kaga_edge, stick, tmp_path, lang):
    said = kaga_edge("store", "import", stick, "--database", tmp_path, "--lang", lang)
    assert said.code == 2
    assert str(tmp_path) in said.err.replace("\n        ", "")
