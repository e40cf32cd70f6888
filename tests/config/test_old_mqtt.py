"""``mqtt = "3.1.1"``: taken, and warned of where nobody else tells what was refused."""

from __future__ import annotations

import pytest

from kaga_edge.config import Code, ConfigFaults

from .test_commands import read


def test_mqtt_5_is_what_is_spoken_unless_written(tmp_path) -> None:
    assert read(tmp_path, "").platform.mqtt == "5"


def test_the_old_mqtt_is_warned_of_while_the_brokers_word_is_all_there_is(tmp_path) -> None:
    config = read(tmp_path, 'mqtt = "3.1.1"\n')
    assert config.platform.mqtt == "3.1.1"
    assert [(one.code, one.key) for one in config.warnings] == [(Code.OLD_MQTT, "platform.mqtt")]
    assert 'delivery = "platform"' in config.warnings[0].text("ja")


def test_with_the_platforms_own_word_there_is_nothing_to_warn_of(tmp_path) -> None:
    assert read(tmp_path, 'mqtt = "3.1.1"\ndelivery = "platform"\n').warnings == ()


def test_another_version_is_a_fault_that_names_the_two(tmp_path) -> None:
    with pytest.raises(ConfigFaults) as caught:
        read(tmp_path, 'mqtt = "3.1"\n')
    (fault,) = caught.value.faults
    assert fault.code is Code.NOT_ONE_OF
    assert "3.1.1" in fault.text("en")
