from __future__ import annotations

import pytest

from kaga_edge.core.powering import PowerRule

SWITCH = '[[power]]\nid = "bus-1"\nsensors = ["level-1"]\ngpio = 22\n'
PLATFORM = '[platform]\nurl = "mqtt://h"\n'
MODEM = '[[power]]\nid = "lte"\nmodem = true\ncommand = ["/usr/sbin/uhubctl", "-a", "cycle"]\n'


def test_without_a_switch_nothing_is_ever_cut(sheet):
    assert sheet.good(sheet.site, sheet.level).power == ()


def test_a_switch_has_careful_defaults(sheet):
    config = sheet.good(sheet.site, PLATFORM, sheet.level, SWITCH, MODEM)
    assert config.power == (
        PowerRule(id="bus-1", sensors=("level-1",), gpio=22),
        PowerRule(id="lte", command=("/usr/sbin/uhubctl", "-a", "cycle")),
    )
    assert (config.power[0].after_failures, config.power[0].rest_s, config.power[1].silent_s) == (
        10,
        3600.0,
        1800.0,
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("gpio = 22", "gpio = 17"), "KE-C41"),  # the rain gauge's
        (("gpio = 22", ""), "KE-C24"),
        (("gpio = 22", 'gpio = 22\ncommand = ["x"]'), "KE-C24"),
        (('"level-1"', '"level-9"'), "KE-C46"),
        (('sensors = ["level-1"]', ""), "KE-C24"),
        (("gpio = 22", 'gpio = 22\nnot_more_often = "1min"'), "KE-C19"),
        (('sensors = ["level-1"]', "modem = true"), "KE-C24"),  # there is no platform to be silent
    ],
)
def test_what_is_wrong_is_named(sheet, change, code):
    fault = sheet.only(sheet.site, sheet.level, sheet.rain, SWITCH.replace(*change))
    assert fault.code.value == code
