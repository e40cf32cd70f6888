"""The path of a reading through the daemon, in one place: from the poll's end to what is committed.

One call per poll of every sensor, so nothing here waits, and nothing is asked twice: judge, look for
alarms over several values, drive lamps, keep maintenance, go faster in an event, hand over to the recorder.
"""

from __future__ import annotations

from kaga_edge.buses import Polled
from kaga_edge.core import deriving
from kaga_edge.core.sampling import Judged, SensorState, judge
from kaga_edge.core.siting import Surroundings
from kaga_edge.core.stored import Entry
from kaga_edge.gateway import companions, notable
from kaga_edge.gateway.configured import Configured
from kaga_edge.gateway.counting import Counting
from kaga_edge.gateway.diskwatch import DiskWatch
from kaga_edge.gateway.latest import is_as_good, log_alert, log_change, newer
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.recorder import Recorder
from kaga_edge.gateway.retired import ALARMED_KEY, News, Retired
from kaga_edge.gateway.upkeep import Upkeep
from kaga_edge.gateway.wording import worded_rank
from kaga_edge.station import journal
from kaga_edge.store import Store
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.readings import Alert, Moment

ALONE = Surroundings()
NO_NEWS: News = (), ()


class Judging:
    """Takes every poll. While a reload changes the plans, ``hold`` keeps what comes for ``release``."""

    def __init__(
        self,
        present: Present,
        *,
        store: Store,
        clock: Clock,
        recorder: Recorder,
        counting: Counting,
        upkeep: Upkeep,
        configured: Configured,
        retired: Retired,
        disk: DiskWatch,
    ) -> None:
        self._present = present
        self._store, self._clock, self._recorder = store, clock, recorder
        self._counting, self._upkeep = counting, upkeep
        self._configured, self._retired, self._disk = configured, retired, disk
        self._early: list[Polled] | None = None  # a list only while a reload changes the plans

    def take(self, polled: Polled) -> None:
        """Take one poll, whatever came of it."""
        if self._early is not None:
            self._early.append(polled)
            return
        present = self._present
        plan = present.plans.get(polled.sensor)
        if plan is None:  # the last words of a bus that a reload took away
            return
        at_s = self._clock.monotonic_ns() / 1e9
        told, remember = NO_NEWS if self._recorder.looking else self._news(polled.at)
        counts = plan.id in self._counting.counters
        if counts and (gap := self._counting.missed(plan)) is not None:
            self._recorder.add(Entry(sample=gap))
        known = present.states[plan.id]
        state, judged = judge(
            plan,
            known,
            at=polled.at,
            at_s=at_s,
            measurements=polled.measurements,
            around=companions.around(plan, present.latest, present.config, at_s) if plan.derived else ALONE,
            raw=polled.raw,
            maintained=bool(self._upkeep.windows) and self._upkeep.covers(plan.id, polled.at),
        )
        present.states[plan.id] = state
        entry = Entry(sample=judged.sample)
        if judged.alerts or self._upkeep.windows or present.has_rules_for(plan.id):
            entry = self._ruled(polled, judged, state, at_s)
        if state.raised is not known.raised or state.memory is not known.memory:
            remember = (*self._to_remember(plan.id, known), *remember)
        if counts:
            remember = (*self._counting.to_remember(plan.id, polled.at), *remember)
        if told or remember:
            told, remember = (*entry.alerts, *told), (*entry.remember, *remember)
            entry = Entry(sample=entry.sample, alerts=told, remember=remember)
        self._recorder.add(entry)
        before = present.latest.get(plan.id)
        present.latest[plan.id] = after = newer(before, entry.sample, polled.error, at_s)
        if not is_as_good(before, after):
            log_change(plan.id, before, after)
            for one in notable.values(plan.id, before, after):
                journal.event(one.level, one.name, **one.fields)

    def hold(self) -> None:
        """Keep what comes from now on until its plan and its catalog are there."""
        self._early = []

    def release(self) -> None:
        """Take what was kept, and everything from now on."""
        early, self._early = self._early or [], None
        for polled in early:
            self.take(polled)

    def _ruled(self, polled: Polled, judged: Judged, state: SensorState, at_s: float) -> Entry:
        """Have everybody look at a sample who has rules, and whoever hears of alarms."""
        present = self._present
        seen = present.watches.see(judged.sample, at_s)
        alerts = (*map(worded_rank, judged.alerts), *seen.alerts)
        for alert in alerts:
            log_alert(alert)
        if alerts:
            present.outputs.show(present.raised())
        present.power.see(polled)
        kept = self._upkeep.keep(seen.sample, alerts)
        present.battery.see(kept.sample, at_s)
        paced = present.events.see(kept.sample, at_s, state.raised)
        remember = (*seen.remember, *kept.remember, *paced)
        return Entry(sample=kept.sample, alerts=kept.alerts, remember=remember)

    def _news(self, at: Moment) -> News:
        """Return what goes to the city with the next sample, whichever it is, and its memory."""
        told: tuple[Alert, ...] = ()
        remember: tuple[tuple[str, str], ...] = ()
        for alerts, memory in (
            self._configured.news(at),
            self._retired.news(at),
            self._disk.news(at, self._store.sick),
        ):
            if memory:
                told, remember = (*told, *alerts), (*remember, *memory)
        return told, remember

    def _to_remember(self, sensor_id: str, known: SensorState) -> list[tuple[str, str]]:
        """Return what a restart must know of a sensor that has changed: its alarms, its sums."""
        pairs, states = [], self._present.states
        state = states[sensor_id]
        if state.raised != known.raised:
            pairs.append((f"raised/{sensor_id}", " ".join(sorted(state.raised))))
            alarmed = (one for one, its in states.items() if its.raised)
            pairs.append((ALARMED_KEY, " ".join(sorted(alarmed))))
        if deriving.must_remember(known.memory, state.memory):
            pairs.append((f"derived/{sensor_id}", deriving.to_text(state.memory)))
        return pairs
