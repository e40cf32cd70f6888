"""The drop zone: which file is what, and what Windows makes of a text."""

from __future__ import annotations

from kaga_edge.core.dropping import read_secrets, result, sort_out

KEY = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


def test_each_file_has_one_role_and_the_rest_is_left_alone():
    found = sort_out(
        {
            "Kaga-Edge.TOML": "", "SECRETS.TXT": "", "ca.pem": CERTIFICATE, "site.key": KEY, "photo.jpg": "",
            "conf.d/50-calibration.toml": "", "kaga-edge_1.0_arm64.deb": "",
        }
    )  # fmt: skip
    assert (found.main, found.secret_list) == ("Kaga-Edge.TOML", "SECRETS.TXT")
    assert found.parts == ("conf.d/50-calibration.toml",)
    assert (found.certificates, found.keys) == (("ca.pem",), ("site.key",))


def test_a_private_key_is_a_secret_whatever_it_is_called():
    found = sort_out({"client.pem": CERTIFICATE + KEY})
    assert (found.keys, found.certificates) == (("client.pem",), ())


def test_a_password_may_hold_equals_signs_and_stars():
    secrets = read_secrets("\ufeffmqtt-password = a=b*c==\r\n# note\r\n\r\n")
    assert secrets.values == {"mqtt-password": "a=b*c=="}


def test_lines_that_are_no_secrets_are_told_by_number():
    secrets = read_secrets("only-a-word\n= value\n../../etc/passwd = x\ngood = 1\nempty =\n")
    assert (dict(secrets.values), secrets.wrong) == ({"good": "1"}, (1, 2, 3, 5))


def test_the_result_opens_in_notepad_with_both_languages():
    text = result("2026-11-22", ["設定を取り込みました"], ["configuration taken in"])
    assert text.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in text
    assert text.decode("utf-8-sig").replace("\r\n", "\n").count("\n----\n") == 1
