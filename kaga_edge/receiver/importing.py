"""What came on a stick instead of over the line: exported messages into the receiver's archive.

A message is taken exactly as if it had come by MQTT: what is there already counts as repeated, what
contradicts is set aside. Nothing is confirmed to the gateway here: it learns from the platform's next ack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from kaga_edge.receiver.archive import Archive, Arrival

GROUP_MESSAGES = 100  # in one transaction
MANIFEST = "manifest"
UNSENDABLE = re.compile("[+#\0]")  # MQTT lets nobody publish to a topic with one of these
TOPIC_MOST_BYTES = 65_535
LINE_MOST_BYTES = 2 * 1024 * 1024  # no message of the contract is half as long; see contract/wire.py
LATE = ("data", "hist", "alert", "gone", "catalog", MANIFEST)  # the rest is state of a moment that is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did. ``torn``: lines that were no messages, as after a stick pulled out too early."""

    messages: int
    rows: int
    repeated: int
    conflicting: int
    unreadable: int
    torn: int


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Give an export's lines; one too long for a message in pieces: a spoilt stick may have gigabytes."""
    return iter(lambda: file.readline(LINE_MOST_BYTES), b"")


def feed(archive: Archive, lines: Iterable[bytes], at_ms: int) -> Imported:
    """Store every line (``{"topic":…,"payload":…}``) and return the count. ``at_ms``: our clock."""
    before, disclosed = _sums(archive), archive.disclosed()
    group: list[Arrival] = []
    messages = rows = torn = 0
    for line in lines:
        arrival = message_of_line(line, at_ms)
        if arrival is None:
            torn += bool(line.strip())
            continue
        if arrival.topic in disclosed:
            continue  # what came over the line may be newer: a stick only fills the gap
        group.append(arrival)
        messages += 1
        if len(group) == GROUP_MESSAGES:
            rows += archive.keep(group).rows
            group.clear()
    rows += archive.keep(group).rows
    after = _sums(archive)
    return Imported(
        messages=messages,
        rows=rows,
        repeated=after["repeated"] - before["repeated"],
        conflicting=after["conflicting"] - before["conflicting"],
        unreadable=archive.unreadable - before["unreadable"],
        torn=torn,
    )


def message_of_line(line: bytes, at_ms: int) -> Arrival | None:
    """Return one exported line as a message, None when it is none (or of no use later)."""
    try:
        found: Any = json.loads(line)
        topic, payload = found["topic"], found["payload"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(topic, str) or not isinstance(payload, dict):
        return None
    if leaf_of(topic) not in LATE or UNSENDABLE.search(topic):
        return None
    try:
        content = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        topic_bytes = len(topic.encode())
    except UnicodeEncodeError:  # half a surrogate pair: JSON's escapes allow it, UTF-8 does not
        return None
    if topic_bytes > TOPIC_MOST_BYTES:
        return None
    # Retained: it says nothing about when the gateway was last heard.
    return Arrival(topic=topic, payload=content, retained=True, at_ms=at_ms)


def leaf_of(topic: str) -> str:
    """Return what kind of message a topic is for."""
    return topic.partition("/up/")[2].partition("/")[0]


def _sums(archive: Archive) -> dict[str, int]:
    counts = archive.everything().counts
    return {
        "repeated": sum(one.repeated for one in counts),
        "conflicting": sum(one.conflicting for one in counts),
        "unreadable": archive.unreadable,
    }
