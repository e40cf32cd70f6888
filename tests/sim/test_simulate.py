"""``kaga-edge simulate replay``: a real series through the daemon's own process."""

import json
import re

import pytest

from kaga_edge.cli import main


@pytest.mark.slow
def test_every_vehicle_of_the_replayed_minutes_is_on_disk(real_series, capsys):
    path = real_series("traffic_atspm_1136_edges_2024-04-15.csv")
    code = main(["simulate", "replay", str(path), "--speed", "20", "--seconds", "6", "--lang", "en"])
    said = capsys.readouterr().out
    assert code == 0, said
    counted = [int(total) for total in re.findall(r"Vehicles: .* sum (\d+) count", said)]
    in_file = [int(count) for count in re.findall(r"in the file: (\d+)", said)]
    assert len(in_file) == 3
    assert counted == in_file
    assert sum(in_file) > 10


def test_a_file_that_is_no_series_is_refused(tmp_path, capsys):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n")
    assert main(["simulate", "replay", str(path)]) == 64
    assert "Trout Creek" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_was_told_as_text_where_json_was_asked_for(tmp_path, capsys):
    assert main(["simulate", "replay", str(tmp_path / "none.csv"), "--json"]) == 64
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["v"], told["error"]["where"], said.err) == (1, str(tmp_path / "none.csv"), "")
