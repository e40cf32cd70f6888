"""A channel's history for a picture: few points, and no peak lost between them."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[int, float | None]  # UTC milliseconds, value; None: measured, but without a value


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most about ``most`` of the points: the lowest and the highest of each stretch, in order.

    Of a stretch without any value one point stays, so that the gap is seen. ``points`` are in order.
    """
    if len(points) <= most or most < 2:
        return list(points)
    stretches = most // 2
    first_ms, length_ms = points[0][0], max(1, points[-1][0] - points[0][0] + 1)
    found: list[Point] = []
    begin = 0
    for number in range(stretches):
        ends_ms = first_ms + length_ms * (number + 1) // stretches
        end = begin
        while end < len(points) and points[end][0] < ends_ms:
            end += 1
        found += _extremes(points[begin:end])
        begin = end
    return found


def _extremes(stretch: Sequence[Point]) -> list[Point]:
    measured = [(value, at) for at, (_, value) in enumerate(stretch) if value is not None]
    if not measured:
        return list(stretch[:1])
    return [stretch[at] for at in sorted({min(measured)[1], max(measured)[1]})]
