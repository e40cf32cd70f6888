"""Commands of the city through the real daemon and a real broker: allowed, refused, cut off, signed."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from kaga_edge.contract import check, wire
from kaga_edge.sim.broker import free_port
from kaga_edge.store import inspect

from .conftest import SILENT_S, Daemon, Instrument, config_text, mosquitto_on, wait_for

pytestmark = pytest.mark.mosquitto

OURS = "kaga/edge/v1/test-01"
EVERY = (
    '["ping", "read", "collect.stop", "collect.start", "interval", "maintenance", "replay", "manifest",'
    ' "catalog", "config.apply", "restart"]'
)


class City:
    """The platform's side: gives commands, keeps every answer."""

    def __init__(self, port: int) -> None:
        self.answers: list[dict] = []
        self.messages: list[mqtt.MQTTMessage] = []
        self._ctr = 0
        self._heard = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, "city", protocol=mqtt.MQTTv5)
        self.client.on_message = self._message
        self.client.on_subscribe = lambda *_: self._heard.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(f"{OURS}/up/#", qos=1)
        assert self._heard.wait(SILENT_S)

    def _message(self, _client, _data, message) -> None:
        self.messages.append(message)
        if message.topic.startswith(f"{OURS}/up/reply"):
            self.answers.append(json.loads(message.payload))

    def command(self, op: str, **fields) -> dict:
        self._ctr += 1
        made = {"v": 1, "id": f"c{self._ctr}", "ctr": self._ctr, "op": op, "iss": "operations"}
        return made | {"exp": int((time.time() + 600) * 1000)} | fields

    def send(self, command: dict | bytes, *, retain: bool = False, properties=None) -> None:
        payload = command if isinstance(command, bytes) else json.dumps(command, ensure_ascii=False).encode()
        sent = self.client.publish(f"{OURS}/dn/cmd", payload, qos=1, retain=retain, properties=properties)
        sent.wait_for_publish(SILENT_S)

    def ask(self, op: str, *, seconds: float = SILENT_S, **fields) -> dict:
        """Give a command and return its answer."""
        command = self.command(op, **fields)
        self.send(command)
        return self.answer(command["id"], seconds=seconds)

    def answer(self, command_id: str, *, nth: int = 1, seconds: float = SILENT_S) -> dict:
        def there() -> dict | None:
            found = [one for one in self.answers if one["id"] == command_id]
            return found[nth - 1] if len(found) >= nth else None

        return wait_for(there, seconds=seconds, why=f"answer {nth} to {command_id}")

    def wait_until_heard(self) -> None:
        """Knock until somebody answers: before the first subscription a broker keeps nothing for anybody."""
        before = len(self.answers)
        deadline = time.monotonic() + SILENT_S
        while len(self.answers) == before:
            assert time.monotonic() < deadline, "the gateway hears no commands"
            self.send(self.command("ping"))
            with contextlib.suppress(AssertionError):
                wait_for(lambda: len(self.answers) > before, seconds=0.5)

    def numbers(self) -> list[int]:
        """Return the numbers of rows as they arrived, each time they did."""
        found: list[int] = []
        for message in tuple(self.messages):
            if message.topic in (f"{OURS}/up/data", f"{OURS}/up/hist"):
                body = wire.body_of(message.payload)
                found += range(body["n"], body["n"] + len(body["r"]))
        return found

    def end(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


RUNNER = """
import sys
from pathlib import Path
from kaga_edge.gateway import main
from kaga_edge.station.clock import KernelSays, SystemClock
ntp = Path(sys.argv[2])
clock = SystemClock(kernel=lambda: KernelSays(synchronised=ntp.exists(), error_ms=7), battery_ms=lambda: None)
sys.exit(main(Path(sys.argv[1]), clock=clock))
"""


class TimedDaemon(Daemon):
    """A daemon whose clock is trusted when the test says so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "kaga-edge.toml", folder / "run", folder / "daemon.log")
        self._runner, self.ntp = folder / "runner.py", folder / "ntp"
        self._runner.write_text(RUNNER)
        self.ntp.touch()

    def start(self, *, wait: bool = True) -> None:
        with self.log.open("ab") as log:
            words = [sys.executable, str(self._runner), str(self.config), str(self.ntp)]
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        if wait:
            wait_for(self.status, why="an answer on the control socket")


@pytest.fixture
def broker(tmp_path):
    port = free_port()
    with mosquitto_on(port, tmp_path) as process:
        process.port = port
        yield process


@pytest.fixture
def daemon(tmp_path):
    made = TimedDaemon(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


@pytest.fixture
def silent(tmp_path):
    """An instrument that is there and says nothing for as long as a test lasts."""
    made = Instrument(tmp_path / "silent", every_s=3600.0)
    yield made
    made.unplug()


@pytest.fixture
def city(broker):
    made = City(broker.port)
    yield made
    made.end()


@pytest.fixture
def site(tmp_path, daemon, instruments, broker, city):
    """Write the configuration with ``[commands]`` and start; returns the daemon."""

    def start(
        allow: str = EVERY, *, more: str = "", every: str = "1s", port: str = "level-1", event: str = ""
    ):
        sensors = [("level-1", tmp_path / port)]
        text = config_text(tmp_path, sensors, port=broker.port, every=every)
        if event:
            text = text.replace("[sensor.mount]", f"[sensor.event]\n{event}\n[sensor.mount]")
        daemon.config.write_text(f"{text}\n[commands]\nallow = {allow}\n{more}")
        daemon.start()
        city.wait_until_heard()
        return daemon

    return start


def test_every_command_is_done_and_answered(site, city) -> None:
    daemon = site()
    assert city.ask("ping")["res"]["c"] >= 1
    told = city.ask("read", args={"sensor": "level-1"})["res"]
    assert told["error"] is None
    assert told["readings"][0]["value"] == pytest.approx(2.0)

    assert city.ask("collect.stop", args={"sensor": "level-1", "reason": "住民からの申出", "until": None})[
        "res"
    ] == {"sensor": "level-1", "state": "stopped"}
    assert daemon.status()["stopped"][0]["who"] == "operations"
    assert city.ask("collect.start", args={"sensor": "level-1"})["res"]["state"] == "collecting"
    assert daemon.status()["stopped"] == []

    windows = city.ask("maintenance", args={"sensor": "level-1", "minutes": 30, "reason": "清掃"})["res"]
    assert windows["windows"][0]["why"] == "清掃"
    assert city.ask("maintenance", args={"sensor": "level-1", "minutes": 0})["res"] == {"windows": []}

    before = len(city.messages)
    assert len(city.ask("manifest")["res"]["m"]) == 8
    k = city.ask("catalog")["res"]["k"]
    assert city.ask("catalog", args={"k": k})["res"]["k"] == k
    topics = [one.topic.removeprefix(f"{OURS}/up/") for one in tuple(city.messages)[before:]]
    assert {"manifest", "catalog", f"catalog/{k}"} <= set(topics)
    assert city.ask("catalog", args={"k": "00000000"})["err"] == "bad_args"
    assert "command.done" in daemon.log.read_text()
    for answer in city.answers:
        assert check.problems("reply", answer) == []


def test_interval_holds_over_a_restart_and_ends_with_null(site, city) -> None:
    daemon = site()

    def every() -> float:
        return daemon.ask({"op": "site"})["sensors"][0]["every_s"]

    assert city.ask("interval", args={"sensor": "level-1", "every_s": 0.001})["err"] == "bad_args"
    assert city.ask("interval", args={"sensor": "level-1", "every_s": 5})["res"]["every_s"] == 5
    assert every() == 5
    daemon.stop()
    daemon.start()
    assert every() == 5
    assert city.ask("interval", args={"sensor": "level-1", "every_s": None})["res"]["every_s"] == 1
    assert every() == 1


def test_an_interval_at_which_an_event_would_not_be_seen_is_refused(site, city) -> None:
    site(event='rise = "0.1m/2m"\nevery = "1s"')
    assert city.ask("interval", args={"sensor": "level-1", "every_s": 121})["err"] == "bad_args"
    assert city.ask("interval", args={"sensor": "level-1", "every_s": 120})["res"]["every_s"] == 120


def test_replay_brings_delivered_rows_again_and_the_ledger_stays_exact(site, city) -> None:
    daemon = site()
    wait_for(lambda: daemon.status()["store"]["delivered"] >= 3, why="delivered rows")
    ep = next(json.loads(one.payload)["ep"] for one in city.messages if one.topic.endswith("/state"))
    answer = city.ask("replay", args={"ep": ep, "from": 1, "to": 2})
    assert answer["res"]["n"] == [[1, 2]]
    wait_for(lambda: city.numbers().count(1) == city.numbers().count(2) == 2, why="the rows again")
    store = daemon.status()["store"]
    assert store["numbered"] == store["delivered"] + store["waiting"] + store["gone"]
    assert city.ask("replay", args={"ep": "ffffffff", "from": 1, "to": 2})["err"] == "bad_args"


def test_restart_answers_first_and_once(site, city) -> None:
    daemon = site()
    assert city.ask("restart")["res"] == {"state": "restarting"}
    daemon.process.wait(60)
    assert daemon.process.returncode == 0
    daemon.start()
    assert city.ask("ping")["ok"], "the command to restart is not done again"


def test_the_same_id_again_gets_the_same_answer_and_runs_nothing(site, city) -> None:
    daemon = site()
    command = city.command("maintenance", args={"minutes": 30})
    city.send(command)
    first = city.answer(command["id"])
    assert city.ask("maintenance", args={"minutes": 0})["res"] == {"windows": []}
    city.send(command)
    assert city.answer(command["id"], nth=2) == first
    assert daemon.status()["maintenance"] == []


def test_what_is_not_allowed_expired_replayed_retained_or_malformed_is_refused(site, city) -> None:
    site('["ping"]', more='issuers = ["operations"]\n')
    assert city.ask("restart")["err"] == "unknown_op"
    assert city.ask("shell")["err"] == "unknown_op"
    assert city.ask("ping", exp=int(time.time() * 1000) - 1)["err"] == "expired"
    assert city.ask("ping", iss="somebody")["err"] == "bad_sig"
    assert city.ask("ping", args={"path": "/etc"})["err"] == "bad_args"
    assert city.ask("ping")["ok"]
    assert city.ask("ping", ctr=1)["err"] == "replayed"
    kept = city.command("ping")
    city.send(kept, retain=True)
    assert city.answer(kept["id"])["err"] == "replayed"
    city.send(b"", retain=True)
    city.send(b"{" * 5000)
    assert city.ask("ping")["ok"]


def test_the_answer_goes_to_a_response_topic_below_our_own_up_only(site, city) -> None:
    site('["ping"]')
    for wanted, expected in (
        (f"{OURS}/up/reply/desk-3", f"{OURS}/up/reply/desk-3"),
        ("kaga/edge/v1/other-01/up/reply", f"{OURS}/up/reply"),
        (f"{OURS}/up/data", f"{OURS}/up/reply"),
    ):
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic, properties.CorrelationData = wanted, b"\x00\x01"
        command = city.command("ping")
        city.send(command, properties=properties)
        city.answer(command["id"])
        asked = f'"id":"{command["id"]}"'.encode()
        message = next(one for one in tuple(city.messages) if asked in one.payload)
        assert message.topic == expected
        assert message.properties.CorrelationData == b"\x00\x01"


def kept(folder: Path, key: str) -> str:
    """Return a fact of the store as it lies on disk now."""
    with inspect.copied(folder / "store.sqlite") as copy:
        found = copy.execute("SELECT value FROM memory WHERE key = ?", (key,)).fetchone()
    return found[0] if found else ""


def slow_reading(site, city, tmp_path):
    """Return daemon and command: a reading that is kept, and runs for as long as the instrument is silent."""
    daemon = site('["ping", "read"]', every="1h", port="silent")
    command = city.command("read", args={"sensor": "level-1"})
    city.send(command)
    wait_for(lambda: kept(tmp_path, "command.open") == command["id"], every_s=0.001, why="the command kept")
    return daemon, command


def test_killed_between_keeping_and_answering_it_is_interrupted_and_never_run_again(
    site, city, tmp_path, silent
) -> None:
    daemon, command = slow_reading(site, city, tmp_path)
    daemon.kill()
    assert '"r":null' in kept(tmp_path, f"command/{command['id']}"), "it was killed too late"
    daemon.start()
    answer = city.answer(command["id"])
    assert answer["err"] == "interrupted"
    city.send(command)
    assert city.answer(command["id"], nth=2) == answer
    assert city.ask("ping")["ok"]
    assert all(one == answer for one in city.answers if one["id"] == command["id"])


def test_killed_between_keeping_the_answer_and_giving_it_the_answer_is_given_later(
    site, city, tmp_path, silent, broker
) -> None:
    daemon, command = slow_reading(site, city, tmp_path)
    broker.send_signal(signal.SIGSTOP)
    wait_for(lambda: '"r":null' not in kept(tmp_path, f"command/{command['id']}"), why="the answer kept")
    daemon.kill()
    broker.send_signal(signal.SIGCONT)
    daemon.start()
    answer = city.answer(command["id"])
    assert answer["ok"]
    city.send(command)
    assert city.answer(command["id"], nth=2) == answer


def test_with_a_key_only_what_it_signed_for_this_gateway_is_done(site, city, tmp_path) -> None:
    key = tmp_path / "city.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", tmp_path / "city.pem"], check=True)
    site('["ping"]', more='command_key = "city.pem"\n')

    def signed(command: dict, *, gw: str = "test-01", over: str = "test-01") -> dict:
        content = json.dumps(command).encode()
        (tmp_path / "over").write_bytes(b"kaga-cmd-v1\n" + over.encode() + b"\n" + content)
        words = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", str(tmp_path / "over")]
        signature = subprocess.run(words, check=True, capture_output=True).stdout
        cmd, sig = (base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in (content, signature))
        return {"v": 1, "cmd": cmd, "gw": gw, "sig": sig}

    assert city.ask("ping")["err"] == "bad_sig"
    good = city.command("ping")
    city.send(signed(good))
    assert city.answer(good["id"])["ok"]
    for wrong in ({"gw": "other-01", "over": "other-01"}, {"over": "other-01"}):
        command = city.command("ping")
        city.send(signed(command, **wrong))
        assert city.answer(command["id"])["err"] == "bad_sig"
    command = city.command("ping")
    changed = signed(command)
    other = json.dumps(command | {"ctr": 99}).encode()
    city.send(changed | {"cmd": base64.urlsafe_b64encode(other).decode()})
    assert city.answer(command["id"])["err"] == "bad_sig"


def test_a_change_of_the_configuration_is_tried_and_kept_only_when_confirmed(site, city, tmp_path) -> None:
    daemon = site()
    part = '[[sensor]]\nid = "level-1"\nevery = "5s"\n[sensor.mount]\ngauge_zero_to_sensor_m = 6.0\n'

    def every() -> float:
        return daemon.ask({"op": "site"})["sensors"][0]["every_s"]

    assert city.ask("config.apply", args={"text": part, "confirm_s": 600})["res"]["source"] == "trial"
    assert every() == 5
    assert city.ask("config.apply", args={"do": "rollback"})["res"]["source"] == "files"
    assert every() == 1
    assert city.ask("config.apply", args={"text": part})["ok"]
    assert city.ask("config.apply", args={"do": "confirm"})["res"] == {"source": "files", "left_s": None}
    assert (tmp_path / "conf.d" / "60-city.toml").read_text() == part
    daemon.stop()
    daemon.start()
    assert every() == 5


@pytest.mark.skipif(not os.environ.get("KAGA_TEST_FULL"), reason="half a minute: the shortest trial")
def test_a_change_of_the_configuration_that_nobody_confirms_ends_by_itself(site, city) -> None:
    daemon = site()
    assert city.ask("config.apply", args={"do": "confirm"})["err"] == "bad_args"
    part = '[[sensor]]\nid = "level-1"\nevery = "5s"\n'
    assert city.ask("config.apply", args={"text": part, "confirm_s": 29})["err"] == "bad_args"
    assert city.ask("config.apply", args={"text": part, "confirm_s": 30})["ok"]
    wait_for(lambda: daemon.status()["config"]["source"] == "files", seconds=90, why="the way back")


def test_a_command_never_changes_ports_paths_secrets_addresses_or_the_key(site, city) -> None:
    daemon = site('["config.apply"]')
    for part in (
        '[[sensor]]\nid = "level-1"\nport = "/dev/ttyS9"\n',
        '[platform]\nurl = "mqtt://elsewhere"\n',
        '[platform]\nsecret = "other"\n',
        '[commands]\nallow = ["ping"]\n',
        '[store]\npath = "elsewhere"\n',
        '[site]\nid = "other-01"\n',
        "no toml",
    ):
        assert city.ask("config.apply", args={"text": part})["err"] == "bad_args", part
    assert daemon.status()["config"]["source"] == "files"


def test_until_the_clock_is_right_only_what_does_no_harm_late_is_done_by_number(site, city, daemon) -> None:
    daemon.ntp.unlink()
    site()
    old = int(time.time() * 1000) - 10**9
    assert city.ask("ping", exp=old)["ok"]
    assert city.ask("maintenance", args={"minutes": 1}, exp=old)["ok"]
    for op, args in (
        ("restart", {}),
        ("interval", {"sensor": "level-1", "every_s": 5}),
        ("collect.start", {"sensor": "level-1"}),
        ("replay", {"ep": "ffffffff", "from": 1, "to": 2}),
        ("config.apply", {"do": "confirm"}),
    ):
        assert city.ask(op, args=args)["err"] == "clock"
    assert city.ask("ping", ctr=1)["err"] == "replayed"


def test_without_the_table_nothing_is_listened_to(tmp_path, daemon, instruments, broker, city) -> None:
    daemon.config.write_text(config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=broker.port))
    daemon.start()
    wait_for(lambda: daemon.status()["link"]["state"] == "up", why="the link")
    city.send(city.command("ping"))
    wait_for(lambda: daemon.status()["store"]["delivered"] >= 2, why="delivery")
    assert city.answers == []
