"""The simulated serial instruments: the makers' lines, and the drivers that hear them."""

import pytest

from kaga_edge.sim.instruments import A02yyuw, MaxBotix, Rubbish, Sr50a


@pytest.mark.parametrize(
    ("metres", "frame"),
    [(1.953, "FF07A1A7"), (0.030, "FF001E1D"), (0.255, "FF00FFFE"), (4.5, "FF1194A4")],
)
def test_a02yyuw_sends_the_frames_of_the_reference_table(metres, frame):
    assert A02yyuw(distance_m=lambda: metres).frame() == bytes.fromhex(frame)


def test_a02yyuw_says_zero_when_nothing_echoes():
    assert A02yyuw(distance_m=lambda: 9.0).frame() == bytes.fromhex("FF0000FF")


def test_the_sr50a_check_characters_are_the_makers():
    assert Sr50a.telegram("33;1838;194;11011;") == b"\x0233;1838;194;11011;2C\r\n\x03"
    assert Sr50a.telegram("33;2450;310;11011;") == b"\x0233;2450;310;11011;3F\r\n\x03"


def test_sr50a_reports_what_sound_would_have_gone_at_zero_celsius():
    # 1.80404 m at -10 Celsius reads 1.838 m (reference table)
    frame = Sr50a(distance_m=lambda: 1.80404, temperature_c=lambda: -10.0).frame()
    assert b";1838;" in frame


@pytest.mark.parametrize("unit", ["m", "cm", "mm"])
def test_the_sr50a_driver_hears_every_unit(driver, values, unit):
    instrument = Sr50a(distance_m=lambda: 2.45, temperature_c=lambda: 0.0, unit=unit)
    ear = driver("sr50a", unit=unit)
    (frame,) = ear.split(instrument.frame()).frames
    assert values(ear.decode(frame))["surface_distance"] == pytest.approx(2.45)


def test_the_maxbotix_driver_finds_the_first_line_after_the_banner(driver, values):
    instrument = MaxBotix(distance_m=lambda: 0.984)
    ear = driver("maxbotix")
    frames = ear.split(instrument.banner() + instrument.frame()).frames
    assert len(frames) == 1
    assert values(ear.decode(frames[0])) == {"surface_distance": 0.984}


def test_maxbotix_prints_full_scale_when_nothing_is_there():
    assert MaxBotix(distance_m=lambda: 12.0).frame() == b"R5000\r"


def test_the_a02yyuw_driver_hears_the_instrument(driver, values):
    ear = driver("a02yyuw")
    (frame,) = ear.split(A02yyuw(distance_m=lambda: 3.21).frame()).frames
    assert values(ear.decode(frame)) == {"surface_distance": 3.21}


def test_rubbish_is_the_same_rubbish_every_time():
    assert Rubbish(period_s=1).frame() == Rubbish(period_s=1).frame()
