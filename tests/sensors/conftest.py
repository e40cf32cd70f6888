"""Stand-ins on the wire for independent packages, and the repetition of this run."""

from __future__ import annotations

import os

import pytest

FULL = bool(os.environ.get("KAGA_TEST_FULL"))


class CircuitPythonBus:
    """What an adafruit driver calls a bus, over one of our images (a register or command device)."""

    def __init__(self, device) -> None:
        self.device = device

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def writeto(self, address, buffer, *, start=0, end=None) -> None:
        self._present(address)
        self.device.write(bytes(buffer[start:end]))

    def readfrom_into(self, address, buffer, *, start=0, end=None) -> None:
        self._present(address)
        end = len(buffer) if end is None else end
        buffer[start:end] = self.device.read(end - start)

    def writeto_then_readfrom(
        self, address, out, into, *, out_start=0, out_end=None, in_start=0, in_end=None
    ) -> None:
        self.writeto(address, out, start=out_start, end=out_end)
        self.readfrom_into(address, into, start=in_start, end=in_end)

    def _present(self, address) -> None:
        if address != self.device.address:
            raise OSError(121, "Remote I/O error")


@pytest.fixture(scope="session")
def circuit_python_bus():
    """A bus of the CircuitPython kind over an image."""
    return CircuitPythonBus


@pytest.fixture(scope="session")
def repetitions():
    """How often a comparison with an oracle is made."""
    return 2000 if FULL else 200


@pytest.fixture
def five_cases():
    """Feed a driver's ``split`` the five ways a serial stream arrives, and check what comes out."""

    def feed(driver, chunks):
        frames, rest, skipped = [], b"", 0
        for chunk in chunks:
            cut = driver.split(rest + chunk)
            frames += cut.frames
            rest, skipped = cut.rest, skipped + cut.skipped_bytes
        return frames, rest, skipped

    def check(driver, first: bytes, second: bytes, garbage: bytes) -> None:
        assert feed(driver, [bytes((b,)) for b in first]) == ([first], b"", 0), "a byte at a time"
        half = len(first) // 2
        assert feed(driver, [first[:half], first[half:]]) == ([first], b"", 0), "split"
        found, rest, skipped = feed(driver, [garbage + first])
        assert (found, rest, skipped) == ([first], b"", len(garbage)), "garbage before"
        assert feed(driver, [first + second]) == ([first, second], b"", 0), "two glued"
        assert feed(driver, [first, second[:-1]]) == ([first], second[:-1], 0), "truncated last"
        assert feed(driver, [first, second[:-1], second[-1:]]) == ([first, second], b"", 0), "and completed"

    return check
