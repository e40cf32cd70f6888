"""When to dial again: full jitter, so that ten thousand gateways do not come back in one second."""

from __future__ import annotations

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_random_exponential

from kaga_edge.link import LinkError

STEADY_S = 60.0  # connected this long: the count of failures starts again
TAKEN_OVER_LEAST_S = 60.0  # two gateways with one id must not fight
LOCAL_WAIT_S = 2.0


class Reconnect:
    """Counts failed attempts and says how long to wait before the next."""

    def __init__(self, first_s: float, most_s: float, taken_over_s: float = TAKEN_OVER_LEAST_S) -> None:
        self._taken_over_s = taken_over_s
        self._jitter = wait_random_exponential(multiplier=first_s, max=most_s)
        self._soon = wait_random_exponential(multiplier=LOCAL_WAIT_S, max=LOCAL_WAIT_S)
        self.failures = 0
        self._local_before = False

    def wait_s(self, error: LinkError | None, connected_s: float) -> float:
        """Return the wait after an attempt or connection that ended with ``error`` (None: orderly).

        A fault on our own side is no failed attempt: soon again, the first time; a second one in a row
        waits as after a failure without being counted as one.
        """
        if connected_s >= STEADY_S:
            self.failures = 0
        local = error is not None and error.kind == "local"
        if local and not self._local_before:
            self._local_before = True
            return self._soon(_attempt(1))
        self._local_before = local
        if not local:
            self.failures += 1
        wait_s = self._jitter(_attempt(max(1, self.failures)))
        if error is not None and error.kind == "taken_over":
            wait_s += self._taken_over_s
        return wait_s


def _attempt(number: int) -> RetryCallState:
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = number
    return state
