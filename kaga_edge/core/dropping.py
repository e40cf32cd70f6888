"""What lies in the drop zone on the boot partition, and where each piece belongs: names in, a plan out.

A technician puts it there with a PC and a card reader: Windows line ends, a byte order mark and capital
letters are normal. Only these names are taken; everything else is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# One of these. Windows hides known endings: who renames to "kaga-edge.toml" there gets one more.
MAIN_NAMES = ("kaga-edge.toml", "kaga-edge.toml.txt", "site.toml", "site.toml.txt")
SECRET_LISTS = ("secrets.txt", "secrets.txt.txt")
RESULT = "RESULT.txt"
TAKEN = ".taken"
CERTIFICATES = (".pem", ".crt", ".cer")
KEYS = (".key",)
SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
PRIVATE = "PRIVATE KEY-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of the drop zone by role; names as they are written there."""

    main: str | None = None
    parts: tuple[str, ...] = ()  # conf.d/*.toml
    secret_list: str | None = None
    certificates: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()  # two configurations: which one is meant, nobody can know
    misnamed: tuple[str, ...] = ()  # meant for us, by the looks of it, under a name nobody asks for

    @property
    def anything(self) -> bool:
        """Whether there is something to take in."""
        return bool(
            self.main or self.rivals or self.parts or self.secret_list or self.certificates or self.keys
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What a list of secrets holds. ``wrong``: line numbers without "name = value"."""

    values: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[int, ...] = ()


def sort_out(texts: Mapping[str, str]) -> Found:
    """Return the roles of the files, by name below the drop zone and, for certificates, by content."""
    names = sorted(texts)
    lower = {name.lower(): name for name in names if "/" not in name}
    pem = [name for name in names if "/" not in name and name.lower().endswith((*CERTIFICATES, *KEYS))]
    keys = tuple(name for name in pem if PRIVATE in texts[name])
    mains = [lower[name] for name in MAIN_NAMES if name in lower]
    secret_list = next((lower[name] for name in SECRET_LISTS if name in lower), None)
    meant = [name for low, name in lower.items() if ".toml" in low or low.startswith("secret")]
    return Found(
        main=mains[0] if len(mains) == 1 else None,
        rivals=tuple(mains) if len(mains) > 1 else (),
        parts=tuple(n for n in names if n.lower().startswith("conf.d/") and n.lower().endswith(".toml")),
        secret_list=secret_list,
        certificates=tuple(name for name in pem if name not in keys),
        keys=keys,
        misnamed=tuple(name for name in meant if name not in (*mains, secret_list, *pem)),
    )


def read_secrets(text: str) -> Secrets:
    """Return the secrets of lines "name = value"; the value is everything after the first "="."""
    values, wrong = {}, []
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, sign, value = line.partition("=")
        if sign and SECRET_NAME.fullmatch(name.strip()) and value.strip():
            values[name.strip()] = value.strip()
        else:
            wrong.append(number)
    return Secrets(values=values, wrong=tuple(wrong))


def result(when: str, japanese: Iterable[str], english: Iterable[str]) -> bytes:
    """Return RESULT.txt: both languages, as Windows' Notepad shows it right (byte order mark, CR LF)."""
    lines = [f"kaga-edge  {when}", "", *japanese, "", "----", "", *english, ""]
    return "\r\n".join(lines).encode("utf-8-sig")
