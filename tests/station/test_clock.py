"""The machine's clocks, with a kernel, a battery clock and boots that the test makes up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kaga_edge.core.timekeeping import Floor
from kaga_edge.station.clock import KernelSays, SystemClock, battery_clock_ms
from kaga_edge.vocabulary.readings import ClockTrust

NOT_HELD = KernelSays(synchronised=False, error_ms=1000)


def unheld(battery_ms: int | None) -> SystemClock:
    return SystemClock(kernel=lambda: NOT_HELD, battery_ms=lambda: battery_ms)


def test_a_battery_clock_that_agrees_vouches_for_a_clock_nobody_else_vouches_for() -> None:
    now_ms = time.time_ns() // 1_000_000
    assert unheld(None).now().trust is ClockTrust.NONE
    assert unheld(now_ms + 30_000).now().trust is ClockTrust.LAST_KNOWN


@pytest.mark.parametrize("wrong_ms", [0, 946_684_800_000, 4_000_000_000_000])
def test_a_battery_clock_that_ran_down_or_says_otherwise_vouches_for_nothing(wrong_ms: int) -> None:
    moment = unheld(wrong_ms).now()
    assert moment.trust is ClockTrust.NONE
    assert abs(moment.wall_ms - time.time() * 1000) < 1000  # and it never sets the clock


def test_the_battery_clock_is_read_from_the_kernels_own_file(tmp_path: Path) -> None:
    assert battery_clock_ms(tmp_path / "nowhere") is None
    assert battery_clock_ms(tmp_path) is None
    clock = tmp_path / "rtc0"
    clock.mkdir()
    assert battery_clock_ms(tmp_path) is None
    (clock / "since_epoch").write_text("1790000000\n")
    assert battery_clock_ms(tmp_path) == 1_790_000_000_000
    (clock / "since_epoch").write_text("")
    assert battery_clock_ms(tmp_path) is None


def test_a_clock_that_follows_a_receivers_pulse_is_trusted_as_gnss() -> None:
    held = KernelSays(synchronised=True, error_ms=1)
    pulse = KernelSays(synchronised=True, error_ms=1, pulse=True)
    assert SystemClock(kernel=lambda: held).now().trust is ClockTrust.NTP
    assert SystemClock(kernel=lambda: pulse).now().trust is ClockTrust.GNSS


def test_a_boot_goes_on_from_the_last_known_time_by_its_own_boot_clock() -> None:
    up_ms = [5_000]
    clock = SystemClock(kernel=lambda: NOT_HELD, boot="b00t", up_ms=lambda: up_ms[0])
    ahead_ms = time.time_ns() // 1_000_000 + 10**9
    clock.floor = Floor(wall_ms=ahead_ms, seen_up_ms=5_000)
    up_ms[0] = 65_000
    moment = clock.now()
    assert (moment.boot, moment.up_ms, moment.wall_ms) == ("b00t", 65_000, ahead_ms + 60_000)


@pytest.mark.parametrize("back_days", [30, 20_000])
def test_a_clock_set_back_by_hand_dated_samples_before_the_last_known_time(back_days: int) -> None:
    """The kernel takes its word back at once; what was known a moment before is the floor from then on."""
    says, up_ms = [KernelSays(synchronised=True, error_ms=1)], [5_000]
    clock = SystemClock(kernel=lambda: says[0], up_ms=lambda: up_ms[0], battery_ms=lambda: None)
    known = clock.now()

    says[0] = NOT_HELD
    up_ms[0] += back_days * 86_400_000  # the boot clock went on so far while the wall clock stood
    moment = clock.now()

    assert moment.trust is ClockTrust.LAST_KNOWN
    assert moment.wall_ms - known.wall_ms >= back_days * 86_400_000
    says[0] = KernelSays(synchronised=True, error_ms=1)
    up_ms[0] -= back_days * 86_400_000
    right = clock.now()  # set right again: as it is, whatever the floor
    assert right.trust is ClockTrust.NTP
    assert abs(right.wall_ms - time.time() * 1000) < 1000
