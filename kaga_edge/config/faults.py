"""What can be wrong with a configuration, as data: where, which key, which kind, and its words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kaga_edge.text import Phrase, say
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.errors import KagaError


class Code(StrEnum):
    """Stable keys of the catalogue (``kaga_edge/text/configuration.py``)."""

    FILE_MISSING = "KE-C01"
    FILE_CLOSED = "KE-C02"
    ENCODING = "KE-C03"
    FULL_WIDTH = "KE-C04"
    CURLY_QUOTE = "KE-C05"
    SYNTAX = "KE-C06"
    SINGLE_BRACKETS = "KE-C07"
    TABLE_TWICE = "KE-C08"
    NOT_TEXT = "KE-C09"
    UNKNOWN_KEY = "KE-C10"
    UNKNOWN_KEY_NEAR = "KE-C11"
    MISSING_KEY = "KE-C12"
    WRONG_TYPE = "KE-C13"
    NO_UNIT = "KE-C14"
    BAD_DURATION = "KE-C15"
    BAD_SIZE = "KE-C16"
    BAD_RATE = "KE-C17"
    BAD_ID = "KE-C18"
    OUT_OF_BOUNDS = "KE-C19"
    NOT_ONE_OF = "KE-C20"
    BAD_URL = "KE-C21"
    BAD_SERIAL = "KE-C22"
    BAD_ONEWIRE = "KE-C27"
    BAD_ZONE = "KE-C23"
    VALUE = "KE-C24"
    LEADING_ZERO = "KE-C25"
    NO_QUOTES = "KE-C26"
    UNSEEN = "KE-C28"
    WIDE_INSIDE = "KE-C29"
    UNKNOWN_DRIVER = "KE-C30"
    WRONG_BUS = "KE-C32"
    DUPLICATE_ID = "KE-C33"
    DUPLICATE_PORT = "KE-C34"
    DUPLICATE_ONEWIRE = "KE-C31"
    DUPLICATE_ADDRESS = "KE-C35"
    CLASH_0X76 = "KE-C36"
    PORT_SETTINGS_DIFFER = "KE-C37"
    ADDRESS_NOT_OFFERED = "KE-C38"
    GPIO_RANGE = "KE-C39"
    GPIO_HEADER_PIN = "KE-C40"
    GPIO_TWICE = "KE-C41"
    GPIO_IS_I2C = "KE-C42"
    GPIO_IS_UART = "KE-C43"
    EVERY_TOO_SHORT = "KE-C44"
    THRESHOLD_ORDER = "KE-C45"
    NO_SUCH_SENSOR = "KE-C46"
    WRONG_SOURCE = "KE-C47"
    MOUNT_MISSING = "KE-C48"
    MOUNT_BOTH = "KE-C49"
    NO_DISCLOSURE = "KE-C50"
    PASSWORD_IN_FILE = "KE-C51"  # noqa: S105 - a code, not a password
    SECRET_NAME = "KE-C52"  # noqa: S105 - a code
    SECRET_READABLE = "KE-C53"  # noqa: S105 - a code
    POSITION_SWAPPED = "KE-C54"
    FILE_NOT_THERE = "KE-C55"
    UNKNOWN_CHANNEL = "KE-C56"
    NO_SENSORS = "KE-C57"
    DOUBLE_BRACKETS = "KE-C59"
    COMMAND_KEY = "KE-C60"
    BAD_PORT = "KE-C61"
    # Warnings: the gateway starts.
    PORT_NOT_STABLE = "KE-W01"
    OUTSIDE_JAPAN = "KE-W02"
    SECRET_NOT_THERE = "KE-W03"  # noqa: S105 - a code
    NO_BAROMETER = "KE-W04"
    KEPT_TOO_LONG = "KE-W05"
    COMMANDS_UNSIGNED = "KE-W06"
    FOLDER_NOT_THERE = "KE-W07"
    OLD_MQTT = "KE-W08"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to mend. ``line`` 0: the file as a whole. ``key``: dotted, sensors by id."""

    file: str
    line: int
    key: str
    code: Code
    params: dict[str, str | int | float] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """``file:line``, or the file alone."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def text(self, lang: str) -> str:
        """Return ``file:line  key: what is wrong and what to write``."""
        key = f"{self.key}: " if self.key else ""
        return f"{self.place}  {key}{self.words(lang)}"

    def words(self, lang: str) -> str:
        """Return what is wrong and what to write; a reason that came in English is told in ``lang``."""
        reason = self.params.get("reason")
        if reason is None or isinstance(reason, Phrase):
            return say(self.code, lang, **self.params)
        parts = [heard(part, lang) for part in str(reason).split(" -- ")]  # an error's what, and its fix
        return say(
            self.code, lang, **(self.params | {"reason": ("。" if lang == "ja" else ". ").join(parts)})
        )


class ConfigFaults(KagaError):
    """The configuration cannot be used; every fault of every file, sorted by file and line."""

    code = "KE-C00"

    def __init__(self, faults: tuple[Fault, ...], warnings: tuple[Fault, ...] = ()) -> None:
        self.faults = tuple(sorted(faults, key=lambda f: (f.file, f.line, f.key)))
        self.warnings = warnings
        first = self.faults[0]
        super().__init__(
            f"{len(self.faults)} fault(s), first: {first.words('en')}",
            where=first.place,
            fix="kaga-edge config check lists them all",
        )

    def __reduce__(self) -> tuple[type[ConfigFaults], tuple[tuple[Fault, ...], tuple[Fault, ...]]]:
        return type(self), (self.faults, self.warnings)


def without_echoes(faults: list[Fault]) -> tuple[Fault, ...]:
    """Return the faults without those that only follow from a misspelt key beside them, and each once."""
    meant = {
        ".".join(part for part in (fault.key.rpartition(".")[0], str(fault.params["near"])) if part)
        for fault in faults
        if fault.code is Code.UNKNOWN_KEY_NEAR
    }
    follow = {Code.MISSING_KEY, Code.MOUNT_MISSING, Code.NO_SENSORS}
    kept: list[Fault] = []
    for fault in faults:
        missing = f"{fault.key}.disclosure" if fault.code is Code.NO_DISCLOSURE else fault.key
        if (fault.code in follow or fault.code is Code.NO_DISCLOSURE) and missing in meant:
            continue
        if fault not in kept:
            kept.append(fault)
    return tuple(kept)


class Notes:
    """Collects faults and warnings while a configuration is read; the only mutable thing in it."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
