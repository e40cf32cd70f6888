"""From the configuration file to a broker that asks for credentials: the daemon as a process."""

from __future__ import annotations

import subprocess

import pytest
import trustme

from kaga_edge.sim.broker import free_port

from .conftest import answering, config_text, running_mosquitto, wait_for

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def authority(tmp_path):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = ca.issue_cert("localhost")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    return ca


def conf(tmp_path, port: int, *more: str) -> str:
    return "\n".join(
        (
            f"listener {port} 127.0.0.1",
            f"cafile {tmp_path}/ca.pem",
            f"certfile {tmp_path}/server.pem",
            f"keyfile {tmp_path}/server.key",
            "persistence false",
            "user root",  # the folder is readable by us alone
            *more,
            "",
        )
    )


def site(tmp_path, port: int, platform: str) -> str:
    sensors = [("level-1", tmp_path / "level-1")]
    text = config_text(tmp_path, sensors, port=port, platform=platform + '\nno_subscriber = "accept"')
    return text.replace("mqtt://127.0.0.1", "mqtts://localhost")


def test_user_name_and_password_from_a_secret_file(tmp_path, daemon, instruments, authority) -> None:
    port = free_port()
    subprocess.run(["mosquitto_passwd", "-c", "-b", tmp_path / "users", "test-01", "雪と水"], check=True)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mqtt-password").write_text("雪と水\n", encoding="utf-8")
    (tmp_path / "secrets" / "mqtt-password").chmod(0o600)
    daemon.config.write_text(
        site(tmp_path, port, 'ca = "ca.pem"\nusername = "test-01"\nsecret = "mqtt-password"')
    )
    rules = ("allow_anonymous false", f"password_file {tmp_path}/users")
    with running_mosquitto(conf(tmp_path, port, *rules), tmp_path, lambda: answering(port)):
        daemon.start()
        wait_for(lambda: daemon.status()["store"]["delivered"] >= 2, why="delivery over TLS")
    assert "雪と水" not in daemon.log.read_text()


def test_client_certificate(tmp_path, daemon, instruments, authority) -> None:
    port = free_port()
    client = authority.issue_cert("test-01", common_name="test-01")
    (tmp_path / "secrets").mkdir()
    client.private_key_pem.write_to_path(tmp_path / "secrets" / "gateway.key")
    (tmp_path / "secrets" / "gateway.key").chmod(0o600)
    client.cert_chain_pems[0].write_to_path(tmp_path / "gateway.pem")
    daemon.config.write_text(
        site(tmp_path, port, 'ca = "ca.pem"\ncertificate = "gateway.pem"\nkey = "gateway.key"')
    )
    rules = ("require_certificate true", "use_identity_as_username true", "allow_anonymous false")
    with running_mosquitto(conf(tmp_path, port, *rules), tmp_path, lambda: answering(port)):
        daemon.start()
        wait_for(lambda: daemon.status()["store"]["delivered"] >= 2, why="delivery over TLS")


def test_a_broker_of_another_authority_gets_nothing(tmp_path, daemon, instruments, authority) -> None:
    port = free_port()
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    daemon.config.write_text(site(tmp_path, port, 'ca = "other.pem"'))
    with running_mosquitto(conf(tmp_path, port, "allow_anonymous true"), tmp_path, lambda: answering(port)):
        daemon.start()
        wait_for(lambda: daemon.status()["link"]["state"] == "refused", why="the refusal")
        assert daemon.status()["store"]["delivered"] == 0
        assert "certificate" in daemon.status()["link"]["reason"].lower()
