#!/usr/bin/env python3
"""Write tests/core/ioos_qc.json: what ioos-qc, QARTOD's reference implementation, says of the same series.

ioos-qc brings numpy, pandas, xarray and shapely, too much for every run of the suite, so its answers are
kept and compared in every run. To make them anew, in an environment of its own:

    python3 -m venv ~/ioos-qc && ~/ioos-qc/bin/pip install ioos-qc
    ~/ioos-qc/bin/python scripts/ioos_qc_vectors.py

The series are made here too, from seeds; grades are one digit a point. States the package's version.
"""

from __future__ import annotations

import json
import random
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ioos_qc import qartod
from ioos_qc.qartod import ClimatologyConfig

FILE = Path(__file__).parents[1] / "tests/core/ioos_qc.json"
SERIES = 25
POINTS = 150
EVERY_S = 60


def series(seed: int, *, missing: bool) -> list[float | None]:
    """A random walk in centimetres with flat stretches, jumps and, if asked for, gaps."""
    chance = random.Random(seed)
    level, values = 1.0, []
    while len(values) < POINTS:
        kind = chance.random()
        if kind < 0.05:
            level += chance.choice((-1, 1)) * chance.uniform(0.05, 2.0)
        elif kind > 0.3:
            level += chance.gauss(0, 0.02)
        values += [round(level, 3)] * (chance.randint(2, 12) if kind < 0.15 else 1)
    values = values[:POINTS]
    if missing:
        values = [None if chance.random() < 0.05 else value for value in values]
    return values


def lone_spike(seed: int) -> list[float | None]:
    """A calm series with one spike of a metre at point 5 to 44."""
    chance = random.Random(seed)
    values: list[float | None] = [round(1 + chance.uniform(-0.02, 0.02), 3) for _ in range(50)]
    values[chance.randint(5, 44)] = 2.0
    return values


def array(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def times(count: int, every_s: int = EVERY_S) -> np.ndarray:
    return np.datetime64("2026-01-01T00:00:00") + np.arange(count) * np.timedelta64(every_s, "s")


def digits(grades: np.ndarray) -> str:
    return "".join(str(int(one)) for one in np.ma.filled(grades, 9))


def gross(values: list[float | None]) -> str:
    return digits(qartod.gross_range_test(inp=array(values), suspect_span=(0.5, 1.5), fail_span=(0.0, 2.5)))


def rate(values: list[float | None]) -> str:
    return digits(
        qartod.rate_of_change_test(inp=array(values), tinp=times(len(values)), threshold=0.03 / EVERY_S)
    )


def flat(values: list[float | None]) -> str:
    return digits(
        qartod.flat_line_test(
            inp=array(values),
            tinp=times(len(values)),
            suspect_threshold=180,
            fail_threshold=420,
            tolerance=0.005,
        )
    )


def attenuated(values: list[float | None]) -> str:
    """Seven minutes and both their ends: ioos-qc's window is open at its start."""
    return digits(
        qartod.attenuated_signal_test(
            inp=array(values),
            tinp=times(len(values)),
            suspect_threshold=0.05,
            fail_threshold=0.01,
            test_period=421,
            min_obs=8,
            check_type="range",
        )
    )


def spike(values: list[float | None]) -> str:
    return digits(qartod.spike_test(inp=array(values), suspect_threshold=0.10, fail_threshold=0.30))


def climatology() -> list[dict[str, object]]:
    """Three values in winter and in summer, against limits of the months January to March."""
    config = ClimatologyConfig()
    config.add(tspan=(1, 3), vspan=(0, 2), fspan=(-1, 4), period="month")
    found = []
    for month in ("01", "02", "03", "07"):
        values = [1.0, 3.0, 5.0]
        days = np.array([f"2026-{month}-{day:02}" for day in (10, 11, 12)], dtype="datetime64[s]")
        grades = qartod.climatology_test(config=config, inp=array(values), tinp=days, zinp=np.zeros(3))
        found.append({"month": int(month), "values": values, "grades": digits(grades)})
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    plain = [series(seed, missing=False) for seed in range(SERIES)]
    gaps = [series(seed, missing=True) for seed in range(SERIES)]
    spikes = [lone_spike(seed) for seed in range(SERIES)]
    body = {
        "made_by": f"scripts/ioos_qc_vectors.py with ioos-qc {version('ioos-qc')}, numpy {version('numpy')}",
        "gross": [{"values": one, "grades": gross(one)} for one in gaps],
        "rate": [{"values": one, "grades": rate(one)} for one in plain],
        "rate_gaps": [{"values": one, "grades": rate(one)} for one in gaps],
        "flat": [{"values": one, "grades": flat(one)} for one in plain],
        "flat_gaps": [{"values": one, "grades": flat(one)} for one in gaps],
        "attenuated": [{"values": one, "grades": attenuated(one)} for one in plain],
        "spike": [{"values": one, "grades": spike(one)} for one in spikes],
        "climatology": climatology(),
    }
    lines = (f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in body.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(FILE, body["made_by"])


if __name__ == "__main__":
    main()
