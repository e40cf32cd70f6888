"""``secret set --credential``: a secret that systemd alone can open, on this machine alone.

``systemd-creds`` encrypts it with the machine's own key (and its TPM where there is one) into
``secrets/NAME.cred``; a drop-in of the unit has systemd hand it to the gateway, decrypted in memory. A card
that is stolen, or copied into another box, gives the password away to nobody.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from kaga_edge.config.placing import put
from kaga_edge.config.secret import CREDENTIAL_SUFFIX

TOOL = "systemd-creds"
UNIT = Path("/etc/systemd/system/kaga-edge.service.d")
TOOL_S = 30.0


def available() -> bool:
    """Whether this system has systemd-creds (systemd 250 and later)."""
    return shutil.which(TOOL) is not None


def encrypt(name: str, secret: str, folder: Path) -> Path:
    """Write ``NAME.cred`` and take the open file away; returns it. Raises OSError."""
    file = folder / f"{name}{CREDENTIAL_SUFFIX}"
    done = subprocess.run(  # noqa: S603 - a fixed command, the secret on its standard input
        [TOOL, "encrypt", f"--name={name}", "-", "-"],
        input=secret.encode(),
        capture_output=True,
        timeout=TOOL_S,
        check=False,
    )
    if done.returncode:
        raise OSError(done.returncode, done.stderr.decode(errors="replace").strip())
    put(file, done.stdout, mode=0o600)
    (folder / name).unlink(missing_ok=True)
    return file


def drop_in(name: str, file: Path) -> str:
    """Return what the unit needs to be given it."""
    return f"[Service]\nLoadCredentialEncrypted={name}:{file}\n"


def tell_unit(name: str, file: Path, unit: Path = UNIT) -> Path:
    """Put the drop-in in place and have systemd read it; it counts from the unit's next start."""
    place = unit / f"credential-{name}.conf"
    place.parent.mkdir(parents=True, exist_ok=True)
    put(place, drop_in(name, file).encode(), mode=0o644)
    _reload()
    return place


def forget(name: str, unit: Path = UNIT) -> None:
    """Take the drop-in away: a unit whose credential is gone does not start."""
    place = unit / f"credential-{name}.conf"
    if place.is_file():
        place.unlink()
        _reload()


def _reload() -> None:
    if shutil.which("systemctl"):
        asked = ["systemctl", "daemon-reload"]
        subprocess.run(asked, capture_output=True, timeout=TOOL_S, check=False)  # noqa: S603 - fixed
