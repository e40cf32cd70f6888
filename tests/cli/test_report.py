"""``report``: what helps is in it, and no secret in any form."""

from __future__ import annotations

import base64
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.cli.report import clean, secrets_of
from kaga_edge.station.events import EventRing

PASSWORD = 'k4ga "雪" & 川+9'
KEY = (
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\nAwEHBG0wawIBAQQgTEST\n"
    "-----END PRIVATE KEY-----\n"
)
CREDENTIAL = "from-systemd-7731"


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A station whose secrets have leaked into every file there is."""
    credentials = tmp_path / "credentials"
    (tmp_path / "secrets").mkdir()
    credentials.mkdir()
    (tmp_path / "secrets" / "mqtt-password").write_text(PASSWORD + "\n", encoding="utf-8")
    (tmp_path / "secrets" / "flood-1.key").write_text(KEY)
    (credentials / "other").write_text(CREDENTIAL)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    config = tmp_path / "kaga-edge.toml"
    config.write_text(
        f'[site]\nid = "flood-1"\nname = {{ ja = "見本", en = "sample" }}\n# {PASSWORD}\n'
        '[store]\npath = "var/store.sqlite"\n'
        '[platform]\nurl = "mqtts://me:hunter2@x:8883"\npassword = "swordfish"\n',
        encoding="utf-8",
    )
    (tmp_path / "var").mkdir(exist_ok=True)
    ring = EventRing(tmp_path / "var")
    ring.add({"t": 1, "p": 3, "seq": 1, "event": "link.refused", "reason": f"{PASSWORD} {CREDENTIAL}"})
    ring.add(
        {
            "t": 2,
            "p": 3,
            "seq": 2,
            "event": "x",
            "key": KEY,
            "b": base64.b64encode(PASSWORD.encode()).decode(),
        }
    )
    ring.close()
    return config


def test_no_secret_of_the_station_is_in_the_bundle(kaga_edge, station, tmp_path, control_socket, snapshot):
    path = control_socket(lambda _: snapshot() | {"oops": [PASSWORD, CREDENTIAL]})
    out = tmp_path / "report.tar.gz"
    words = ("--config", station, "--socket", path, "--no-doctor", "--out", out)
    assert kaga_edge("report", *words).code == 0
    forms = [
        PASSWORD,
        json.dumps(PASSWORD)[1:-1],
        json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
        base64.b64encode(PASSWORD.encode()).decode(),
        CREDENTIAL,
        "hunter2",
        "swordfish",
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49",
        "AwEHBG0wawIBAQQgTEST",
    ]
    with tarfile.open(out) as bundle:
        parts = {one.name.partition("/")[2]: bundle.extractfile(one).read() for one in bundle.getmembers()}
    for name, content in parts.items():
        assert not [form for form in forms if form.encode() in content], name
    assert {
        "versions.txt",
        "config/kaga-edge.toml",
        "config-check.txt",
        "status.json",
        "events.jsonl",
    } <= parts.keys()
    assert b'id = "flood-1"' in parts["config/kaga-edge.toml"]
    assert b"pydantic" in parts["versions.txt"]
    assert json.loads(parts["status.json"])["gw"] == "flood-daishoji-01"
    assert len(parts["events.jsonl"].splitlines()) == 2
    assert out.stat().st_mode & 0o077 == 0


def test_it_helps_without_a_gateway_and_with_a_faulty_configuration(kaga_edge, station, tmp_path):
    out = tmp_path / "report.tar.gz"
    said = kaga_edge("report", "--config", station, "--socket", tmp_path / "no", "--no-doctor", "--out", out)
    assert said.code == 0, said.err
    with tarfile.open(out) as bundle:
        check = bundle.extractfile("kaga-edge-report/config-check.txt").read()
        status = json.load(bundle.extractfile("kaga-edge-report/status.json"))
    assert b"do not write the password here" in check
    assert status["code"] == "KE-G01"


def test_sudo_was_advised_for_a_folder_that_is_not_there(kaga_edge, station, tmp_path):
    said = kaga_edge("report", "--config", station, "--out", tmp_path / "no" / "r.tgz", "--no-doctor")
    assert (said.code, "make the folder first" in said.err, "with sudo" in said.err) == (2, True, False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp932", "utf-32"])
def test_a_password_in_a_configuration_saved_by_notepad_came_through(kaga_edge, station, tmp_path, encoding):
    station.write_bytes(f'[platform]\npassword = "swordfish"\nパスワード = "{PASSWORD}"\n'.encode(encoding))
    out = tmp_path / "r.tar.gz"
    assert kaga_edge("report", "--config", station, "--out", out, "--no-doctor").code == 0
    with tarfile.open(out) as bundle:
        kept = bundle.extractfile("kaga-edge-report/config/kaga-edge.toml").read()
    for secret in ("swordfish", PASSWORD):
        assert all(secret.encode(one) not in kept for one in ("utf-8", "utf-16-le", "utf-16-be", "cp932"))
    assert "[platform]" in kept.decode()


def test_a_file_that_is_there_is_not_overwritten(kaga_edge, station, tmp_path):
    out = tmp_path / "report.tar.gz"
    out.write_bytes(b"mine")
    assert kaga_edge("report", "--config", station, "--no-doctor", "--out", out).code == 2
    assert out.read_bytes() == b"mine"


@given(st.text(min_size=3, max_size=40).filter(lambda text: len(text.strip()) >= 3), st.binary(max_size=200))
def test_whatever_the_secret_is_it_does_not_come_through(tmp_path_factory, secret, around):
    folder = tmp_path_factory.mktemp("station")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "one").write_bytes(secret.encode())
    kept = secret.encode().strip()
    content = clean(around + b"\n" + kept + b"\n" + around, secrets_of(folder))
    assert kept not in content or set(kept) <= set(b'*"')


LEAKED = (
    'pw = "{}"', "pass = '{}'", 'passphrase = "{}"', "pwd={}", "--password {}", 'psk="{}"',
    'secret_key = "{}"', "Authorization: Bearer {}", "Authorization: Basic {}", "mqtts://kaga:{}@@host/",
    "mqtts://kaga:a/{}@host/", "login with password {} failed", 'password = """\n{}\n"""',
    "password = \'\'\'{}\'\'\'", 'パスワード = "{}"', 'password ＝ "{}"', "WIFI_PSK={}", "PIN 1234{}",
    'password = "a\\"{}"',
)  # fmt: skip


@pytest.mark.parametrize("line", LEAKED)
def test_a_password_that_is_in_no_secrets_file_came_through(line: str) -> None:
    assert b"s3cret" not in clean(f"before {line.format('s3cret')} after".encode(), [])


@pytest.mark.parametrize(
    "line",
    [
        'secret = "mqtt-password"', 'key = "client.key"', "gpio = 17  # pin 11", "pins: [1, 2]",
        "platform.password: do not write the password here. Run: sudo kaga-edge secret set mqtt-password",
    ],
)  # fmt: skip
def test_what_helps_and_is_no_secret_stays(line: str) -> None:
    assert clean(line.encode(), []) == line.encode()
