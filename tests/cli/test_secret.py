"""``secret set|list|remove`` and ``enroll``: what is secret is never shown and never an argument."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from kaga_edge.config.secret import read_secret_at


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "kaga-edge.toml"
    file.write_text('[site]\nid = "flood-1"\n[platform]\nurl = "mqtts://x:8883"\nsecret = "mqtt-password"\n')
    return file


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):
    """Give standard input a text, as a pipe does."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_what_is_piped_in_is_what_the_gateway_reads(kaga_edge, config, typed, tmp_path):
    typed("päss wörd=#1\n")
    said = kaga_edge("secret", "set", "mqtt-password", "--config", config, "--socket", tmp_path / "no")
    assert said.code == 0, said.err
    assert "päss" not in said.out + said.err
    assert read_secret_at(tmp_path, "mqtt-password") == "päss wörd=#1"
    assert (tmp_path / "secrets" / "mqtt-password").stat().st_mode & 0o007 == 0
    assert (tmp_path / "secrets").stat().st_mode & 0o007 == 0


def test_the_mark_notepad_puts_before_a_text_became_part_of_the_password(kaga_edge, config, typed, tmp_path):
    typed("\ufeffhunter2\r\n")
    kaga_edge("secret", "set", "mqtt-password", "--config", config, "--socket", tmp_path / "no")
    assert read_secret_at(tmp_path, "mqtt-password") == "hunter2"


def test_a_secret_is_no_argument(kaga_edge, config):
    assert kaga_edge("secret", "set", "mqtt-password", "hunter2", "--config", config).code == 64


@pytest.mark.parametrize("text", ["", "\n", "   ", "a\x00b", "x" * 70_000, "\udcff\udcfe"])
def test_what_cannot_be_one_changes_nothing(kaga_edge, config, typed, tmp_path, text):
    typed("good")
    kaga_edge("secret", "set", "mqtt-password", "--config", config, "--socket", tmp_path / "no")
    typed(text)
    assert kaga_edge("secret", "set", "mqtt-password", "--config", config).code == 64
    assert read_secret_at(tmp_path, "mqtt-password") == "good"


@pytest.mark.parametrize("name", ["../shadow", "a/b", ".hidden", "", "a b", "ｍｑ"])
def test_a_name_leads_nowhere_else(kaga_edge, config, typed, name):
    typed("x")
    assert kaga_edge("secret", "set", name, "--config", config).code == 64


def test_list_says_which_are_missing_and_never_what_they_are(kaga_edge, config, typed, tmp_path):
    assert kaga_edge("secret", "list", "--config", config).code == 1
    typed("hunter2")
    kaga_edge("secret", "set", "mqtt-password", "--config", config, "--socket", tmp_path / "no")
    said = kaga_edge("secret", "list", "--config", config, "--json")
    (one,) = json.loads(said.out)
    assert (said.code, one["there"], one["used_as"]) == (0, True, "platform.secret")
    assert "hunter2" not in kaga_edge("secret", "list", "--config", config).out


def test_remove_asks_and_removes(kaga_edge, config, typed, tmp_path):
    typed("hunter2")
    kaga_edge("secret", "set", "mqtt-password", "--config", config, "--socket", tmp_path / "no")
    assert kaga_edge("secret", "remove", "mqtt-password", "--config", config).code == 64  # nobody to ask
    words = ("--yes", "--config", config, "--socket", tmp_path / "no")
    assert kaga_edge("secret", "remove", "mqtt-password", *words).code == 0
    assert not (tmp_path / "secrets" / "mqtt-password").exists()
    assert kaga_edge("secret", "remove", "mqtt-password", *words).code == 64


def test_the_gateway_is_told_of_a_new_secret(kaga_edge, config, typed, control_socket):
    asked = []
    path = control_socket(lambda request: asked.append(request) or {"v": 1, "k": "x"})
    typed("x")
    said = kaga_edge("secret", "set", "mqtt-password", "--config", config, "--socket", path)
    assert asked == [{"op": "reload"}]
    assert "The gateway was told" in said.out


openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def _signed(folder: Path, request: str) -> Path:
    """Sign a request as a platform's authority would."""
    (folder / "r.csr").write_text(request)
    run = lambda *words: subprocess.run(["openssl", *words], check=True, cwd=folder, capture_output=True)  # noqa: E731
    run(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=CA",
    )
    run("x509", "-req", "-in", "r.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "c.pem", "-days", "30")
    return folder / "c.pem"


@openssl
def test_key_and_request_are_made_and_the_certificate_is_put_in_place(kaga_edge, config, tmp_path):
    said = kaga_edge("enroll", "--config", config)
    assert said.out.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    key = tmp_path / "secrets" / "flood-1.key"
    assert key.stat().st_mode & 0o007 == 0
    assert kaga_edge("enroll", "--config", config).code == 0
    before = key.read_bytes()
    assert kaga_edge("enroll", "--new-key", "--config", config).code == 64  # asks first
    assert key.read_bytes() == before
    certificate = _signed(tmp_path, said.out)
    installed = kaga_edge("enroll", "--install", certificate, "--config", config)
    assert installed.code == 0, installed.err
    assert 'key = "flood-1.key"' in installed.out
    assert (tmp_path / "flood-1.pem").read_bytes() == certificate.read_bytes()
    shown = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-subject"], capture_output=True)
    assert b"flood-1" in shown.stdout


@openssl
def test_a_certificate_for_another_key_is_refused(kaga_edge, config, tmp_path):
    certificate = _signed(tmp_path, kaga_edge("enroll", "--config", config).out)
    kaga_edge("enroll", "--new-key", "--yes", "--config", config)
    said = kaga_edge("enroll", "--install", certificate, "--config", config)
    assert (said.code, said.err[:6]) == (2, "KE-U07")
    assert not (tmp_path / "flood-1.pem").exists()


# --- encrypted by systemd ---


def can_encrypt(folder: Path) -> bool:
    if shutil.which("systemd-creds") is None:
        return False
    asked = ["systemd-creds", "encrypt", "--name=x", "-", str(folder / "x.cred")]
    return subprocess.run(asked, input=b"x", capture_output=True, check=False).returncode == 0


def test_a_credential_is_on_the_disk_encrypted_alone(kaga_edge, config, typed, tmp_path):
    if not can_encrypt(tmp_path):
        pytest.skip("systemd-creds cannot encrypt here")
    typed("hunter2")
    kaga_edge("secret", "set", "mqtt-password", "--config", config, "--socket", tmp_path / "no")
    typed("päss wörd")
    said = kaga_edge("secret", "set", "mqtt-password", "--credential", "--config", config)
    assert said.code == 0, said.err
    sealed = tmp_path / "secrets" / "mqtt-password.cred"
    assert f"LoadCredentialEncrypted=mqtt-password:{sealed}" in said.out
    assert not (tmp_path / "secrets" / "mqtt-password").exists()
    assert "päss wörd".encode() not in sealed.read_bytes()
    assert read_secret_at(tmp_path, "mqtt-password") == "päss wörd"  # root, beside the unit


def test_a_credential_is_listed_and_removed_as_any_secret(kaga_edge, config, typed, tmp_path):
    if not can_encrypt(tmp_path):
        pytest.skip("systemd-creds cannot encrypt here")
    typed("x")
    kaga_edge("secret", "set", "mqtt-password", "--credential", "--config", config)
    (listed,) = json.loads(kaga_edge("secret", "list", "--json", "--config", config).out)
    assert (listed["name"], listed["there"], listed["encrypted"]) == ("mqtt-password", True, True)
    removed = kaga_edge(
        "secret", "remove", "mqtt-password", "--yes", "--config", config, "--socket", tmp_path / "no"
    )
    assert removed.code == 0
    assert not list((tmp_path / "secrets").iterdir())


def test_without_systemd_it_is_a_file_and_says_so(kaga_edge, config, typed, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    typed("x")
    place = ("--config", config, "--socket", tmp_path / "no")
    said = kaga_edge("secret", "set", "mqtt-password", "--credential", *place)
    assert said.code == 0
    assert "plain file" in said.err
    assert (tmp_path / "secrets" / "mqtt-password").read_text() == "x"


def test_the_key_of_the_client_certificate_is_no_credential(kaga_edge, config, typed, tmp_path):
    config.write_text(config.read_text() + 'certificate = "c.pem"\nkey = "client.key"\n')
    typed("x")
    assert kaga_edge("secret", "set", "client.key", "--credential", "--config", config).code == 64


def test_the_unit_is_told_by_a_drop_in_that_systemd_accepts(tmp_path):
    from kaga_edge.cli.credential import forget, tell_unit

    place = tell_unit("mqtt-password", Path("/etc/kaga-edge/secrets/mqtt-password.cred"), tmp_path)
    assert place.read_text().splitlines() == [
        "[Service]",
        "LoadCredentialEncrypted=mqtt-password:/etc/kaga-edge/secrets/mqtt-password.cred",
    ]
    forget("mqtt-password", tmp_path)
    assert not place.exists()
