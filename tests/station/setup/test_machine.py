"""The set-up on a tree: what is written, kept, left alone; and the command over it."""

from __future__ import annotations

import json
import os

import pytest

from kaga_edge.cli import main
from kaga_edge.config import load
from kaga_edge.core.fitting import Call, Needs, Write, steps
from kaga_edge.station.setup import machine
from kaga_edge.station.setup.machine import SetupFailed, do, look, needs_of


def write_all(root):
    for step in steps(look(root), Needs()):
        for action in step.actions:
            if isinstance(action, Write):
                do(action, root)


def test_what_setup_wrote_it_finds_done(root):
    write_all(root)
    left = [action for step in steps(look(root), Needs()) for action in step.actions]
    assert [one for one in left if isinstance(one, Write)] == []


def test_the_first_config_txt_is_kept_and_a_second_run_does_not_overwrite_the_copy(root):
    config = root / "boot/firmware/config.txt"
    first = config.read_text()
    write_all(root)
    config.write_text(config.read_text().replace("dtparam=i2c_arm=on", "dtparam=i2c_arm=off"))
    write_all(root)
    assert (config.parent / "config.txt.before-kaga-edge").read_text() == first


def test_a_config_txt_that_is_a_link_stays_one(root):
    real = root / "boot/firmware/config.txt"
    real.rename(root / "boot/real.txt")
    real.symlink_to("../real.txt")
    write_all(root)
    assert real.is_symlink()
    assert "dtparam=i2c_arm=on" in (root / "boot/real.txt").read_text()


def test_what_the_site_needs_is_read_from_its_configuration(root, site):
    file = root / "etc/kaga-edge/kaga-edge.toml"
    (root / "etc/kaga-edge/ca.pem").write_text("")
    secret = root / "etc/kaga-edge/secrets/mqtt-password"
    secret.write_text("x")
    secret.chmod(0o640)
    file.write_text(site)
    needs = needs_of(load(file), {"watchdog_s": 0, "journal_max": "20M"})
    assert (needs.i2c, needs.uart, needs.full_uart) == (False, True, True)
    assert needs.ports == (("level-1", "/dev/ttyAMA0"),)
    assert (needs.watchdog_s, needs.journal_max) == (0, "20M")


def test_commands_for_the_running_system_are_not_run_for_a_mounted_card(root):
    ran: list[list[str]] = []
    runner = lambda argv: ran.append(list(argv)) or 0  # noqa: E731 - a recorder
    do(Call(argv=("systemctl", "restart", "systemd-journald")), root, runner)
    do(Call(argv=("systemctl", "enable", "kaga-edge.service"), rooted=True), root, runner)
    assert ran == [["systemctl", f"--root={root}", "enable", "kaga-edge.service"]]


def test_a_command_that_fails_says_which(root):
    with pytest.raises(SetupFailed, match="systemd-sysusers"):
        do(Call(argv=("systemd-sysusers",), rooted=True), root, lambda _argv: 1)


def test_answers_that_are_no_toml_are_told(root):
    (root / "etc/kaga-edge/setup.toml").write_text("watchdog_s = \n")
    with pytest.raises(SetupFailed, match="not TOML"):
        machine.answers(root)


# --- the command ---


@pytest.mark.skipif(os.geteuid() != 0, reason="users and links are made: root")
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_whole_set_up_of_a_card_and_a_second_time_nothing(root, capsys, lang):
    for tool in ("systemd-sysusers", "systemctl"):
        if not any(os.access(f"{folder}/{tool}", os.X_OK) for folder in ("/usr/bin", "/bin")):
            pytest.skip(f"no {tool} on this machine")
    assert main(["setup", "--root", str(root), "--yes", "--lang", lang]) == 0
    assert "kaga-edge" in (root / "etc/group").read_text()
    assert (root / "etc/systemd/system/multi-user.target.wants/kaga-edge.service").is_symlink()
    assert "console=serial0" not in (root / "boot/firmware/cmdline.txt").read_text()
    capsys.readouterr()
    assert main(["setup", "--root", str(root), "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [step["step"] for step in plan if not step["done"]] == []


def test_a_dry_run_changes_nothing(root, capsys):
    before = {str(one): one.read_bytes() for one in root.rglob("*") if one.is_file()}
    assert main(["setup", "--root", str(root), "--dry-run", "--lang", "en"]) == 0
    assert "would write /boot/firmware/config.txt" in capsys.readouterr().out
    assert {str(one): one.read_bytes() for one in root.rglob("*") if one.is_file()} == before


def test_without_a_terminal_and_without_yes_nothing_is_changed(root, capsys):
    assert main(["setup", "--root", str(root), "--lang", "en"]) == 1
    assert "--yes" in capsys.readouterr().out
    assert "dtparam" not in (root / "boot/firmware/config.txt").read_text()


def test_the_plan_fits_forty_columns(root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    from kaga_edge.cli.screen import width

    for lang in ("ja", "en"):
        main(["setup", "--root", str(root), "--dry-run", "--lang", lang])
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if width(line) > 40 and " " in line.strip()] == []


@pytest.mark.parametrize("asked", [["--import"], ["--replace", "flood-test-01"]])
def test_a_dry_run_took_in_the_drop_zone_or_set_the_store_aside_all_the_same(root, asked, capsys):
    mark = root / "boot/firmware/kaga-edge/secrets.txt"
    mark.write_text("mqtt-password = x\n")
    with pytest.raises(SystemExit) as ended:
        main(["setup", "--root", str(root), "--dry-run", *asked, "--lang", "en"])
    assert ended.value.code == 64
    assert "--dry-run" in capsys.readouterr().err
    assert mark.is_file()


def test_an_update_below_another_root_was_one_of_this_machine(root, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["setup", "--root", str(root), "--update", "x.deb", "--lang", "ja"])
    assert ended.value.code == 64
    assert "--root" in capsys.readouterr().err
