"""Lufft SHM31: laser snow depth, by its factory protocol UMB binary (Modbus RTU: driver shm31).

Source
    Lufft SHM31 user manual V2.1, section 9 (UMB), channel list; a recorded exchange with one instrument.

Wiring
    RS-485 or RS-232, 19200 8N1, parameter "protocol" = 0 (UMB binary, as delivered). 12-24 V. One
    instrument a port. Zero is the height stored at commissioning, kept in the instrument.

Frame
    Question and answer, numbers low byte first::

        01 10 to to from from len 02 [23 10 ...] 03 crc crc 04      crc = CRC-16 MCRF4XX of 01 .. 03

        23 10 5C 02                          what is channel 604 (snow height)?
        23 10 ss 5C 02 16 ff ff ff ff        status, channel, type 16 = float32, centimetres

    Instrument B000 + id, master F001. Status other than 0 is no value.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

from kaga_edge.core.checksums import crc16_mcrf4xx
from kaga_edge.vocabulary.drivers import Model, Split
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, Frame, SerialLine, UartFrames

MODEL = Model(
    names=("Lufft SHM31 (UMB binary)",),
    bus=BusKind.UART,
    measures={"ja": "積雪深(レーザー、-16〜16 m)", "en": "snow depth by laser"},
    wiring={
        "ja": "RS-485、19200 8N1。出荷時のまま UMB バイナリ。1ポートに1台",
        "en": "RS-485, 19200 8N1; UMB binary as delivered; one instrument a port",
    },
    example="""\
[[sensor]]
id = "snow-5"
driver = "shm31_umb"
every = "60s"
port = "/dev/ttyUSB0"
umb_id = 1

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "積雪深の観測", en = "snow depth"}
personal_data = false
""",
    line=SerialLine(baud=19200),
    shortest_every_s=10.0,  # the laser's own time; between two of its shots it says the same again
    compensates_sound_speed=True,  # light
)

SOH, STX, ETX, EOT = 0x01, 0x02, 0x03, 0x04
VERSION = 0x10
MASTER = 0xF001
SHM_CLASS = 0xB000
READ_NOW = b"\x23\x10"
SNOW_HEIGHT_CM = 604
FLOAT32 = 0x16
HEADER_BYTES, TAIL_BYTES = 8, 4  # SOH .. STX; ETX, CRC, EOT
LONGEST_FRAME_BYTES = 48  # ours have 22
ANSWER_BYTES = 10
HIGHEST_CM = 1600.0
CM_PER_M = 100.0
TIMEOUT_S = 1.0
STATUSES = {
    16: "unknown command",
    17: "wrong parameter",
    36: "no such channel",
    40: "busy",
    80: "above the display range",
    81: "below the display range",
    82: "above the measuring range",
    83: "below the measuring range",
    84: "bad data",
    85: "the conditions do not allow it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    umb_id: int = field(
        default=1,
        metadata={
            "help": {"ja": "UMB の機器番号(出荷時 1)", "en": "UMB device id (1 as delivered)"},
            "ge": 1,
            "le": 4095,
        },
    )


class Driver:
    """One question, one answer."""

    quantities = (Quantity.SNOW_DEPTH_M,)

    def __init__(self, options: Options) -> None:
        self._address = SHM_CLASS + options.umb_id
        self._question = frame_of(
            to=self._address, sender=MASTER, payload=READ_NOW + struct.pack("<H", SNOW_HEIGHT_CM)
        )

    def identify(self) -> Dialogue[None]:
        """Do nothing: the answer carries the address of who sent it."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Ask for the snow height."""
        frames = yield UartFrames(window_s=TIMEOUT_S, timeout_s=TIMEOUT_S, ask=self._question)
        assert isinstance(frames, tuple)
        newest = frames[-1]
        assert isinstance(newest, Frame)
        return self.decode(newest.data)

    def split(self, buffer: bytes) -> Split:
        """Cut out every frame to the master whose check value is right; our own echo is none."""
        frames, skipped, at, end = [], 0, 0, len(buffer)
        while at < end:
            if not _may_begin(buffer[at : at + HEADER_BYTES]):
                skipped, at = skipped + 1, at + 1
                continue
            if end - at < HEADER_BYTES or end - at < _length(buffer, at):
                break
            frame = buffer[at : at + _length(buffer, at)]
            if _ends_right(frame) and _crc_right(frame):
                frames.append(frame)
                at += len(frame)
            else:
                skipped, at = skipped + 1, at + 1
        return Split(frames=tuple(frames), rest=buffer[at:], skipped_bytes=skipped)

    def decode(self, frame: bytes) -> tuple[Measurement, ...]:
        """Return the snow depth in metres. Raises the four decode errors in their order."""
        if len(frame) < HEADER_BYTES + TAIL_BYTES or len(frame) != _length(frame, 0):
            raise FrameTruncated(f"frame of {len(frame)} bytes (ends at byte {len(frame)})")
        if not (_may_begin(frame[:HEADER_BYTES]) and _ends_right(frame)):
            raise FrameMalformed("bytes 0-7 or the last are not those of a UMB frame to the master")
        if not _crc_right(frame):
            seen = int.from_bytes(frame[-3:-1], "little")
            raise ChecksumWrong(
                f"CRC-16 (bytes {len(frame) - 3}-{len(frame) - 2}) is {seen:04X},"
                f" counted {crc16_mcrf4xx(frame[:-3]):04X}"
            )
        sender = int.from_bytes(frame[4:6], "little")
        if sender != self._address:
            raise FrameMalformed(f"bytes 4-5: from {sender:04X}, asked was {self._address:04X}")
        return (Measurement(quantity=Quantity.SNOW_DEPTH_M, value=_height_cm(frame[8:-4]) / CM_PER_M),)


def frame_of(*, to: int, sender: int, payload: bytes) -> bytes:
    """Return a whole UMB frame."""
    body = struct.pack("<BBHHBB", SOH, VERSION, to, sender, len(payload), STX) + payload + bytes((ETX,))
    return body + struct.pack("<HB", crc16_mcrf4xx(body), EOT)


def _height_cm(payload: bytes) -> float:
    if payload[:2] != READ_NOW:
        raise FrameMalformed(f"bytes 8-9 are {payload[:2].hex().upper()}, asked was command 23 10")
    if len(payload) > 2 and payload[2]:
        words = STATUSES.get(payload[2], "not in the manual")
        raise ValueImpossible(f"status (byte 10) is {payload[2]}, no value: {words}")
    if len(payload) != ANSWER_BYTES:
        raise FrameMalformed(f"{len(payload)} bytes from byte 8 on, expected {ANSWER_BYTES}")
    channel, kind, centimetres = struct.unpack("<HBf", payload[3:])
    if channel != SNOW_HEIGHT_CM or kind != FLOAT32:
        raise FrameMalformed(f"bytes 11-13: channel {channel} of type {kind:02X}, expected 604 of type 16")
    if not math.isfinite(centimetres) or abs(centimetres) > HIGHEST_CM:
        raise ValueImpossible(f"snow height (bytes 14-17) is {centimetres:g} cm: beyond the range")
    return float(centimetres)


def _length(buffer: bytes, at: int) -> int:
    return HEADER_BYTES + buffer[at + 6] + TAIL_BYTES


def _may_begin(head: bytes) -> bool:
    """Say whether ``head`` (8 bytes or fewer) may be the start of a frame to the master."""
    fixed = bytes((SOH, VERSION)) + struct.pack("<H", MASTER)
    if head[:4] != fixed[: len(head[:4])]:
        return False
    if len(head) > 6 and HEADER_BYTES + head[6] + TAIL_BYTES > LONGEST_FRAME_BYTES:
        return False
    return len(head) < HEADER_BYTES or head[7] == STX


def _ends_right(frame: bytes) -> bool:
    return frame[-4] == ETX and frame[-1] == EOT


def _crc_right(frame: bytes) -> bool:
    return crc16_mcrf4xx(frame[:-3]) == int.from_bytes(frame[-3:-1], "little")
