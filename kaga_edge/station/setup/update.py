"""A signed update: checked, installed, watched, and taken back by itself when the station got worse.

    new.deb        what is being installed, copied into root's own folder before it is checked
    previous.deb   the version before, made from the installed files; kept for ``setup --return``
    update.json    an update is under way: after a power cut ``setup --resume`` goes on from here
    exports/       rows taken out of a store that an older version cannot read

Signature: ``openssl pkeyutl -sign -rawin -inkey KEY -in FILE -out FILE.sig`` with an Ed25519 key, or
``openssl dgst -sha256 -sign KEY -out FILE.sig FILE`` with ECDSA or RSA.

A little longer than most: before, during and after an update, in the order in which a power cut may find it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kaga_edge.config.placing import put, sync_folder
from kaga_edge.core.updating import Judgement, Look, Verdict, judge
from kaga_edge.station.setup import repack
from kaga_edge.vocabulary.errors import KagaError

HOME = Path("/var/lib/kaga-edge-setup")
KEY = Path("/etc/kaga-edge/update.pem")
DPKG_INFO = Path("/var/lib/dpkg/info")
INSTALL = ("dpkg", "--force-confold", "--force-downgrade", "--install")
LOOK_EVERY_S = 2.0
HEALTH_S = 180.0  # a Pi Zero needs one for the start; most sensors are read every minute
SQLITE_VERSION_AT = 60  # user_version, four bytes, in the header of the file


class UpdateRefused(KagaError):
    """The file is not installed: signature, machine, version or schema does not fit."""

    code = "KE-I02"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command gave back."""

    code: int
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """How the update touches the machine; a test gives it other hands."""

    run: Callable[[Sequence[str]], Done]
    look: Callable[[], Look | None]  # None: the gateway does not answer
    wait: Callable[[float], None]
    now_s: Callable[[], float]
    say: Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a package says of itself."""

    package: str
    version: str
    architecture: str
    schema: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How careful to be. ``export``: rows may be taken out of a store the new version cannot read."""

    health_s: float = HEALTH_S
    older: bool = False
    export: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where things are."""

    home: Path = HOME
    key: Path = KEY
    store: Path = Path("/var/lib/kaga-edge/store.sqlite")
    info: Path = DPKG_INFO
    configuration: Path = Path("/etc/kaga-edge/kaga-edge.toml")


def update(file: Path, place: Place, terms: Terms, hands: Hands) -> bool:
    """Install a signed package; True when it stays, False when the old one was put back.

    Raises UpdateRefused before anything is changed.
    """
    new = _fetched(file, place, hands)
    offer, installed = _offer(new, hands), _installed(hands)
    _fits(offer, installed, terms, hands)
    too_new = _schema_of(place.store) > offer.schema
    if too_new and not terms.export:
        raise UpdateRefused(
            f"its schema {offer.schema} is older than that of the store",
            where=str(place.store),
            fix="--export: the rows are written out first, then a new store begins",
        )
    _keep_previous(place, hands)
    before = hands.look()
    _note(place, offer, before)
    hands.say("update.installing", version=offer.version, before=installed)
    if too_new:
        _export(place, hands)
    if hands.run((*INSTALL, str(new))).code:
        hands.say("update.dpkg_failed")
        give_back(place, hands)
        return False
    return _watch(offer.version, before, place, terms, hands)


def resume(place: Place, terms: Terms, hands: Hands) -> bool:
    """Go on with an update that a power cut interrupted; True when nothing is left to do."""
    note = json.loads((place.home / "update.json").read_text(encoding="utf-8"))
    hands.run(("dpkg", "--configure", "--pending"))
    if not _whole(hands):  # cut while unpacking: files of both versions side by side
        hands.say("update.dpkg_failed")
        give_back(place, hands)
        return False
    if _installed(hands) != note["version"]:
        hands.say("update.not_begun", version=note["version"])
        (place.home / "update.json").unlink()
        return True
    before = None if note["before"] is None else Look(**note["before"])
    return _watch(note["version"], before, place, terms, hands)


def give_back(place: Place, hands: Hands) -> None:
    """Put the version before back. Raises UpdateRefused when there is none."""
    previous = place.home / "previous.deb"
    if not previous.is_file():
        raise UpdateRefused(
            "no previous version is kept", where=str(previous), fix="install a package by hand"
        )
    offer = _offer(previous, hands)
    if _schema_of(place.store) > offer.schema:
        _export(place, hands)
    if hands.run((*INSTALL, str(previous))).code:
        raise UpdateRefused("dpkg could not put it back", where=str(previous), fix="dpkg --configure -a")
    (place.home / "update.json").unlink(missing_ok=True)
    hands.say("update.returned", version=offer.version)


# --- before ---


def _fetched(file: Path, place: Place, hands: Hands) -> Path:
    """Return our own copy of the file, its signature checked. Raises UpdateRefused."""
    place.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    new, signature = place.home / "new.deb", place.home / "new.deb.sig"
    try:
        shutil.copyfile(file, new)
        shutil.copyfile(file.with_name(file.name + ".sig"), signature)
    except OSError as error:
        raise UpdateRefused(
            f"cannot be read ({error.strerror})",
            where=str(error.filename),
            fix="FILE and FILE.sig side by side",
        ) from error
    if not place.key.is_file():
        fix = "put the public key of your signer there"
        raise UpdateRefused("there is no key to check updates with", where=str(place.key), fix=fix)
    if not _signed(new, signature, place.key, hands):
        raise UpdateRefused("the signature is not by our key", where=str(file), fix="do not install it")
    return new


def _signed(file: Path, signature: Path, key: Path, hands: Hands) -> bool:
    """Check with openssl: no library of ours has wheels for every processor."""
    kind = hands.run(("openssl", "pkey", "-pubin", "-in", str(key), "-noout", "-text_pub"))
    if kind.code:
        return False
    words = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature), str(file)]
    if "ED25519" in kind.out.upper():
        words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin", "-in", str(file)]
        words += ["-sigfile", str(signature)]
    return hands.run(words).code == 0


def _offer(deb: Path, hands: Hands) -> Offer:
    done = hands.run(("dpkg-deb", "--field", str(deb)))
    facts = dict(line.split(": ", 1) for line in done.out.splitlines() if ": " in line[1:])
    try:
        return Offer(
            package=facts["Package"],
            version=facts["Version"],
            architecture=facts["Architecture"],
            schema=int(facts["Kaga-Store-Schema"]),
        )
    except (KeyError, ValueError) as error:
        raise UpdateRefused(
            "not a package of ours", where=str(deb), fix="kaga-edge_VERSION_ARCH.deb"
        ) from error


def _installed(hands: Hands) -> str:
    asked = ("dpkg-query", "--show", "--showformat=${Version}", repack.PACKAGE)
    done = hands.run(asked)
    if done.code or not done.out:
        raise UpdateRefused("kaga-edge is not installed as a package", fix="apt install ./kaga-edge_*.deb")
    return done.out.strip()


def _whole(hands: Hands) -> bool:
    """Whether dpkg calls the package installed and nothing less."""
    asked = ("dpkg-query", "--show", "--showformat=${db:Status-Status}", repack.PACKAGE)
    return hands.run(asked).out.strip() == "installed"


def _fits(offer: Offer, installed: str, terms: Terms, hands: Hands) -> None:
    ours = hands.run(("dpkg", "--print-architecture")).out.strip()
    if offer.package != repack.PACKAGE or offer.architecture != ours:
        raise UpdateRefused(f"it is {offer.package} for {offer.architecture}", fix=f"this machine is {ours}")
    newer = hands.run(("dpkg", "--compare-versions", offer.version, "gt", installed)).code == 0
    if not newer and not terms.older:
        fix = "--older installs it all the same"
        raise UpdateRefused(f"{offer.version} is not newer than {installed}", fix=fix)


def _keep_previous(place: Place, hands: Hands) -> None:
    """Make previous.deb from what is installed; half a one is never left."""
    tree = place.home / "previous-tree"
    shutil.rmtree(tree, ignore_errors=True)
    listed = hands.run(("dpkg-query", "--listfiles", repack.PACKAGE)).out
    status = hands.run(("dpkg-query", "--status", repack.PACKAGE)).out
    repack.lay_out(tree, listed=listed, status=status, info=place.info)
    scratch = place.home / "previous.deb.new"
    built = hands.run(("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(scratch)))
    shutil.rmtree(tree, ignore_errors=True)
    if built.code:
        fix = "room on the card? dpkg-deb said why"
        raise UpdateRefused("the present version cannot be kept", where=str(scratch), fix=fix)
    with scratch.open("rb") as file:
        os.fsync(file.fileno())  # the way back must outlast a power cut in the next minute
    scratch.replace(place.home / "previous.deb")
    sync_folder(place.home)


def _note(place: Place, offer: Offer, before: Look | None) -> None:
    facts: Mapping[str, Any] = {
        "version": offer.version,
        "before": None if before is None else asdict(before),
    }
    put(place.home / "update.json", json.dumps(facts).encode(), mode=0o600)


def _schema_of(store: Path) -> int:
    """Return the schema version in the header of the store's file; 0 without one."""
    try:
        with store.open("rb") as file:
            return int.from_bytes(file.read(SQLITE_VERSION_AT + 4)[SQLITE_VERSION_AT:], "big")
    except OSError:
        return 0


def _export(place: Place, hands: Hands) -> None:
    """Stop, write the rows out with the version that can read them, and set the store aside."""
    hands.run(("systemctl", "stop", "kaga-edge.service"))
    folder = place.home / "exports"
    folder.mkdir(mode=0o700, exist_ok=True)
    out = folder / f"{place.store.name}-{int(place.store.stat().st_mtime)}"
    if hands.run(("kaga-edge", "store", "export", str(place.store), str(out))).code:
        hands.run(("systemctl", "start", "kaga-edge.service"))  # nothing was changed: it goes on measuring
        raise UpdateRefused("the rows could not be written out", where=str(out), fix="kaga-edge store verify")
    for suffix in ("", "-wal", "-shm"):
        old = place.store.with_name(place.store.name + suffix)
        if old.exists():
            old.replace(old.with_name(f"{place.store.name}.exported{suffix}"))
    hands.say("update.exported", file=out)


# --- after ---


def _watch(version: str, before: Look | None, place: Place, terms: Terms, hands: Hands) -> bool:
    """Look until the new version has shown that it does what the old one did, or the limit is reached."""
    if before is None and not place.configuration.is_file():
        return _kept(version, place, hands)  # nothing is meant to run yet: there is nothing to watch
    began_s = hands.now_s()
    told = Judgement(verdict=Verdict.WAIT)
    while told.verdict is Verdict.WAIT:
        hands.wait(LOOK_EVERY_S)
        elapsed_s = hands.now_s() - began_s
        seen = hands.look()
        told = judge(before, seen, version=version, elapsed_s=elapsed_s, limit_s=terms.health_s)
    if told.verdict is Verdict.KEEP:
        return _kept(version, place, hands)
    hands.say(told.wrong, what=told.what)
    give_back(place, hands)
    return False


def _kept(version: str, place: Place, hands: Hands) -> bool:
    (place.home / "update.json").unlink(missing_ok=True)
    hands.say("update.kept", version=version)
    return True


def call(argv: Sequence[str], environ: Mapping[str, str]) -> Done:
    """Run a command with that environment; its words go to our caller as well."""
    try:
        done = subprocess.run(argv, env=dict(environ), capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        return Done(code=127, out=str(error))
    return Done(code=done.returncode, out=done.stdout)
