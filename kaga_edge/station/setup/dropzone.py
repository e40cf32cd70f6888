"""The drop zone: a folder on the boot partition that any PC can write, taken in before the gateway starts.

Order and reasons: secrets first, because they must leave the FAT partition whatever else is wrong; then the
configuration is judged as the gateway would judge it, beside the secrets it names; only a good one replaces
the present one, of which a copy is kept. A faulty one stays where it is, so that it can be mended there.
"""

from __future__ import annotations

import codecs
import os
import shutil
import ssl
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kaga_edge.config import Config, ConfigFaults, load
from kaga_edge.config.placing import put
from kaga_edge.config.secret import secret_file
from kaga_edge.core.dropping import RESULT, TAKEN, Found, read_secrets, result, sort_out
from kaga_edge.station.setup.files import wipe
from kaga_edge.station.setup.machine import BOOT_FOLDERS, SetupFailed
from kaga_edge.text import say

FOLDER = "kaga-edge"
ETC = "etc/kaga-edge"
MAIN, PARTS = "kaga-edge.toml", "conf.d"
PREVIOUS = ".previous"
LARGEST_BYTES = 1_000_000  # nothing of ours is larger; a film on the card is not read
SECRET_MODE, CONFIG_MODE = 0o640, 0o640  # root:kaga-edge


@dataclass(slots=True)
class Told:
    """What came of it: codes of the catalogue with their parameters, in the order they happened."""

    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    faults: ConfigFaults | None = None
    judged_at: str = ""  # the passing folder that the faults name
    took_config: bool = False
    failed: bool = False

    def say(self, code: str, **params: object) -> None:
        """Note one line."""
        self.lines.append((code, params))

    @property
    def anything(self) -> bool:
        """Whether the gateway has something new to read."""
        new = {"drop.secrets", "drop.key", "drop.certificate"}
        return self.took_config or any(code in new for code, _ in self.lines)

    def text(self, lang: str) -> list[str]:
        """Return the lines in one language."""
        lines = []
        for code, params in self.lines:
            lines.append(say(code, lang, **params))
            if code == "drop.faulty" and self.faults is not None:
                lines += [
                    "  " + fault.text(lang).replace(self.judged_at, f"/{ETC}") for fault in self.faults.faults
                ]
        return lines


Judge = Callable[[Path], Config]


def zone(root: Path) -> Path | None:
    """Return the drop zone below the root, None where there is none."""
    found = next((root / name / FOLDER for name in BOOT_FOLDERS if (root / name / FOLDER).is_dir()), None)
    if found is None or not (found / FOLDER).is_dir() or sort_out(_texts(found)).anything:
        return found
    return found / FOLDER  # Windows unpacks an archive into a folder of the archive's name


def take_in(root: Path, *, when: str, site: str | None = None, judge: Judge = load) -> Told:
    """Take in what lies in the drop zone and write RESULT.txt there. Raises SetupFailed without a zone.

    ``site``: the configuration must be that site's (``setup --replace``), else nothing is taken.
    """
    folder = zone(root)
    if folder is None:
        raise SetupFailed(
            "there is no drop zone",
            where=str(root / BOOT_FOLDERS[0] / FOLDER),
            fix="make that folder and put kaga-edge.toml and secrets.txt into it",
        )
    told, texts = Told(), _texts(folder)
    found = sort_out(texts)
    if not found.anything and not found.misnamed:
        told.say("drop.empty")
        return told
    for name in found.misnamed:
        told.say("drop.misnamed", file=name)
        told.failed = not found.anything
    try:
        _take(found, texts, folder, root / ETC, told, site, judge)
    except OSError as error:
        told.failed = True
        told.say("drop.io", file=error.filename or "", reason=error.strerror or str(error))
    told.say("drop.next" if not told.failed and told.faults is None else "drop.again")
    try:
        there = folder / RESULT
        put(there, result(when, told.text("ja"), told.text("en")), mode=0o644, like=there)
    except OSError as error:  # a card that cannot be written; what was taken in stays taken in
        told.failed = True
        told.say("drop.io", file=str(folder / RESULT), reason=error.strerror or str(error))
    return told


def _take(
    found: Found, texts: dict[str, str], folder: Path, etc: Path, told: Told, site: str | None, judge: Judge
) -> None:
    _secrets(found, texts, folder, etc, told)
    _certificates(found, texts, folder, etc, told)
    if found.rivals:
        told.failed = True
        told.say("drop.rivals", files=", ".join(found.rivals))
        return
    if found.main is None and not found.parts:
        return
    moved = found.main is not None and _moved(etc / MAIN, texts[found.main])
    with tempfile.TemporaryDirectory(dir=etc, prefix=".drop-") as scratch:
        staged = _stage(found, texts, Path(scratch), etc, with_parts=not moved)
        try:
            config = judge(staged)
        except ConfigFaults as faults:
            told.faults, told.judged_at = faults, scratch
            told.say("drop.faulty", count=len(faults.faults))
            return
    if site is not None and config.site.id != site:
        told.failed = True
        told.say("drop.other_site", wanted=site, found=config.site.id)
        return
    if moved:
        _set_parts_aside(etc / PARTS, told)
    _install(found, texts, folder, etc)
    told.took_config = True
    told.say("drop.config", site=config.site.id, sensors=len(config.sensors))
    missing = config.platform.secret if config.platform is not None else None
    if missing is not None and not secret_file(etc, missing).is_file():
        told.failed = True
        told.say("drop.secret_missing", name=missing)


def _secrets(found: Found, texts: dict[str, str], folder: Path, etc: Path, told: Told) -> None:
    if found.secret_list is None:
        return
    secrets = read_secrets(texts[found.secret_list])
    for name, value in secrets.values.items():
        _place(etc / "secrets" / name, f"{value}\n", SECRET_MODE)
    if secrets.values:
        told.say("drop.secrets", names=", ".join(secrets.values))
    for name in (
        name for name, value in secrets.values.items() if len(value) > 1 and value[0] == value[-1] in "\"'"
    ):
        told.say("drop.quoted", name=name)
    for number in secrets.wrong:
        told.failed = True
        told.say("drop.secret_line", file=found.secret_list, line=number)
    if secrets.wrong and not secrets.values:
        return  # nothing was recognised: perhaps another list; it stays to be mended
    wipe(folder / found.secret_list)
    told.say("drop.wiped", file=found.secret_list)


def _certificates(found: Found, texts: dict[str, str], folder: Path, etc: Path, told: Told) -> None:
    for name in found.keys:
        _place(etc / "secrets" / name, texts[name], SECRET_MODE)
        wipe(folder / name)
        told.say("drop.key", file=name)
    for name in found.certificates:
        if not _is_certificate(texts[name]):
            told.failed = True
            told.say("drop.no_certificate", file=name)
            continue
        _place(etc / name, texts[name], CONFIG_MODE)
        _mark_taken(folder / name)
        told.say("drop.certificate", file=name)


def _is_certificate(text: str) -> bool:
    """Whether it would be read; a spoilt one over a good one cuts the line. A public key checks updates."""
    if "PUBLIC KEY-----" in text:
        return True
    signs = text.encode("ascii", errors="ignore").decode()  # remarks beside it may be Japanese
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=signs)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _moved(present: Path, new: str) -> bool:
    """Whether the box goes to another site. One that cannot be read now is taken for the same."""
    before = _site_of(present.read_text(encoding="utf-8", errors="replace")) if present.is_file() else None
    return before is not None and before != _site_of(new)


def _site_of(text: str) -> object:
    try:
        return tomllib.loads(text)["site"]["id"]
    except (tomllib.TOMLDecodeError, LookupError, TypeError):
        return None


def _set_parts_aside(parts: Path, told: Told) -> None:
    """Keep the calibrations of the site before where nobody reads them: its heights are not this one's."""
    present = sorted(parts.glob("*.toml"))
    if not present:
        return
    aside = parts.with_name(PARTS + PREVIOUS)
    aside.mkdir(mode=0o750, exist_ok=True)
    for one in present:
        one.replace(aside / one.name)
    told.say("drop.parts_aside", names=", ".join(one.name for one in present), folder=aside.name)


def _stage(found: Found, texts: dict[str, str], scratch: Path, etc: Path, *, with_parts: bool) -> Path:
    """Lay the new configuration beside the present secrets and certificates, as it will lie."""
    for one in etc.iterdir():
        if one.name == "secrets" or one.suffix in (".pem", ".crt", ".cer", ".key"):
            (scratch / one.name).symlink_to(one)
    if with_parts and (etc / PARTS).is_dir():
        shutil.copytree(etc / PARTS, scratch / PARTS)
    _parts(found, texts, scratch / PARTS)
    main = scratch / MAIN
    main.write_bytes(texts[found.main].encode() if found.main else (etc / MAIN).read_bytes())
    return main


def _install(found: Found, texts: dict[str, str], folder: Path, etc: Path) -> None:
    if found.main is not None:
        present = etc / MAIN
        if present.is_file():
            _place(
                etc / (MAIN + PREVIOUS), present.read_text(encoding="utf-8", errors="replace"), CONFIG_MODE
            )
        _place(present, texts[found.main], CONFIG_MODE)
        _mark_taken(folder / found.main)
    _parts(found, texts, etc / PARTS)
    for name in found.parts:
        _mark_taken(folder / name)


def _parts(found: Found, texts: dict[str, str], target: Path) -> None:
    for name in found.parts:
        _place(target / name.partition("/")[2], texts[name], CONFIG_MODE)


def _place(file: Path, text: str, mode: int) -> None:
    """Write a file for the gateway to read: owner root, the group of its folder."""
    file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    group = file.parent.stat().st_gid if os.geteuid() == 0 else None
    content = text.removeprefix("\ufeff").replace("\r\n", "\n").encode()
    put(file, content, mode=mode, group=group)


def _mark_taken(file: Path) -> None:
    """Rename what was taken in, so that it is not taken again over what was changed on site later."""
    file.replace(file.with_name(file.name + TAKEN))


def _texts(folder: Path) -> dict[str, str]:
    """Return the files by name below the drop zone."""
    found = {}
    for file in sorted((*folder.iterdir(), *(folder / PARTS).glob("*"))):
        if file.is_symlink() or not file.is_file() or file.stat().st_size > LARGEST_BYTES:
            continue
        name = str(file.relative_to(folder))
        if name.startswith(".") or file.name == RESULT or file.name.endswith(TAKEN):
            continue
        found[name] = _decoded(file.read_bytes())
    return found


def _decoded(content: bytes) -> str:
    """Return a text as Windows may have written it: UTF-8, UTF-16 ("Unicode" in Notepad), else Shift-JIS."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp932", errors="replace")
