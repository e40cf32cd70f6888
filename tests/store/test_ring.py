"""The disk is sick: memory takes over, under an epoch of its own, and brings everything back to the disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Appended, EpochBegan
from kaga_edge.store.database import Database
from kaga_edge.store.disk import Disk
from kaga_edge.store.errors import StoreBusy, StoreForbidden, StoreForeign, StoreSick
from kaga_edge.store.refusal import refuse_unmounted, unmounted, why_not_open
from kaga_edge.store.ring import Ringed


class SickDisk(Disk):
    """A real file; while ``sick`` no statement is carried out. ``landed``: the sickness begins with a
    commit that is written all the same."""

    sick = False
    landed = False

    def connect(self, path: Path) -> sqlite3.Connection:
        self.ask("open")
        return Carried(super().connect(path), self)  # type: ignore[return-value]

    def ask(self, statement: str) -> None:
        if self.sick and not self.landed:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error


class Carried:
    """A connection that asks the disk first."""

    def __init__(self, real: sqlite3.Connection, disk: SickDisk) -> None:
        self._real, self._disk = real, disk

    def execute(self, statement: str, *values: Any) -> Any:
        if self._disk.landed and statement.startswith("COMMIT"):
            self._real.execute(statement)
            self._disk.landed = False
        self._disk.ask(statement)
        return self._real.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Ward:
    """One store on a disk that falls sick and gets well."""

    def __init__(self, bench: Any) -> None:
        self.bench, self.disk, self.heard = bench, SickDisk(), []
        self.value = 0
        self.taken: list[Appended] = []
        self.open()

    def open(self, **settings: Any) -> Ringed:
        self.store = None  # type: ignore[assignment]
        self.store = Ringed(
            self.bench.path,
            **{"max_bytes": 64_000_000, "keep_delivered_s": 86_400.0} | settings,
            identity=self.bench.here,
            clock=self.bench.clock,
            disk=self.disk,
            on_change=self.heard.append,
        )
        self.store.declare((self.bench.level, self.bench.rain), self.bench.site, "daishoji-01")
        return self.store

    def bring(self, count: int = 1, *, alerts: bool = False) -> Appended:
        """Append as the recorder does: what was refused is brought again."""
        entries = []
        for _ in range(count):
            self.value += 1
            raised = (self.bench.alert(),) if alerts else ()
            entries.append(self.bench.entry(self.value, alerts=raised))
        for _ in range(3):
            try:
                given = self.store.append(self.store.encode(entries))
            except StoreSick:
                continue
            self.taken.append(given)
            return given
        raise AssertionError("refused three times")

    def values(self) -> list[int]:
        """What is in the file, row by row."""
        self.store.close()
        with contextlib.closing(sqlite3.connect(self.bench.path)) as db:
            return sorted(int(vals) for (vals,) in db.execute("SELECT vals FROM sample"))


@pytest.fixture
def ward(bench: Any) -> Iterator[Ward]:
    made = Ward(bench)
    yield made
    made.disk.sick = False
    if made.store is not None:
        made.store.close()


def sums(store: Ringed) -> tuple[int, int, int, int]:
    tallies = store.ledger().epochs
    for tally in tallies:
        assert tally.numbered == tally.delivered + tally.waiting + tally.gone
    return tuple(sum(getattr(t, n) for t in tallies) for n in ("numbered", "delivered", "waiting", "gone"))  # type: ignore[return-value]


def test_samples_go_on_in_memory_under_an_epoch_of_their_own_and_can_be_sent(ward: Ward) -> None:
    old = ward.bring(3).ep
    ward.disk.sick = True

    given = ward.bring(2, alerts=True)

    assert given.ep != old
    assert (given.first, given.last, given.alerts_first, given.alerts_last) == (1, 2, 1, 2)
    assert [row[4] for row in ward.store.load(given.ep, 1, 9, 9).rows] == ["4", "5"]
    assert len(ward.store.load_notices(given.ep, 1, 9)) == 2
    run = ward.store.load(given.ep, 1, 9, 9).run
    assert ward.store.catalog_body(run.k) is not None
    assert [epoch.ep for epoch in ward.store.standing().epochs] == [old, given.ep]
    assert ward.store.in_memory == 2
    assert [change for change in ward.heard if isinstance(change, EpochBegan)] == [
        EpochBegan(ep=given.ep, reason="sick")
    ]
    assert sums(ward.store) == (5, 0, 5, 0)


def test_one_refusal_alone_begins_nothing(ward: Ward) -> None:
    ward.bring(1)
    ward.disk.sick = True
    with pytest.raises(StoreSick):
        ward.store.append(ward.store.encode([ward.bench.entry(2)]))
    ward.disk.sick = False
    assert ward.bring(1).first == 2
    assert ward.store.in_memory is None


@pytest.mark.parametrize("landed", [False, True], ids=["nothing written", "written, but said to have failed"])
def test_when_the_disk_is_well_again_everything_is_on_it_exactly_once(ward: Ward, landed: bool) -> None:
    old = ward.bring(3).ep
    ward.disk.sick, ward.disk.landed = True, landed
    ring = ward.bring(4, alerts=True).ep
    ward.store.confirm({ring: Ranges(((1, 2),))}, {ring: Ranges(((1, 1),))})
    ward.store.remember("tips/rain-1", "77")
    ward.disk.landed = landed
    assert ward.store.mend() is None  # still sick, and perhaps written all the same
    ward.bring(2)
    ward.disk.sick = False

    assert ward.store.mend() == 6

    assert ward.store.in_memory is None
    assert ward.bring(1) == Appended(ep=ring, first=7, last=7)
    assert sums(ward.store) == (10, 2, 8, 0)
    assert ward.values() == list(range(1, 11))
    ward.open()
    assert ward.store.epoch == ring
    assert sums(ward.store) == (10, 2, 8, 0)
    assert ward.store.recall("tips/rain-1") == "77"
    assert [row[4] for row in ward.store.load(old, 1, 9, 9).rows] == ["1", "2", "3"]
    assert [row[4] for row in ward.store.load(ring, 3, 9, 9).rows] == ["6", "7", "8", "9", "10"]
    assert [notice.e for notice in ward.store.load_notices(ring, 2, 99)] == [2, 3, 4]
    assert ward.bring(1).first == 8


def test_an_append_that_was_refused_and_landed_is_not_there_twice_when_it_is_brought_again(
    ward: Ward,
) -> None:
    ward.bring(3)
    ward.disk.sick = ward.disk.landed = True
    entries = [ward.bench.entry(4, alerts=(ward.bench.alert(),)), ward.bench.entry(5)]
    with pytest.raises(StoreSick):
        ward.store.append(ward.store.encode(entries))
    ward.disk.sick = False

    given = ward.store.append(ward.store.encode([*entries, ward.bench.entry(6)]))

    assert (given.first, given.last, given.alerts_first, given.alerts_last) == (4, 6, 1, 1)
    assert ward.values() == [1, 2, 3, 4, 5, 6]
    assert sums(ward.store) == (6, 0, 6, 0)


def test_a_full_ring_expires_its_oldest_and_says_so(ward: Ward) -> None:
    ward.store.close()
    ward.open(ring_bytes=400_000)
    ward.bring(1)
    ward.disk.sick = True
    for _ in range(60):
        ring = ward.bring(200).ep
        while ward.store.purge(ward.bench.clock.now())[1]:
            pass

    numbered, _, waiting, gone = sums(ward.store)
    assert numbered == waiting + gone >= 12_001  # rows that were thinned have been numbered anew
    assert gone > 0
    assert (ward.store.in_memory or 0) < 12_000
    ward.disk.sick = False
    assert ward.store.mend() is not None
    assert sums(ward.store) == (numbered, 0, waiting, gone)
    told = [notice for notice in ward.store.load_notices(ring, 1, 99_999) if notice.kind == "gone"]
    assert told


def test_what_belongs_to_the_file_waits_while_it_is_sick(ward: Ward) -> None:
    old = ward.bring(3).ep
    ward.disk.sick = True
    ring = ward.bring(1).ep
    for ask in (
        lambda: ward.store.load(old, 1, 3, 3),
        lambda: ward.store.confirm({old: Ranges(((1, 3),)), ring: Ranges(((1, 1),))}, {}),
        lambda: ward.store.recall("nothing"),
        lambda: ward.store.doubtful_boots(),
    ):
        with pytest.raises(StoreSick):
            ask()
    assert sums(ward.store)[1] == 1  # the ring's own was confirmed all the same

    ward.disk.sick = False
    ward.store.mend()
    ward.store.confirm({old: Ranges(((1, 3),)), ring: Ranges(((1, 1),))}, {})
    assert sums(ward.store) == (4, 4, 0, 0)


def test_stopping_in_order_tries_the_disk_a_last_time(ward: Ward, caplog: Any) -> None:
    ward.bring(1)
    ward.disk.sick = True
    ward.bring(2)
    ward.disk.sick = False
    assert ward.values() == [1, 2, 3]

    ward.open()
    ward.disk.sick = True
    ward.bring(2)
    ward.store.close()
    assert "store.ring_lost" in caplog.text
    ward.disk.sick = False
    assert ward.values() == [1, 2, 3]
    assert isinstance(ward.open()._file, Database)


def test_samples_delivered_from_memory_were_told_as_lost_at_the_stop(ward: Ward, caplog: Any) -> None:
    ward.disk.sick = True
    ward.bring(5)
    ep = ward.store.epoch
    ward.store.confirm({ep: Ranges(((1, 4),))}, {})
    ward.store.close()
    assert f"store.ring_lost epoch={ep} rows=1" in caplog.text

    caplog.clear()
    ward.disk.sick = False
    ward.open()
    ward.disk.sick = True
    ward.bring(2)
    ward.store.confirm({ward.store.epoch: Ranges(((1, 2),))}, {})
    ward.store.close()
    assert "store.ring_lost" not in caplog.text


def test_a_file_that_somebody_else_took_after_a_fault_counts_as_refused(ward: Ward) -> None:
    """An sqlite3 shell left open on the live file: it got the lock while ours was being opened anew."""
    ward.bring(3)
    ward.disk.sick = ward.disk.landed = True
    with pytest.raises(StoreSick):
        ward.store.append(ward.store.encode([ward.bench.entry(4)]))  # written all the same
    ward.value = 3
    ward.disk.sick = False
    with contextlib.closing(sqlite3.connect(ward.bench.path, isolation_level=None)) as shell:
        shell.execute("BEGIN EXCLUSIVE")
        given = ward.bring(2)
        assert (given.first, ward.store.in_memory) == (1, 2)
        assert ward.store.mend() is None
    assert ward.store.mend() == 2
    assert ward.values() == [1, 2, 3, 4, 5]


# --- sick from the start ---


def started_sick(ward: Ward, **settings: Any) -> str:
    """Stop the store in order, let the disk fall sick, start anew; return the ring's epoch."""
    ward.store.close()
    ward.disk.sick = True
    return ward.open(from_memory=True, **settings).epoch


def test_it_starts_in_memory_on_a_sick_disk_and_stores_everything_once_the_file_opens(ward: Ward) -> None:
    old = ward.bring(3).ep
    ward.store.remember("collect", "[]")
    ring = started_sick(ward)
    ward.bring(2, alerts=True)
    assert [epoch.ep for epoch in ward.store.standing().epochs] == [ring]
    assert (ward.store.in_memory, sums(ward.store)) == (2, (2, 0, 2, 0))
    assert ward.store.mend() is None
    ward.store.confirm({ring: Ranges(((1, 1),))}, {ring: Ranges(((1, 1),))})
    ward.heard.clear()
    ward.disk.sick = False

    assert ward.store.mend() == 2

    assert [change for change in ward.heard if isinstance(change, EpochBegan)] == [
        EpochBegan(ep=ring, reason="found")
    ]
    assert [epoch.ep for epoch in ward.store.standing().epochs] == [old, ring]
    assert ward.bring(1) == Appended(ep=ring, first=3, last=3)
    assert sums(ward.store) == (6, 1, 5, 0)
    assert ward.values() == [1, 2, 3, 4, 5, 6]


def test_what_a_file_remembers_that_cannot_be_written_is_known_in_memory(ward: Ward) -> None:
    """Which sensors a resident asked to stop is read from a card that only refuses to be written."""
    ward.store.remember("collect", "[1]")
    started_sick(ward)
    assert ward.store.recall("collect") == "[1]"
    assert ward.store.recall("nothing") is None


def test_what_could_not_be_read_at_the_start_is_told_when_the_file_is_found(ward: Ward) -> None:
    ward.store.remember("collect", "[1]")
    hidden = ward.bench.path.with_name("away")
    ward.store.close()
    ward.bench.path.rename(hidden)
    started_sick(ward)
    assert ward.store.recall("collect") is None
    hidden.rename(ward.bench.path)
    ward.disk.sick = False

    ward.store.mend()

    told = [change for change in ward.heard if isinstance(change, EpochBegan)][-1]
    assert dict(told.facts)["collect"] == "[1]"


def test_a_first_start_without_any_file_begins_in_memory_too(ward: Ward) -> None:
    ward.store.close()
    for left in ward.bench.path.parent.glob(f"{ward.bench.path.name}*"):
        left.unlink()
    ring = started_sick(ward)
    ward.bring(2)
    ward.disk.sick = False
    assert ward.store.mend() == 2
    assert ward.store.epoch == ring
    assert ward.values() == [1, 2]


def test_a_file_that_is_damaged_and_found_late_is_set_aside_and_told_of(ward: Ward) -> None:
    ward.bring(3)
    ward.store.close()
    ward.bench.path.write_bytes(b"\0" * 8192)
    ring = started_sick(ward)
    ward.bring(2)
    ward.disk.sick = False

    assert ward.store.mend() == 2

    assert ward.store.set_aside is not None
    assert ward.store.epoch == ring
    assert [notice.key for notice in ward.store.load_notices(ring, 1, 9)] == ["store_damaged"]
    assert ward.values() == [4, 5]


def test_a_declaration_that_is_refused_begins_the_ring_as_well(ward: Ward) -> None:
    ward.bring(1)
    ward.disk.sick = True
    ward.store.declare((ward.bench.level,), ward.bench.site, "daishoji-01")
    assert (ward.store.in_memory, ward.store.sick.code) == (0, "KE-S03")


def test_what_a_person_must_mend_is_no_sick_disk(ward: Ward, tmp_path: Path) -> None:
    ward.store.close()
    with contextlib.closing(sqlite3.connect(ward.bench.path, isolation_level=None)) as shell:
        shell.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusy):
            ward.open(from_memory=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "theirs.db")) as foreign:
        foreign.execute("CREATE TABLE theirs (a)")
    for path, fault in (
        (tmp_path / "theirs.db", StoreForeign),
        (tmp_path, StoreSick),
        (tmp_path / "theirs.db" / "store", StoreForbidden),
    ):
        with pytest.raises(fault):
            Ringed(path, max_bytes=64_000_000, keep_delivered_s=1.0, clock=ward.bench.clock, from_memory=True)
    ward.open()


def test_a_file_of_another_user_is_no_sick_disk(ward: Ward, bench: Any) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user: root only")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        for before in (lambda: None, (folder / "kaga.db").touch):
            before()
            os.seteuid(65534)
            with pytest.raises(StoreForbidden, match="somebody else"):
                Ringed(
                    folder / "kaga.db",
                    max_bytes=64_000_000,
                    keep_delivered_s=1.0,
                    clock=bench.clock,
                    from_memory=True,
                )
            os.seteuid(0)
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


def test_a_disk_that_should_be_mounted_and_is_not_is_waited_for(tmp_path: Path) -> None:
    """A new file below the mount point would be hidden once the disk comes, with all that it holds."""
    fstab = tmp_path / "fstab"
    fstab.write_text(
        f"# disks\n/dev/sda1 {tmp_path}/ssd ext4 nofail 0 2\n/dev/sdb1 {tmp_path} ext4 noauto 0 2\n"
    )
    path = tmp_path / "ssd" / "store.sqlite"
    assert unmounted(path, fstab) == tmp_path / "ssd"
    assert unmounted(tmp_path / "store.sqlite", fstab) is None
    assert unmounted(path, tmp_path / "none") is None
    assert isinstance(why_not_open(path, PermissionError(13, "no"), fstab), StoreSick)
    with pytest.raises(StoreSick, match="not mounted"):
        refuse_unmounted(path, fstab)


async def test_a_gateway_with_another_id_went_on_counting_where_the_old_one_had_ended(bench: Any) -> None:
    """To the platform it is another gateway: it missed every number the old one had delivered, for ever."""
    heard: list[Any] = []

    def opened() -> Ringed:
        return Ringed(
            bench.path, max_bytes=64_000_000, keep_delivered_s=86_400.0, clock=bench.clock,
            identity=bench.here, on_change=heard.append,
        )  # fmt: skip

    store = opened()
    store.declare((bench.level,), bench.site, "daishoji-01")
    old = store.append(store.encode([bench.entry(1)]))
    store.declare((bench.level,), bench.site, "daishoji-01")
    assert store.epoch == old.ep
    store.close()

    store = opened()
    catalog = store.declare((bench.level,), bench.site, "other-02")
    new = store.append(store.encode([bench.entry(2), bench.entry(3)]))

    assert (new.first, new.ep != old.ep) == (1, True)
    assert EpochBegan(ep=new.ep, reason="renamed") in heard
    assert store.load(new.ep, 1, 2, 9).run.k == catalog.k
    assert [epoch.ep for epoch in store.standing().epochs] == [
        old.ep,
        new.ep,
    ]  # the first still waits
    for tally in store.ledger().epochs:
        assert tally.numbered == tally.delivered + tally.waiting + tally.gone
    store.declare((bench.level,), bench.site, "third-03")
    store.declare((bench.level,), bench.site, "fourth-04")  # nothing was counted under the third
    assert len(store.ledger().epochs) == 3
    store.close()
