"""OPS243-A: every shape of line the maker shows, grouping into vehicles, the stream."""

from __future__ import annotations

from math import cos, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import ops243a
from kaga_edge.sim.captured import SerialCapture, play
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible, WrongSensor
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag
from kaga_edge.vocabulary.requests import Frame, UartFrames

S = 1_000_000_000


def driver(**options) -> ops243a.Driver:
    return ops243a.Driver(ops243a.Options(**options))


def line(text: str) -> bytes:
    return b"\n" + text.encode() + b"\r"


def poll(one, *reports, due_s) -> dict:
    """One poll at ``due_s`` of (second, text of a line)."""
    frames = tuple(Frame(data=line(text), age_s=due_s - at, at_ns=round(at * S)) for at, text in reports)
    dialogue = one.measure()
    assert isinstance(next(dialogue), UartFrames)
    try:
        dialogue.send(frames)
    except StopIteration as end:
        return {m.quantity: m for m in end.value}
    raise AssertionError("asks again")


def counts(measured) -> tuple[float, float, float]:
    names = (Quantity.VEHICLE_COUNT, Quantity.INBOUND_COUNT, Quantity.OUTBOUND_COUNT)
    return tuple(measured[name].value for name in names)


def kph(measured) -> float | None:
    return measured[Quantity.VEHICLE_SPEED_KPH].value


# --- one line ---


@pytest.mark.parametrize(
    ("text", "unit", "speeds"),
    [
        ("1.2", "m/s", (1.2,)),
        ('"mps",1.2', "km/h", (1.2,)),
        ("-36", "km/h", (-10.0,)),
        ('{"speed":"0.06"}', "m/s", (0.06,)),
        ('{"speed":-3.5}', "m/s", (-3.5,)),
        ('{"unit":"mps","speed":"-1.5"}', "mph", (-1.5,)),
        ('{"magnitude":[606.71,352.58],"speed":[-10.90,-12.26]}', "m/s", (-10.90,)),
        ('{"magnitude":[352.58,606.71],"speed":[-12.26,-10.90]}', "m/s", (-10.90,)),
        ('{"magnitude":["300","200"],"speed":["-10.9","12.2"]}', "m/s", (-10.9, 12.2)),
        ('{"speed":0.58,"direction":"inbound","time":105,"tick":135}', "m/s", (0.58,)),
        ('{"speed":0.58,"direction":"outbound","time":105,"tick":135}', "m/s", (-0.58,)),
    ],
)
def test_every_shape_of_line_comes_out(text, unit, speeds):
    assert ops243a.spot_speeds(line(text), unit) == pytest.approx(speeds)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\n\r", FrameTruncated),
        (line("x" * 300), FrameTruncated),
        (line("1.2.3"), FrameMalformed),
        (b"1.2", FrameMalformed),
        (line('"kts",1.2'), FrameMalformed),
        (line('{"speed":}'), FrameMalformed),
        (line('{"speed":null}'), FrameMalformed),
        (line('{"speed":true}'), FrameMalformed),
        (line('{"speed":NaN}'), FrameMalformed),
        (line('{"speed":1e999}'), FrameMalformed),
        (line('{"speed":[[1]]}'), FrameMalformed),
        (line('{"Units":"m-per-sec"}'), ValueImpossible),
        (line('{"Product":"OPS243"}'), ValueImpossible),
        (line("70.1"), ValueImpossible),
    ],
)
def test_each_fault_has_its_error(data, error):
    with pytest.raises(error):
        ops243a.spot_speeds(data, "m/s")


def test_the_cosine_of_the_angle_is_taken_out():
    measured = driver(angle_deg=30.0).decode(line("10.0"))
    assert measured[3].value == pytest.approx(10 * 3.6 * 1.1547, abs=0.001)
    assert measured[3].value == pytest.approx(36 / cos(radians(30)))


# --- vehicles ---


def test_reports_without_a_silence_are_one_vehicle():
    reports = [(1.0, "10.0"), (1.2, "12.0"), (1.4, "11.0"), (3.0, "20.0"), (3.1, "20.0")]
    measured = poll(driver(), *reports, due_s=10)
    assert counts(measured) == (2, 2, 0)
    assert kph(measured) == pytest.approx(2 / (1 / 11 + 1 / 20) * 3.6)  # medians 11 and 20, harmonic


def test_the_directions_are_told_apart_although_they_interleave():
    reports = [(1.0, "10"), (1.1, "-15"), (1.3, "10"), (1.4, "-15"), (1.6, "10")]
    assert counts(poll(driver(), *reports, due_s=10)) == (2, 1, 1)


def test_the_fastest_report_may_be_the_vehicles_speed():
    reports = [(1.0, "10.0"), (1.2, "12.0"), (1.4, "11.0")]
    assert kph(poll(driver(per_vehicle="fastest"), *reports, due_s=10)) == pytest.approx(43.2)


def test_a_vehicle_in_view_at_the_due_time_counts_in_the_next_poll_and_once():
    one = driver()
    assert counts(poll(one, (9.5, "10"), (9.9, "10"), due_s=10)) == (0, 0, 0)
    assert counts(poll(one, (10.3, "10"), (10.6, "10"), due_s=20)) == (1, 1, 0)
    assert counts(poll(one, due_s=30)) == (0, 0, 0)


def test_a_vehicle_in_view_at_the_due_time_counts_when_nothing_follows():
    one = driver()
    poll(one, (9.8, "10"), (9.9, "10"), due_s=10)
    assert counts(poll(one, due_s=20)) == (1, 1, 0)


def test_single_reports_and_slow_things_are_no_vehicles():
    reports = [(1.0, "10"), (3.0, "1.0"), (3.1, "1.0"), (5.0, "0.0"), (5.1, "0.0")]
    assert counts(poll(driver(), *reports, due_s=10)) == (0, 0, 0)
    assert counts(poll(driver(reports_min=1), *reports, due_s=10)) == (1, 1, 0)


def test_an_empty_road_is_zero_vehicles_and_no_speed():
    measured = poll(driver(), due_s=10)
    assert counts(measured) == (0, 0, 0)
    assert (kph(measured), measured[Quantity.VEHICLE_SPEED_KPH].flags) == (None, Flag.MISSING)
    assert measured[Quantity.VEHICLE_COUNT].flags is Flag.GOOD


def test_a_radar_that_says_nothing_for_too_long_is_doubted_until_it_speaks():
    one = driver(quiet_polls=3)
    flags = [poll(one, due_s=at)[Quantity.VEHICLE_COUNT].flags for at in (10, 20, 30)]
    assert flags == [Flag.GOOD, Flag.GOOD, Flag.LOW_QUALITY]
    assert poll(one, (35, '{"speed":"0.0"}'), due_s=40)[Quantity.VEHICLE_COUNT].flags is Flag.GOOD


def test_answers_between_reports_are_passed_over_and_nonsense_flags():
    reports = [(1.0, "10"), (1.1, '{"Units":"m-per-sec"}'), (1.2, "10")]
    measured = poll(driver(), *reports, due_s=10)
    assert (counts(measured), measured[Quantity.VEHICLE_COUNT].flags) == ((1, 1, 0), Flag.GOOD)
    measured = poll(driver(), *reports, (1.3, '{"speed":null}'), due_s=10)
    assert measured[Quantity.VEHICLE_COUNT].flags is Flag.LOW_QUALITY
    with pytest.raises(FrameMalformed):
        poll(driver(), (1.3, '{"speed":null}'), due_s=10)


def test_a_capture_without_times_is_one_vehicle_a_direction():
    frames = SerialCapture([line("10"), line("11"), line("-9"), line("-9")])
    assert [m.value for m in play(driver().measure(), frames)][:3] == [2, 1, 1]


@given(
    st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=40),
    st.sets(st.integers(1, 900), max_size=30),
)
def test_however_the_time_is_cut_into_polls_the_vehicles_are_the_same(gaps, cuts):
    reports, at = [], 0
    for gap, inbound in gaps:  # tenths of a second
        at += gap
        reports.append((at / 10, "10" if inbound else "-10"))

    def total(dues) -> list[float]:
        one, sums, start = driver(silence_s=0.7, reports_min=1), [0.0, 0.0, 0.0], -1.0
        for due in dues:
            inside = [report for report in reports if start < report[0] <= due]
            found = counts(poll(one, *inside, due_s=due))
            sums = [a + b for a, b in zip(sums, found, strict=True)]
            start = due
        return sums

    whole = at / 10 + 5
    polls = [due for cut in sorted(cuts) if (due := cut * 2.0 + 0.05) < whole]  # at least 1 s apart
    assert total([*polls, whole, whole + 10]) == total([whole, whole + 10])


# --- who answers ---


def identify(*replies) -> list[bytes]:
    """Play replies (lists of lines) to the question; return what was written."""
    dialogue, asked = driver(ask_product=True).identify(), []
    request = next(dialogue)
    for reply in replies:
        asked.append(request.ask)
        try:
            request = dialogue.send(tuple(Frame(data=line(text), age_s=0.0) for text in reply))
        except StopIteration:
            return asked
    raise AssertionError("still asks")


def test_the_radar_is_known_by_its_name_although_it_reports_meanwhile():
    assert identify(['{"Product":"OPS243"}']) == [b"?P"]
    assert identify(["10.0"], ["10.1", '{"Product":"OPS243-A"}']) == [b"?P", b""]


def test_something_else_on_the_port_is_another_sensor():
    with pytest.raises(WrongSensor, match="ask_product"):
        identify(["10.0"], ["10.1"], ['{"Product":"OPS9"}'])


def test_a_radar_with_one_data_line_is_not_asked():
    assert list(driver().identify()) == []


# --- the stream ---


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (line("1.2"), line("-13.45")),
        (line('"mps",1.2'), line('{"speed":"0.06"}')),
        (line('{"magnitude":[606.71,352.58],"speed":[-10.90,-12.26]}'), line("3")),
    ],
)
def test_the_stream_is_cut_however_it_arrives(five_cases, first, second):
    five_cases(driver(), first, second, b"2.5\r\n\x00{\xff")


def test_half_a_number_at_the_start_is_not_taken():
    cut = driver().split(b"2.5\r\n13.5\r\n")
    assert (cut.frames, cut.rest, cut.skipped_bytes) == ((line("13.5"),), b"\n", 4)


def test_a_json_line_at_the_start_is_whole_by_its_brace():
    cut = driver().split(b'{"speed":"0.06"}\r\n')
    assert (cut.frames, cut.rest) == ((b'{"speed":"0.06"}\r',), b"\n")


@given(st.lists(st.floats(-60, 60).map(lambda speed: f"{speed:.2f}"), max_size=20))
def test_every_line_of_an_unbroken_stream_is_found(speeds):
    stream = "\n" + "".join(f"{speed}\r\n" for speed in speeds)
    cut = driver().split(stream.encode())
    found = [ops243a.spot_speeds(frame, "m/s") for frame in cut.frames]
    assert found == [(float(speed),) if float(speed) else () for speed in speeds]  # 0: nothing moves
    assert (cut.rest, cut.skipped_bytes) == (b"\n", 0)
