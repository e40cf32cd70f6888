"""Ask the running daemon over its control socket: one JSON line out, one back. Standard library only."""

from __future__ import annotations

import argparse
import errno
import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.text import language, say, span_words
from kaga_edge.vocabulary.errors import KagaError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DEFAULT_CONFIG = Path("/etc/kaga-edge/kaga-edge.toml")
DEFAULT_RUNTIME = Path("/run/kaga-edge")
PATIENCE_S = 10.0  # a read on a sick bus takes its deadlines
JUDGING_PATIENCE_S = 60.0  # a configuration is judged in a process of its own: seconds on a small Pi


class NotRunning(KagaError):
    """Nobody listens on the control socket."""

    code = "KE-G01"
    exit_code = 3


class NotAllowed(KagaError):
    """The socket is there but may not be opened."""

    code = "KE-G02"
    exit_code = 2


class NoAnswer(KagaError):
    """The daemon took the question and gave no answer in time."""

    code = "KE-G03"
    exit_code = 75


class NotAgreed(KagaError):
    """A command that changes something was run where nobody can be asked."""

    code = "KE-U04"
    exit_code = 64


class NotWritten(KagaError):
    """A file could not be written."""

    code = "KE-U05"
    exit_code = 2


class Refused(KagaError):
    """The daemon's own words about what went wrong."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(
            str(error.get("what")), where=str(error.get("where") or ""), fix=str(error.get("fix"))
        )
        self.code = str(error.get("code"))


def add_daemon_options(parser: argparse.ArgumentParser) -> None:
    """Add --config and --socket."""
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--socket", type=Path, metavar="PATH")


def socket_of(args: argparse.Namespace) -> Path:
    """Return the control socket: --socket, else what the configuration says, else the usual place.

    Raises NotAllowed: only a configuration that this user may not read says where it is. Nobody at the usual
    place does not mean then that nothing runs.
    """
    given: Path | None = getattr(args, "socket", None)
    config = args.config or DEFAULT_CONFIG
    path = given or runtime_of(config) / "control.sock"
    if given is None and not os.path.lexists(path) and _hidden(config):
        lang = language_of(args)
        what, fix = say("status.config_hidden", lang), say("status.not_allowed_fix", lang)
        raise NotAllowed(what, where=str(config), fix=fix)
    return path


def _hidden(config: Path) -> bool:
    """Say whether the configuration, or a part of it, is there and may not be read."""
    parts = config.parent / "conf.d"
    try:
        listed = [config, *(parts / name for name in os.listdir(parts))] if parts.is_dir() else [config]
        return any(file.is_file() and not os.access(file, os.R_OK) for file in listed)
    except PermissionError:
        return True


def runtime_of(config: Path) -> Path:
    """Return ``[station] runtime``. A file that cannot be read or is wrong gives the usual place."""
    from kaga_edge.config import plainfile  # late: the parser needs none of the configuration

    runtime = os.environ.get("RUNTIME_DIRECTORY") or str(DEFAULT_RUNTIME)
    for table in tables(config):
        station = table.get("station")
        if isinstance(station, dict) and isinstance(station.get("runtime"), str):
            runtime = station["runtime"]
    return plainfile.folder(config) / runtime


def language_of(args: argparse.Namespace) -> str:
    """Return the language for a command that knows a configuration file."""
    configured = None
    for table in tables(getattr(args, "config", None) or DEFAULT_CONFIG):
        site = table.get("site")
        if isinstance(site, dict) and isinstance(site.get("language"), str):
            configured = site["language"]
    return language(getattr(args, "lang", None), configured=configured)


def site_of(config: Path) -> str:
    """Return the station's id, "-" where the configuration does not tell it."""
    found = [table["site"].get("id") for table in tables(config) if isinstance(table.get("site"), dict)]
    return next((one for one in reversed(found) if isinstance(one, str)), "-")


def sensor_ids(config: Path) -> list[str]:
    """Return the ids of the sensors, as far as the configuration can be read."""
    lists = [table["sensor"] for table in tables(config) if isinstance(table.get("sensor"), list)]
    found = [one.get("id") for sensors in lists for one in sensors if isinstance(one, dict)]
    return list(dict.fromkeys(one for one in found if isinstance(one, str)))


def zone_of(config: Path) -> ZoneInfo | None:
    """Return the site's zone, that of this computer (None) where the configuration names none there is."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # late: most commands show no time of day

    name = "Asia/Tokyo"
    for table in tables(config):
        site = table.get("site")
        name = str(site.get("zone", name)) if isinstance(site, dict) else name
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def at_site(args: argparse.Namespace, unix_s: float, form: str) -> str:
    """Return a time as the site's clocks show it, wherever this computer thinks it stands."""
    from datetime import datetime

    at = datetime.fromtimestamp(unix_s, zone_of(args.config or DEFAULT_CONFIG))
    return (at if at.tzinfo else at.astimezone()).strftime(form)


def ask(path: Path, request: dict[str, Any], lang: str, *, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Return the daemon's answer. Raises NotRunning, NotAllowed, NoAnswer, Refused."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(patience_s)
            wire.connect(str(path))
            wire.sendall(json.dumps(request).encode() + b"\n")
            with wire.makefile("rb") as answers:
                line = answers.readline()
    except TimeoutError as error:
        raise _no_answer(path, patience_s, lang) from error
    except PermissionError as error:
        what, fix = say("status.not_allowed", lang), say("status.not_allowed_fix", lang)
        raise NotAllowed(what, where=str(path), fix=fix) from error
    except OSError as error:
        what, fix = say("status.daemon_down", lang), say("status.daemon_down_fix", lang)
        raise NotRunning(what, where=str(path), fix=fix) from error
    if not line:
        raise _no_answer(path, patience_s, lang)
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer and "v" not in answer:
        raise Refused(answer["error"])
    return answer


def _no_answer(path: Path, patience_s: float, lang: str) -> NoAnswer:
    what = say("status.no_answer", lang, span=span_words(patience_s, lang))
    return NoAnswer(what, where=str(path), fix=say("status.no_answer_fix", lang))


def agreed(args: argparse.Namespace, lang: str) -> bool:
    """Ask once before something changes; --yes answers. Raises NotAgreed: nobody is there to ask."""
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise NotAgreed(say("ask.no_tty", lang))
    if input(say("ask.go_on", lang)).strip().lower() in ("y", "yes", "はい"):
        return True
    print(say("ask.stopped", lang))
    return False


def not_written(file: Path, error: OSError, lang: str) -> NotWritten:
    """Return what to raise when a file could not be written."""
    reason = error.strerror or str(error)
    fix = {errno.ENOENT: "write.no_folder", errno.ENOSPC: "write.no_room", errno.EEXIST: "write.there"}
    return NotWritten(
        say("write.failed", lang, reason=reason),
        where=str(file),
        fix=say(fix.get(error.errno or 0, "write.failed_fix"), lang),
    )


def tables(config: Path) -> list[dict[str, Any]]:
    """Return the parsed files of a configuration; what cannot be read is left out."""
    from kaga_edge.config import plainfile

    found = []
    for file in (config, *sorted((config.parent / "conf.d").glob("*.toml"))):
        try:
            found.append(plainfile.tables(plainfile.read(file).decode("utf-8-sig")))
        except (OSError, ValueError):  # config check is the command that judges
            continue
    return found
