"""The two ways in for what came on a stick: the receiver's own file, or the broker of a running receiver."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt

from kaga_edge.cli.receive import PORT, TLS_PORT, password_of, tls_of
from kaga_edge.receiver.archive import Archive, Arrival
from kaga_edge.receiver.importing import MANIFEST, Imported, feed, leaf_of, lines_of, message_of_line
from kaga_edge.vocabulary.errors import KagaError

ANSWER_S = 30.0


def into_archive(file: Path, database: Path, root: str) -> Imported:
    """Store an export. Raises OSError, ArchiveBusy."""
    with file.open("rb") as export:
        archive = Archive(database, root=root)
        try:
            return feed(archive, lines_of(export), time.time_ns() // 1_000_000)
        finally:
            archive.close()


def to_broker(args: argparse.Namespace) -> int:
    """Publish an export where a receiver listens; return how many messages. Raises OSError, KagaError."""
    with args.file.open("rb") as export:
        found = (message_of_line(line, 0) for line in lines_of(export))
        messages = (
            one for one in found if one is not None and leaf_of(one.topic) != MANIFEST
        )  # as feed does
        try:
            return asyncio.run(_publish(args, messages))
        except aiomqtt.MqttError as error:
            where = f"{args.host}:{args.port or ''}"
            raise KagaError(
                f"the broker: {error}", where=where, fix="run it again: nothing is lost"
            ) from error


async def _publish(args: argparse.Namespace, messages: Iterator[Arrival]) -> int:
    tls, count = tls_of(args.ca), 0
    client = aiomqtt.Client(
        args.host,
        args.port or (TLS_PORT if tls else PORT),
        username=args.username,
        password=password_of(args.password_file),
        tls_context=tls.context() if tls else None,
        protocol=aiomqtt.ProtocolVersion.V5,
        timeout=ANSWER_S,
    )
    async with client:
        for one in messages:  # one at a time: not retained, each acknowledged before the next
            await client.publish(one.topic, one.payload, qos=1)
            count += 1
    return count
