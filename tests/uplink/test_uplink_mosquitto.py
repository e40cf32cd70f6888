"""The uplink against Debian's mosquitto: restarts, access control, TLS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import trustme

from kaga_edge.core.ranges import Ranges
from kaga_edge.gateway.daemon import STOP_UPLINK_S
from kaga_edge.link import LinkError
from kaga_edge.uplink import TlsSettings

pytestmark = pytest.mark.mosquitto
Make = Callable[..., Any]
RESTARTS = 20 if os.environ.get("KAGA_TEST_FULL") else 3
GW = "daishoji-01"


async def test_rows_committed_arrive_and_are_confirmed(
    mosquitto: Any, store: Any, receive: Make, run_uplink: Make
) -> None:
    heard = await receive(mosquitto.port)
    uplink = run_uplink(mosquitto.port)
    store.commit(30)
    await store.until(lambda: not store.waiting)
    await heard.until(lambda: heard.arrived.get(store.epoch) == Ranges(((1, 30),)))
    assert uplink.snapshot().state == "up"


async def test_what_nobody_subscribes_to_is_held_until_somebody_does(
    mosquitto: Any, store: Any, receive: Make, run_uplink: Make
) -> None:
    uplink = run_uplink(mosquitto.port, pause_s=0.1)
    store.commit(30)
    async with asyncio.timeout(60):
        while "no_subscriber" not in uplink.snapshot().states:
            await asyncio.sleep(0.01)
    assert store.waiting == Ranges(((1, 30),))
    heard = await receive(mosquitto.port)
    await store.until(lambda: not store.waiting)
    await heard.until(lambda: heard.arrived.get(store.epoch) == Ranges(((1, 30),)))


async def test_rows_that_are_held_back_do_not_cost_the_goodbye(
    mosquitto: Any, store: Any, run_uplink: Make
) -> None:
    """The station stopped in order and was called dead 90 s later: nobody subscribed to its data."""
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as city:
        await city.subscribe(f"kaga/edge/v1/{GW}/up/state", qos=1)
        uplink = run_uplink(mosquitto.port)
        async with asyncio.timeout(60):
            await anext(city.messages)  # the birth: what is committed from here on is live
            store.commit(30)
            while "no_subscriber" not in uplink.snapshot().states:
                await asyncio.sleep(0.01)
        store.commit(5)
        async with asyncio.timeout(STOP_UPLINK_S):
            await uplink.close()
        async with asyncio.timeout(60):
            async for heard in city.messages:
                if json.loads(heard.payload)["st"] == "stopped":
                    break
    assert store.waiting == Ranges(((1, 35),))


@pytest.mark.parametrize(("delivery", "mqtt"), [("broker", "5"), ("platform", "5"), ("platform", "3.1.1")])
async def test_a_broker_killed_and_restarted_mid_stream_leaves_no_gap(
    mosquitto: Any, store: Any, receive: Make, run_uplink: Make, delivery: str, mqtt: str
) -> None:
    heard = await receive(mosquitto.port, ack=delivery == "platform")
    agreed = {"delivery": delivery, "mqtt": mqtt}
    uplink = run_uplink(mosquitto.port, **agreed, ack_wait_s=0.5, no_ack_s=1.0, pause_s=0.1)
    for restart in range(RESTARTS):
        heard.messages.clear()
        n = store.commit(40, alert=f"danger/level-{restart % 2}")
        await heard.until(lambda n=n: any(alert["n"] == n for alert in heard.bodies("alert")))  # it flows
        store.commit(300)
        # Under broker delivery mosquitto must save its sessions: what it acknowledged is its to keep.
        # Under platform delivery it may die with everything it holds.
        mosquitto.stop(hard=delivery == "platform")
        store.commit(20)
        mosquitto.start()
    last = store.commit(1)
    await store.until(lambda: not store.waiting, within_s=60)
    await heard.until(lambda: heard.arrived.get(store.epoch) == Ranges(((1, last),)), within_s=60)
    assert store.confirmed == store.all_rows
    assert uplink.snapshot().connects >= RESTARTS


async def test_an_acl_that_forbids_loses_nothing_and_is_obeyed_once_it_allows(
    make_mosquitto: Make, tmp_path: Path, store: Any, receive: Make, run_uplink: Make
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic read #\ntopic write kaga/edge/v1/{GW}/up/state\n")
    broker = make_mosquitto(f"allow_anonymous true\nacl_file {acl}\n")
    heard = await receive(broker.port)
    uplink = run_uplink(broker.port, forbidden_s=0.2)
    store.commit(50, alert="danger/level-1")
    async with asyncio.timeout(60):
        while uplink.snapshot().state != "refused":
            await asyncio.sleep(0.01)
    assert store.waiting == Ranges(((1, 50),))
    acl.write_text(f"topic read #\npattern write kaga/edge/v1/{GW}/up/#\n")
    os.kill(broker.pid, signal.SIGHUP)
    await store.until(lambda: not store.waiting)
    await heard.until(lambda: heard.arrived.get(store.epoch) == Ranges(((1, 50),)))
    assert uplink.snapshot().state == "up"


@pytest.fixture
def authority(tmp_path: Path) -> Any:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = ca.issue_cert("localhost")
    server.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    server.cert_chain_pems[0].write_to_path(str(tmp_path / "server.pem"))
    for name in ("ca.pem", "server.key", "server.pem"):
        (tmp_path / name).chmod(0o644)
    return ca


def tls_lines(folder: Path) -> str:
    return f"cafile {folder}/ca.pem\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\n"


async def test_tls_with_user_name_and_password(
    make_mosquitto: Make, tmp_path: Path, authority: Any, store: Any, run_uplink: Make
) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["/usr/bin/mosquitto_passwd", "-b", "-c", str(passwords), "gateway", "secret"], check=True)
    passwords.chmod(0o644)
    broker = make_mosquitto(f"allow_anonymous false\npassword_file {passwords}\n", tls_lines(tmp_path))
    tls = TlsSettings(ca_file=str(tmp_path / "ca.pem"))
    store.commit(5)
    wrong = run_uplink(broker.port, host="localhost", tls=tls, username="gateway", password="guess")
    async with asyncio.timeout(60):
        while wrong.snapshot().state != "refused":
            await asyncio.sleep(0.01)
    await wrong.close()
    run_uplink(
        broker.port, host="localhost", tls=tls, username="gateway", password="secret", no_subscriber="accept"
    )
    await store.until(lambda: not store.waiting)


async def test_tls_with_a_client_certificate(
    make_mosquitto: Make, tmp_path: Path, authority: Any, store: Any, run_uplink: Make
) -> None:
    mine = authority.issue_cert("daishoji-01.example")
    mine.private_key_pem.write_to_path(str(tmp_path / "mine.key"))
    mine.cert_chain_pems[0].write_to_path(str(tmp_path / "mine.pem"))
    listener = tls_lines(tmp_path) + "require_certificate true\nuse_subject_as_username true\n"
    broker = make_mosquitto("", listener)
    tls = TlsSettings(
        ca_file=str(tmp_path / "ca.pem"),
        certificate_file=str(tmp_path / "mine.pem"),
        key_file=str(tmp_path / "mine.key"),
    )
    store.commit(5)
    run_uplink(broker.port, host="localhost", tls=tls, no_subscriber="accept")
    await store.until(lambda: not store.waiting)


@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_an_untrusted_server_gets_not_one_byte_of_ours(
    make_mosquitto: Make, tmp_path: Path, authority: Any, store: Any, run_uplink: Make, wrong: str
) -> None:
    broker = make_mosquitto("allow_anonymous true\n", tls_lines(tmp_path))
    if wrong == "authority":
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
        tls, host = TlsSettings(ca_file=str(tmp_path / "other.pem")), "localhost"
    else:
        tls, host = TlsSettings(ca_file=str(tmp_path / "ca.pem")), "127.0.0.1"
    store.commit(5)
    uplink = run_uplink(broker.port, host=host, tls=tls)
    async with asyncio.timeout(60):
        while "not trusted" not in uplink.snapshot().reason:
            await asyncio.sleep(0.01)
    assert uplink.snapshot().state == "refused"
    assert "CONNECT" not in (tmp_path / "mosquitto.log").read_text()
    assert store.waiting == Ranges(((1, 5),))


async def test_a_line_cut_for_a_test_lets_rows_wait_and_comes_back_by_itself(
    mosquitto: Any, store: Any, receive: Make, run_uplink: Make
) -> None:
    heard = await receive(mosquitto.port)
    uplink = run_uplink(mosquitto.port)
    store.commit(3)
    await store.until(lambda: not store.waiting)
    uplink.cut(1.5)
    store.commit(5)
    async with asyncio.timeout(60):
        while uplink.snapshot().state != "down":
            await asyncio.sleep(0.01)
    assert uplink.snapshot().reason == "cut for a test"
    assert store.waiting == Ranges(((4, 8),))
    await store.until(lambda: not store.waiting)
    await heard.until(lambda: heard.arrived.get(store.epoch) == Ranges(((1, 8),)))


async def test_an_alarm_ends_a_line_cut_at_once(
    mosquitto: Any, store: Any, receive: Make, run_uplink: Make
) -> None:
    await receive(mosquitto.port)
    uplink = run_uplink(mosquitto.port)
    store.commit(1)
    await store.until(lambda: not store.waiting)
    uplink.cut(600)
    async with asyncio.timeout(60):
        while uplink.snapshot().reason != "cut for a test":
            await asyncio.sleep(0.01)
    store.commit(1, alert="danger/level-1")
    await store.until(lambda: not store.waiting)


async def test_there_is_nothing_to_cut_without_a_connection(run_uplink: Make) -> None:
    uplink = run_uplink(1)
    with pytest.raises(LinkError):
        uplink.cut(60)
