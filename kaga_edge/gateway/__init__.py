"""Wiring: builds every part from a configuration and runs them until told to stop.

    daemon.py         one TaskGroup, one named task per concern; start, run, stop
    parts.py          builds what runs and gives each part what it needs
    present.py        what runs now: the configuration and all that was made of it
    plans.py          configuration -> plans of buses, sensors, uplink; planning.py makes the present of them
    judging.py        the path of a reading, from the poll's end to the recorder
    changing.py       over to another configuration while measuring goes on
    configured.py     which configuration runs: files, last good copy, trial
    wired.py          the buses that run
    recorder.py       group commit; epochs.py when the store's file was replaced, or found late
    line.py           the uplink that runs, and the city's commands; commanded.py what each of those does
    answers.py        what the control socket answers
    telling.py        status, health, metrics, events of the look around
    housekeeping.py   once a minute; watchdog.py fed by progress only
    timewatch.py      the moment the clock becomes right, and what was dated before
    watches.py        alarms over several values; retired.py those whose rule has gone; wording.py their words
    counting.py       counts that go on; watched.py the time in which nobody counted
    companions.py     the neighbours' air, which a value is sited with
    events.py         event mode: measuring and sending faster
    upkeep.py         maintenance; collecting.py what somebody asked to stop
    outputs.py        lamps and sirens; powerswitches.py and battery.py the power
    latest.py         what each sensor said last
    snapshot.py       what status, health and systemd are told; shown.py what the status page asks beside it
    notable.py        what is worth an event; daily.py the line of the day
    leaner.py         few cycles and little memory

A package rather than one file, so that each of them fits a screen or two.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

from kaga_edge.buses import BusGivenUp, Wires
from kaga_edge.config import ConfigFaults
from kaga_edge.core.retention import shares
from kaga_edge.gateway import leaner
from kaga_edge.gateway.configured import Configured
from kaga_edge.gateway.daemon import Daemon
from kaga_edge.station import journal
from kaga_edge.station.clock import SystemClock
from kaga_edge.vocabulary.errors import KagaError

EXIT_FAILED = 2
EXIT_CONFIGURATION = 78  # EX_CONFIG


def main(config_path: Path, wires: Wires | None = None, clock: SystemClock | None = None) -> int:
    """Run the gateway until SIGTERM or SIGINT; return the exit code.

    0 stopped cleanly, 2 a part could not start or a bus was given up (systemd starts us again),
    78 the configuration is wrong and there is no good copy of an earlier one.
    """
    leaner.prepare()
    journal.start()
    clock = clock or SystemClock()
    configured = Configured(config_path, clock.now)
    try:
        config = configured.first()
    except ConfigFaults as faults:
        print(faults, file=sys.stderr)  # noqa: T201 -- the person who started it by hand reads this
        return EXIT_CONFIGURATION
    room = shares(config.store.max_bytes)
    journal.keep(config.store.path.parent, file_bytes=room.events_file_bytes, gw=config.site.id)
    try:
        asyncio.run(Daemon(config, config_path, wires or Wires(), clock, configured).run())
    except (KagaError, BaseExceptionGroup) as failed:
        expected, bugs = _sorted_out(failed)
        for error in expected:
            if isinstance(error, KagaError):
                journal.error(
                    "service.failed", code=error.code, error=error.what, where=error.where, fix=error.fix
                )
            else:
                journal.error("bus.given_up", error=error, fix="systemd starts the service again")
        if bugs is not None:  # a bug is a crash: say where, and let systemd start us again
            raise bugs from None
        return EXIT_FAILED
    finally:
        journal.close()
    return 0


def _sorted_out(failed: BaseException) -> tuple[list[Exception], BaseException | None]:
    """Part the expected failures of a task group from the bugs."""
    if isinstance(failed, KagaError):
        return [failed], None
    assert isinstance(failed, BaseExceptionGroup)
    expected, bugs = failed.split((KagaError, BusGivenUp))
    return list(_leaves(expected)), bugs


def _leaves(group: BaseException | None) -> Iterator[Exception]:
    if isinstance(group, BaseExceptionGroup):
        for error in group.exceptions:
            yield from _leaves(error)
    elif isinstance(group, Exception):
        yield group
