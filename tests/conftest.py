"""For all tests: how fast this machine is at the moment is not what Hypothesis is to judge."""

import os

from hypothesis import HealthCheck, settings

from tests.drills.table import print_drills

settings.register_profile("kaga", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kaga")

# Hundreds of programs are started: each is compiled once, not at every start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_terminal_summary(terminalreporter) -> None:
    print_drills(terminalreporter)  # here: of two workers neither has a terminal
