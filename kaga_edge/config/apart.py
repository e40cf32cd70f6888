"""Reading the configuration in a process of its own, which hands over the finished values and ends.

What checks the files is needed for a moment at start and at a reload; the daemon then runs for years.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from kaga_edge.config.copies import Source
from kaga_edge.config.faults import ConfigFaults
from kaga_edge.config.values import Config


def load_apart(path: Path, source: Source | None = None) -> Config:
    """Return the configuration of ``path``, read in another process. Raises ConfigFaults with all faults.

    ``source``: a copy or a trial whose text is read instead.
    """
    code = "from kaga_edge.config.apart import hand_over; hand_over()"
    reader = [sys.executable, "-c", code, str(path)]
    if source is not None:
        reader += [str(source.main), str(source.parts)]
    done = subprocess.run(reader, stdout=subprocess.PIPE, check=True)  # noqa: S603 our own module
    found: Config | ConfigFaults = pickle.loads(done.stdout)  # noqa: S301 from our own child, over a pipe
    if isinstance(found, ConfigFaults):
        raise found
    return found


def hand_over() -> None:
    """Read the file named on the command line and write what came of it: this is the other process."""
    from kaga_edge.config.reading import load

    found: Config | ConfigFaults
    try:
        path, *source = map(Path, sys.argv[1:])
        found = load(path, Source(main=source[0], parts=source[1]) if source else None)
    except ConfigFaults as faults:
        found = faults
    sys.stdout.buffer.write(pickle.dumps(found))
