"""The page's process gives away what it does not need: landlock(7), asked of the kernel for itself.

It hears whoever is on the network, so from its first connection on it can read neither the secrets nor any
other file but programs, libraries and what it shows; write nowhere but into the folder of corrections; and
start no program. The unit's sandbox goes for the daemon and for it; this goes further, for it alone.
A kernel without Landlock leaves it with the unit's.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on x86-64, aarch64 and arm
ASK_VERSION = 1
PATH_BENEATH = 1
PR_SET_NO_NEW_PRIVS = 38
READ_FILE, READ_DIR = 1 << 2, 1 << 3
WRITE_FILE, REMOVE_FILE, MAKE_REG = 1 << 1, 1 << 5, 1 << 8
FIRST_VERSION = (1 << 13) - 1  # every right of the first version: execute to make_sym
TRUNCATE, TRUNCATE_SINCE = 1 << 14, 3
READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_FILE | MAKE_REG
SYSTEM = ("/usr", "/lib", "/lib64", "/etc/localtime", "/dev/null", "/dev/urandom", "/sys/class/net")


class Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr, its first field."""

    _fields_ = (("handled", ctypes.c_uint64),)


class Beneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def confine(*, read: Iterable[Path], write: Iterable[Path]) -> bool:
    """Confine this process to these folders; returns whether the kernel did."""
    kernel = ctypes.CDLL(None, use_errno=True)
    version = kernel.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)
    if version < 1:
        return False
    handled = FIRST_VERSION | (TRUNCATE if version >= TRUNCATE_SINCE else 0)
    asked = Ruleset(handled)
    rules = kernel.syscall(CREATE_RULESET, ctypes.byref(asked), ctypes.c_size_t(ctypes.sizeof(asked)), 0)
    if rules < 0:
        return False
    try:
        for folder in (*map(Path, (*SYSTEM, sys.prefix, sys.base_prefix, *sys.path)), *read):
            _allow(kernel, rules, folder, READ)
        for folder in write:
            _allow(kernel, rules, folder, (WRITE | TRUNCATE) & handled)
        kernel.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(kernel.syscall(RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(kernel: ctypes.CDLL, rules: int, place: Path, rights: int) -> None:
    """Leave a folder, or a file, open; one that is not there needs nothing."""
    with contextlib.suppress(OSError):
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            own = rights if place.is_dir() else rights & (READ_FILE | WRITE_FILE | TRUNCATE)
            rule = Beneath(own, handle)
            kernel.syscall(ADD_RULE, rules, PATH_BENEATH, ctypes.byref(rule), 0)
        finally:
            os.close(handle)
