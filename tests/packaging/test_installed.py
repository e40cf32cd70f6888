"""The package in a booted Debian 12: installed, watched, updated, taken back, removed. Full runs only.

One machine lives through it, as on site: the tests follow each other.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.debian import FULL, SITE, VCGENCMD, Container, signed

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not FULL, reason="boots a container: full runs"),
    pytest.mark.timeout(900),
    pytest.mark.slow,
]
STORE = "/var/lib/kaga-edge/store.sqlite"
KEY = "/etc/kaga-edge/update.pem"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the signer's private key; the public one lies beside it."""
    folder = tmp_path_factory.mktemp("signer")
    private = folder / "private.pem"
    for words in (
        ("genpkey", "-algorithm", "ed25519", "-out", private),
        ("pkey", "-in", private, "-pubout", "-out", folder / "public.pem"),
    ):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
    return private


@pytest.fixture(scope="module")
def station(debian: Container, package: Path, key: Path) -> Container:
    """Give a machine with a drop zone on its card, the package installed without any network, booted."""
    root = debian.root
    zone = root / "boot/firmware/kaga-edge"
    zone.mkdir(parents=True)
    (root / "boot/firmware/config.txt").write_text("arm_64bit=1\n[all]\n")
    (root / "boot/firmware/cmdline.txt").write_text("console=serial0,115200 console=tty1 rootwait\n")
    (zone / "kaga-edge.toml").write_bytes(SITE.replace("\n", "\r\n").encode("utf-8-sig"))
    (zone / "secrets.txt").write_text("mqtt-password = sample=1\r\n")
    firmware = root / "usr/bin/vcgencmd"
    firmware.write_text(VCGENCMD)
    firmware.chmod(0o755)
    _bring(debian, package)
    done = subprocess.run(
        ["chroot", str(root), "dpkg", "--install", f"/root/{package.name}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copyfile(key.with_name("public.pem"), root / KEY.lstrip("/"))
    debian.boot()
    debian.until(debian.running, 60, "the gateway runs")
    return debian


def _bring(machine: Container, *files: Path) -> None:
    for file in files:
        shutil.copyfile(file, machine.root / "root" / file.name)


def status(machine: Container) -> dict[str, object]:
    told = machine.run("kaga-edge", "status", "--json", check=False)
    found: dict[str, object] = json.loads(told) if told.startswith("{") else {}
    return found


def measures(machine: Container) -> bool:
    sensors = status(machine).get("sensors") or [{}]
    assert isinstance(sensors, list)
    return bool(sensors[0].get("state") == "ok")


def numbered(machine: Container) -> int:
    store = status(machine)["store"]
    assert isinstance(store, dict)
    return int(store["numbered"])


def test_the_card_alone_makes_it_a_station(station):
    zone = station.root / "boot/firmware/kaga-edge"
    told = (zone / "RESULT.txt").read_bytes().decode("utf-8-sig")
    assert "flood-test-01" in told
    assert "設定を取り込みました" in told
    assert sorted(one.name for one in zone.iterdir()) == ["RESULT.txt", "kaga-edge.toml.taken"]
    secret = station.root / "etc/kaga-edge/secrets/mqtt-password"
    assert secret.read_text() == "sample=1\n"
    assert secret.stat().st_mode & 0o777 == 0o640
    station.until(lambda: measures(station), 30, "a reading")


def test_it_runs_as_its_own_user_and_reads_its_configuration(station):
    process = station.show("MainPID")
    assert station.run("ps", "-o", "user=", "-p", process, check=False).startswith("kaga-edge") or (
        station.run("stat", "-c", "%U", f"/proc/{process}") == "kaga-edge"
    )
    assert station.run("stat", "-c", "%U:%G %a", "/etc/kaga-edge") == "root:kaga-edge 750"


def test_its_exposure_is_at_most_one_and_a_half(station):
    told = station.run("systemd-analyze", "security", "--no-pager", "kaga-edge.service", timeout_s=60)
    assert float(told.splitlines()[-1].split()[-3]) <= 1.5


def test_frozen_it_is_killed_by_the_watchdog_and_started_again(station):
    drop_in = station.root / "etc/systemd/system/kaga-edge.service.d/quick.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=6\nRestartSec=1\n")
    station.run("systemctl", "daemon-reload")
    station.run("systemctl", "restart", "kaga-edge")
    station.run("systemctl", "kill", "--signal=STOP", "kaga-edge")
    station.until(lambda: station.show("NRestarts") == "1", 60, "the watchdog")
    assert "watchdog" in station.run("journalctl", "-u", "kaga-edge", "--no-pager", "-n", "50").lower()
    station.until(lambda: measures(station), 60, "measuring again")


def test_the_status_page_opens_within_the_units_sandbox_and_confines_itself_further(station):
    """Bookworm's systemd does not count Landlock among what a service may do: the unit names it."""
    opened = json.loads(station.run("kaga-edge", "web", "on", "--interface", "lo", "--json"))
    assert opened["confined"] is True
    fetch = "import ssl,sys,urllib.request as r; c=ssl._create_unverified_context(); "
    fetch += "print(r.urlopen(sys.argv[1], context=c).status)"
    assert station.run("python3", "-c", fetch, opened["url"]) == "200"
    station.run("kaga-edge", "web", "off")


def test_the_journal_explains_in_both_languages(station):
    listed = station.run("journalctl", "--list-catalog")
    assert "(sensor.down)" in listed


def test_setup_switches_on_what_is_missing_and_goes_on_by_itself_after_the_reboot(station):
    note = station.root / "var/lib/kaga-edge-setup/setup.json"
    told = station.run("kaga-edge", "setup", "--yes", "--lang", "en", check=False)
    assert "reboot needed" in told
    assert "dtparam=watchdog=on" in (station.root / "boot/firmware/config.txt").read_text()
    assert "Storage=persistent" in station.run("cat", "/etc/systemd/journald.conf.d/60-kaga-edge.conf")
    assert note.exists()
    station.close()
    station.boot()
    station.until(lambda: not note.exists(), 60, "the set-up to go on")
    plan = json.loads(station.run("kaga-edge", "setup", "--dry-run", "--json"))
    assert [step["step"] for step in plan if not step["done"]] == []
    station.until(lambda: measures(station), 60, "measuring")


def test_a_configuration_taken_in_by_hand_runs_at_once(station):
    zone = station.root / "boot/firmware/kaga-edge"
    (zone / "kaga-edge.toml").write_text(SITE.replace('en = "Test"', 'en = "By hand"'))
    station.run("kaga-edge", "setup", "--import")
    station.until(lambda: dict(status(station).get("name") or {}).get("en") == "By hand", 60, "the new one")
    station.until(lambda: measures(station), 60, "measuring")


def test_an_upgrade_keeps_data_configuration_and_epoch(station, build: Callable[..., Path]):
    before, kept = numbered(station), status(station)["gw"]
    newer = build("--version", "99.1")
    _bring(station, newer)
    station.run("dpkg", "--install", f"/root/{newer.name}")
    station.until(
        lambda: status(station).get("version") == "99.1" and measures(station), 60, "the new version"
    )
    assert numbered(station) >= before
    assert status(station)["gw"] == kept


def test_an_update_that_is_not_signed_by_us_changes_nothing(station, build, key):
    newer = build("--version", "99.2")
    _bring(station, *signed(newer, key))
    with (station.root / "root" / newer.name).open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    told = station.run("kaga-edge", "setup", "--update", f"/root/{newer.name}", check=False)
    assert "KE-I02" in told
    assert status(station)["version"] == "99.1"


def test_a_signed_update_stays_when_it_measures(station, build, key):
    newer = build("--version", "99.2")
    _bring(station, *signed(newer, key))
    told = station.run("kaga-edge", "setup", "--update", f"/root/{newer.name}", "--health", "90")
    assert "99.2 works" in told
    assert status(station)["version"] == "99.2"


def test_an_update_that_does_not_start_is_taken_back(station, build, key, tmp_path):
    broken = _spoilt(build("--version", "99.3"), tmp_path)
    before = numbered(station)
    _bring(station, *signed(broken, key))
    told = station.run(
        "kaga-edge", "setup", "--update", f"/root/{broken.name}", "--health", "25", check=False
    )
    assert "back to the previous version 99.2" in told
    station.until(
        lambda: status(station).get("version") == "99.2" and measures(station), 60, "the old version"
    )
    assert numbered(station) >= before


def test_a_power_cut_in_an_update_to_a_program_that_cannot_start_at_all_is_healed_at_the_next_start(
    station, build, tmp_path
):
    broken = _spoilt(build("--version", "99.4"), tmp_path, "cli/__init__.py")
    _bring(station, broken)
    note = station.root / "var/lib/kaga-edge-setup/update.json"
    note.write_text(json.dumps({"version": "99.4", "before": None}))
    station.run("dpkg", "--force-confold", "--install", f"/root/{broken.name}", check=False)
    assert "99.4" in station.run("dpkg-query", "--show", "kaga-edge")
    station.close()
    station.boot()
    station.until(lambda: status(station).get("version") == "99.2", 120, "the previous version")
    station.until(lambda: measures(station), 60, "measuring")
    assert not note.exists()


CUT = """dpkg --force-confold --install "$1" & dpkg=$!
while dpkg-query --show --showformat='${db:Status-Status}\\n' kaga-edge | grep -qx installed; do :; done
kill -9 $dpkg"""


def test_a_power_cut_while_dpkg_unpacks_leaves_no_mixture_of_versions(station, build):
    """dpkg calls the package neither old nor new then, and refuses to configure it."""
    newer = build("--version", "99.5")
    _bring(station, newer)
    home = station.root / "var/lib/kaga-edge-setup"
    note, kept = home / "update.json", home / "previous.deb"
    asked = ["dpkg-deb", "--field", str(kept), "Version"]
    before = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    note.write_text(json.dumps({"version": "99.5", "before": None}))
    station.run("sh", "-c", CUT, "cut", f"/root/{newer.name}", check=False)
    state = ("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", "kaga-edge")
    assert not station.run(*state).startswith("installed")
    station.close()
    station.boot()
    station.until(lambda: station.run(*state) == f"installed {before}", 120, "the previous version")
    station.until(lambda: measures(station), 60, "measuring")
    station.until(lambda: not note.exists(), 30, "the end of the update")


def test_a_nearly_empty_battery_switches_the_machine_off_in_order(station):
    assert station.process is not None
    runner = ("runuser", "-u", "kaga-edge", "--", "touch", "/run/kaga-edge/battery-empty")
    station.run(*runner)
    assert station.process.wait(60) == 0
    station.boot()
    station.until(lambda: measures(station), 60, "measuring")
    events = [json.loads(line) for line in station.run("kaga-edge", "log", "--json").splitlines()]
    ready = [event for event in events if event["event"] == "service.ready"]
    assert ready[-1]["reason"] in ("reboot", "start")  # neither "power" nor "crash": it stopped in order


def test_removed_it_keeps_configuration_and_data_and_purged_the_data(station):
    station.run("dpkg", "--remove", "kaga-edge")
    assert (station.root / "etc/kaga-edge/kaga-edge.toml").exists()
    assert not (station.root / "usr/lib/kaga-edge").exists()
    told = station.run("dpkg", "--purge", "kaga-edge")
    assert "/var/lib/kaga-edge" in told
    assert (station.root / STORE.lstrip("/")).stat().st_size > 0
    assert not (station.root / "etc/kaga-edge").exists()


def _spoilt(package: Path, folder: Path, part: str = "gateway/__init__.py") -> Path:
    """Return the package with a program that ends at once."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(tree)], check=True)
    (tree / "usr/lib/kaga-edge/site/kaga_edge" / part).write_text("raise SystemExit('spoilt')\n")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(package)],
        check=True, capture_output=True,
    )  # fmt: skip
    return package
