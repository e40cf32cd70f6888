"""The coroutine side: one owning thread, answers and news in the loop's thread, order kept."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Committed
from kaga_edge.store import Store, StoreBusy, StoreError, StoreSick


async def opened(bench: Any, **settings: Any) -> Store:
    chosen: dict[str, Any] = {"max_bytes": 64_000_000, "keep_delivered_s": 86_400.0, "identity": bench.here}
    store = await Store.open(bench.path, clock=bench.clock, **{**chosen, **settings})
    await store.declare((bench.level, bench.rain), bench.site, "daishoji-01")
    return store


async def test_the_whole_round_from_append_to_forgetting(bench: Any) -> None:
    store = await opened(bench, keep_delivered_s=0)
    given = await store.append([bench.entry(1.5, alerts=(bench.alert(),)), bench.entry(None)])
    loaded = await store.load(store.epoch, 1, 9, 9)
    (notice,) = await store.load_notices(store.epoch, 1, 9)
    await store.confirm({store.epoch: Ranges(((1, 1),))}, {store.epoch: Ranges(((1, 1),))})
    e = await store.declare_gone(store.epoch, Ranges(((1, 2),)), "quarantined")
    standing = (await store.standing()).epochs[0]
    purged = await store.purge(bench.clock.now())
    await store.remember("last_time", "5")

    assert (given.first, given.last) == (1, 2)
    assert [row[4] for row in loaded.rows] == ["1.5", "null"]
    assert notice.e == 1
    assert e == 2
    assert not standing.waiting
    assert standing.notices_waiting == Ranges(((2, 2),))
    assert (purged.delivered, purged.notices) == (2, 1)
    assert (await store.ledger()).epochs[0].gone == 1
    assert await store.recall("last_time") == "5"
    assert (await store.size()).rows == 0
    assert await store.catalog_body(loaded.run.k) is not None
    assert await store.catalogs_waiting() == ()
    await store.close()


async def test_listeners_hear_in_the_loops_thread_before_the_caller_goes_on(bench: Any) -> None:
    store = await opened(bench)
    heard: list[tuple[Any, str]] = []
    store.on_change.append(lambda change: heard.append((change, threading.current_thread().name)))

    await store.append([bench.entry(1.0)])

    assert isinstance(heard[0][0], Committed)
    assert heard[0][1] == threading.main_thread().name
    await store.close()


async def test_many_callers_at_once_each_get_their_own_numbers_in_order(bench: Any) -> None:
    store = await opened(bench)
    given = await asyncio.gather(*(store.append([bench.entry(n), bench.entry(n)]) for n in range(50)))
    assert [(each.first, each.last) for each in given] == [(2 * n + 1, 2 * n + 2) for n in range(50)]
    await store.close()


async def test_what_was_remembered_before_an_alert_overwrote_what_came_with_it(bench: Any) -> None:
    """Maintenance was announced twice: its window as begun was kept after the window as announced."""
    store = await opened(bench)
    busy = [asyncio.create_task(store.append([bench.entry(n)])) for n in range(20)]
    before = asyncio.create_task(store.remember("maintenance", "begun"))
    alarm = bench.entry(1.0, alerts=(bench.alert(),))
    announced = replace(alarm, remember=(("maintenance", "announced"),))
    await asyncio.gather(*busy, before, asyncio.create_task(store.append([announced])))
    assert await store.recall("maintenance") == "announced"
    await store.close()


async def test_closing_finishes_everything_already_asked(bench: Any) -> None:
    store = await opened(bench)
    tasks = [asyncio.create_task(store.append([bench.entry(n)])) for n in range(20)]
    await asyncio.sleep(0)  # every task has asked
    await store.close()
    assert [task.result().last for task in tasks] == list(range(1, 21))

    again = await opened(bench)
    assert (await again.standing()).epochs[0].next_n == 21
    await again.close()


async def test_a_closed_store_says_so(bench: Any) -> None:
    store = await opened(bench)
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.append([bench.entry(1.0)])


async def test_a_cancelled_caller_disturbs_nobody(bench: Any) -> None:
    store = await opened(bench)
    task = asyncio.create_task(store.append([bench.entry(1.0)]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await store.append([bench.entry(2.0)])).first == 2
    await store.close()


async def test_a_failed_opening_leaves_no_thread_behind(bench: Any, tmp_path: Any) -> None:
    before = set(threading.enumerate())  # a disk that hung in another test still holds one
    store = await opened(bench)
    with pytest.raises(StoreBusy):
        await opened(bench)
    bench.path = tmp_path / "nowhere" / "kaga.db"
    with pytest.raises(StoreSick):
        await opened(bench)
    await store.close()
    ours = [thread for thread in set(threading.enumerate()) - before if thread.name == "store"]
    for thread in ours:
        thread.join(timeout=5)
    assert not [thread for thread in ours if thread.is_alive()]


async def test_a_bug_reaches_the_caller_and_the_store_lives_on(bench: Any) -> None:
    store = await opened(bench)
    with pytest.raises(KeyError):
        await store.append([bench.entry(1.0, sensor="rain-1"), type(bench.entry())(sample=_stranger(bench))])
    assert (await store.append([bench.entry(1.0)])).first == 1
    await store.close()


def _stranger(bench: Any) -> Any:
    known = bench.entry().sample
    return type(known)(sensor="nobody", at=known.at, readings=known.readings)
