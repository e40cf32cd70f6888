"""The loss ledger as the platform is told of it, epoch by epoch."""

from __future__ import annotations

import json
import queue

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from kaga_edge.contract.check import problems
from kaga_edge.store import Identity

from .conftest import SILENT_S, backlog, config_text
from .test_daemon import sensors

UP = "kaga/edge/v1/test-01/up/"


@pytest.mark.mosquitto
def test_the_health_message_told_of_the_present_epoch_only_while_an_older_one_waited(
    tmp_path, daemon, instruments, mosquitto
) -> None:
    """Nobody takes rows here, so all wait: 40 of the card that was copied, and our own."""
    backlog(tmp_path / "store.sqlite", 40, Identity(machine="f" * 32, board=""))
    heard: queue.Queue[bytes] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = lambda _client, _data, message: heard.put(message.payload)
    client.on_connect = lambda *_: client.subscribe(UP + "health", qos=1)
    client.connect("127.0.0.1", mosquitto)
    client.loop_start()
    try:
        daemon.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=mosquitto))
        daemon.start()
        payload = heard.get(timeout=SILENT_S)
    finally:
        client.loop_stop()
        client.disconnect()

    body = json.loads(payload)
    assert problems("health", body) == []
    old, new = body["epochs"]
    assert (old["numbered"], old["waiting"], old["gone"]) == (40, 40, 0)
    assert new == {"ep": body["ep"], **body["n"]}
