"""One of everything: a site with every driver there is, each on its wire, for tests and for the curious."""

from __future__ import annotations

from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.tables import disclosed, mount

PURPOSE = disclosed("試験", "a test")
WATER_M, SNOW_M = 5.0, 3.0  # heights of what looks down
PROBE_M = -0.5
WATER, SNOW = f"gauge_zero_to_sensor_m = {WATER_M}", f"ground_to_sensor_m = {SNOW_M}"
PROBE = f"gauge_zero_to_probe_m = {PROBE_M}"
LINE = "ttyModbus"  # one pair of wires for four units; an LX-80 is set to no parity for it


def fittings() -> tuple[Fitting, ...]:
    """Return the sensors, none twice."""
    return (*_on_i2c(), *_on_ports(), *_on_modbus(), *_on_lines(), *_on_files())


def _on_i2c() -> tuple[Fitting, ...]:
    probe = mount(f'{PROBE}\nair_pressure_from = "bme280"')
    loop = {"measures": "water_depth", "value_at_4_ma": 0.0, "value_at_20_ma": 5.0}
    return (
        _fitting("ms5837", probe, i2c=(1, 0x76), height_m=PROBE_M),
        _fitting("bme280", i2c=(1, 0x77)),
        _fitting("ads1115", mount(PROBE), i2c=(1, 0x48), height_m=PROBE_M, options=loop),
        _fitting("sht3x", i2c=(1, 0x44)),
        _fitting("sht4x", i2c=(1, 0x45)),
        _fitting("mlx90614", i2c=(1, 0x5A)),
        _fitting("ina219", i2c=(1, 0x40), options={"shunt_ohm": 0.1}),
        _fitting("ina226", i2c=(1, 0x41), options={"shunt_ohm": 0.002}),
    )


def _on_ports() -> tuple[Fitting, ...]:
    snow = {"looks_at": "snow", "height_m": SNOW_M}
    return (
        _fitting("a02yyuw", mount("gauge_zero_to_sensor_m = 4.0"), port="ttyA02", height_m=4.0),
        _fitting("maxbotix", mount(SNOW), port="ttyMax", **snow),
        _fitting(
            "sr50a",
            mount(f'{SNOW}\ntemperature_from = "bme280"'),
            port="ttySr50",
            period_s=0.2,
            options={"output_every_s": 0.5},
            **snow,
        ),
        _fitting("benewake", mount(SNOW), port="ttyTf", options={"model": "tf_luna"}, **snow),
        _fitting("ops243a", port="ttyRadar"),
        _fitting("shm31_umb", port="ttyUmb", every="10s"),
    )


def _on_modbus() -> tuple[Fitting, ...]:
    registers = [{"quantity": "surface_distance", "address": 1, "scale": 0.001, "invalid": [0, 65535]}]
    return (
        _fitting("keller", mount(PROBE), modbus_id=1, height_m=PROBE_M),
        _fitting("lx80", mount(WATER), modbus_id=2),
        _fitting("shm31", modbus_id=3, every="10s"),
        _fitting("modbus_map", mount(WATER), modbus_id=4, options={"registers": registers}),
    )


def _on_lines() -> tuple[Fitting, ...]:
    pair = {"gpio_second": 27, "lead_distance_m": 4.5, "detector_length_m": 2.0}
    return (
        _fitting("tipping_bucket", gpio=17, line="rain", options={"mm_per_tip": 0.5}),
        _fitting("float_switch", gpio=23, line="float"),
        _fitting("vehicle", gpio=22, line="vehicle", second_line="vehicle-2", options=pair),
    )


def _on_files() -> tuple[Fitting, ...]:
    return (_fitting("ds18b20", onewire="28-0316a2795bff"), _fitting("pi_power"))


def _fitting(driver: str, tables: str = "", **facts: object) -> Fitting:
    if "modbus_id" in facts:
        facts |= {"port": LINE}
        options = facts.get("options", {})
        assert isinstance(options, dict)
        facts["options"] = {"serial": "19200 8N1"} | options
    return Fitting(
        id=driver.replace("_", "-"),
        driver=driver,
        tables=(tables or mount()) + PURPOSE,
        **facts,  # type: ignore[arg-type]  # the fields of a fitting, by name
    )
