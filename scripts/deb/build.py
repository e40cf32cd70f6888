"""Builds the Debian package: one for each processor, for Bookworm (Python 3.11) and Trixie (3.13).

Needs dpkg-deb and a package index (or its cache); nothing of it runs on the target's processor. Two builds
of the same commit are equal, byte for byte. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from wheels import MACHINES, PYTHONS, NoWheel, fetch, lay_out  # noqa: E402 - beside this file

UNITS = (
    "kaga-edge.service", "kaga-edge-import.service", "kaga-edge-setup.service", "kaga-edge-return.service",
    "kaga-edge-poweroff.path", "kaga-edge-poweroff.service",
)  # fmt: skip
LIBRARIES = "usr/lib/kaga-edge"
EXIT_NO_WHEEL = 75
MAINTAINER = "kaga-edge maintainers <kaga-edge@example.org>"  # your own: --maintainer


def main() -> int:
    """Build what was asked for; return the exit code."""
    args = _arguments()
    os.umask(0o022)
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or _commit_time()
    args.out.mkdir(parents=True, exist_ok=True)
    for architecture in args.arch or sorted(MACHINES):
        try:
            wheels = {python: _wheels(args, architecture, python) for python in PYTHONS}
        except NoWheel as missing:
            print(f"build-deb: no wheel: {missing}", file=sys.stderr)
            return EXIT_NO_WHEEL
        version = args.version or _version()
        package = args.out / f"kaga-edge_{version}_{architecture}.deb"
        with tempfile.TemporaryDirectory(dir=args.work, prefix="tree-") as scratch:
            tree = Path(scratch) / "root"
            _fill(tree, version, wheels, args.update_key)
            _documents(tree / "usr/share/doc/kaga-edge", version, args.maintainer, epoch)
            _control(tree / "DEBIAN", tree, architecture, version, args.maintainer)
            _pack(tree, package, epoch, args.compress)
        print(f"{package}  {package.stat().st_size / 1e6:.1f} MB")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/build-deb", description=__doc__)
    parser.add_argument("--arch", action="append", choices=sorted(MACHINES), help="default: all")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "deb", metavar="FOLDER")
    parser.add_argument("--version", help="default: the package's own")
    parser.add_argument("--update-key", type=Path, metavar="PEM", help="public key that signs updates")
    parser.add_argument("--maintainer", default=MAINTAINER, metavar="'NAME <MAIL>'")
    parser.add_argument(
        "--compress", choices=("xz", "gzip", "none"), default="xz", help="none is quickest [xz]"
    )
    return parser.parse_args()


def _wheels(args: argparse.Namespace, architecture: str, python: str) -> list[Path]:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return fetch(lock, architecture, python, args.work / "wheels" / f"{architecture}-{python}")


def _version() -> str:
    text = (ROOT / "kaga_edge" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found is not None
    return found[1]


def _schema() -> str:
    text = (ROOT / "kaga_edge" / "store" / "file.py").read_text(encoding="utf-8")
    found = re.search(r"^SCHEMA_VERSION = (\d+)$", text, re.MULTILINE)
    assert found is not None
    return found[1]


def _commit_time() -> str:
    asked = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "0"


# --- what is in the package ---


def _fill(tree: Path, version: str, wheels: dict[str, list[Path]], key: Path | None) -> None:
    """Lay out every file of the package below ``tree``."""
    lay_out(wheels, tree / LIBRARIES)
    for python in PYTHONS:  # the launcher knows by these folders which Pythons it may use
        (tree / LIBRARIES / f"cp{python.replace('.', '')}").mkdir(parents=True, exist_ok=True)
    _own_code(tree / LIBRARIES / "site" / "kaga_edge", version)
    _put(tree / "usr/bin/kaga-edge", (HERE / "launcher").read_text(encoding="utf-8"), 0o755)
    _put(tree / LIBRARIES / "return", (HERE / "return").read_text(encoding="utf-8"), 0o755)
    _put(tree / "usr/share/python3/runtime.d/kaga-edge.rtupdate", _text(HERE / "rtupdate"), 0o755)
    _system(tree)
    _conffiles(tree / "etc/kaga-edge", key)
    _said(tree)


def _own_code(target: Path, version: str) -> None:
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "kaga_edge", target, ignore=ignore)
    own = target / "__init__.py"
    own.write_text(
        re.sub(r'(?m)^__version__ = ".+"$', f'__version__ = "{version}"', _text(own)), encoding="utf-8"
    )


def _system(tree: Path) -> None:
    """Lay out units, the user, folders, device rules and the words of the journal."""
    for name in UNITS:
        unit = _text(ROOT / "systemd" / name).replace("/opt/kaga-edge/bin/kaga-edge", "/usr/bin/kaga-edge")
        _put(tree / "usr/lib/systemd/system" / name, unit)
    for source, target in (
        ("kaga-edge.sysusers.conf", "usr/lib/sysusers.d/kaga-edge.conf"),
        ("kaga-edge.tmpfiles.conf", "usr/lib/tmpfiles.d/kaga-edge.conf"),
        ("kaga-edge.udev.rules", "usr/lib/udev/rules.d/60-kaga-edge.rules"),
        ("kaga-edge.catalog", "usr/lib/systemd/catalog/kaga-edge.catalog"),
        ("kaga-edge.ja.catalog", "usr/lib/systemd/catalog/kaga-edge.ja.catalog"),
    ):
        _put(tree / target, _text(ROOT / "systemd" / source))


def _conffiles(folder: Path, key: Path | None) -> None:
    _put(folder / "setup.toml", _text(HERE / "setup.toml"))
    if key is not None:
        _put(folder / "update.pem", _text(key))


def _said(tree: Path) -> None:
    """Lay out what the program says about itself: completion, man pages, schema, example sites."""
    for form, lang, target in (
        ("bash", "en", "usr/share/bash-completion/completions/kaga-edge"),
        ("zsh", "en", "usr/share/zsh/vendor-completions/_kaga-edge"),
        ("man", "en", "usr/share/man/man1/kaga-edge.1.gz"),
        ("man", "ja", "usr/share/man/ja/man1/kaga-edge.1.gz"),
    ):
        text = _ask("completion", form, "--lang", lang)
        (_zip if target.endswith(".gz") else _put)(tree / target, text)
    _put(tree / "usr/share/kaga-edge/kaga-edge.schema.json", _ask("config", "schema"))
    for kind in ("flood", "snow", "traffic"):
        _put(tree / f"usr/share/doc/kaga-edge/examples/kaga-edge.{kind}.toml", _ask("config", "init", kind))


def _ask(*words: str) -> str:
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "kaga_edge", *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


def _documents(folder: Path, version: str, maintainer: str, epoch: str) -> None:
    _put(folder / "copyright", _text(HERE / "copyright"))
    _put(folder / "THIRD-PARTY", _text(ROOT / "THIRD-PARTY"))
    when = formatdate(int(epoch))
    head = f"kaga-edge ({version}) stable; urgency=medium"
    entry = f"{head}\n\n  * What is new: CHANGELOG.md.gz beside this file.\n\n -- {maintainer}  {when}\n"
    _zip(folder / "changelog.gz", entry)
    _zip(folder / "CHANGELOG.md.gz", _text(ROOT / "CHANGELOG.md"))
    _zip(folder / "README.md.gz", _text(ROOT / "README.md"))
    overrides = folder.parents[1] / "lintian/overrides/kaga-edge"
    _put(overrides, _text(HERE / "lintian-overrides"))


# --- what dpkg is told ---


def _control(folder: Path, tree: Path, architecture: str, version: str, maintainer: str) -> None:
    size = sum(one.stat().st_size for one in tree.rglob("*") if one.is_file()) // 1024
    words = {"VERSION": version, "ARCHITECTURE": architecture, "SIZE": str(size), "SCHEMA": _schema()}
    words["MAINTAINER"] = maintainer
    control = re.sub(r"@(\w+)@", lambda found: words[found[1]], _text(HERE / "control"))
    sums = [
        f"{hashlib.md5(one.read_bytes()).hexdigest()}  {one.relative_to(tree)}"
        for one in sorted(tree.rglob("*"))
        if one.is_file() and not one.is_relative_to(tree / "etc")
    ]
    conffiles = [f"/{one.relative_to(tree)}" for one in sorted((tree / "etc").rglob("*")) if one.is_file()]
    _put(folder / "control", control)
    _put(folder / "md5sums", "\n".join(sums) + "\n")
    _put(folder / "conffiles", "\n".join(conffiles) + "\n")
    for name in ("preinst", "postinst", "prerm", "postrm"):
        _put(folder / name, _text(HERE / name), 0o755)


def _pack(tree: Path, package: Path, epoch: str, compress: str) -> None:
    for one in [*tree.rglob("*"), tree]:
        os.utime(one, (int(epoch), int(epoch)), follow_symlinks=False)
    half = package.with_name(f".{package.name}.half")  # a build that is broken off leaves no package behind
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", f"-Z{compress}", "--build", str(tree), str(half)],
        env=os.environ | {"SOURCE_DATE_EPOCH": epoch},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    half.replace(package)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _put(file: Path, text: str, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def _zip(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    file.chmod(0o644)


if __name__ == "__main__":
    sys.exit(main())
