"""Expected failures, as data: what went wrong, where, and how to mend it.

A ``KagaError`` degrades one sensor or the link. Anything else is a bug and ends the process.
``code`` is the stable key of the bilingual catalogue (``text``) and of ``kaga-edge explain``.
"""

from __future__ import annotations


class KagaError(Exception):
    """An expected failure: ``what`` happened, ``where``, and the ``fix``, in one English line each."""

    code = "KE-X00"

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        mend = f" -- {self.fix}" if self.fix else ""
        return f"{place}{self.what}{mend}"


# --- what a driver can find wrong with bytes, in the order it looks ---


class DecodeError(KagaError):
    """The bytes are not what the datasheet promises; ``check`` says which test failed."""

    code = "KE-D00"
    check = "decode"


class FrameTruncated(DecodeError):
    """Too few or too many bytes."""

    code = "KE-D01"
    check = "length"


class FrameMalformed(DecodeError):
    """The right number of bytes, but not the shape of a frame."""

    code = "KE-D02"
    check = "shape"


class ChecksumWrong(DecodeError):
    """The shape is right, the checksum is not."""

    code = "KE-D03"
    check = "checksum"


class ValueImpossible(DecodeError):
    """A whole frame whose value the instrument uses to say "no measurement"."""

    code = "KE-D04"
    check = "value"


# --- what a bus can find wrong with a wire ---


class BusError(KagaError):
    """The wire, not the bytes."""

    code = "KE-B00"


class BusMissing(BusError):
    """The device node is not there or may not be opened."""

    code = "KE-B01"


class SensorSilent(BusError):
    """Nobody answered: no acknowledge, or no frame in time."""

    code = "KE-B02"


class TransferTimedOut(BusError):
    """A transfer took longer than its deadline."""

    code = "KE-B03"


class BusFault(BusError):
    """The bus itself failed (arbitration lost, port unplugged, I/O error)."""

    code = "KE-B04"


class WrongSensor(BusError):
    """Something answered, but it is not the configured model."""

    code = "KE-B05"


class SensorRefused(BusError):
    """The device answered with an exception of its own (Modbus exception 1..6)."""

    code = "KE-B06"


class CollectionStopped(BusError):
    """Nothing is collected from this sensor, at somebody's request."""

    code = "KE-B08"


class WarmingUp(BusError):
    """The instrument has just been switched on; its first values do not count yet. Nothing to mend."""

    code = "KE-B07"


class AskedWrongly(KagaError):
    """The request lacks something or names what is not there."""

    code = "KE-U01"
    exit_code = 64
