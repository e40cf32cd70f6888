"""Which configuration runs: the files, the last good copy, or one on trial that returns by itself.

A faulty file never keeps a station from measuring: it starts from its own copy of the last good one, and
says so in the log, in the status, and to the city. A trial (``config apply --confirm 10m``) lives in the
state folder and the files stay as they are; not confirmed in time, after a reboot, or taken back, the last
good one is applied again. A restart of the daemon within the time goes on with the trial.

A little longer than most: the start, the trial and the way back are one story.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from kaga_edge.config import Config, ConfigFaults, load_apart
from kaga_edge.config.copies import Copies, Source, Trial, digest, digest_of
from kaga_edge.gateway.wording import worded_watch
from kaga_edge.station import journal
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import Alert, Moment

FILES, LAST_GOOD, ROLLED_BACK, TRIAL = "files", "last_good", "rolled_back", "trial"
DEGRADED = (LAST_GOOD, ROLLED_BACK)  # it runs, and somebody must look at the files
SHORTEST_S, LONGEST_S = 30.0, 86_400.0
ALERT_KEY = "config/site"
MEMORY = "raised/config"


class NoTrial(KagaError):
    """A trial cannot begin, or there is none."""

    code = "KE-U03"
    exit_code = 2


class Configured:
    """The configuration of one daemon: reads it, keeps copies, watches over a trial."""

    def __init__(self, path: Path, now: Callable[[], Moment]) -> None:
        self._path, self._now = path, now
        self._copies = Copies(path)
        self._source = FILES
        self._trial: Trial | None = None
        self._faults: ConfigFaults | None = None
        self._told: str | None = None  # what the city was told last
        self._changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()  # two trials would be staged one over the other

    # --- reading ---

    def first(self) -> Config:
        """Return the configuration to start from. Raises ConfigFaults: faulty, and no good copy."""
        trial = self._copies.trial()
        if trial is not None:
            try:
                return self._first_of_trial(trial)
            except ConfigFaults as faults:  # its time is over, or a file beside it changed since
                log_faults(faults)
                self._take_back(trial, "cannot be read any more")
        refused = self._copies.refused
        if refused is not None and refused == digest_of(self._path):
            good = self._from_good()
            if good is not None:
                self._source = ROLLED_BACK
                return good
        try:
            return self._from_files()
        except ConfigFaults as faults:
            log_faults(faults)
            good = self._from_good()
            if good is None:
                raise
            self._source, self._faults = LAST_GOOD, faults
            journal.error("config.fallback", faults=len(faults.faults), fix="kaga-edge config check")
            return good

    def _from_good(self) -> Config | None:
        """Return the last good configuration; None when there is none, or this version refuses it."""
        good = self._copies.good
        try:
            return None if good is None else load_apart(self._path, good)
        except ConfigFaults as faults:
            log_faults(faults)
            return None

    def again(self) -> Config:
        """Return the configuration as it is now, for a reload. Raises ConfigFaults: the old one goes on."""
        if self._trial is not None:
            return load_apart(self._path, self._copies.trial_source)
        return self._from_files()

    def _from_files(self) -> Config:
        copy = self._copies.fresh()
        config = load_apart(self._path, copy)
        self._source, self._faults = FILES, None
        try:
            self._copies.keep(copy)
            self._copies.refuse(None)
        except OSError as error:
            journal.warning("config.not_kept", error=error.strerror, where=self._copies.folder)
        return config

    def _first_of_trial(self, trial: Trial) -> Config:
        if trial.left_s(self._now()) <= 0:
            self._take_back(trial, "not confirmed in time, or rebooted")
            return self.first()
        config = load_apart(self._path, self._copies.trial_source)
        self._source, self._trial = TRIAL, trial
        journal.warning("config.trial", left_s=round(trial.left_s(self._now())))
        return config

    # --- what is asked over the control socket ---

    async def ask(
        self, request: dict[str, Any], change_to: Callable[[Config], Awaitable[None]]
    ) -> dict[str, Any]:
        """Answer ``{"op":"config","do":"show"|"try"|"confirm"|"rollback",…}``.

        ``change_to`` applies a configuration. Raises NoTrial, ConfigFaults.
        """
        do = request.get("do")
        if do == "show":
            return self.told() | (self._texts() if request.get("text") else {})
        async with self._one_at_a_time:
            match do:
                case "try":
                    await self._try(request, change_to)
                case "confirm":
                    await self._confirm(change_to)
                case "rollback":
                    if self._trial is None:
                        raise NoTrial("no configuration is on trial", fix="kaga-edge config rollback")
                    await self._roll_back("taken back", change_to)
                case other:
                    raise NoTrial(f"do = {other!r}", fix="show, try, confirm or rollback")
        return self.told()

    async def _try(self, request: dict[str, Any], change_to: Callable[[Config], Awaitable[None]]) -> None:
        text, seconds = request.get("text"), request.get("seconds")
        if not isinstance(text, str) or not isinstance(seconds, int | float):
            raise NoTrial("a trial needs the text and the seconds", fix="kaga-edge config apply")
        await self._begin(text, seconds, change_to)

    async def try_part(
        self,
        text: str,
        seconds: float,
        permitted: Callable[[Config, Config], None],
        change_to: Callable[[Config], Awaitable[None]],
    ) -> None:
        """Try a part laid over the files. ``permitted`` raises where old and new differ too much."""
        async with self._one_at_a_time:
            await self._begin(text, seconds, change_to, permitted)

    async def _begin(
        self,
        text: str,
        seconds: float,
        change_to: Callable[[Config], Awaitable[None]],
        permitted: Callable[[Config, Config], None] | None = None,
    ) -> None:
        if not SHORTEST_S <= seconds <= LONGEST_S:
            raise NoTrial(f"{seconds:g} s is no time for a trial", fix="30s to 1d")
        if self._trial is not None:
            raise NoTrial("another one is on trial", fix="kaga-edge config confirm, or config rollback")
        good = self._copies.good
        if good is None:
            raise NoTrial(
                "there is no good copy to return to", where=str(self._copies.folder), fix="make it writable"
            )
        try:
            stage = self._copies.stage if permitted is None else self._copies.stage_part
            config = await asyncio.to_thread(load_apart, self._path, stage(text))
            running = await asyncio.to_thread(load_apart, self._path, good)
            if permitted is not None:
                permitted(running, config)
            if (config.store, config.station) != (running.store, running.station):
                raise NoTrial("[store] and [station] cannot be tried", fix="change them in the file, restart")
            now = self._now()
            trial = Trial(
                digest=digest(text.encode()),
                until_up_ms=now.up_ms + round(seconds * 1000),
                boot=now.boot,
                part=permitted is not None,
            )
            self._copies.begin(trial)  # from here on a restart knows of it
        except OSError as error:
            raise NoTrial(
                f"the trial cannot be kept ({error.strerror})", where=str(self._copies.folder)
            ) from error
        self._trial, self._source, self._faults = trial, TRIAL, None
        journal.warning("config.trial", left_s=round(seconds))
        await change_to(config)
        self._changed.set()

    async def _confirm(self, change_to: Callable[[Config], Awaitable[None]]) -> None:
        trial = self._trial
        if trial is None:
            raise NoTrial("no configuration is on trial", fix="kaga-edge config apply FILE --confirm 10m")
        if trial.part:
            try:
                self._copies.keep_part()
            except OSError as error:
                what = f"the part cannot be kept ({error.strerror})"
                raise NoTrial(what, where=str(self._path), fix="make conf.d writable") from error
        elif digest_of(self._path) != trial.digest:
            raise NoTrial(
                "the file is not the one on trial", where=str(self._path), fix="kaga-edge config confirm"
            )
        config = await asyncio.to_thread(self._from_files)
        self._trial = None
        self._copies.end()
        journal.event(journal.NOTICE, "config.confirmed")
        await change_to(config)
        self._changed.set()

    # --- the way back ---

    async def watch(self, change_to: Callable[[Config], Awaitable[None]]) -> None:
        """Take a trial back when its time is over; run as a task."""
        while True:
            trial = self._trial
            left_s = None if trial is None else trial.left_s(self._now())
            try:
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
                self._changed.clear()
            except TimeoutError:
                async with self._one_at_a_time:
                    if self._trial is trial:  # not confirmed while we waited
                        await self._roll_back("not confirmed in time", change_to)

    async def _roll_back(self, reason: str, change_to: Callable[[Config], Awaitable[None]]) -> None:
        """Return to the last good configuration."""
        trial, good = self._trial, self._copies.good
        if trial is None or good is None:
            return
        config = await asyncio.to_thread(load_apart, self._path, good)
        self._take_back(trial, reason)
        self._trial = None
        # The file itself may be the one that was tried: then somebody must put it right.
        self._source = ROLLED_BACK if digest_of(self._path) == trial.digest else FILES
        await change_to(config)
        self._changed.set()

    def _take_back(self, trial: Trial, reason: str) -> None:
        journal.warning("config.rolled_back", reason=reason)
        try:
            self._copies.refuse(trial.digest)
            self._copies.end()
        except OSError as error:
            journal.warning("config.not_kept", error=error.strerror, where=self._copies.folder)

    # --- what others are told ---

    @property
    def degraded(self) -> bool:
        """Whether it runs on a copy because the files cannot be used."""
        return self._source in DEGRADED

    def told(self) -> dict[str, Any]:
        """Return what status shows."""
        trial = self._trial
        first = self._faults.faults[0] if self._faults else None
        return {
            "source": self._source,
            "file": str(self._path),
            "left_s": None if trial is None else round(trial.left_s(self._now())),
            "digest": None if trial is None or trial.part else trial.digest,
            "fault": None if first is None else {"file": first.file, "line": first.line, "code": first.code},
        }

    def _texts(self) -> dict[str, Any]:
        source: Source | None = self._copies.trial_source if self._trial is not None else self._copies.good
        try:
            return {"files": [] if source is None else self._copies.texts(source)}
        except OSError:
            return {"files": []}

    def recall(self, known: str | None) -> None:
        """Go on from what the city was told before a restart."""
        self._told = known or None

    def news(self, at: Moment) -> tuple[tuple[Alert, ...], tuple[tuple[str, str], ...]]:
        """Return the alert that goes with the next sample when the city does not know yet, and its memory."""
        wanted = self._source if self._source in DEGRADED else None
        if wanted == self._told:
            return (), ()
        state = "cleared" if wanted is None else "raised"
        data: dict[str, object] = {"rank": "config", "reason": wanted or self._told or ""}
        alert = Alert(
            key=ALERT_KEY,
            state=state,
            subject="site",
            at=at,
            data=data | worded_watch("config", state, {}),
        )
        self._told = wanted
        return (alert,), ((MEMORY, wanted or ""),)


def log_faults(faults: ConfigFaults) -> None:
    """Log every fault of a configuration that cannot be used."""
    for fault in faults.faults:
        journal.error("config.rejected", file=fault.file, line=fault.line, key=fault.key, code=fault.code)
