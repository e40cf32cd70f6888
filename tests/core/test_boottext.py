"""config.txt and cmdline.txt: what is wanted is in force, what others wrote stays, twice is once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.boottext import BEGIN, END, with_lines, without_login

# As Raspberry Pi OS Bookworm ships it, shortened; the filters are those of its last lines.
SHIPPED = """\
# For more options and information see
#dtparam=i2c_arm=on
dtparam=audio=on
arm_64bit=1

[cm4]
otg_mode=1

[all]
"""


def in_force(config: str, board: str = "all") -> dict[str, str]:
    """Read config.txt as the firmware does: sections, last one wins."""
    found, holds = {}, True
    for line in (raw.split("#")[0].strip() for raw in config.splitlines()):
        if line.startswith("["):
            holds = line in ("[all]", f"[{board}]")
        elif holds and line:
            name, _, value = line.rpartition("=")
            found[name if not line.startswith("dtoverlay") else line] = value
    return found


def test_what_is_missing_is_added_for_every_board_and_nothing_else_is_touched():
    after = with_lines(SHIPPED, ("dtparam=i2c_arm=on", "enable_uart=1"))
    assert after.startswith(SHIPPED.rstrip())
    assert {"dtparam=i2c_arm": "on", "enable_uart": "1"}.items() <= in_force(after).items()


def test_what_raspi_config_switched_on_already_is_left_as_it_is():
    config = SHIPPED + "dtparam=i2c_arm=on\n"
    assert with_lines(config, ("dtparam=i2c_arm=on",)) == config


def test_a_line_switched_off_further_down_is_switched_on():
    config = "dtparam=i2c_arm=on\ndtparam=i2c_arm=off\n"
    assert in_force(with_lines(config, ("dtparam=i2c_arm=on",)))["dtparam=i2c_arm"] == "on"


def test_a_line_that_holds_for_another_board_only_is_not_enough():
    config = "[cm4]\nenable_uart=1\n"
    assert in_force(with_lines(config, ("enable_uart=1",)), board="pi4")["enable_uart"] == "1"


LINES = st.sampled_from(
    ["[all]", "[pi5]", "dtparam=i2c_arm=on", "dtparam=i2c_arm=off", "enable_uart=0", "dtoverlay=w1-gpio",
     "# x", "", "dtoverlay=disable-bt", "dtparam=audio=on"]
)  # fmt: skip
WANTED = ("dtparam=i2c_arm=on", "enable_uart=1", "dtoverlay=w1-gpio")


@given(st.lists(LINES, max_size=12), st.sets(st.sampled_from(WANTED)))
def test_whatever_stands_there_the_wanted_is_in_force_and_a_second_time_changes_nothing(lines, wanted):
    config = "".join(f"{line}\n" for line in lines)
    once = with_lines(config, tuple(sorted(wanted)))
    told = in_force(once)
    for line in wanted:
        name = line if line.startswith("dtoverlay") else line.rpartition("=")[0]
        assert told[name] == line.rpartition("=")[2]
    assert with_lines(once, tuple(sorted(wanted))) == once
    assert once.count(BEGIN) == once.count(END) <= 1


def test_what_is_no_longer_wanted_leaves_our_block():
    first = with_lines(SHIPPED, ("dtparam=i2c_arm=on", "dtoverlay=w1-gpio"))
    assert "dtoverlay=w1-gpio" not in in_force(with_lines(first, ("dtparam=i2c_arm=on",)))


@pytest.mark.parametrize("port", ["serial0,115200", "ttyAMA0,115200", "ttyS0"])
def test_a_login_on_the_header_goes_and_the_screen_stays(port):
    before = f"console={port} console=tty1 root=PARTUUID=1234-02 rootfstype=ext4 rootwait\n"
    assert without_login(before) == "console=tty1 root=PARTUUID=1234-02 rootfstype=ext4 rootwait\n"


def test_the_debug_plug_of_a_pi_5_keeps_its_login():
    before = "console=ttyAMA10,115200 console=tty1 root=PARTUUID=1234-02\n"
    assert without_login(before) == before
