"""The drop zone: good taken in, bad told on the card, secrets gone from it."""

from __future__ import annotations

import pytest

from kaga_edge.config import load
from kaga_edge.station.setup.dropzone import take_in
from kaga_edge.station.setup.machine import SetupFailed

WHEN = "2026-11-22 10:00:00 +0900"
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBejCCAR+gAwIBAgIUHn6hHAxrSqJ8gRAxf1NomDJY23EwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAeFw0yNjExMjkwMjU5MThaFw0zNjExMjYwMjU5
MThaMBIxEDAOBgNVBAMMB1Rlc3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASDdMn9hX/1J4Ci7YYLshPIPxeajzBT/20NRvaXd+et/hiv+A7VgIKAbmxLrid0
lRWADplqYJCMnn5X22v46ha5o1MwUTAdBgNVHQ4EFgQUGa9beWo7EUa42Z9YsLI+
SLDYHlowHwYDVR0jBBgwFoAUGa9beWo7EUa42Z9YsLI+SLDYHlowDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA8YAWjOr8g1xyX/Md38llRkPIIW8H
/2wqzzV8acQipYkCIQC28hvPSm5KuvT94C8qbbAq8riMBb13BZPoE6TQNmdRYA==
-----END CERTIFICATE-----
"""  # openssl req -x509 -newkey ec
KEY = "-----BEGIN PRIVATE KEY-----\nsecret-bytes\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def drop(zone, site):
    """Put a whole station onto the card, as Windows writes texts."""
    (zone / "kaga-edge.toml").write_bytes(site.replace("\n", "\r\n").encode("utf-8-sig"))
    (zone / "secrets.txt").write_bytes(b"\xef\xbb\xbfmqtt-password = pass=word\r\n")
    (zone / "ca.pem").write_text(CERTIFICATE)
    return zone


def result(zone):
    return (zone / "RESULT.txt").read_bytes().decode("utf-8-sig")


def test_a_good_configuration_is_installed_for_the_gateway_to_read(root, drop, site):
    told = take_in(root, when=WHEN)
    etc = root / "etc/kaga-edge"
    assert told.took_config
    assert (etc / "kaga-edge.toml").read_text(encoding="utf-8") == site
    assert (etc / "kaga-edge.toml").stat().st_mode & 0o777 == 0o640
    assert (etc / "secrets/mqtt-password").read_text() == "pass=word\n"
    assert (etc / "secrets/mqtt-password").stat().st_mode & 0o777 == 0o640
    assert (etc / "ca.pem").read_text() == CERTIFICATE


def test_the_card_says_in_both_languages_what_was_taken(root, drop):
    take_in(root, when=WHEN)
    assert "設定を取り込みました: flood-test-01" in result(drop)
    assert "configuration taken in: flood-test-01" in result(drop)


def test_no_secret_stays_on_the_card_and_none_is_told(root, drop, zone):
    (zone / "site.key").write_text(KEY)
    take_in(root, when=WHEN)
    left = b"".join(one.read_bytes() for one in zone.rglob("*") if one.is_file())
    assert b"pass=word" not in left
    assert b"secret-bytes" not in left
    assert (root / "etc/kaga-edge/secrets/site.key").read_text() == KEY


def test_a_second_start_takes_nothing_in_again_over_what_was_changed_on_site(root, drop):
    take_in(root, when=WHEN)
    present = root / "etc/kaga-edge/kaga-edge.toml"
    present.write_text(present.read_text() + "# changed on site\n")
    first = result(drop)
    take_in(root, when="later")
    assert present.read_text().endswith("# changed on site\n")
    assert result(drop) == first


def test_a_faulty_configuration_stays_on_the_card_with_its_faults_told_and_the_old_one_goes_on(
    root, drop, site
):
    present = root / "etc/kaga-edge/kaga-edge.toml"
    present.write_text("# the old one\n")
    (drop / "kaga-edge.toml").write_text(site.replace("every =", "evry ="))
    told = take_in(root, when=WHEN)
    assert told.faults is not None
    assert present.read_text() == "# the old one\n"
    assert (drop / "kaga-edge.toml").exists()
    assert "evry" in result(drop)
    assert "every" in result(drop)
    assert b"pass=word" not in b"".join(one.read_bytes() for one in drop.iterdir())


def test_the_configuration_before_is_kept(root, drop):
    present = root / "etc/kaga-edge/kaga-edge.toml"
    present.write_text("# the old one\n")
    take_in(root, when=WHEN)
    assert present.with_name("kaga-edge.toml.previous").read_text() == "# the old one\n"


def test_a_list_of_secrets_with_a_line_that_is_none_is_told_by_line(root, zone):
    (zone / "secrets.txt").write_text("mqtt-password\n")
    told = take_in(root, when=WHEN)
    assert told.failed
    assert "secrets.txt line 1" in result(zone)
    assert (zone / "secrets.txt").exists()


def test_calibrations_made_on_site_outlive_a_new_configuration(root, drop):
    parts = root / "etc/kaga-edge/conf.d"
    parts.mkdir()
    (parts / "50-calibration.toml").write_text("")
    take_in(root, when=WHEN)
    assert (parts / "50-calibration.toml").exists()


def test_nothing_of_the_judging_is_left_behind(root, drop):
    take_in(root, when=WHEN)
    assert [one.name for one in (root / "etc/kaga-edge").iterdir() if one.name.startswith(".")] == []


def test_another_sites_configuration_is_not_taken_for_this_one(root, drop):
    told = take_in(root, when=WHEN, site="flood-other-02")
    assert told.failed
    assert not (root / "etc/kaga-edge/kaga-edge.toml").exists()
    assert "flood-other-02" in result(drop)


def test_a_link_on_the_card_is_not_followed(root, zone, tmp_path):
    outside = tmp_path / "outside.pem"
    outside.write_text(CERTIFICATE)
    (zone / "ca.pem").symlink_to(outside)
    take_in(root, when=WHEN)
    assert not (root / "etc/kaga-edge/ca.pem").exists()


def test_a_card_that_takes_no_result_is_no_crash_and_what_was_taken_in_stays(root, drop):
    (drop / "RESULT.txt").mkdir()
    told = take_in(root, when=WHEN)
    assert told.failed
    assert told.took_config
    assert (root / "etc/kaga-edge/kaga-edge.toml").exists()


def test_names_in_capital_letters_are_taken_too(root, zone, site):
    (zone / "KAGA-EDGE.TOML").write_text(site)
    (zone / "SECRETS.TXT").write_text("mqtt-password = x\n")
    (zone / "ca.pem").write_text(CERTIFICATE)
    assert take_in(root, when=WHEN).took_config


def test_without_a_drop_zone_it_says_what_to_make(root, zone):
    zone.rmdir()
    with pytest.raises(SetupFailed) as raised:
        take_in(root, when=WHEN)
    assert "kaga-edge.toml" in raised.value.fix


def test_the_ending_that_windows_hides_is_no_obstacle(root, zone, site):
    (zone / "kaga-edge.toml.txt").write_text(site)
    (zone / "secrets.txt.txt").write_text("mqtt-password = x\n")
    (zone / "ca.pem").write_text(CERTIFICATE)
    assert take_in(root, when=WHEN).took_config
    assert sorted(one.name for one in zone.iterdir()) == [
        "RESULT.txt", "ca.pem.taken", "kaga-edge.toml.txt.taken",
    ]  # fmt: skip


def test_notepads_unicode_is_read(root, drop, zone, site):
    (zone / "kaga-edge.toml").write_bytes(site.replace("\n", "\r\n").encode("utf-16"))
    assert take_in(root, when=WHEN).took_config
    assert (root / "etc/kaga-edge/kaga-edge.toml").read_text(encoding="utf-8") == site


def test_a_file_under_another_name_is_not_passed_over_in_silence(root, zone, site):
    (zone / "flood.toml").write_text(site)
    assert take_in(root, when=WHEN).failed
    assert "flood.toml は名前が違うので取り込みません" in result(zone)
    assert "flood.toml is not taken in" in result(zone)
    assert (zone / "flood.toml").exists()


def test_a_folder_that_unpacking_put_into_the_folder_is_taken_too(root, drop, zone):
    inner = zone / "kaga-edge"
    inner.mkdir()
    for name in ("kaga-edge.toml", "secrets.txt", "ca.pem"):
        (zone / name).rename(inner / name)
    assert take_in(root, when=WHEN).took_config
    assert "設定を取り込みました" in result(inner)
    assert not (inner / "secrets.txt").exists()


def test_a_password_that_the_configuration_names_and_nobody_brought_is_asked_for(root, drop, zone):
    """It used to say "all good", and the station never reached the city."""
    (zone / "secrets.txt").unlink()
    told = take_in(root, when=WHEN)
    assert told.took_config
    assert told.failed
    assert "the secret mqtt-password is missing" in result(zone)
    assert "All good" not in result(zone)


def test_of_two_configurations_none_is_taken(root, drop, zone, site):
    """The second used to be taken in over the first at the next start."""
    (zone / "site.toml").write_text(site.replace("flood-test-01", "another"))
    assert not take_in(root, when=WHEN).took_config
    assert "two configurations, which one is meant? kaga-edge.toml, site.toml" in result(zone)
    assert (zone / "kaga-edge.toml").exists()


def test_faults_stand_below_the_line_that_announces_them_and_name_no_passing_folder(root, drop, zone):
    (zone / "ca.pem").unlink()
    take_in(root, when=WHEN)
    lines = result(zone).splitlines()
    at = lines.index("the configuration has 1 fault(s) and is not taken in; the previous one goes on:")
    assert "platform.ca: the file /etc/kaga-edge/" in lines[at + 1]
    assert ".drop-" not in result(zone)


def test_quotes_around_a_password_are_told(root, zone):
    (zone / "secrets.txt").write_text('mqtt-password = "x y"\n')
    take_in(root, when=WHEN)
    assert "mqtt-password の引用符もパスワードの一部" in result(zone)


@pytest.mark.parametrize("spoilt", ["garbage", CERTIFICATE[:200], CERTIFICATE.replace("MIIB", "MIIC")])
def test_a_spoilt_certificate_took_the_place_of_the_good_one(root, drop, spoilt):
    present = root / "etc/kaga-edge/ca.pem"
    present.write_text(CERTIFICATE)
    (drop / "ca.pem").write_text(spoilt)
    told = take_in(root, when=WHEN)
    assert told.failed
    assert present.read_text() == CERTIFICATE
    assert (drop / "ca.pem").is_file()
    assert "ca.pem cannot be read as a PEM certificate" in result(drop)


def test_a_certificate_with_a_remark_in_japanese_and_a_public_key_are_taken(root, zone):
    (zone / "ca.pem").write_text(f"市の認証局\n{CERTIFICATE}", encoding="utf-8")
    (zone / "update.pem").write_text("-----BEGIN PUBLIC KEY-----\nMCowBQ==\n-----END PUBLIC KEY-----\n")
    assert not take_in(root, when=WHEN).failed
    assert {"ca.pem", "update.pem"} <= {one.name for one in (root / "etc/kaga-edge").iterdir()}


CALIBRATION = """\
[[sensor]]
id = "{sensor}"
[[sensor.correction]]
channel = "water_level"
offset = 0.25
on = "2026-11-01"
who = "Yamada"
"""


@pytest.mark.parametrize("sensor", ["level-1", "level-9"])  # B has one of that name, or has not
def test_a_box_that_moved_took_the_calibrations_of_the_site_before_along(root, drop, site, sensor):
    etc = root / "etc/kaga-edge"
    (etc / "kaga-edge.toml").write_text(site.replace("flood-test-01", "flood-before-07"))
    (etc / "conf.d").mkdir()
    (etc / "conf.d/50-calibration.toml").write_text(CALIBRATION.format(sensor=sensor))
    told = take_in(root, when=WHEN)
    assert told.took_config
    assert load(etc / "kaga-edge.toml").sensors[0].corrections == ()
    assert (etc / "conf.d.previous/50-calibration.toml").read_text() == CALIBRATION.format(sensor=sensor)
    assert "50-calibration.toml" in result(drop)


def test_parts_from_the_card_were_judged_without_those_of_the_site(root, drop, site):
    etc = root / "etc/kaga-edge"
    (etc / "kaga-edge.toml").write_text(site)
    (etc / "conf.d").mkdir()
    (etc / "conf.d/20-more.toml").write_text('[[sensor]]\nid = "level-9"\nevery = "5s"\n')  # is nowhere
    (drop / "conf.d").mkdir()
    (drop / "conf.d/10-more.toml").write_text('[store]\nmax = "64MB"\n')
    told = take_in(root, when=WHEN)
    assert told.faults is not None
    assert not (etc / "conf.d/10-more.toml").exists()
