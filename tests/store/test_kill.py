"""kill -9 at any moment: every acknowledged row is there, and no number is given out twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

KILLS = 50 if os.environ.get("KAGA_TEST_FULL") else 5
ROOT = Path(__file__).resolve().parents[2]

# The child appends as fast as it can, confirms, forgets, and says each thing only when it was
# acknowledged: "epoch first last value-of-first".
CHILD = """
import asyncio, random, sys
from pathlib import Path
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store import Identity, Store
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Moment, Reading, Sample

class Clock:
    up_ms = 0
    def now(self):
        Clock.up_ms += 1000
        up_ms = Clock.up_ms
        return Moment(wall_ms=1_700_000_000_000 + up_ms, up_ms=up_ms, boot="7c1d", trust=ClockTrust.NTP)
    def monotonic_ns(self):
        return self.up_ms * 1_000_000

async def main(path, begin):
    clock, value = Clock(), begin
    store = await Store.open(path, max_bytes=50_000_000, keep_delivered_s=5, clock=clock, identity=Identity())
    channel = ("water_level", "m", 0.001, {})
    await store.declare([SensorDeclaration(id="level-1", channels=(channel,), driver="x")], {}, "gw")
    chance = random.Random(begin)
    while True:
        entries = []
        count = chance.randint(1, 30)
        for n in range(count):
            at = clock.now()
            reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=value + n)
            alert = Alert(key="danger/level-1", state="raised", subject="s", at=at, data={})
            alerts = (alert,) if n == 0 and chance.random() < 0.1 else ()
            entries.append(Entry(sample=Sample(sensor="level-1", at=at, readings=(reading,)), alerts=alerts))
        given = await store.append(entries)
        print(given.ep, given.first, given.last, value, given.alerts_first or 0, flush=True)
        value += count
        if chance.random() < 0.1:
            upto = max(1, given.first - 200)
            await store.confirm({given.ep: Ranges(((1, upto),))}, {})
            await store.purge(clock.now())

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def run_and_kill(path: Path, begin: int, lines: int) -> list[tuple[str, int, int, int, int]]:
    """Let a child append, kill it after so many acknowledgements, return those it made."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(begin)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate(timeout=30)
    told += rest.splitlines(keepends=True)
    whole = [line.split() for line in told if line.endswith("\n")]
    assert len(whole) >= lines, "the child died by itself"
    return [(ep, int(a), int(b), int(v), int(e)) for ep, a, b, v, e in whole]


def test_nothing_acknowledged_is_missing_and_no_number_used_twice_after_kill_9(bench: Any) -> None:
    chance = random.Random(20261122)
    told: list[tuple[str, int, int, int, int]] = []
    for _ in range(KILLS):
        begin = told[-1][3] + 1000 if told else 0
        told += run_and_kill(bench.path, begin, chance.randint(1, 60))

    database = bench.open(identity=type(bench.here)())

    (epoch,) = {ep for ep, *_ in told}
    assert database.epoch == epoch
    given: set[int] = set()
    alerts: set[int] = set()
    for _, first, last, _, e in told:
        numbers = set(range(first, last + 1))
        assert not numbers & given, "a number was given out twice"
        given |= numbers
        assert e == 0 or e not in alerts, "an alert's number was given out twice"
        alerts.add(e)
    (tally,) = database.ledger().epochs
    db = database._connection()
    counted = db.execute("SELECT count(*) FROM sample").fetchone()[0]
    assert tally.numbered == tally.delivered + tally.waiting + tally.gone
    assert counted == database._books[0].on_disk.count
    delivered = database._books[0].delivered
    held = {row[0]: row[1] for row in db.execute("SELECT id - (1 << 40), vals FROM sample")}
    for _, first, last, value, _ in told:
        for n in range(first, last + 1):
            if n in held:
                assert held[n] == str(value + n - first)
            else:
                assert n in delivered, f"row {n} was acknowledged and is missing"
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
