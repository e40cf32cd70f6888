"""Events: native journal entries read back by journalctl, folding, durations, our own ring, the catalogs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import select
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kaga_edge
from kaga_edge.station import journal
from kaga_edge.station.events import EventRing, kept
from kaga_edge.text.events import EVENTS, catalog

SOURCE = Path(kaga_edge.__file__).parent
REMOTE = shutil.which("systemd-journal-remote", path="/lib/systemd:/usr/lib/systemd")
SYSTEMD = SOURCE.parent / "systemd"


@pytest.fixture
def journald(tmp_path: Path):
    """A socket where journald's would be; gives the datagrams."""
    path = str(tmp_path / "journal.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(path)
        ear.setblocking(False)
        journal.start(environ={"JOURNAL_STREAM": "8:1"}, journal_socket=path)

        def heard() -> list[bytes]:
            found = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    found.append(ear.recv(65536))
            return found

        yield heard
    journal.close()
    logging.getLogger("kaga_edge").handlers.clear()


def parsed(datagram: bytes) -> dict[str, str]:
    """Read the native form as systemd documents it."""
    fields, at = {}, 0
    while at < len(datagram):
        end = datagram.index(b"\n", at)
        head = datagram[at:end]
        if b"=" in head:
            key, _, value = head.partition(b"=")
            at = end + 1
        else:
            size = int.from_bytes(datagram[end + 1 : end + 9], "little")
            key, value = head, datagram[end + 9 : end + 9 + size]
            at = end + 9 + size + 1
        fields[key.decode()] = value.decode()
    return fields


def test_an_event_has_its_fields_and_a_stable_id(journald) -> None:
    journal.error("sensor.down", sensor="air-1", code="KE-B02", error="no acknowledge", last_good_s=None)
    (entry,) = map(parsed, journald())
    assert entry["MESSAGE"] == 'sensor.down sensor=air-1 code=KE-B02 error="no acknowledge"'
    assert entry["MESSAGE_ID"] == journal.message_id("sensor.down")
    assert {k: entry[k] for k in ("PRIORITY", "EVENT", "SENSOR", "CODE", "SYSLOG_IDENTIFIER")} == {
        "PRIORITY": "3", "EVENT": "sensor.down", "SENSOR": "air-1", "CODE": "KE-B02",
        "SYSLOG_IDENTIFIER": "kaga-edge",
    }  # fmt: skip
    assert "LAST_GOOD_S" not in entry


def test_the_id_of_an_event_never_changes() -> None:
    assert journal.message_id("sensor.down") == "b13f0fb1ceb857bd91199ae828028c78"
    assert len({journal.message_id(name) for name in EVENTS}) == len(EVENTS)


def test_lines_of_other_packages_come_with_fields_too(journald) -> None:
    logging.getLogger("kaga_edge.uplink").warning(
        "link.down kind=%s code=0x%02x reason=%s", "timeout", 0x8B, "no answer to TCP -- is it on?"
    )
    (entry,) = map(parsed, journald())
    assert (entry["EVENT"], entry["KIND"], entry["MQTT_REASON"]) == ("link.down", "timeout", "0x8b")
    assert entry["REASON"] == "no answer to TCP -- is it on?"


def test_a_recovery_says_how_long_it_was(journald) -> None:
    journal.warning("link.down", reason="no route")
    journal.info("link.up", peer="broker:8883")
    down, up = map(parsed, journald())
    assert "OUTAGE_S" not in down
    assert up["OUTAGE_S"] == "0"


def test_repeats_are_folded_but_alarms_never(journald) -> None:
    for n in range(50):
        journal.warning("uplink.load_failed", error="disk")
        if n < 6:  # a socket nobody reads holds ten
            journal.event(50, "alert.raised", key="danger/level-1")
    names = [parsed(one)["EVENT"] for one in journald()]
    assert (names.count("uplink.load_failed"), names.count("alert.raised")) == (3, 6)


def test_without_the_journal_it_goes_to_standard_error(capsys, tmp_path: Path) -> None:
    journal.start(environ={"JOURNAL_STREAM": "8:1"}, journal_socket=str(tmp_path / "none"))
    journal.warning("link.down", reason="x")
    journal.start(environ={})
    journal.warning("link.down", reason="x")
    assert capsys.readouterr().err == "<4>link.down reason=x\nwarning link.down reason=x\n"
    journal.event(50, "alert.raised", key="danger/level-1")  # its longest word left no room for a space
    assert capsys.readouterr().err == "critical alert.raised key=danger/level-1\n"
    logging.getLogger("kaga_edge").handlers.clear()


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True), st.text(max_size=300)))
def test_any_text_survives_the_wire_form(entry: dict[str, str]) -> None:
    fits = {key: value.encode("utf-8", "replace").decode() for key, value in entry.items()}
    assert parsed(journal.packed(entry)) == fits


def _stamped(n: int, boot: str) -> bytes:
    """What journald adds to an entry: times and boot."""
    times = f"__REALTIME_TIMESTAMP={1_763_800_000_000_000 + n}\n__MONOTONIC_TIMESTAMP={1000 + n}\n"
    return (times + f"_BOOT_ID={boot}\n").encode()


@pytest.mark.skipif(REMOTE is None, reason="needs Debian's systemd-journal-remote")
def test_journalctl_finds_them_in_a_real_journal_file(journald, tmp_path: Path) -> None:
    journal.error("sensor.down", sensor="air-1", code="KE-B02", error="no acknowledge")
    journal.warning("link.down", reason="no route\nto host")
    journal.info("sensor.up", sensor="air-1", missed=246)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    export = b"".join(
        _stamped(n, boot) + one + b"\n"
        for n, one in enumerate(journald())
    )  # fmt: skip
    file = tmp_path / "site.journal"
    subprocess.run([str(REMOTE), f"--output={file}", "-"], input=export, check=True, capture_output=True)

    def ask(*words: str) -> list[str]:
        command = ["journalctl", f"--file={file}", "--no-pager", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()

    assert len(ask("-t", "kaga-edge", "-o", "cat")) == 3
    assert ask("SENSOR=air-1", "-o", "cat", "-p", "err") == [
        'sensor.down sensor=air-1 code=KE-B02 error="no acknowledge"'
    ]
    assert ask("-F", "SENSOR") == ["air-1"]
    found = json.loads(ask(f"MESSAGE_ID={journal.message_id('sensor.up')}", "-o", "json")[0])
    assert (found["EVENT"], found["OUTAGE_S"], found["MISSED"]) == ("sensor.up", "0", "246")


# --- the ring ---


def test_events_are_kept_over_a_restart_and_readable_by_the_group(tmp_path: Path) -> None:
    os.umask(0o077)
    for _ in range(2):
        journal.start(environ={})
        journal.keep(tmp_path, gw="flood-1")
        journal.error("sensor.down", sensor="air-1", code="KE-B02")
        journal.close()
    events = list(kept(tmp_path))
    assert [(one["event"], one["sensor"], one["p"]) for one in events] == [("sensor.down", "air-1", 3)] * 2
    assert (tmp_path / "events.jsonl").stat().st_mode & 0o777 == 0o640
    logging.getLogger("kaga_edge").handlers.clear()
    os.umask(0o022)


def test_the_ring_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    ring = EventRing(tmp_path, file_bytes=4000)
    for n in range(50):
        for part in range(10):
            ring.add({"event": "x", "n": n * 10 + part})
        ring.close()
        ring = EventRing(tmp_path, file_bytes=4000)
    ring.close()
    numbers = [one["n"] for one in kept(tmp_path)]
    assert numbers == list(range(numbers[0], 500))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 8000


def test_a_line_torn_by_a_power_cut_costs_only_itself(tmp_path: Path) -> None:
    ring = EventRing(tmp_path)
    ring.add({"event": "one"})
    ring.close()
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "to')
    ring = EventRing(tmp_path)
    ring.add({"event": "two"})
    ring.close()
    assert [one["event"] for one in kept(tmp_path)] == ["one", "two"]


# --- one naming scheme, catalogs ---


def names_in_source() -> set[str]:
    said = re.compile(r'(?:(?:journal|log)\.(?:info|warning|error)|News)\(\s*(?:level=\d+, name=)?"([^" ]+)')
    return {
        name
        for file in SOURCE.rglob("*.py")
        if file.relative_to(SOURCE).parts[0] in ("gateway", "buses", "store", "uplink", "station")
        for name in said.findall(file.read_text(encoding="utf-8"))
    }


def test_every_event_name_has_dots_not_underscores_in_front() -> None:
    names = names_in_source()
    assert len(names) > 25
    assert not [name for name in names if not re.fullmatch(r"[a-z]+\.[a-z_%]+", name)]


def test_every_event_that_people_must_know_has_its_words() -> None:
    told = {name for name in names_in_source() if not name.startswith("uplink.")}
    assert told - EVENTS.keys() - {"link.%s"} == set()


@pytest.mark.parametrize(("lang", "name"), [(0, "kaga-edge.ja.catalog"), (1, "kaga-edge.catalog")])
def test_the_shipped_catalogs_are_those_of_the_texts(lang: int, name: str) -> None:
    made = catalog(lang, {event: journal.message_id(event) for event in EVENTS})
    assert (SYSTEMD / name).read_text(encoding="utf-8") == made


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="needs systemd's journalctl")
def test_systemd_takes_the_catalogs(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    for file in SYSTEMD.glob("*.catalog"):
        shutil.copy(file, folder)
    update = ["journalctl", "--update-catalog", f"--root={tmp_path}"]
    done = subprocess.run(update, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    listed = subprocess.run(
        ["journalctl", f"--root={tmp_path}", "--list-catalog"], capture_output=True, text=True, check=True
    )
    assert journal.message_id("sensor.down") in listed.stdout


@pytest.fixture
def small_disk(tmp_path: Path):
    """A real file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root can make a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_what_happened_while_the_disk_was_full_was_never_in_the_log(small_disk) -> None:
    ring = EventRing(small_disk)
    ring.add({"event": "first"})
    wait_until(lambda: [one["event"] for one in kept(small_disk)] == ["first"])
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as full:
        while True:
            full.write(bytes(512))
    # The file's own page has room for the beginning of a long line only: it must not stay there in half.
    ring.add({"event": "store.sick", "why": "x" * 5000})
    wait_until(lambda: ring.held_bytes > 0)
    ring.add({"event": "second"})
    filler.unlink()
    ring.add({"event": "store.back"})
    ring.close()
    assert [one["event"] for one in kept(small_disk)] == ["first", "store.sick", "second", "store.back"]


def wait_until(what) -> None:
    ends_s = time.monotonic() + 60
    while not what():
        assert time.monotonic() < ends_s, "it did not happen within 20 s"
        select.select([], [], [], 0.01)
