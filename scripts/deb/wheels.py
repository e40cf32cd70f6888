"""The locked libraries of one processor for several Pythons, fetched as wheels and laid out in one folder.

Compiled parts carry the Python they are for in their names, so two Pythons share ``site``. What is there
for one Python only (lgpio), or clashes, goes into ``cp311``, ``cp313``: the launcher adds its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "armhf": "armv7l"}  # Debian's name, Python's name
PYTHONS = ("3.11", "3.13")  # Bookworm, Trixie
GLIBC_MINORS = range(17, 37)  # manylinux_2_17 (all of them) to Bookworm's 2.36; Trixie has more
NOT_NEEDED = {"setuptools"}  # colorzero declares it and imports nothing of it
LEFT_OUT = {"RECORD", "INSTALLER", "WHEEL", "top_level.txt", "direct_url.json", "zip-safe"}


class NoWheel(Exception):
    """The index in use has no fitting wheel, or cannot be reached."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of the lock: a requirement and its hashes."""

    requirement: Requirement
    hashes: tuple[str, ...]

    def text(self) -> str:
        """Return it for pip, without its condition: that was judged for the target, not for this machine."""
        return f"{self.requirement.name}{self.requirement.specifier} " + " ".join(self.hashes)


def locked(lock: str) -> Iterator[Locked]:
    """Yield the lines of a lock file with their hashes."""
    joined = re.sub(r"\\\n\s*", " ", lock)
    for line in joined.splitlines():
        words = line.split(" --hash=")
        if words[0].strip() and not words[0].lstrip().startswith("#"):
            yield Locked(Requirement(words[0].strip()), tuple(f"--hash={one.strip()}" for one in words[1:]))


def wanted(lock: str, machine: str, python: str) -> list[Locked]:
    """Return what ``python`` ("3.11") on ``machine`` ("aarch64") needs."""
    about = {
        "python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine,
        "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "extra": "",
    }  # fmt: skip
    return [
        one
        for one in locked(lock)
        if canonicalize_name(one.requirement.name) not in NOT_NEEDED
        and (one.requirement.marker is None or one.requirement.marker.evaluate(about))
    ]


def fetch(lock: str, architecture: str, python: str, folder: Path) -> list[Path]:
    """Return the wheels, downloaded with their hashes checked. Raises NoWheel with pip's words."""
    machine, tag = MACHINES[architecture], f"cp{python.replace('.', '')}"
    folder.mkdir(parents=True, exist_ok=True)
    needed = wanted(lock, machine, python)
    if known := _already_there(needed, folder):
        return known
    asked = folder / "wanted.txt"
    asked.write_text("\n".join(one.text() for one in needed) + "\n", encoding="utf-8")
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in reversed(GLIBC_MINORS)]
    platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp"]
    command += [f"--python-version={python}", f"--abi={tag}", "--abi=abi3", "--abi=none"]
    command += [f"--platform={one}" for one in platforms]
    done = subprocess.run(
        [*command, f"--dest={folder}", "-r", asked], capture_output=True, text=True, check=False
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()
        raise NoWheel(f"{architecture}, Python {python}: " + " ".join(errors[-3:]))
    return _already_there(needed, folder)


def _already_there(needed: list[Locked], folder: Path) -> list[Path]:
    """Return the wheels when all lie in the folder with a hash of the lock; else nothing."""
    by_hash = {f"--hash=sha256:{sha256(one.read_bytes()).hexdigest()}": one for one in folder.glob("*.whl")}
    found = [next((by_hash[one] for one in line.hashes if one in by_hash), None) for line in needed]
    there = [one for one in found if one is not None]
    return there if len(there) == len(needed) else []


def lay_out(wheels: dict[str, list[Path]], target: Path) -> None:
    """Unpack the wheels of each Python below ``target``: ``site``, and ``cp311`` and so on."""
    files = {python: {_name(one): _files(one) for one in some} for python, some in wheels.items()}
    for name in sorted({name for some in files.values() for name in some}):
        having = {python: some[name] for python, some in files.items() if name in some}
        if len(having) == len(files) and not _clash(list(having.values())):
            for content in having.values():
                _write(content, target / "site")
        else:
            for python, content in having.items():
                _write(content, target / f"cp{python.replace('.', '')}")


def _name(wheel: Path) -> str:
    return str(parse_wheel_filename(wheel.name)[0])


def _files(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel as they lie in a library folder; scripts and headers are left out."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for one in archive.infolist():
            parts = PurePosixPath(one.filename).parts
            if one.is_dir() or ".." in parts or PurePosixPath(one.filename).is_absolute():
                continue
            if parts[0].endswith(".data"):
                if parts[1] not in ("purelib", "platlib"):
                    continue
                parts = parts[2:]
            if parts[0].endswith(".dist-info") and parts[-1] in LEFT_OUT:
                continue
            found["/".join(parts)] = archive.read(one)
    return found


def _clash(contents: list[dict[str, bytes]]) -> bool:
    first, *others = contents
    return any(
        first[name] != other[name]
        for other in others
        for name in first.keys() & other.keys()
        if ".dist-info/" not in name
    )


def _write(content: dict[str, bytes], folder: Path) -> None:
    for name, data in content.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
