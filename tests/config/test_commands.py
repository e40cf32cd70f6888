"""``[commands]``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kaga_edge.config import Code, ConfigFaults, load
from kaga_edge.config.values import CommandSettings
from kaga_edge.core.commanding import OPS

SITE = """\
[site]
id = "flood-test-01"
name = { ja = "試験", en = "Test" }

[[sensor]]
id = "air-1"
driver = "sht4x"
every = "60s"
i2c = { bus = 1, address = 0x44 }
[sensor.mount]
[sensor.disclosure]
purpose = { ja = "気温", en = "air" }
personal_data = false
"""
PLATFORM = '\n[platform]\nurl = "mqtt://city.example"\n'


def read(folder: Path, more: str, *, platform: str = PLATFORM):
    file = folder / "kaga-edge.toml"
    file.write_text(SITE + platform + more, encoding="utf-8")
    return load(file)


def codes(folder: Path, more: str, **kwargs: str) -> list[Code]:
    with pytest.raises(ConfigFaults) as caught:
        read(folder, more, **kwargs)
    return [fault.code for fault in caught.value.faults]


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def test_without_the_table_there_are_no_commands(tmp_path) -> None:
    assert read(tmp_path, "").commands is None


def test_every_op_of_the_contract_can_be_allowed(tmp_path) -> None:
    names = ", ".join(f'"{op}"' for op in OPS)
    assert read(tmp_path, f"[commands]\nallow = [{names}]\n").commands == CommandSettings(allow=OPS)


def test_a_public_key_lies_beside_the_configuration(tmp_path) -> None:
    openssl("genpkey", "-algorithm", "ed25519", "-out", tmp_path / "private.pem")
    openssl("pkey", "-in", tmp_path / "private.pem", "-pubout", "-out", tmp_path / "city.pem")
    config = read(tmp_path, '[commands]\nallow = ["restart"]\nissuers = ["ops"]\ncommand_key = "city.pem"\n')
    assert config.commands == CommandSettings(allow=("restart",), issuers=("ops",), key=tmp_path / "city.pem")
    assert config.warnings == ()
    wrong = '[commands]\nallow = ["restart"]\ncommand_key = "private.pem"\n'
    assert codes(tmp_path, wrong) == [Code.COMMAND_KEY]


def test_a_key_of_another_kind_or_none_is_a_fault(tmp_path) -> None:
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", tmp_path / "ec")
    openssl("pkey", "-in", tmp_path / "ec", "-pubout", "-out", tmp_path / "ec.pem")
    (tmp_path / "empty.pem").touch()
    for name, code in (
        ("ec.pem", Code.COMMAND_KEY),
        ("empty.pem", Code.COMMAND_KEY),
        ("none.pem", Code.FILE_NOT_THERE),
    ):
        assert codes(tmp_path, f'[commands]\nallow = ["ping"]\ncommand_key = "{name}"\n') == [code]


def test_commands_that_change_something_without_a_key_are_warned_of(tmp_path) -> None:
    warned = read(tmp_path, '[commands]\nallow = ["ping", "restart"]\n').warnings
    assert [(one.code, one.params["ops"]) for one in warned] == [(Code.COMMANDS_UNSIGNED, "restart")]
    assert "command_key" in warned[0].text("ja")


def test_all_faults_are_told_at_once(tmp_path) -> None:
    more = '[commands]\nallow = ["shell"]\nissuers = [""]\nkey = "city.pem"\n'
    found = codes(tmp_path, more, platform="")
    assert Code.MISSING_KEY in found
    assert Code.NOT_ONE_OF in found
    assert Code.UNKNOWN_KEY in found or Code.UNKNOWN_KEY_NEAR in found
