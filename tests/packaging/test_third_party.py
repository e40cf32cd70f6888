"""What others wrote is named where everybody finds it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_PACKED = {"setuptools"}  # declared by colorzero, imported by nothing: scripts/deb leaves it out


def test_every_locked_library_is_named_with_its_licence() -> None:
    locked = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    told = (ROOT / "THIRD-PARTY").read_text("utf-8")
    assert [name for name in locked if name not in NOT_PACKED and not re.search(rf"\b{name}\b", told)] == []
