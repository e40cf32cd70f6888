"""One contract for every file in ``sensors``, found by discovery: nothing to add here for a new sensor."""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import re
import tomllib
import typing
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaga_edge import sensors
from kaga_edge.core.siting import Mount
from kaga_edge.vocabulary.drivers import Model, Split
from kaga_edge.vocabulary.errors import DecodeError, WrongSensor
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import (
    BusKind,
    Edge,
    Edges,
    Frame,
    HostRead,
    I2cTransfer,
    ModbusRead,
    OnewireRead,
    Pause,
    PinUse,
    SerialLine,
    TakeEdges,
    UartFrames,
)

TIMES = 10_000 if os.environ.get("KAGA_TEST_FULL") else 300
NAMES = sensors.driver_names()
PACKAGE = Path(sensors.__file__).parent
HERE = Path(__file__).parent
# Keys of [[sensor]] that every driver has; the rest must be the driver's own Options.
COMMON = {"id", "driver", "every", "mount", "quality", "thresholds", "disclosure"}
WIRE_KEYS = {
    BusKind.I2C: {"i2c"},
    BusKind.UART: {"port", "serial"},
    BusKind.MODBUS: {"port", "serial", "modbus_id"},
    BusKind.GPIO: set(),
    BusKind.ONEWIRE: {"onewire"},
    BusKind.HOST: set(),
}
BOUNDS = {"ge", "gt", "le", "lt"}
FUZZ = settings(
    max_examples=TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

every_sensor = pytest.mark.parametrize("name", NAMES)


def names_on(bus: BusKind) -> list[str]:
    return [name for name in NAMES if sensors.load(name).MODEL.bus is bus]


@functools.cache
def example(name: str) -> dict:
    (table,) = tomllib.loads(sensors.load(name).MODEL.example)["sensor"]
    return table


def new_driver(name: str):
    """A driver set up as its own example says."""
    module = sensors.load(name)
    known = {field.name for field in fields(module.Options)}
    return module.Driver(module.Options(**{k: v for k, v in example(name).items() if k in known}))


def test_the_drivers_the_project_promises_are_there():
    assert set(NAMES) >= {
        "a02yyuw", "ads1115", "benewake", "bme280", "ds18b20", "float_switch", "ina219", "ina226", "keller",
        "lx80", "maxbotix", "mlx90614", "modbus_map", "ms5837", "ops243a", "pi_power", "shm31", "shm31_umb",
        "sht3x", "sht4x", "sr50a", "tipping_bucket", "vehicle",
    }  # fmt: skip


# --- for people ---


@every_sensor
def test_the_docstring_has_source_wiring_and_frame(name):
    text = ast.get_docstring(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))) or ""
    for section in ("Source", "Wiring", "Frame"):
        assert re.search(rf"^{section}\n    \S", text, re.MULTILINE), f"no section {section}"


@every_sensor
def test_a_test_file_stands_beside_it(name):
    assert (HERE / "sensors" / f"test_{name}.py").exists()


@every_sensor
def test_the_model_speaks_both_languages(name):
    model = sensors.load(name).MODEL
    assert isinstance(model, Model)
    assert model.names
    for text in (model.measures, model.wiring):
        assert set(text) == {"ja", "en"}
        assert all(text.values())
        assert re.search(r"[ぁ-んァ-ヶ一-龠]", text["ja"]), "the Japanese text holds no Japanese"


@every_sensor
def test_the_model_says_how_to_connect(name):
    model = sensors.load(name).MODEL
    if model.bus is BusKind.I2C:
        assert model.addresses
        assert all(0x08 <= address <= 0x77 for address in model.addresses)
    if model.bus in (BusKind.UART, BusKind.MODBUS):
        assert isinstance(model.line, SerialLine)


# --- configuration ---


@every_sensor
def test_the_example_is_a_whole_table_with_known_keys_only(name):
    module, table = sensors.load(name), example(name)
    options = {field.name for field in fields(module.Options)}
    assert table["driver"] == name
    assert set(table) <= COMMON | WIRE_KEYS[module.MODEL.bus] | options
    assert {"id", "every", "mount", "disclosure"} <= set(table)
    assert set(table["mount"]) <= {field.name for field in fields(Mount)}
    assert set(table["disclosure"]["purpose"]) == {"ja", "en"}
    assert table["disclosure"]["personal_data"] is False
    if module.MODEL.bus is BusKind.I2C:
        assert table["i2c"]["address"] in module.MODEL.addresses


@every_sensor
def test_the_options_never_take_a_name_that_every_sensor_has(name):
    module = sensors.load(name)
    taken = COMMON | WIRE_KEYS[module.MODEL.bus]
    assert not taken & {field.name for field in fields(module.Options)}


@every_sensor
def test_every_option_is_typed_explained_and_bounded_plainly(name):
    options = sensors.load(name).Options
    assert is_dataclass(options)
    hints = typing.get_type_hints(options)
    for field in fields(options):
        assert field.name in hints
        assert set(field.metadata["help"]) == {"ja", "en"}, field.name
        assert all(field.metadata["help"].values()), field.name
        assert set(field.metadata) <= BOUNDS | {"help"}, field.name


@every_sensor
def test_every_default_lies_within_its_bounds(name):
    for field in fields(sensors.load(name).Options):
        value, rule = field.default, field.metadata
        if value is MISSING or value is None:
            continue
        assert value >= rule.get("ge", value), field.name
        assert value <= rule.get("le", value), field.name
        assert "gt" not in rule or value > rule["gt"], field.name
        assert "lt" not in rule or value < rule["lt"], field.name


@every_sensor
def test_options_are_frozen(name):
    options = sensors.load(name).Options
    assert options.__dataclass_params__.frozen
    assert hasattr(options, "__slots__")


# --- behaviour ---


@every_sensor
def test_the_quantities_are_words_of_the_vocabulary_each_once(name):
    quantities = new_driver(name).quantities
    assert isinstance(quantities, tuple)
    assert quantities
    assert all(isinstance(quantity, Quantity) for quantity in quantities)
    assert len(set(quantities)) == len(quantities)


@pytest.mark.parametrize("name", names_on(BusKind.GPIO))
def test_a_gpio_driver_names_its_lines(name):
    pins = new_driver(name).pins()
    assert pins
    assert all(isinstance(pin, PinUse) for pin in pins)
    assert len({pin.gpio for pin in pins}) == len(pins)


def random_reply(data, request, driver):
    """What any wire could answer: right in kind, anything in content, perhaps too short."""
    match request:
        case Pause():
            return b""
        case I2cTransfer(read_bytes=count):
            short = data.draw(st.integers(0, 9)) == 0
            return data.draw(st.binary(min_size=0 if short else count, max_size=count))
        case ModbusRead(count=count):
            return tuple(data.draw(st.lists(st.integers(0, 0xFFFF), min_size=count, max_size=count)))
        case UartFrames():
            return (Frame(data=data.draw(st.binary(max_size=60)), age_s=0.0),)
        case OnewireRead() | HostRead():
            return data.draw(st.one_of(st.binary(max_size=100), st.from_regex(rb"-?[0-9]{1,5}\n")))
        case TakeEdges():
            gpios = [pin.gpio for pin in driver.pins()]
            times = sorted(data.draw(st.lists(st.integers(1, 10**11), max_size=8)))
            edges = [
                Edge(at_ns=at, gpio=data.draw(st.sampled_from(gpios)), active=data.draw(st.booleans()))
                for at in times
            ]
            return Edges(
                start_ns=0, end_ns=10**11, edges=tuple(edges), lost=data.draw(st.integers(0, 2)),
                active_at_start={gpio: data.draw(st.booleans()) for gpio in gpios},
                first=data.draw(st.booleans()),
            )  # fmt: skip
    raise AssertionError(f"a request nobody can carry: {request}")


def converse(dialogue, data, driver):
    try:
        request = next(dialogue)
        while True:
            request = dialogue.send(random_reply(data, request, driver))
    except StopIteration as end:
        return end.value


def check_measured(driver, measured) -> None:
    assert tuple(m.quantity for m in measured) == tuple(driver.quantities)
    for m in measured:
        assert isinstance(m, Measurement)
        assert m.value is None or isinstance(m.value, float)
        assert m.value is not None or m.flags, "no value always has a flag"


@pytest.mark.slow
@every_sensor
@FUZZ
@given(data=st.data())
def test_whatever_the_wire_answers_only_the_drivers_own_errors_come_out(name, data):
    driver = new_driver(name)
    with contextlib.suppress(DecodeError, WrongSensor):
        assert converse(driver.identify(), data, driver) is None
    with contextlib.suppress(DecodeError, WrongSensor):
        check_measured(driver, converse(driver.measure(), data, driver))


def decode_error(driver, frame: bytes) -> DecodeError | None:
    try:
        check_measured(driver, driver.decode(frame))
    except DecodeError as error:
        return error
    return None


@pytest.mark.slow
@pytest.mark.parametrize("name", names_on(BusKind.UART))
@FUZZ
@given(noise=st.binary(max_size=80))
def test_random_bytes_raise_only_decode_errors(name, noise):
    driver = new_driver(name)
    error = decode_error(driver, noise)
    assert error is None or error.check in ("length", "shape", "checksum", "value")


# Bytes that a random draw would hardly ever bring: what frames are made of.
PIECES = st.sampled_from(
    [b"\xff", b"R", b"0984", b"\r", b"\n", b"\x02", b"\x03", b";", b"33;1838", b"2C", b"\x00", b"\x59\x59",
     b"{", b"}", b'"speed":', b"-1.5"]
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", names_on(BusKind.UART))
@FUZZ
@given(chunks=st.lists(st.one_of(st.binary(max_size=12), PIECES), max_size=20))
def test_split_loses_no_byte_and_does_not_care_how_the_stream_is_cut(name, chunks):
    driver, stream = new_driver(name), b"".join(chunks)
    frames, rest, skipped = [], b"", 0
    for chunk in chunks:
        cut = driver.split(rest + chunk)
        assert isinstance(cut, Split)
        frames += cut.frames
        rest, skipped = cut.rest, skipped + cut.skipped_bytes
    assert sum(map(len, frames)) + len(rest) + skipped == len(stream)
    longest = getattr(sensors.load(name), "LONGEST_FRAME_BYTES", 64)
    assert len(rest) < max(longest, 64), "an unfinished frame must not grow for ever"
    whole = driver.split(stream)
    assert list(whole.frames) == frames
    assert sum(map(len, whole.frames)) + len(whole.rest) + whole.skipped_bytes == len(stream)
    for frame in frames:
        error = decode_error(driver, frame)
        assert error is None or error.check in ("shape", "value"), "its length and its sum must be right"
