"""A new card or a new box takes a site's place: its configuration, a key of its own, a new epoch.

The platform knows the site by its name, so nothing must be mixed up with the old box: its rows are written
out and set aside (never deleted), numbering begins in a new epoch, the private key is made here and leaves
only as a request. The client name stays, so connecting takes the old session over and its last will is
dropped by the server; the birth then replaces the retained state (contract: will with a will delay).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from kaga_edge.config import Config, load
from kaga_edge.config.placing import put
from kaga_edge.core.dropping import RESULT
from kaga_edge.station.openssl import client_key, client_request
from kaga_edge.station.setup.dropzone import ETC, MAIN, Told, take_in, zone
from kaga_edge.station.setup.machine import run
from kaga_edge.vocabulary.errors import KagaError

STATE = "var/lib/kaga-edge"
KEPT = "replaced-"
UNIT = "kaga-edge.service"
Runner = Callable[[Sequence[str]], int]
Say = Callable[..., None]


class ReplaceRefused(KagaError):
    """The configuration is not that site's."""

    code = "KE-I03"


def replace_site(site: str, root: Path, *, stamp: str, when: str, say: Say, runner: Runner = run) -> Config:
    """Become ``site`` on this machine; return its configuration. Raises ReplaceRefused, OpensslFailed.

    ``stamp``: names the folder the old data is kept in.
    """
    told = take_in(root, when=when, site=site) if zone(root) is not None else Told()
    for code, params in told.lines:
        say(code, **params)
    config = _configuration(root, site, told)
    live = root == Path("/")
    if live:
        runner(("systemctl", "stop", UNIT))
        say("replace.stopped")
    _set_aside(root, config, stamp, say, runner, live=live)
    _key(root, config, told, say)
    say("replace.will")
    if live:
        runner(("systemctl", "start", UNIT))
        say("replace.started", site=site)
    return config


def _configuration(root: Path, site: str, told: Told) -> Config:
    """Return the configuration that is now in place; it must be that site's."""
    file = root / ETC / MAIN
    fix = f"put the configuration of {site} into the drop zone as kaga-edge.toml"
    if told.failed or told.faults is not None:
        where = f"{zone(root)}/{RESULT}"  # the faults line by line, in both languages
        raise ReplaceRefused("the drop zone was not taken in", where=where, fix="mend what is named there")
    if not file.is_file():
        raise ReplaceRefused("there is no configuration", where=str(file), fix=fix)
    config = load(file)
    if config.site.id != site:
        raise ReplaceRefused(f"this is the configuration of {config.site.id}", where=str(file), fix=fix)
    return config


def _set_aside(root: Path, config: Config, stamp: str, say: Say, runner: Runner, *, live: bool) -> None:
    """Keep everything the old station left, out of the way: store, last good configuration, marks."""
    state = root / STATE
    stores = {state / "store.sqlite", root / str(config.store.path).lstrip("/")}
    old = [one for one in state.glob("*") if not one.name.startswith(KEPT)] if state.is_dir() else []
    apart = [one for one in stores if one.is_file() and one.parent != state]
    if not old and not apart:
        return
    folder = state / f"{KEPT}{stamp}"
    folder.mkdir(mode=0o700, parents=True)
    for store in sorted(one for one in stores if one.is_file()):
        out = folder / f"{store.name}.jsonl"
        if live and runner(("kaga-edge", "store", "export", str(store), str(out))) == 0:
            say("replace.exported", file=out)
    for one in (*old, *(companion for store in apart for companion in _with_companions(store))):
        one.rename(folder / one.name)
    say("replace.aside", folder=folder)


def _with_companions(store: Path) -> list[Path]:
    return [
        one
        for end in ("", "-wal", "-shm", ".high", ".used")
        if (one := store.with_name(store.name + end)).exists()
    ]


def _key(root: Path, config: Config, told: Told, say: Say) -> None:
    """Make the key of a client certificate, unless the drop zone brought one; say what a password needs."""
    codes = {code for code, _ in told.lines}
    platform = config.platform
    if platform is None:
        return
    if platform.secret is not None:
        say("replace.password_new" if "drop.secrets" in codes else "replace.password")
    if platform.key is None or "drop.key" in codes:
        return
    key = root / ETC / "secrets" / Path(platform.key).name
    request = (zone(root) or root / ETC) / f"{config.site.id}.csr"
    made = client_key()
    asked = client_request(made, config.site.id)
    key.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    put(key, made, group=key.parent.stat().st_gid if os.geteuid() == 0 else None)
    request.write_bytes(asked)
    say("replace.key", file=request)
