"""The two text files a Raspberry Pi starts by, with what the instruments need: text in, text out.

Source
    Raspberry Pi documentation, config.txt ("conditional filters": [all], [pi5] and so on; the last line of a
    name wins) and cmdline.txt (one line of words).
"""

from __future__ import annotations

BEGIN = "# kaga-edge begin: written by kaga-edge setup, lines between here and the end are its own"
END = "# kaga-edge end"
LOGIN_PORTS = ("serial0", "ttyAMA0", "ttyS0")  # the header's; ttyAMA10 is the Pi 5's own debug plug


def with_lines(config: str, wanted: tuple[str, ...]) -> str:
    """Return config.txt with each of ``wanted`` in force; unchanged when they are already.

    What somebody else wrote stays as it is; ours stands in one block at the end, under ``[all]``.
    """
    others = _without_block(config)
    missing = [line for line in wanted if not _in_force(others, line)]
    if not missing:
        return config if others == config or BEGIN not in config else others
    block = "\n".join((BEGIN, "[all]", *missing, END))
    return f"{others.rstrip()}\n\n{block}\n".lstrip("\n")


def without_login(cmdline: str) -> str:
    """Return cmdline.txt without a login on the header's serial port; unchanged when there is none."""
    words = cmdline.split()
    kept = [word for word in words if not _is_login(word)]
    return cmdline if kept == words else " ".join(kept) + "\n"


def _is_login(word: str) -> bool:
    name, _, port = word.partition("=")
    return name in ("console", "kgdboc") and port.split(",")[0] in LOGIN_PORTS


def _without_block(config: str) -> str:
    before, found, rest = config.partition(BEGIN)
    if not found:
        return config
    _, _, after = rest.partition(END)
    return before.rstrip() + "\n" + after.lstrip("\n")


def _in_force(config: str, wanted: str) -> bool:
    """Say whether the last line of that name which holds for every board is ``wanted``."""
    last, everywhere = "", True
    for raw in config.splitlines():
        line = raw.split("#")[0].strip()
        if line.startswith("["):
            everywhere = line == "[all]"
        elif everywhere and _name(line) == _name(wanted):
            last = line
    return last.replace(" ", "") == wanted


def _name(line: str) -> str:
    """Return what a line sets: ``dtparam=i2c_arm``, ``enable_uart``; a whole ``dtoverlay`` line."""
    line = line.replace(" ", "")
    return line if line.startswith("dtoverlay") else line.rpartition("=")[0] or line
