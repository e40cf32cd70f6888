from __future__ import annotations

import pytest

from kaga_edge.core.signalling import Signal

SIREN = '[[output]]\nid = "siren-1"\nkind = "siren"\ngpio = 24\non = ["danger"]\n'


def test_a_siren_is_limited_to_ten_minutes_by_itself(sheet):
    config = sheet.good(sheet.site, sheet.level, SIREN)
    assert config.outputs == (Signal(id="siren-1", gpio=24, on=("danger",), longest_s=600.0),)


def test_fail_safe_on_is_a_closed_circuit(sheet):
    (lamp,) = sheet.good(
        sheet.site,
        sheet.level,
        SIREN.replace('"siren"', '"lamp"'),
        'fail_safe = "on"\nsensors = ["level-1"]\n',
    ).outputs
    assert (lamp.closed_circuit, lamp.longest_s, lamp.sensors) == (True, None, ("level-1",))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("gpio = 24", "gpio = 17"), "KE-C41"),  # the rain gauge's
        (("gpio = 24", "gpio = 40"), "KE-C40"),
        (('"danger"', '"dangr"'), "KE-C20"),
        (("on = [", 'sensors = ["level-9"]\non = ['), "KE-C46"),
    ],
)
def test_what_is_wrong_is_named(sheet, change, code):
    assert sheet.only(sheet.site, sheet.rain, SIREN.replace(*change)).code.value == code
