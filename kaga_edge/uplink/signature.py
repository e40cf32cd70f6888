"""Whether a command was signed by the city's key: Ed25519, by the openssl command.

No library of ours does it: none has wheels for every processor. openssl wants files; they lie in the
runtime folder (memory) for as long as it looks.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

from kaga_edge.vocabulary.errors import KagaError

PATIENCE_S = 10.0


class NotVerified(KagaError):
    """openssl could not be asked."""

    code = "KE-U10"


async def verified(key: Path, folder: Path, over: bytes, signature: bytes) -> bool:
    """Say whether ``signature`` over ``over`` is by the private half of ``key``. Raises NotVerified."""
    return await asyncio.to_thread(_verified, key, folder, over, signature)


def _verified(key: Path, folder: Path, over: bytes, signature: bytes) -> bool:
    try:
        with tempfile.TemporaryDirectory(prefix="command-", dir=folder) as name:
            text, sign = Path(name) / "over", Path(name) / "signature"
            text.write_bytes(over)
            sign.write_bytes(signature)
            words = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(key)]
            words += ["-in", str(text), "-sigfile", str(sign)]
            done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotVerified(f"openssl cannot be asked ({error})", fix="openssl version") from error
    return done.returncode == 0
