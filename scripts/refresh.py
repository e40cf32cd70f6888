"""Write down anew what is made from the program itself; ``--check`` only compares, exit 1 when it is stale.

    kaga_edge/cli/words.json     what completion offers, from the parsers
    kaga_edge/text/shown.json    what the man pages show: each command below run as typed, in both languages

``scripts/recorded`` holds what a station said (status and events of the demo's, one sensor pulled), so that
status and log print the same everywhere; the printing is the command's own.
"""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from kaga_edge.cli.completion import words_of_parsers

ROOT = Path(__file__).resolve().parents[1]
RECORDED = Path(__file__).parent / "recorded"
WORDS = ROOT / "kaga_edge" / "cli" / "words.json"
SHOWN = ROOT / "kaga_edge" / "text" / "shown.json"
COLUMNS = 70  # a man page indents by seven
SHOWING = (
    "status",
    "status --line",
    "config check site.toml",
    "explain KE-B02",
    "log --level notice --last 8",
    "sensor list",
    "sensor models a02yyuw",
    "decode a02yyuw --frames FF07A1A7FF07A1A9",
)
MISTAKEN = """\
[site]
id = "flood-daishoji-01"
name = { ja = "大聖寺川 三木大橋", en = "Daishoji river, Miki bridge" }

[[sensor]]
id = "air-1"
driver = "sht4x"
i2c = { bus = 1, adress = 0x44 }
every = "10"
[sensor.disclosure]
purpose = { ja = "気象", en = "weather" }
personal_data = false

[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpio = 40
[sensor.disclosure]
purpose = { ja = "雨量", en = "rain" }
personal_data = false
"""


class _Station(socketserver.StreamRequestHandler):
    """Answers status as the demo's station did; any other question as a gateway that does not know it."""

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        told = (RECORDED / "status.json").read_bytes() if asked["op"] == "status" else b'{"error": {}}'
        self.wfile.write(told.strip() + b"\n")


def main() -> int:
    """Write the files, or with --check say which is stale."""
    made = {WORDS: words_of_parsers(), SHOWN: shown()}
    stale = []
    for file, content in made.items():
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(str(file.relative_to(ROOT)))
        if "--check" not in sys.argv:
            file.write_text(text, encoding="utf-8")
    if stale:
        print(f"{'stale: run scripts/refresh' if '--check' in sys.argv else 'written'}: {', '.join(stale)}")
    return 1 if stale and "--check" in sys.argv else 0


def shown() -> dict[str, dict[str, str]]:
    """Return by command line what it prints, by language."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _lay_out(folder)
        server = socketserver.UnixStreamServer(str(folder / "control.sock"), _Station)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            return {line: {lang: _printed(line, folder, lang) for lang in ("en", "ja")} for line in SHOWING}
        finally:
            server.shutdown()
            server.server_close()


def _lay_out(folder: Path) -> None:
    example = (ROOT / "config" / "kaga-edge.flood.toml").read_text(encoding="utf-8")
    store = f'[station]\nruntime = "{folder}"\n[store]\npath = "{folder}/store.sqlite"\n'
    (folder / "kaga-edge.toml").write_text(example, encoding="utf-8")
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "10-here.toml").write_text(store, encoding="utf-8")
    (folder / "site.toml").write_text(MISTAKEN, encoding="utf-8")
    shutil.copy(RECORDED / "events.jsonl", folder)


def _printed(line: str, folder: Path, lang: str) -> str:
    words = line.split()
    if words[0] in ("status", "log") or line == "sensor list":
        words += ["--config", str(folder / "kaga-edge.toml")]
    environ = {**os.environ, "COLUMNS": str(COLUMNS), "KAGA_EDGE_LANG": lang, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "kaga_edge", *words]
    one = subprocess.STDOUT  # as a terminal shows it
    done = subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=one, check=False)
    return done.stdout.decode().rstrip("\n")


if __name__ == "__main__":
    sys.exit(main())
