"""The real uplink over a real store, alone in a process, so that its processor time and memory are its own.

    python uplink_child.py FOLDER '{"port": …, further UplinkSettings}'

Says "ready" once it runs, measures one sample a second, logs to stderr; on SIGTERM it stops cleanly and
prints the ledger with every number that is delivered, waiting or gone.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.link import TlsSettings
from kaga_edge.station import journal
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Store, inspect
from kaga_edge.store.book import read_books
from kaga_edge.uplink import Uplink, UplinkSettings
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Reading, Sample

LEVEL = SensorDeclaration(id="level-1", channels=(("water_level", "m", 0.001, {}),), driver="a02yyuw")


def entry(clock: SystemClock, value: float) -> Entry:
    reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=value)
    return Entry(sample=Sample(sensor="level-1", at=clock.now(), readings=(reading,)))


async def measure(store: Store, clock: SystemClock) -> None:
    while True:
        await asyncio.sleep(1)
        await store.append([entry(clock, 1.5)])


async def main(folder: Path, wanted: dict[str, Any]) -> None:
    backlog = wanted.pop("backlog", 300)
    tls = TlsSettings(**wanted.pop("tls")) if "tls" in wanted else None
    clock = SystemClock()
    store = await Store.open(
        folder / "store.sqlite", max_bytes=64_000_000, keep_delivered_s=86_400, clock=clock
    )
    catalog = await store.declare([LEVEL], {"name": {"ja": "試験", "en": "test"}}, "daishoji-01")
    await store.append([entry(clock, 1 + n / 1000) for n in range(backlog)])
    uplink = Uplink(
        UplinkSettings(gw="daishoji-01", tls=tls, **wanted),
        store=store,
        clock=clock,
        birth_facts=lambda: {"sw": "1.0.0", "k": catalog.k},
        manifest=lambda: b'{"v":1}',
        health=lambda: {"v": 1, "ep": store.epoch},
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(uplink.run())
        measuring = group.create_task(measure(store, clock))
        print("ready", flush=True)
        await stop.wait()
        measuring.cancel()
        await uplink.close()
        await running
    await store.close()
    with inspect.copied(folder / "store.sqlite") as copy:
        tallies, (book,) = inspect.contents(copy).tallies, read_books(copy, "native")
    print(
        json.dumps(
            {
                "tallies": [[t.numbered, t.delivered, t.waiting, t.gone] for t in tallies],
                "delivered": list(book.delivered),
                "gone": list(book.all_gone),
                "waiting": list(book.waiting),
                "states": list(uplink.snapshot().states),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    journal.start(environ={})  # on standard error, repeats folded, as the daemon does
    asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
