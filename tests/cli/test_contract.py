"""``kaga-edge contract``: the platform team's starting point."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from kaga_edge import contract
from kaga_edge.cli import main


def sample(schema: str, name: str) -> object:
    return next(s.body for s in contract.samples() if (s.schema, s.name) == (schema, name))


def test_schema_prints_one_schema_that_works_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "schema", "batch"]) == 0
    printed = json.loads(capsys.readouterr().out)
    Draft7Validator(printed).validate(sample("batch", "three-rows"))


def test_schema_alone_prints_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "schema"]) == 0
    assert capsys.readouterr().out.split() == list(contract.NAMES)


def test_asyncapi_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "asyncapi"]) == 0
    assert json.loads(capsys.readouterr().out)["asyncapi"] == "3.0.0"


def test_samples_are_written_one_file_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "samples", str(tmp_path), "--lang", "ja"]) == 0
    written = list(tmp_path.rglob("*.json"))
    assert len(written) == len(contract.samples())
    assert json.loads((tmp_path / "good/ack/with-a-gap.json").read_text()) == sample("ack", "with-a-gap")
    assert "件を" in capsys.readouterr().out


def test_samples_are_listed_with_their_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "samples", "--lang", "en"]) == 0
    assert "batch/null-without-flag  [bad]  null always has a flag." in capsys.readouterr().out


def test_verify_reads_topic_and_hex_as_mosquitto_sub_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = zlib.compress(json.dumps(sample("batch", "three-rows")).encode())
    plain = json.dumps(sample("state", "will")).encode()
    capture = tmp_path / "capture.txt"
    capture.write_text(
        f"kaga/edge/v1/gw-1/up/data {packed.hex()}\n\n"
        f"kaga/edge/v1/daishoji-01/up/state {plain.hex()}\n"
        "kaga/edge/v1/gw-1/up/catalog/a1b2c3d4 \n"
    )
    assert main(["contract", "verify", str(capture), "--lang", "en"]) == 0
    assert capsys.readouterr().out == "2 keep the contract, 0 do not\n"


def test_verify_says_line_and_place_of_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "capture.jsonl"
    lines = [
        {"topic": "kaga/edge/v1/gw-1/up/data", "payload": sample("batch", "value-as-text")},
        {"topic": "kaga/edge/v1/gw-1/dn/ack", "payload": json.dumps(sample("ack", "least"))},
        {"topic": "somewhere/else", "payload": "{}"},
    ]
    capture.write_text("\n".join(json.dumps(line) for line in lines))
    assert main(["contract", "verify", str(capture), "--lang", "en"]) == 1
    printed = capsys.readouterr().out
    assert f"{capture}:1: batch /r/0/2: '0.39' is not number or null or object" in printed
    assert f"{capture}:3: ? the topic is not in the contract" in printed
    assert "1 keep the contract, 2 do not" in printed


@pytest.mark.parametrize("packed", [False, True])
def test_verify_as_takes_one_message_a_file(tmp_path: Path, packed: bool) -> None:
    payload = json.dumps(sample("batch", "three-rows"), indent=2).encode()
    file = tmp_path / "message"
    file.write_bytes(zlib.compress(payload) if packed else payload + b"\n")
    assert main(["contract", "verify", "--as", "batch", str(file)]) == 0
    assert main(["contract", "verify", "--as", "ack", str(file)]) == 1


def test_verify_explains_a_file_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("what is this\n")
    assert main(["contract", "verify", str(rubbish)]) != 0
    assert "mosquitto_sub" in capsys.readouterr().err
    assert main(["contract", "verify", str(tmp_path / "none")]) != 0
