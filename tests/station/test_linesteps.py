"""The line, step by step: the step that fails is named, with a repair that fits it, against real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaga_edge.config import load
from kaga_edge.station.linesteps import ORDER, Step, acknowledged, walk
from kaga_edge.text import say

CONFIG = """\
[site]
id = "flood-1"
name = {{ ja = "見本", en = "sample" }}
[platform]
url = "{url}"
ca = "{ca}"
[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpio = 17
[sensor.disclosure]
purpose = {{ ja = "雨量", en = "rain" }}
personal_data = false
"""


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """Two authorities; of the first three certificates: good, of another name, out of date."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "other"):
        made = ("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
        openssl(folder, "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "9", *made)
    served = (("good", "localhost", "9"), ("stranger", "a.invalid", "9"), ("old", "localhost", "0"))
    for name, host, days in served:
        request = ("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}")
        openssl(folder, "req", "-newkey", "ed25519", "-nodes", *request)
        (folder / "names").write_text(f"subjectAltName=DNS:{host}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", days)
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    return folder


@contextlib.contextmanager
def listening(context: ssl.SSLContext | None) -> Iterator[int]:
    """A server that shakes hands and says nothing more; without a context not even that."""
    loop = asyncio.new_event_loop()

    async def serve() -> asyncio.Server:
        async def let_go(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 no TLS here\r\n")
            writer.close()

        return await asyncio.start_server(let_go, "localhost", 0, ssl=context, family=socket.AF_INET)

    server = loop.run_until_complete(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def failed(folder: Path, url: str, ca: Path) -> Step:
    """Walk and return the one step that fails; none after it was reached."""
    (folder / "kaga-edge.toml").write_text(CONFIG.format(url=url, ca=ca), encoding="utf-8")
    config = load(folder / "kaga-edge.toml")

    async def steps() -> list[Step]:
        return [step async for step in walk(config, None)]

    found = asyncio.run(steps())
    (bad,) = [step for step in found if step.state == "fail"]
    after = ORDER[ORDER.index(bad.name) + 1 :]
    assert [step.state for step in found if step.name in after] == ["unknown"] * len(after)
    assert bad.repair is not None
    assert say(bad.repair, "ja", **bad.repair.params) != say(bad.repair, "en", **bad.repair.params)
    return bad


def test_a_dead_name_is_told_before_anything_else(tmp_path, certificates) -> None:
    step = failed(tmp_path, "mqtts://no-such-host.invalid:8883", certificates / "ca.pem")
    assert (step.name, step.repair) == ("name", "step.fix.name")


def test_a_closed_port_was_told_in_the_words_of_a_programmer(tmp_path, certificates) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    step = failed(tmp_path, f"mqtts://127.0.0.1:{port}", certificates / "ca.pem")
    assert (step.name, step.seen) == ("tcp", f"127.0.0.1:{port}: Connection refused")


@pytest.mark.parametrize(
    ("served", "trusted", "repair"),
    [
        ("good", "other", "step.fix.tls.ca"),
        ("stranger", "ca", "step.fix.tls.name"),
        ("old", "ca", "step.fix.tls.expired"),
        (None, "ca", "step.fix.tls.other"),
    ],
)
def test_each_fault_of_a_certificate_has_its_own_repair(
    tmp_path, certificates, served, trusted, repair
) -> None:
    context = None
    if served is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / f"{served}.pem", certificates / f"{served}.key")
    with listening(context) as port:
        step = failed(tmp_path, f"mqtts://localhost:{port}", certificates / f"{trusted}.pem")
    assert (step.name, step.repair) == ("tls", repair)


def test_login_that_nobody_answers_names_the_secret(tmp_path, certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "good.pem", certificates / "good.key")
    with listening(context) as port:
        step = failed(tmp_path, f"mqtts://localhost:{port}", certificates / "ca.pem")
    assert (step.name, step.repair) == ("login", "step.fix.login")


@pytest.mark.parametrize(
    ("state", "oldest_s", "confirmed_s", "verdict"),
    [
        ("up", 0.4, 0.3, "pass"),
        ("up", 5_000.0, 2.0, "pass"),  # an old backlog that drains
        ("up", None, 90.0, "pass"),  # an hourly sensor: nothing waits
        ("up", 40.0, 41.0, "pass"),  # within the batch's half minute and its way
        ("up", 58.0, 57.0, "fail"),
        ("up", 60.0, None, "fail"),
        ("down", 58.0, 57.0, "pass"),  # for want of a line, which is another step's to say
    ],
)
def test_a_platform_that_confirms_no_more_passed(tmp_path, state, oldest_s, confirmed_s, verdict) -> None:
    file = tmp_path / "kaga-edge.toml"
    file.write_text(
        '[site]\nid = "x"\nname = { ja = "川", en = "river" }\n'
        '[platform]\nurl = "mqtt://127.0.0.1:1"\ndelivery = "platform"\nbatch = "30s"\n'
        '[[sensor]]\nid = "air-1"\ndriver = "sht4x"\ni2c = { bus = 1, address = 0x44 }\n'
        '[sensor.disclosure]\npurpose = { ja = "気温", en = "air" }\npersonal_data = false\n'
    )
    at = load(file).platform
    assert at is not None
    snapshot = {
        "link": {"state": state, "delivered_age_s": confirmed_s},
        "store": {"oldest_wait_s": oldest_s},
    }
    assert acknowledged(at, snapshot).state == verdict
