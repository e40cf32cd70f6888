"""``kaga-edge report``: everything somebody far away needs to help, in one file, without any secret.

What is known to be secret (every file among the secrets, systemd's credentials) is looked for in everything
that goes in, and blanked; so is what stands where a password or a key stands.
"""

from __future__ import annotations

import argparse
import base64
import importlib.metadata
import io
import json
import os
import platform
import re
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from kaga_edge import __version__
from kaga_edge.cli.ask import DEFAULT_CONFIG, add_daemon_options, ask, language_of, not_written, socket_of
from kaga_edge.cli.screen import tell
from kaga_edge.text import say
from kaga_edge.vocabulary.errors import KagaError

MASK = b"***"
EVENTS = 2000
JOURNAL = ("journalctl", "-u", "kaga-edge", "-n", "2000", "--no-pager", "-o", "short-iso")
COMMANDS = {
    "journal.txt": JOURNAL,
    "unit.txt": ("systemctl", "status", "kaga-edge", "--no-pager"),
    "disk.txt": ("df", "-h"),
    "time.txt": ("timedatectl",),
    "network.txt": ("ip", "-brief", "address"),
    "usb.txt": ("lsusb",),
}
SHORTEST = 3  # a secret of fewer signs would blank half of the report
KEY_BLOCK = re.compile(rb"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END|\Z)", re.DOTALL)
NAMES = (  # of what holds a secret, as part of a longer name or as a whole one
    r"(?:[\w.-]*(?:passw(?:or)?d|passphrase|passcode|pwd|psk|token|api[_-]?key|secret[_-]?key|private[_-]?key"
    r"|credential|パスワード|暗証)[\w.-]*|\b(?:pw|pass|pin))"
)
VALUE = r"""(\"{3}.*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z)|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;}#&]+)"""
ASSIGNED = re.compile(rf"""(?is)(["']?{NAMES}["']?[ \t]*[=:＝：][ \t]*)(?!do not ){VALUE}""")
SPACED = re.compile(
    rf"(?i)(--{NAMES}[ \t]+|\bauthorization:?[ \t]+(?:basic|bearer)[ \t]+|\bPIN[ \t]+(?=\d{{4}})){VALUE}"
)
# "login with password abc failed"; not "write the password here".
PLAIN_WORDS = r"(?:here|is|of|for|in|on|the|set|not|and|was|file)\b"
TOLD = re.compile(rf"(?i)(\bpassw(?:or)?d[ \t]+)(?![=:＝：\"]|{PLAIN_WORDS})([^\s,;.]+)")
USERINFO = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s\"'<>]+@")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("report")
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--no-doctor", action="store_true")
    parser.add_argument("--json", action="store_true")
    add_daemon_options(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Write the bundle; returns 0."""
    lang, config = language_of(args), Path(os.path.realpath(args.config or DEFAULT_CONFIG))
    secrets = secrets_of(config.parent)
    parts = {name: clean(content, secrets) for name, content in _parts(args, config, lang)}
    out = args.out or Path(f"kaga-edge-report-{_site(config)}-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz")
    try:
        _write(out, parts)
    except OSError as error:
        raise not_written(out, error, lang) from error
    if args.json:
        print(json.dumps({"file": str(out), "parts": sorted(parts)}))
    else:
        tell(say("report.written", lang, file=out, n=len(parts), kb=round(out.stat().st_size / 1000)))
    return 0


def secrets_of(directory: Path) -> list[bytes]:
    """Return every secret of the station in every form it may show up in, longest first."""
    folders = [directory / "secrets", *(Path(f) for f in [os.environ.get("CREDENTIALS_DIRECTORY")] if f)]
    found: set[bytes] = set()
    for folder in folders:
        try:
            files = [one for one in folder.rglob("*") if one.is_file()]
        except OSError:
            continue
        for file in files:
            try:
                found |= _forms(file.read_bytes().strip())
            except OSError:
                continue  # not ours to read, so nothing of ours can have shown it
    return sorted((one for one in found if len(one) >= SHORTEST), key=len, reverse=True)


def _forms(secret: bytes) -> set[bytes]:
    lines = {line.strip() for line in secret.splitlines() if b"-----" not in line}
    text = secret.decode("utf-8", "replace")
    escaped = {json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode()}
    quoted = {quote(text, safe="").encode(), quote(text).encode(), quote_plus(text).encode()}
    return {secret, *lines, *escaped, *quoted, base64.b64encode(secret)}


def clean(content: bytes, secrets: list[bytes]) -> bytes:
    """Return the content without secrets: those known, and whatever stands where one would."""
    for secret in secrets:
        content = content.replace(secret, MASK)
    content = KEY_BLOCK.sub(rb"\1" + MASK + rb"\2", content)
    text = content.decode("utf-8", "surrogateescape")
    text = USERINFO.sub(r"\1***@", text)
    for pattern in (ASSIGNED, SPACED, TOLD):
        text = pattern.sub(r'\1"***"', text)
    return text.encode("utf-8", "surrogateescape")


def _parts(args: argparse.Namespace, config: Path, lang: str) -> Iterator[tuple[str, bytes]]:
    from kaga_edge.config import plainfile

    yield "versions.txt", _versions()
    for file in (config, *sorted((config.parent / "conf.d").glob("*.toml"))):
        try:
            yield f"config/{file.relative_to(config.parent)}", _as_utf8(plainfile.read(file))
        except OSError as error:
            yield f"config/{file.name}.missing", str(error.strerror).encode()
    yield "config-check.txt", _check(config)
    try:
        status = ask(socket_of(args), {"op": "status"}, lang)
        yield "status.json", _json(status)
    except KagaError as error:
        yield "status.json", _json({"code": error.code, "what": error.what})
    yield "events.jsonl", _events(config)
    from kaga_edge.cli.doctor import call

    for name, command in COMMANDS.items():
        told = call(command)
        if told is not None:
            yield name, told[1].encode("utf-8", "replace")
    if not args.no_doctor:
        yield "doctor.json", _doctor(args, lang)


def _as_utf8(raw: bytes) -> bytes:
    """Return a file of another encoding as UTF-8: in UTF-16 nothing that looks for secrets would find one."""
    from kaga_edge.config.encodings import NotText, other_encoding

    try:
        found = other_encoding(raw)
    except NotText:
        return b"(no readable text)"
    return raw if found is None else raw.decode(found[1], errors="replace").encode()


def _versions() -> bytes:
    lines = [f"kaga-edge {__version__}", f"Python {platform.python_version()}", " ".join(platform.uname())]
    for file in ("/etc/os-release", "/proc/device-tree/model", "/proc/uptime"):
        try:
            lines.append(Path(file).read_text(encoding="utf-8", errors="replace").strip("\x00\n"))
        except OSError:
            continue
    found = {f"{one.metadata['Name']} {one.version}" for one in importlib.metadata.distributions()}
    return "\n".join([*lines, "", *sorted(found, key=str.lower), ""]).encode()


def _check(config: Path) -> bytes:
    from kaga_edge.config import ConfigFaults, load

    try:
        warnings = load(config).warnings
    except ConfigFaults as faults:
        return "\n".join(one.text("en") for one in (*faults.faults, *faults.warnings)).encode()
    return "\n".join(["good", *(one.text("en") for one in warnings)]).encode()


def _events(config: Path) -> bytes:
    from kaga_edge.cli.log import place_of
    from kaga_edge.station.events import kept

    try:
        events = list(kept(place_of(config)[0]))[-EVENTS:]
    except OSError as error:
        return str(error.strerror).encode()
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events).encode()


def _doctor(args: argparse.Namespace, lang: str) -> bytes:
    from kaga_edge.cli.doctor import bench_of, facts_of
    from kaga_edge.station.doctor import examine

    return _json([facts_of(one) for one in examine(bench_of(args, lang))])


def _site(config: Path) -> str:
    from kaga_edge.cli.ask import tables

    ids = [table["site"].get("id") for table in tables(config) if isinstance(table.get("site"), dict)]
    return re.sub(r"[^a-z0-9-]", "", str(ids[-1])) if ids else "unknown"


def _json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=2).encode()


def _write(out: Path, parts: dict[str, bytes]) -> None:
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as bundle:
        for name, content in parts.items():
            entry = tarfile.TarInfo(f"kaga-edge-report/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
            bundle.addfile(entry, io.BytesIO(content))
