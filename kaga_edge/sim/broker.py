"""The embedded broker of the demo and of quick tests: iotcore (rumqttd) with an MQTT 5 listener.

For demonstration and tests only; it listens on 127.0.0.1 and lets everybody in. What it lacks, as
tried with version 0.4.0, and why that does not hurt here:

- PUBACK always says 0x00: no 0x10 for "no subscriber", no 0x87 or 0x97. Tests of reason codes need
  another peer (mosquitto, or a scripted one).
- CONNACK names neither Receive Maximum nor Maximum Packet Size; a packet above ``max_payload_size``
  ends the connection without a reason.
- A session taken over by a newer connection is closed without DISCONNECT.
- Nothing is kept on disk: sessions and retained messages end with the process.

Will delay (cancelled by a return, at once when the session ends), retained messages and clearing them,
Clean Start false with a session that keeps queued messages, message expiry and QoS 1 work.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from pathlib import Path
from typing import Any

MAX_PAYLOAD_BYTES = 262_144
SERVED_PORTS = range(10_000, 32_000)  # below those the kernel gives to outgoing connections

CONFIG = """\
id = 0

[router]
id = 0
max_connections = 64
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10

[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {max_payload}
max_inflight_count = 100
dynamic_filters = true
"""


class EmbeddedBroker:
    """A broker in a child process; it ends with this process whatever happens."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.port = port or free_port()
        self._config = folder / "broker.toml"
        self._broker: Any = None

    @property
    def running(self) -> bool:
        """Whether the broker's process lives."""
        return self._broker is not None and bool(self._broker.is_running)

    async def start(self) -> None:
        """Start it and return once it accepts connections. Raises OSError when the port is taken."""
        from iotcore import Broker

        self._config.write_text(CONFIG.format(port=self.port, max_payload=MAX_PAYLOAD_BYTES))
        self._broker = Broker(config_path=str(self._config))
        await asyncio.to_thread(self._broker.start)

    async def stop(self) -> None:
        """End it. Sessions and retained messages are gone with it: it keeps nothing on disk."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await asyncio.to_thread(broker.stop)


def free_port() -> int:
    """Return a TCP port that nobody listens on, and that no outgoing connection is given.

    One of the kernel's own choice may be somebody's connection by the time a broker comes back to it.
    """
    draw = random.SystemRandom()
    while True:
        port = draw.choice(SERVED_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
