"""What somebody outside of group kaga-edge is told: run as the user nobody, by the system's own Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import kaga_edge

ROOT = Path(kaga_edge.__file__).parents[1]
CONFIG = """\
[site]
id = "flood-1"
name = { ja = "見本", en = "sample" }
[platform]
url = "mqtts://platform.example.jp:8883"
secret = "mqtt-password"
ca = "ca.pem"
[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpio = 17
[sensor.disclosure]
purpose = { ja = "雨量", en = "rain" }
personal_data = false
"""


@pytest.fixture
def as_nobody() -> Iterator[object]:
    """Run words as nobody beside a configuration whose secrets are root's; also yields its path."""
    if os.geteuid() != 0 or not shutil.which("runuser"):
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "kaga-edge.toml").write_text(CONFIG, encoding="utf-8")
        (folder / "secrets").mkdir(mode=0o750)
        (folder / "secrets" / "mqtt-password").write_text("hunter2")
        (folder / "secrets" / "ca.pem").write_text("a certificate")
        places = ":".join([str(ROOT), *(one for one in sys.path if one.endswith("-packages"))])
        python = next((one for one in ("/usr/bin/python3", sys.executable) if _runs(one, places)), None)
        if python is None:
            pytest.skip("no Python here that the user nobody can run with our libraries")

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            command = _by_nobody(python, places, "-m", "kaga_edge", *words)
            return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)

        yield run, folder / "kaga-edge.toml"


def _by_nobody(python: str, places: str, *words: str) -> list[str]:
    return ["runuser", "-u", "nobody", "--", "env", f"PYTHONPATH={places}", python, *words]


def _runs(python: str, places: str) -> bool:
    ask = _by_nobody(python, places, "-c", "import kaga_edge.config.reading")
    return subprocess.run(ask, cwd="/", capture_output=True, check=False).returncode == 0


def test_config_check_broke_where_the_secrets_may_not_be_looked_into(as_nobody) -> None:
    run, config = as_nobody
    said = run("config", "check", str(config))
    assert (said.returncode, said.stderr) == (0, "")
    assert "ca.pem" not in said.stdout  # it cannot be seen, which is no fault of the file


def test_secret_list_said_that_there_are_none(as_nobody) -> None:
    run, config = as_nobody
    said = run("secret", "list", "--config", str(config))
    assert said.returncode != 0
    assert "you may not look into this folder" in said.stderr


def test_log_said_that_nothing_happened_where_the_configuration_is_closed(as_nobody) -> None:
    run, config = as_nobody
    config.chmod(0o640)
    said = run("log", "--config", str(config))
    assert said.returncode == 2
    assert said.stderr.startswith(f"KE-G07  {config}: the events cannot be read")


@pytest.mark.parametrize("hide", ["file", "part", "folder"])
def test_status_said_not_running_where_the_configuration_is_closed(as_nobody, hide) -> None:
    run, config = as_nobody
    parts = config.parent / "conf.d"
    parts.mkdir()
    (parts / "10-station.toml").write_text('[station]\nruntime = "/srv/kaga"\n')
    closed = {"file": config, "part": parts / "10-station.toml", "folder": parts}[hide]
    closed.chmod(0o700)
    said = run("--lang", "en", "status", "--config", str(config))
    assert said.returncode == 2
    assert "KE-G02" in said.stderr
    assert "not running" not in said.stderr
    assert "may not read the configuration" in " ".join(said.stderr.split())


def test_status_of_a_gateway_that_is_down_is_said_to_whoever_can_read_where_it_would_be(as_nobody) -> None:
    run, config = as_nobody
    said = run("--lang", "en", "status", "--config", str(config))
    assert (said.returncode, "KE-G01" in said.stderr) == (3, True)
