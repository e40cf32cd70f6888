"""``kaga-edge doctor``: 37 checks, failures first, each with its repair. Works without the daemon.

What this machine cannot tell is "not measurable", never "pass". Exit codes: 0 all pass, 1 notes, 2 failures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli.ask import DEFAULT_CONFIG, add_daemon_options, ask, language_of, socket_of
from kaga_edge.cli.screen import fold, padded
from kaga_edge.text import catalogue, say
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.errors import AskedWrongly, KagaError

if TYPE_CHECKING:  # pydantic and the link are loaded by run, not by the parser
    from kaga_edge.config import Config
    from kaga_edge.station.doctor import Bench, Finding

CALL_S = 3.0
READINGS_S = 7.0  # for all sensors together: the whole examination ends within 15 s
LINE_S = 6.0
EXITS = {"fail": 2, "note": 1}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("doctor")
    parser.add_argument("--only", default="", metavar="GROUP")
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("--json", action="store_true")
    add_daemon_options(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Examine and print; returns the worst."""
    from kaga_edge.station.doctor import CHECKS, State, examine

    lang = language_of(args)
    logging.getLogger("kaga_edge").addHandler(logging.NullHandler())  # the findings say it
    if not any(code.startswith(args.only.upper()) for code in CHECKS):
        raise AskedWrongly(say("doctor.no_group", lang, name=args.only), fix="kaga-edge doctor")
    bench = bench_of(args, lang)
    findings = sorted(examine(bench, args.only), key=lambda one: list(State).index(one.state))
    if not args.json:
        print("\n".join(lines(findings, lang, fixing=args.fix)))
    if args.fix:
        with redirect_stdout(sys.stderr if args.json else sys.stdout):
            findings = _mended(args, findings, lang)
    if args.json:
        print(json.dumps([facts_of(one) for one in findings], ensure_ascii=False, indent=2))
    return max((EXITS.get(one.state.value, 0) for one in findings), default=0)


def lines(findings: list[Finding], lang: str, *, fixing: bool = False) -> list[str]:
    """Return what people read: the bad with their repair, the rest short, the sum at the end."""
    said = []
    for one in findings:
        state = say(f"doctor.{one.state.value}", lang)
        said += fold(f"{one.code} {state}  {say(f'doctor.{one.code}', lang)}", indent=4)
        if one.seen:
            said += fold(f"    {seen_words(one.seen, lang)}", indent=4)
        if one.state.value in EXITS:
            said += fold(
                f"    {padded(say('error.fix', lang), 7)} {say(f'doctor.{one.code}.fix', lang)}", indent=4
            )
    counts = {
        state: sum(one.state.value == state for one in findings)
        for state in ("fail", "note", "unknown", "skip", "pass")
    }
    total = say(
        "doctor.sum",
        lang,
        n=len(findings),
        fails=counts["fail"],
        notes=counts["note"],
        unknown=counts["unknown"],
        skipped=counts["skip"],
        passed=counts["pass"],
    )
    said += fold(total, indent=2)
    mendable = any(one.fix for one in findings) and not fixing
    return [*said, *([say("doctor.next", lang)] if mendable else [])]


def seen_words(seen: str, lang: str) -> str:
    """Return what a check saw, in ``lang``; steps of the line by the names ``link test`` gives them."""
    steps = [f"step.{name}" for name in seen.split(", ")]
    if set(steps) <= catalogue().keys():
        return ", ".join(say(step, lang) for step in steps)
    return heard(seen, lang)


def facts_of(one: Finding) -> dict[str, Any]:
    """Return one finding as JSON shows it."""
    return {
        "code": one.code,
        "state": one.state.value,
        "seen": one.seen,
        "check": {lang: say(f"doctor.{one.code}", lang) for lang in ("ja", "en")},
        "repair": {lang: say(f"doctor.{one.code}.fix", lang) for lang in ("ja", "en")},
        "fix": [shlex.join(command) for command in one.fix],
    }


def _mended(args: argparse.Namespace, findings: list[Finding], lang: str) -> list[Finding]:
    """Run the safe repairs, look again at what they were for, and return how all stands now."""
    from kaga_edge.station.doctor import examine

    _mend(findings, lang)
    codes = [one.code for one in findings if one.fix]
    if not codes:
        return findings
    bench = bench_of(args, lang)
    again = {one.code: one for code in codes for one in examine(bench, code)}
    print(say("doctor.after", lang))
    for one in again.values():
        told = f"{one.code} {say(f'doctor.{one.state.value}', lang)}  {say(f'doctor.{one.code}', lang)}"
        print("\n".join(fold(f"  {told}  {seen_words(one.seen, lang)}".rstrip(), indent=4)))
    return [again.get(one.code, one) for one in findings]


def _mend(findings: list[Finding], lang: str) -> None:
    """Run the safe repairs; each command is shown before it runs."""
    commands = [command for one in findings for command in one.fix]
    if not commands:
        print(say("doctor.no_fix", lang))
    for command in commands:
        print(say("doctor.fixing", lang, command=shlex.join(command)), flush=True)
        try:
            out = 2 if sys.stdout is sys.stderr else None  # the words of a command are no part of the JSON
            code = subprocess.run(command, stdout=out, check=False).returncode  # noqa: S603 - our lists, shown
        except OSError as error:
            print("  " + say("doctor.fix_failed", lang, status=error.strerror))
            continue
        if code:
            print("  " + say("doctor.fix_failed", lang, status=code))


# --- what the checks look at ---


def bench_of(args: argparse.Namespace, lang: str) -> Bench:
    """Return what the checks look at on this machine."""
    from kaga_edge.config import ConfigFaults, load
    from kaga_edge.station.clock import kernel_synchronised
    from kaga_edge.station.doctor import Bench

    path: Path = args.config or DEFAULT_CONFIG
    config, faults = None, None
    try:
        config = load(path)
    except ConfigFaults as error:
        faults = error
    socket_path = socket_of(args)
    try:
        snapshot = ask(socket_path, {"op": "status"}, lang)
    except KagaError:  # not running, or not ours to ask: the checks say what follows from that
        snapshot = None
    return Bench(
        config_path=path,
        config=config,
        faults=faults,
        snapshot=snapshot,
        environ=os.environ,
        call=call,
        readings=cache(lambda: readings(config, socket_path if snapshot else None, lang)),
        line=cache(lambda: line(config, snapshot)),
        lgpio_version=_lgpio_version,
        clock_synchronised=kernel_synchronised,
        now_s=time.time(),
        python=sys.version_info[:2],
    )


def call(command: tuple[str, ...]) -> tuple[int, str] | None:
    """Run a command of the system; None when there is none or it does not end."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words of the checks
            command, capture_output=True, text=True, errors="replace", timeout=CALL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stdout


def readings(config: Config | None, socket_path: Path | None, lang: str) -> Mapping[str, Any]:
    """Return one reading of each sensor: through the gateway when it runs, else from the buses."""
    if config is None:
        return {}
    found: dict[str, Any] = {}
    if socket_path is None:
        asyncio.run(_from_buses(config, found))
        return found
    threads = [
        threading.Thread(target=_one, args=(socket_path, sensor.id, lang, found), daemon=True)
        for sensor in config.sensors
    ]
    ends_s = time.monotonic() + READINGS_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends_s - time.monotonic()))
    return dict(found)


def _one(socket_path: Path, sensor: str, lang: str, found: dict[str, Any]) -> None:
    try:
        found[sensor] = ask(socket_path, {"op": "read", "sensor": sensor}, lang)
    except KagaError as error:
        found[sensor] = {"error": {"code": error.code, "what": error.what}, "readings": []}


async def _from_buses(config: Config, found: dict[str, Any]) -> None:
    from kaga_edge.buses import Bus, Wires
    from kaga_edge.gateway import plans, snapshot
    from kaga_edge.station.clock import SystemClock

    clock = SystemClock()

    async def one(plan: plans.BusPlan) -> None:
        bus = Bus(plan.make(), wires=Wires(), clock=clock, on_polled=lambda _polled: None)
        try:
            for sensor in plan.sensors:
                found[sensor.id] = snapshot.polled(await bus.read_now(sensor.id))
        finally:
            await bus.close(take_last=False)

    work = [asyncio.create_task(one(plan)) for plan in plans.bus_plans(config).values()]
    if work:
        _, late = await asyncio.wait(work, timeout=READINGS_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def line(config: Config | None, snapshot: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """Return the steps of the link test, as far as they came in their time."""
    if config is None or config.platform is None:
        return ()
    from kaga_edge.station import linesteps

    steps: list[Any] = []

    async def walk() -> None:
        async for step in linesteps.walk(config, snapshot):
            steps.append(step)  # noqa: PERF401 - kept one by one: those before a time-out count

    async def bounded() -> None:
        try:
            async with asyncio.timeout(LINE_S):
                await walk()
        except TimeoutError:
            return

    asyncio.run(bounded())
    return tuple(steps)


def _lgpio_version() -> str | None:
    import importlib.metadata
    import importlib.util

    try:
        return importlib.metadata.version("lgpio")
    except importlib.metadata.PackageNotFoundError:  # the OS's package has no metadata of that name
        return "of the OS" if importlib.util.find_spec("lgpio") else None
