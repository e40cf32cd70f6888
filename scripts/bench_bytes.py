"""MQTT payload bytes per reading: 8 channels x 12 samples from a river gauge's own log.

    python scripts/bench_bytes.py DATAFILE

DATAFILE: a gauge log with the columns time, pressure, humidity, two temperatures, battery, range (cm),
pitch, roll (the Trout Creek file). Every 12 consecutive samples make one batch, as the uplink makes it.
Each column is rounded as the gateway's channel for it is (tilt: 0.1 deg; from sample to sample the log's own
moves by 0.25 to 0.45), the clock's thermometer to its own step. "As logged" keeps every digit of the log.
Goals: payload <= 3.0 bytes per reading, with the PUBLISH header <= 3.6.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kaga_edge.core import message
from kaga_edge.core.rows import encode_values
from kaga_edge.core.stored import Run, StoredRow
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Reading

CHANNELS, SAMPLES = 8, 12
STEPS = (
    Quantity.AIR_PRESSURE_HPA.res,
    Quantity.RELATIVE_HUMIDITY_PCT.res,
    Quantity.AIR_TEMPERATURE_C.res,
    0.25,  # DS3231, a quarter of a degree a bit
    Quantity.SUPPLY_VOLTAGE_V.res,
    Quantity.SURFACE_DISTANCE_M.res,
    Quantity.TILT_DEG.res,
    Quantity.TILT_DEG.res,
)
AS_LOGGED = (0.001,) * CHANNELS
RANGE = 5  # distance to the water: smallest at the flood's peak
FLOOD = 6 * 12  # samples: six hours before and after the peak, one every five minutes
GOAL = 3.0
RUN = Run(ep="3f2a9c1e", k="a1b2c3d4", c=2, boot="7c1d")
TOPIC = "kaga/edge/v1/daishoji-01/up/data"
FRAME_BYTES = 1 + 2 + 2 + len(TOPIC) + 2 + 1  # type, length (up to 16 KiB), topic, packet id, no properties


def main() -> int:
    """Print bytes per reading of the whole file and of its flood; 1: goal missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("datafile", type=Path)
    path = parser.parse_args().datafile
    print(f"batches of {SAMPLES} samples x {CHANNELS} channels, zlib level {message.ZLIB_LEVEL}")
    found = []
    for name, steps in (("", STEPS), (", as logged", AS_LOGGED)):
        rows = read(path, steps)
        peak = min(range(len(rows)), key=lambda at: float(rows[at][4].split(",")[RANGE]))
        found.append(bytes_per_reading(f"whole file{name}", rows))
        found.append(bytes_per_reading(f"the flood{name}", rows[max(0, peak - FLOOD) : peak + FLOOD]))
    return 0 if max(found[:2]) <= GOAL else 1


def bytes_per_reading(name: str, rows: list[StoredRow]) -> float:
    """Print and return the mean payload per reading."""
    sizes = [
        len(message.batch(rows[at : at + SAMPLES], RUN)) for at in range(0, len(rows) - SAMPLES + 1, SAMPLES)
    ]
    readings = CHANNELS * SAMPLES
    payload = statistics.mean(sizes) / readings
    packet = payload + FRAME_BYTES / readings
    print(
        f"{name:22} {len(sizes):4} batches: payload {payload:.2f} bytes/reading (goal {GOAL}), "
        f"with PUBLISH header {packet:.2f} (goal 3.6), worst batch {max(sizes) / readings:.2f}"
    )
    return payload


def read(path: Path, steps: tuple[float, ...]) -> list[StoredRow]:
    """Return the log's samples as stored rows, each value rounded to its step, as the store does it."""
    rows: list[StoredRow] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split(",")
        if len(fields) < CHANNELS + 1 or not fields[0][:4].isdigit():
            continue
        at = datetime.strptime(fields[0], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
        values = [float(field) for field in fields[1 : CHANNELS + 1]]
        values[5] /= 100  # range, cm -> m
        readings = [Reading(quantity=Quantity.WATER_LEVEL_M, value=value) for value in values]
        texts, _ = encode_values(readings, steps)
        at_ms = int(at.timestamp() * 1000)
        rows.append((len(rows) + 1, 0, at_ms, at_ms, texts, None))
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
