from __future__ import annotations

import asyncio
import json
import logging
import socket
import time

import pytest

from kaga_edge.core.timekeeping import Floor
from kaga_edge.station import journal
from kaga_edge.station.clock import SystemClock, kernel_synchronised
from kaga_edge.station.control import ControlSocket
from kaga_edge.station.notify import Supervisor
from kaga_edge.vocabulary.errors import KagaError, SensorSilent


async def ask(path, line: bytes) -> dict:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    return answer


@pytest.fixture
async def control(tmp_path):
    async def status(_request):
        return {"v": 1}

    async def read(request):
        raise SensorSilent("nobody answers", where=request["sensor"], fix="Check the plug.")

    server = ControlSocket(tmp_path / "control.sock", {"status": status, "read": read})
    await server.open()
    yield tmp_path / "control.sock"
    await server.close()


async def test_the_control_socket_answers_by_op(control) -> None:
    assert await ask(control, b'{"op":"status"}') == {"v": 1}


async def test_a_sensor_that_is_no_text_is_refused_however_often(control) -> None:
    """Each such question used to take one of the sixteen places for ever."""
    for _ in range(20):
        answer = await ask(control, b'{"op":"read","sensor":["air-1"]}')
        assert answer["error"]["what"] == "sensor is no text"
    assert await ask(control, b'{"op":"status"}') == {"v": 1}


async def test_an_expected_failure_is_an_answer(control) -> None:
    answer = await ask(control, b'{"op":"read","sensor":"air-1"}')
    assert answer["error"] == {
        "code": "KE-B02",
        "what": "nobody answers",
        "where": "air-1",
        "fix": "Check the plug.",
    }


@pytest.mark.parametrize("line", [b"", b"rubbish", b"[]", b'{"op":"format-disk"}', b"\xff\xfe", b"[" * 5000])
async def test_rubbish_gets_an_error_not_a_crash(control, line: bytes) -> None:
    assert "error" in await ask(control, line)
    assert await ask(control, b'{"op":"status"}') == {"v": 1}


async def test_a_second_daemon_is_refused_and_a_left_over_file_is_not(control, tmp_path) -> None:
    with pytest.raises(KagaError, match="another kaga-edge daemon"):
        await ControlSocket(control, {}).open()
    left_over = tmp_path / "old.sock"
    socket.socket(socket.AF_UNIX).bind(str(left_over))
    again = ControlSocket(left_over, {})
    await again.open()
    await again.close()


def test_systemd_hears_ready_and_each_status_once(tmp_path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.settimeout(1)
        supervisor = Supervisor({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000000"})
        supervisor.say("READY=1")
        supervisor.status("3/3 sensors")
        supervisor.status("3/3 sensors")
        supervisor.say("STOPPING=1")
        heard = [systemd.recv(100) for _ in range(3)]
    assert heard == [b"READY=1", b"STATUS=3/3 sensors", b"STOPPING=1"]
    assert supervisor.watchdog_s == 60.0


def test_without_systemd_nothing_happens() -> None:
    supervisor = Supervisor({})
    supervisor.say("READY=1")
    assert supervisor.watchdog_s is None


def test_a_watchdog_meant_for_another_process_is_not_ours() -> None:
    assert Supervisor({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s is None


def test_the_clock_agrees_with_the_kernels_own() -> None:
    moment = SystemClock().now()
    assert abs(moment.wall_ms - time.time() * 1000) < 1000
    assert abs(moment.up_ms - time.clock_gettime(time.CLOCK_BOOTTIME) * 1000) < 1000
    assert len(moment.boot) == 4
    assert isinstance(kernel_synchronised(), bool)


def test_the_clock_is_never_before_the_last_known_time() -> None:
    future_ms = int(time.time() * 1000) + 10**9
    up_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    moment = SystemClock(Floor(wall_ms=future_ms, seen_up_ms=up_ms)).now()
    assert kernel_synchronised() or moment.wall_ms >= future_ms


def test_a_log_line_is_event_then_fields_and_never_two_lines(capsys, monkeypatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    journal.start()
    journal.error("sensor.down", sensor="air-1", error='no "answer"\nat 0x44', code=None, after_s=3.0)
    assert capsys.readouterr().err == "<3>sensor.down sensor=air-1 error=\"no 'answer' at 0x44\" after_s=3\n"
    logging.getLogger("kaga_edge").handlers.clear()


async def test_a_stop_while_somebody_was_connected_left_a_traceback_in_the_log(tmp_path, caplog) -> None:
    """Python 3.11 hands the cancellation of a client's task to the log as an error of ours."""
    server = ControlSocket(tmp_path / "control.sock", {})
    await server.open()
    reader, writer = await asyncio.open_unix_connection(tmp_path / "control.sock")
    writer.write(b'{"op":"status"}\n')
    await reader.readline()  # it is being served, and stays, as status --watch does
    await server.close()
    assert await reader.read() == b""
    writer.close()
    assert [one.getMessage() for one in caplog.records if one.name == "asyncio"] == []
