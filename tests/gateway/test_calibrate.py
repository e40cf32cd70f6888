"""Calibration end to end: the command beside a running daemon, the catalog it changes, and the way back."""

from __future__ import annotations

import re
import subprocess
import sys

from .conftest import config_text, wait_for


def calibrate(daemon, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command; where the machine is busy and half a second has too few readings, a longer one."""
    command = [sys.executable, "-m", "kaga_edge", "--lang", "en", "sensor", "calibrate", "level-1", *words]
    where = ["--config", daemon.config, "--socket", daemon.socket]
    for window in ("0.5", "30"):
        done = subprocess.run(
            [*command, "--who", "Yamada", "--yes", "--window", window, *where],
            capture_output=True,
            text=True,
            check=False,
        )
        if not re.search("only [1-4] valid", " ".join(done.stderr.split())):
            break
    return done


def test_the_zero_of_a_winter_is_learned_on_bare_ground_and_only_there(tmp_path, daemon, instruments) -> None:
    text = config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    text = text.replace("gauge_zero_to_sensor_m = 5.0", "ground_to_sensor_m = 2.04\n[sensor.snow]")
    daemon.config.write_text(text)
    daemon.start()
    wait_for(lambda: channels(daemon).get("snow_on_ground") == 0.04, why="the depth above no zero")
    done = calibrate(daemon, "--bare-ground", "--why", "no snow yet")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: channels(daemon).get("snow_on_ground") == 0, why="the learned zero")
    assert channels(daemon)["snow_depth"] == 0.04  # what the gauge shows is never touched
    kept = (tmp_path / "conf.d/50-calibration.toml").read_text()
    assert 'method = "bare-ground"' in kept
    assert 'who = "Yamada"' in kept
    assert 'due = "20' in kept

    instruments[0].distance_mm = 1840  # 20 cm of snow
    wait_for(lambda: channels(daemon).get("snow_on_ground") == 0.16, why="snow above the zero")
    done = calibrate(daemon, "--bare-ground")
    assert done.returncode == 2
    assert "no bare ground" in done.stderr

    assert calibrate(daemon, "--undo").returncode == 0
    wait_for(lambda: channels(daemon).get("snow_on_ground") == 0.2, why="the way back")


def channels(daemon) -> dict[str, float]:
    return {one["id"]: one["value"] for one in daemon.status()["sensors"][0]["channels"]}


def test_offset_two_point_and_undo_with_the_raw_value_kept(tmp_path, daemon, instruments) -> None:
    daemon.config.write_text(
        config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    )
    daemon.start()
    wait_for(lambda: channels(daemon).get("water_level") == 3.0, why="the first value")
    numbered = daemon.status()["store"]["numbered"]

    done = calibrate(daemon, "--staff", "2.95", "--why", "first visit")
    assert done.returncode == 0, done.stderr
    assert "True 2.95, correction -0.05, gain 1, after 2.95 m" in done.stdout
    wait_for(
        lambda: channels(daemon) == {"water_level": 2.95, "surface_distance": 2.0, "water_level_raw": 3.0},
        why="the corrected value",
    )

    instruments[0].distance_mm = 4000  # the water falls by two metres
    wait_for(lambda: channels(daemon)["water_level_raw"] == 1.0, why="the second point")
    done = calibrate(daemon, "--staff", "1.00", "--other", "last")
    assert done.returncode == 0, done.stderr
    assert "Last: " in done.stdout
    wait_for(lambda: channels(daemon)["water_level"] == 1.0, why="the two-point line")

    done = calibrate(daemon, "--staff", "nan")
    assert (done.returncode, "KE-U02" in done.stderr) == (2, True)  # it was written, and no start took it

    done = calibrate(daemon, "--undo")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: channels(daemon)["water_level"] == 0.95, why="the way back")
    log = daemon.log.read_text()
    applied = [line for line in log.splitlines() if "config.applied" in line]
    assert len({line.split("catalog=")[1] for line in applied}) == 2  # the undone line is the first again
    assert daemon.status()["store"]["numbered"] > numbered  # no gap: the bus was never reopened
    kept = (tmp_path / "conf.d" / "50-calibration.toml").read_text()
    assert kept.count("[[sensor.calibration]]") == 2
    assert "undone" in kept
    assert 'why = "first visit"' in kept


def test_moving_water_is_refused_and_nothing_is_written(tmp_path, daemon, instruments) -> None:
    daemon.config.write_text(
        config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    )
    daemon.start()
    instruments[0].unplug()
    wait_for(lambda: daemon.status()["sensors"][0]["state"] == "failing", why="silence")
    done = calibrate(daemon, "--staff", "2.95")
    assert (done.returncode, "KE-U02" in done.stderr) == (2, True)
    assert not (tmp_path / "conf.d").exists()


def test_a_calibration_beside_a_faulty_configuration_said_only_that_the_file_is_bad(
    tmp_path, daemon, instruments
) -> None:
    text = config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    daemon.config.write_text(text)
    daemon.start()
    wait_for(lambda: channels(daemon).get("water_level") == 3.0, why="the first value")
    daemon.config.write_text(text + "\nnonsense = 1\n")
    done = calibrate(daemon, "--staff", "2.95")
    assert done.returncode == 1
    assert "recorded, but the gateway did not take it up" in " ".join(done.stderr.split())
    assert "kaga-edge config check" in " ".join(done.stderr.split())
    assert (tmp_path / "conf.d/50-calibration.toml").read_text().count("[[sensor.calibration]]") == 1
    daemon.config.write_text(text)
    done = calibrate(daemon, "--undo")  # the reload takes both up
    assert done.returncode == 0, done.stderr
    assert "To be taken back: water_level" in done.stdout
    assert calibrate(daemon, "--undo").returncode == 2  # nothing is left to take back


def test_after_an_undo_a_calibrated_sensor_was_called_never_calibrated(tmp_path, daemon, instruments) -> None:
    daemon.config.write_text(
        config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    )
    daemon.start()
    wait_for(lambda: channels(daemon).get("water_level") == 3.0, why="the first value")
    assert "never calibrated before" in calibrate(daemon, "--staff", "2.95").stdout
    assert calibrate(daemon, "--undo").returncode == 0
    done = calibrate(daemon, "--staff", "2.9")
    assert "Yamada, correction -0.05, gain 1 (taken back)" in done.stdout
    assert "never" not in done.stdout
