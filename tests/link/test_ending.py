"""A task that is to end does end, whatever happened to one cancellation."""

import asyncio
from contextlib import suppress

import aiomqtt

from kaga_edge.link.ending import end
from kaga_edge.sim.ears import Ears


async def test_one_cancel_that_wait_for_swallowed_left_its_canceller_waiting():
    ready = asyncio.Event()
    turns = 0

    async def for_ever():
        nonlocal turns
        while True:
            turns += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(ready.wait(), 60)
            ready.clear()

    task = asyncio.create_task(for_ever())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ready.set()
    await asyncio.sleep(0)  # what it waits for is done, and it has not been told yet: 3.11 loses a cancel now
    await end(task)
    assert task.cancelled()
    assert turns >= 1


async def test_a_task_that_had_failed_already_is_ended():
    async def fails():
        raise ValueError("its own")

    task = asyncio.create_task(fails())
    await asyncio.wait({task})
    await end(task)
    assert isinstance(task.exception(), ValueError)


class Unclean:
    """A client whose goodbye is late: aiomqtt then raises its own error in place of the cancellation."""

    entered = asyncio.Event()

    def __init__(self, *_words: object, **_names: object) -> None:
        self.messages = self

    async def __aenter__(self) -> "Unclean":
        return self

    async def __aexit__(self, *_why: object) -> None:
        raise aiomqtt.MqttError("Operation timed out")

    async def subscribe(self, *_words: object, **_names: object) -> None:
        Unclean.entered.set()

    def __aiter__(self) -> "Unclean":
        return self

    async def __anext__(self) -> aiomqtt.Message:
        await asyncio.Event().wait()
        raise StopAsyncIteration


async def test_the_ears_of_a_demo_that_was_ended_listened_for_ever_because_the_goodbye_was_late(monkeypatch):
    monkeypatch.setattr(aiomqtt, "Client", Unclean)
    monkeypatch.setattr(Unclean, "entered", asyncio.Event())
    task = asyncio.create_task(Ears(1, "g").run())
    await Unclean.entered.wait()
    await end(task)
    assert task.cancelled()
