"""``python -m kaga_edge`` is ``kaga-edge``."""

import sys

from kaga_edge.cli import main

sys.exit(main())
