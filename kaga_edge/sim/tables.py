"""Pieces of configuration for simulated stations, as TOML text."""

from __future__ import annotations

from pathlib import Path


def station(folder: Path, gateway: str, ja: str, en: str) -> str:
    """Return [site], [store] and [station]; everything they name lies in ``folder``."""
    return f"""\
[site]
id = "{gateway}"
name = {{ ja = "{ja}", en = "{en}" }}
position = [36.3, 136.3]
contact = "kaga-edge demo"

[store]
path = "{folder}/store.sqlite"
max = "64MB"

[station]
runtime = "{folder}/run"
"""


def mount(keys: str = "") -> str:
    """Return [sensor.mount] with the given lines."""
    return f"[sensor.mount]\n{keys}\n"


def hurried(channel: str) -> str:
    """Return wide limits: a story's weather changes faster than any real one, and that is no fault."""
    limits = 'rate_suspect = "99/1s"\nrate_fail = "99/1s"\nspike_suspect = 99.0\nspike_fail = 99.0\n'
    return f"[sensor.quality.{channel}]\n{limits}"


def disclosed(ja: str, en: str) -> str:
    """Return [sensor.disclosure] with the purpose in both languages."""
    return f'[sensor.disclosure]\npurpose = {{ ja = "{ja}", en = "{en}" }}\npersonal_data = false\n'
