"""A closed terminal and ``kill`` end a command as Ctrl-C does: its folder and its processes go too."""

from __future__ import annotations

import signal


def like_ctrl_c() -> None:
    """From now on SIGTERM and SIGHUP are what SIGINT is; one that is ignored (nohup) stays so."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as behind "&" in a script
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)
