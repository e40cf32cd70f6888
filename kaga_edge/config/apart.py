"""Reading the configuration in a process of its own, which hands over the finished values and ends.

What checks the files is needed for a moment at start and at a reload; the daemon then runs for years.
``prepare`` starts the process ahead: it loads what it needs while the daemon does the same.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kaga_edge.config.copies import Source
    from kaga_edge.config.values import Config

READER = "from kaga_edge.config.apart import hand_over; hand_over()"

_prepared: list[subprocess.Popen[bytes]] = []


def prepare() -> None:
    """Start a process that will read: the next ``load_apart`` finds it loaded."""
    _prepared.append(_started())


def load_apart(path: Path, source: Source | None = None) -> Config:
    """Return the configuration of ``path``, read in another process. Raises ConfigFaults with all faults.

    ``source``: a copy or a trial whose text is read instead.
    """
    from kaga_edge.config.faults import ConfigFaults

    reader = _prepared.pop() if _prepared else _started()
    files = [path, *((source.main, source.parts) if source is not None else ())]
    handed, _ = reader.communicate(json.dumps([str(one) for one in files]).encode())
    if reader.returncode != 0:
        raise subprocess.CalledProcessError(reader.returncode, reader.args)
    found: Config | ConfigFaults = pickle.loads(handed)  # noqa: S301 from our own child, over a pipe
    if isinstance(found, ConfigFaults):
        raise found
    return found


def hand_over() -> None:
    """Read the files named on standard input and write what came of it: this is the other process."""
    from kaga_edge.config.copies import Source
    from kaga_edge.config.faults import ConfigFaults
    from kaga_edge.config.reading import load

    asked = sys.stdin.buffer.read()
    if not asked:  # whoever prepared us ended, or needs us no more
        return
    path, *source = map(Path, json.loads(asked))
    try:
        found: Config | ConfigFaults = load(path, Source(main=source[0], parts=source[1]) if source else None)
    except ConfigFaults as faults:
        found = faults
    sys.stdout.buffer.write(pickle.dumps(found))


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 our own module
