"""The gateway's own copies of its configuration, in the state folder.

    good/       what ran last and was found good: the gateway starts from it when the files are faulty
    trial.toml  a main file on trial, and until when (``trial.json``)
    trial.d/    the parts that go with it, when it is a part that is on trial (by a command of the city)
    refused     digest of a main file that was on trial and not confirmed: not started from again

The state folder is systemd's (``STATE_DIRECTORY``), else one beside the configuration with its name and a dot
(``.kaga-edge``): its place must not depend on what a faulty configuration says, and another file in the same
folder is another station.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from kaga_edge.config.placing import put, sync_folder
from kaga_edge.vocabulary.readings import Moment

MAIN, PARTS = "kaga-edge.toml", "conf.d"
CITY_PART = "60-city.toml"  # in conf.d: what the city has set by its commands; the last one holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the text is read; names, secrets and certificates stay those of the configuration itself."""

    main: Path
    parts: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A main file that must be confirmed, by the clock of one boot. ``digest``: of its text."""

    digest: str
    until_up_ms: int
    boot: str
    part: bool = False  # the city's part; ``digest`` is then of that

    def left_s(self, now: Moment) -> float:
        """Return the seconds left. A reboot ends a trial: who pulled the plug wants the old one back."""
        return max(0.0, (self.until_up_ms - now.up_ms) / 1000) if now.boot == self.boot else 0.0


def original(path: Path) -> Source:
    """Return the files themselves."""
    return Source(main=path, parts=path.parent / PARTS)


def digest(content: bytes) -> str:
    """Return the short name of a text."""
    return hashlib.sha256(content).hexdigest()[:16]


def digest_of(file: Path) -> str | None:
    """Return the short name of a file's text, None when it cannot be read."""
    try:
        return digest(file.read_bytes())
    except OSError:
        return None


class Copies:
    """What lies in the state folder of the configuration ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.realpath(path))  # resolve() gives up at a ring of links
        given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        self.folder = Path(given) / "config" if given else self._path.with_name(f".{self._path.stem}")

    # --- the last good one ---

    @property
    def good(self) -> Source | None:
        """The last good configuration, None when there never was one."""
        source = Source(main=self.folder / "good" / MAIN, parts=self.folder / "good" / PARTS)
        return source if source.main.is_file() else None

    def fresh(self) -> Source:
        """Copy the files as they are now and return the copy: what is read is what is kept.

        Where nothing can be written (a folder of somebody else) the files themselves are read.
        """
        following = self.folder / "next"
        try:
            shutil.rmtree(following, ignore_errors=True)
            (following / PARTS).mkdir(mode=0o750, parents=True)
            shutil.copyfile(self._path, following / MAIN)
            for part in sorted((self._path.parent / PARTS).glob("*.toml")):
                shutil.copyfile(part, following / PARTS / part.name)
        except OSError:
            shutil.rmtree(following, ignore_errors=True)
            return original(self._path)
        return Source(main=following / MAIN, parts=following / PARTS)

    def keep(self, source: Source) -> None:
        """The copy ``fresh`` made was found good. Raises OSError."""
        if source.main.parent != self.folder / "next":
            return
        if _same(source.main.parent, self.folder / "good"):
            shutil.rmtree(source.main.parent)
            return
        for file in (*source.parts.glob("*.toml"), source.main):
            with file.open("rb") as written:
                os.fsync(written.fileno())
        old = self.folder / "old"
        shutil.rmtree(old, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "good").rename(old)
        source.main.parent.rename(self.folder / "good")
        sync_folder(self.folder)
        shutil.rmtree(old, ignore_errors=True)

    def texts(self, source: Source) -> list[tuple[str, str]]:
        """Return name and text of every file of ``source``, the main one first."""
        files = [(self._path.name, source.main)]
        files += [(f"{PARTS}/{one.name}", one) for one in sorted(source.parts.glob("*.toml"))]
        return [(name, file.read_text(encoding="utf-8-sig", errors="replace")) for name, file in files]

    # --- a trial ---

    def trial(self) -> Trial | None:
        """Return the trial that is going on."""
        try:
            return Trial(**json.loads((self.folder / "trial.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    @property
    def trial_source(self) -> Source:
        """The main file on trial with the other files as they are now, or the parts as they were staged."""
        parts = self.folder / "trial.d"
        staged = parts if parts.is_dir() else self._path.parent / PARTS
        return Source(main=self.folder / "trial.toml", parts=staged)

    def stage_part(self, text: str) -> Source:
        """Lay down the files as they are, with the city's part to be tried. Raises OSError."""
        parts = self.folder / "trial.d"
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(mode=0o750, parents=True)
        for one in sorted((self._path.parent / PARTS).glob("*.toml")):
            shutil.copyfile(one, parts / one.name)
        put(parts / CITY_PART, text.encode())
        put(self.folder / "trial.toml", self._path.read_bytes())
        return self.trial_source

    def keep_part(self) -> None:
        """Put the city's part that was on trial to the other parts. Raises OSError."""
        put(self._path.parent / PARTS / CITY_PART, (self.folder / "trial.d" / CITY_PART).read_bytes())

    def stage(self, text: str) -> Source:
        """Lay down a main file to be tried. Raises OSError."""
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        shutil.rmtree(self.folder / "trial.d", ignore_errors=True)
        put(self.trial_source.main, text.encode())
        return self.trial_source

    def begin(self, trial: Trial) -> None:
        """The staged file is on trial from now on. Raises OSError."""
        put(self.folder / "trial.json", json.dumps(asdict(trial)).encode())

    def end(self) -> None:
        """No trial any more. Raises OSError."""
        (self.folder / "trial.json").unlink(missing_ok=True)
        self.trial_source.main.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "trial.d", ignore_errors=True)

    # --- what was not confirmed ---

    @property
    def refused(self) -> str | None:
        """Digest of the main file that was tried and not confirmed."""
        try:
            return (self.folder / "refused").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None

    def refuse(self, name: str | None) -> None:
        """Do not start from the file of this digest; None: forget that. Raises OSError."""
        if name is None:
            (self.folder / "refused").unlink(missing_ok=True)
        else:
            put(self.folder / "refused", name.encode())


def _same(one: Path, two: Path) -> bool:
    def content(folder: Path) -> dict[str, bytes]:
        files = (folder / MAIN, *(folder / PARTS).glob("*.toml"))
        return {str(file.relative_to(folder)): file.read_bytes() for file in files}

    try:
        return content(one) == content(two)
    except OSError:
        return False
