"""A new card or box in a site's place."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from kaga_edge.station.setup.replace import ReplaceRefused, replace_site

WHEN, STAMP = "2026-11-22 10:00:00 +0900", "20261122T010000Z"


class Ears:
    """What was said."""

    def __init__(self):
        self.codes = []

    def __call__(self, code, **_params):
        self.codes.append(code)


@pytest.fixture
def ears():
    return Ears()


@pytest.fixture
def dropped(zone, site, root):
    (zone / "kaga-edge.toml").write_text(site)
    (zone / "secrets.txt").write_text("mqtt-password = new\n")
    (root / "etc/kaga-edge/ca.pem").write_text("")
    return zone


def replace(root, ears, site="flood-test-01", runner=lambda _argv: 0):
    return replace_site(site, root, stamp=STAMP, when=WHEN, say=ears, runner=runner)


def test_a_fresh_card_becomes_the_site(root, dropped, ears):
    assert replace(root, ears).site.id == "flood-test-01"
    assert (root / "etc/kaga-edge/secrets/mqtt-password").read_text() == "new\n"
    assert "replace.password_new" in ears.codes


def test_what_the_box_measured_elsewhere_is_set_aside_and_never_mixed_in(root, dropped, ears):
    state = root / "var/lib/kaga-edge"
    (state / "good").mkdir(parents=True)
    for name in ("store.sqlite", "store.sqlite-wal", "good/kaga-edge.toml"):
        (state / name).write_text(f"old {name}")
    replace(root, ears)
    assert [one.name for one in state.iterdir()] == [f"replaced-{STAMP}"]
    kept = state / f"replaced-{STAMP}"
    assert (kept / "store.sqlite").read_text() == "old store.sqlite"
    assert (kept / "store.sqlite-wal").exists()
    assert (kept / "good/kaga-edge.toml").exists()


def test_another_sites_configuration_is_refused_before_anything_is_moved(root, dropped, ears):
    state = root / "var/lib/kaga-edge"
    state.mkdir(parents=True)
    (state / "store.sqlite").write_text("old")
    with pytest.raises(ReplaceRefused):
        replace(root, ears, site="flood-other-02")
    assert (state / "store.sqlite").read_text() == "old"


def test_a_faulty_configuration_is_refused_with_the_place_of_its_faults(root, dropped, ears):
    """They were said to stand above, where nothing stood."""
    (dropped / "kaga-edge.toml").write_text("[site\n")
    with pytest.raises(ReplaceRefused) as refused:
        replace(root, ears)
    assert refused.value.where == str(dropped / "RESULT.txt")
    assert "kaga-edge.toml:1" in (dropped / "RESULT.txt").read_text(encoding="utf-8-sig")


def test_a_configuration_taken_in_at_the_last_start_is_good_too(root, dropped, ears):
    replace(root, ears)
    assert replace(root, ears).site.id == "flood-test-01"


def test_an_old_password_that_goes_on_is_told(root, dropped, ears):
    (dropped / "secrets.txt").unlink()
    old = root / "etc/kaga-edge/secrets/mqtt-password"
    old.write_text("old\n")
    old.chmod(0o640)
    replace(root, ears)
    assert "replace.password" in ears.codes


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_a_client_key_is_made_here_and_only_its_request_lies_on_the_card(root, zone, site, ears):
    text = site.replace('secret = "mqtt-password"', 'certificate = "client.pem"\nkey = "client.key"')
    (zone / "kaga-edge.toml").write_text(text)
    secrets = root / "etc/kaga-edge/secrets"
    (secrets / "client.key").write_text("old key")
    for name in ("ca.pem", "client.pem"):
        (root / "etc/kaga-edge" / name).write_text("")
    replace(root, ears, runner=lambda argv: subprocess.run(argv, check=False, capture_output=True).returncode)
    assert "PRIVATE KEY" in (secrets / "client.key").read_text()
    assert (secrets / "client.key").stat().st_mode & 0o777 == 0o640
    request = zone / "flood-test-01.csr"
    told = subprocess.run(
        ["openssl", "req", "-in", str(request), "-noout", "-subject", "-verify"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "flood-test-01" in told.stdout + told.stderr
    assert not any("PRIVATE" in one.read_text() for one in zone.iterdir() if one.is_file())
