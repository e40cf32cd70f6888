"""``sensor models``, ``sensor list``, ``sensor read`` on a real port and through a daemon."""

from __future__ import annotations

import json
import os
import pty
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaga_edge.sensors import driver_names

EXAMPLES = Path(__file__).parents[2] / "config"
A02YYUW_1953_MM = bytes.fromhex("FF07A1A7")  # the maker's example


def test_every_model_is_shown_with_wiring_and_an_example(kaga_edge):
    said = kaga_edge("sensor", "models")
    assert all(f"\n{name}: " in f"\n{said.out}" for name in driver_names())
    assert said.out.count("Wiring: ") == said.out.count("Example:") == len(driver_names())


def test_one_model_alone_and_in_japanese(kaga_edge):
    said = kaga_edge("sensor", "models", "bme280", "--lang", "ja")
    assert "番地: 0x76, 0x77" in said.out
    assert "maxbotix" not in said.out


def test_models_as_json(kaga_edge):
    body = {one["driver"]: one for one in json.loads(kaga_edge("sensor", "models", "--json").out)}
    assert body.keys() == set(driver_names())
    assert body["a02yyuw"]["serial"] == "9600 8N1"
    assert body["bme280"]["addresses"] == [0x76, 0x77]
    assert all(
        one["wiring"].keys() == {"ja", "en"} and "[[sensor]]" in one["example"] for one in body.values()
    )


def test_an_unknown_model_names_the_nearest(kaga_edge):
    said = kaga_edge("sensor", "models", "bme208")
    assert said.code != 0
    assert "bme280" in said.err


def test_the_configured_sensors_are_listed(kaga_edge):
    said = kaga_edge("sensor", "list", "--config", EXAMPLES / "kaga-edge.flood.toml")
    assert said.out.splitlines()[1] == "level-2      ms5837          i2c-1 0x76  every 1 min"


# --- read ---


@pytest.fixture
def port() -> Iterator[str]:
    """A serial port on which the maker's frame arrives again and again."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    done = threading.Event()

    def send() -> None:
        while not done.wait(0.05):
            os.write(master, A02YYUW_1953_MM)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    yield os.ttyname(slave)
    done.set()
    sender.join()
    os.close(master)
    os.close(slave)


@pytest.fixture
def site(tmp_path: Path):
    def write(port: str) -> Path:
        file = tmp_path / "kaga-edge.toml"
        file.write_text(
            '[site]\nid = "t"\nname = { ja = "試", en = "test" }\n[station]\nruntime = "."\n'
            f'[[sensor]]\nid = "level-1"\ndriver = "a02yyuw"\nport = "{port}"\n'
            "[sensor.mount]\ngauge_zero_to_sensor_m = 4.2\n"
            '[sensor.disclosure]\npurpose = { ja = "試", en = "test" }\npersonal_data = false\n'
        )
        return file

    return write


def test_without_a_daemon_the_port_itself_is_read_with_its_raw_bytes(kaga_edge, site, port):
    said = kaga_edge("sensor", "read", "level-1", "--config", site(port))
    assert said.code == 0, said.out + said.err
    assert "Distance to surface: 1.953 m" in said.out
    assert "FF07A1A7" in said.out


def test_what_was_read_can_be_recorded_and_decoded(kaga_edge, site, port, tmp_path):
    image = tmp_path / "image.json"
    said = kaga_edge("sensor", "read", "--config", site(port), "--record", image)
    assert f"written to {image}" in said.out
    decoded = kaga_edge("decode", "a02yyuw", "--image", image)
    assert decoded.code == 0
    assert "1.953" in decoded.out


def test_a_port_that_is_not_there_fails_and_says_how_to_mend(kaga_edge, site):
    said = kaga_edge("sensor", "read", "level-1", "--config", site("/dev/kaga-no-such-port"))
    assert said.code == 2
    assert "failed: KE-B01" in said.out
    assert "To mend: " in said.out


def test_a_running_daemon_is_asked_instead(kaga_edge, site, control_socket, tmp_path):
    asked = []

    def answer(request):
        asked.append(request)
        return {
            "v": 1,
            "sensor": "level-1",
            "t": 0,
            "took_s": 0.038,
            "readings": [{"id": "surface_distance", "unit": "m", "value": 1.953, "flags": 0}],
            "raw": "ff07a1a7",
            "exchanges": [{"frames": ["ff07a1a7"]}],
            "error": None,
        }

    control_socket(answer)
    image = tmp_path / "image.json"
    said = kaga_edge(
        "sensor", "read", "level-1", "--config", site("/dev/kaga-no-such-port"), "--record", image
    )
    assert asked == [{"op": "read", "sensor": "level-1"}]
    assert said.out.splitlines()[:3] == [
        "level-1  reply 38 ms",
        "  Distance to surface: 1.953 m",
        "  Raw bytes: FF07A1A7",
    ]
    assert json.loads(image.read_text()) == {"frames": ["FF07A1A7"]}


def test_an_unknown_sensor_names_those_there_are(kaga_edge, site):
    said = kaga_edge("sensor", "read", "level-9", "--config", site("/dev/null"))
    assert said.code == 64
    assert "level-1" in said.err
