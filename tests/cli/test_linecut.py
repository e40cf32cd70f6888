"""``commission``'s line-cut test: with consent only, and judged by what the gateway counts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.cli import linecut
from kaga_edge.vocabulary.errors import KagaError


class Gateway:
    """Counts as a gateway does: ``per_look`` rows at every look; while cut nothing leaves."""

    def __init__(self, *, per_look: int = 3, comes_back: bool = True, alarm_at: int | None = None) -> None:
        self.numbered = self.delivered = 100
        self.per_look, self.comes_back, self.alarm_at = per_look, comes_back, alarm_at
        self.cuts: list[dict[str, Any]] = []
        self.looks = 0

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "cut":
            self.cuts.append(request)
            return {"v": 1, "seconds": request["seconds"]}
        self.looks += 1
        over = self.looks > 4 if self.alarm_at is None else self.looks >= self.alarm_at
        up = not self.cuts or (self.comes_back and over)
        self.numbered += self.per_look if self.cuts else 0
        self.delivered = self.numbered if up else self.delivered
        store = {
            "numbered": self.numbered,
            "delivered": self.delivered,
            "waiting": self.numbered - self.delivered,
            "gone": 0,
        }
        link = {"state": "up" if up else "down", "since_s": 0.0 if self.cuts else 9999.0}
        return {"v": 1, "store": store, "link": link}


@pytest.fixture
def asked(control_socket: Callable[..., Path], tmp_path: Path) -> Callable[..., argparse.Namespace]:
    def make(gateway: Any, **more: Any) -> argparse.Namespace:
        path = control_socket(gateway) if gateway else tmp_path / "nobody"
        wanted = {"cut": 0.2, "who": "Yamada", "yes": True, "json": True, "config": None, "socket": path}
        return argparse.Namespace(**(wanted | more))

    return make


def test_rows_that_waited_and_arrived_pass(asked) -> None:
    gateway = Gateway()
    row = linecut.examine(asked(gateway), "en", True)
    assert row.state == "pass"
    assert "rows kept, all arrived" in row.words["en"]
    assert gateway.cuts == [{"op": "cut", "seconds": 0.2, "who": "Yamada"}]


def test_rows_that_do_not_arrive_fail(asked, monkeypatch) -> None:
    monkeypatch.setattr(linecut, "ARRIVAL_S", 0.2)
    row = linecut.examine(asked(Gateway(comes_back=False)), "en", True)
    assert row.state == "fail"
    assert "have not arrived" in row.words["en"]


def test_nothing_measured_proves_nothing(asked) -> None:
    assert linecut.examine(asked(Gateway(per_look=0)), "ja", True).state == "note"


def test_an_alarm_that_ends_the_cut_ends_the_waiting(asked) -> None:
    row = linecut.examine(asked(Gateway(alarm_at=3), cut=60.0), "en", True)
    assert row.state == "pass"


@pytest.mark.parametrize(
    ("more", "connected"), [({"yes": False}, True), ({"cut": 0.0}, True), ({}, False)], ids=str
)
def test_without_consent_or_a_line_nothing_is_cut(asked, more, connected) -> None:
    gateway = Gateway()
    row = linecut.examine(asked(gateway, **more), "en", connected)
    assert (row.state, gateway.cuts) == ("skip", [])


def test_a_gateway_that_refuses_or_is_off_fails(asked) -> None:
    error = {"code": "KE-L00", "what": "there is no connection to cut", "where": "", "fix": ""}

    def refusing(request: dict[str, Any]) -> dict[str, Any]:
        return {"error": error} if request["op"] == "cut" else Gateway()(request)

    refused = linecut.examine(asked(refusing), "en", True)
    assert refused.state == "fail"
    assert "no connection to cut" in refused.words["en"]
    assert linecut.examine(asked(None), "en", True).state == "fail"


def test_no_reply_at_all_is_told_as_such(asked) -> None:
    with pytest.raises(KagaError):
        linecut.examine(asked(lambda _request: None), "en", True)
