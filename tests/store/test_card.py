"""The image of a card, put on another card of the same board, went on with the numbers of the first."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.store.card import card_of
from kaga_edge.store.memory import NoDisk

# As the kernel shows SD cards: 32 hexadecimal digits (SD specification part 1, 5.2).
CID, OTHER_CID = "035344534c31364780b3d1f2a5014a00", "275048534433324760b1c2d3e4014b00"


def test_an_image_put_on_another_card_starts_a_new_epoch(bench: Any) -> None:
    database = bench.open(identity=replace(bench.here, card=CID))
    bench.add(database, 3)
    old = database.epoch
    database.close()

    restored = bench.open(identity=replace(bench.here, card=OTHER_CID))

    assert restored.epoch != old
    assert bench.add(restored).first == 1
    assert [row[0] for row in restored.load(old, 1, 9, 9).rows] == [1, 2, 3]
    restored.close()
    assert bench.open(identity=replace(bench.here, card=OTHER_CID)).epoch == restored.epoch


def test_a_card_that_is_learnt_later_or_unknown_for_once_keeps_the_epoch(bench: Any) -> None:
    epochs = set()
    for card in ("", CID, "", CID):
        database = bench.open(identity=replace(bench.here, card=card))
        epochs.add(database.epoch)
        database.close()
    assert len(epochs) == 1
    assert bench.open(identity=replace(bench.here, card=OTHER_CID)).epoch not in epochs


@pytest.fixture
def sysfs(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """A /sys in which this folder lies on the second partition of an SD card, or of what the files say."""

    def made(files: dict[str, str]) -> Path:
        disk = tmp_path / "sys/devices/platform/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0"
        (disk / "mmcblk0p2").mkdir(parents=True)
        for name, content in files.items():
            (disk / name).parent.mkdir(exist_ok=True)
            (disk / name).write_text(content)
        device = os.stat(tmp_path).st_dev
        links = tmp_path / "sys/dev/block"
        links.mkdir(parents=True)
        (links / f"{os.major(device)}:{os.minor(device)}").symlink_to(disk / "mmcblk0p2")
        return tmp_path / "sys"

    return made


@pytest.mark.parametrize(
    ("files", "card"),
    [
        ({"device/cid": f"{CID}\n"}, CID),
        ({"wwid": "eui.0025385b71b0a1c5\n"}, "eui.0025385b71b0a1c5"),
        ({"device/cid": "\n", "serial": "ABC123"}, "ABC123"),
        ({}, ""),
    ],
)
def test_where_the_kernel_tells_which_device_it_is(
    sysfs: Callable[[dict[str, str]], Path], tmp_path: Path, files: dict[str, str], card: str
) -> None:
    assert card_of(tmp_path, sysfs(files)) == card


def test_a_folder_that_is_not_there_and_memory_have_no_card(tmp_path: Path) -> None:
    assert card_of(tmp_path / "absent") == ""
    assert NoDisk().card(tmp_path) == ""
