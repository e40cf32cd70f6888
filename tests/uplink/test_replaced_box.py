"""A new box in the place of one that died: its birth stays, the old one's last will never comes."""

from __future__ import annotations

import asyncio
import json
import queue
import socket
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

pytestmark = pytest.mark.mosquitto
STATE = "kaga/edge/v1/daishoji-01/up/state"
CONTROL = "control/up/state"
WILL_DELAY_S = 2
SESSION_S = 3600


def dying(port: int, client_id: str, topic: str) -> mqtt.Client:
    """Connect as a gateway does, with a last will; it is going to die without a word."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
    delay = Properties(PacketTypes.WILLMESSAGE)
    delay.WillDelayInterval = WILL_DELAY_S
    client.will_set(topic, json.dumps({"st": "dead", "ep": "01d01d01"}), qos=1, retain=True, properties=delay)
    keep = Properties(PacketTypes.CONNECT)
    keep.SessionExpiryInterval = SESSION_S
    client.connect("127.0.0.1", port, clean_start=False, properties=keep)
    while not client.is_connected():
        client.loop(0.1)
    return client


def die(client: mqtt.Client) -> None:
    wire = client.socket()
    assert isinstance(wire, socket.socket)
    wire.shutdown(socket.SHUT_RDWR)


async def test_connecting_in_its_place_drops_the_dead_boxes_last_will(
    mosquitto: Any, store: Any, receive: Callable[..., Any], run_uplink: Callable[..., Any]
) -> None:
    told: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
    watcher = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "watcher", protocol=mqtt.MQTTv5)
    watcher.on_message = lambda _client, _data, message: told.put(
        (message.topic, json.loads(message.payload))
    )
    watcher.connect("127.0.0.1", mosquitto.port)
    watcher.subscribe([(STATE, 1), (CONTROL, 1)])
    watcher.loop_start()
    try:
        old = await asyncio.to_thread(dying, mosquitto.port, "daishoji-01", STATE)
        control = await asyncio.to_thread(dying, mosquitto.port, "nobody-follows", CONTROL)
        die(old)
        die(control)
        run_uplink(mosquitto.port)
        seen = []
        while not seen or seen[-1][0] != CONTROL:  # the will of the box nobody follows does come
            seen.append(await asyncio.to_thread(told.get, True, 30))
    finally:
        watcher.loop_stop()
    states = [body["st"] for topic, body in seen if topic == STATE]
    assert states == ["alive"]
    assert [body["ep"] for topic, body in seen if topic == STATE] == [store.epoch]
