"""What the commands say besides status."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "check.good": ("設定は正しい: センサー {sensors}台", "the configuration is good: {sensors} sensor(s)"),
    "check.count": ("誤り {faults}件", "{faults} fault(s)"),
    "check.warning": ("注意", "warning"),
    "check.warnings": ("注意 {warnings}件", "{warnings} warning(s)"),
    "check.hint": (
        "直してから、もう一度: kaga-edge config check {file}",
        "Mend them, then again: kaga-edge config check {file}",
    ),
    "read.record_one": (
        "--record には1台を指定します: kaga-edge sensor read ID --record FILE",
        "--record takes one sensor: kaga-edge sensor read ID --record FILE",
    ),
    "read.failed": ("失敗", "failed"),
    "read.no_value": ("値なし", "no value"),
    "check.every": ("{every}ごと", "every {every}"),
    "check.no_platform": ("送信先なし: 保存だけします", "no [platform]: readings are only kept"),
    "models.wiring": ("配線", "Wiring"),
    "models.example": ("設定例", "Example"),
    "models.bus": ("接続", "Bus"),
    "models.address": ("番地", "Address"),
    "models.line": ("通信設定", "Serial"),
    "models.driver": ("ドライバー", "Driver"),
    "read.raw": ("生データ", "Raw bytes"),
    "read.took": ("応答 {ms} ms", "reply {ms} ms"),
    "read.recorded": ("{file} に書きました", "written to {file}"),
    "read.no_such_sensor": ("「{id}」というセンサーはありません", 'there is no sensor "{id}"'),
    "read.no_such_sensor_fix": ("あるもの: {valid}", "there are: {valid}"),
    "cli.unknown": ("「{name}」という命令はありません", 'there is no command "{name}"'),
    "cli.near": ("「kaga-edge {near}」のことですか?", 'Did you mean "kaga-edge {near}"?'),
    "cli.all": ("使えるもの: {names}", "There are: {names}"),
    "help.head": (
        "kaga-edge: 川・雪・道路の観測所のゲートウェイ。測った値をすべて残し、市へ送ります。",
        "kaga-edge: gateway of a flood, snow or traffic station. Keeps every reading and sends it on.",
    ),
    "help.examples": ("使い方の例:", "Examples:"),
    "help.foot": (
        "詳しくは: kaga-edge COMMAND --help    言語: --lang ja|en または KAGA_EDGE_LANG",
        "More: kaga-edge COMMAND --help    Language: --lang ja|en or KAGA_EDGE_LANG",
    ),
    "help.demo": ("模擬の観測所を90秒で見せる", "a simulated station, its story in 90 seconds"),
    "help.run": ("ゲートウェイ本体 (systemd が起動する)", "the gateway itself (what systemd starts)"),
    "help.status": ("今の値、未送信、回線、時計", "values now, what waits, link, clock"),
    "help.config": ("設定の検査、ひな形、スキーマ", "check a configuration, print an example or the schema"),
    "help.sensor": ("対応機種、一覧、1回測る", "supported models, configured sensors, one reading now"),
    "help.decode": ("記録したバイト列を解読する", "decode captured bytes offline"),
    "help.receive": (
        "受信側: 番号を確かめながら受け取る",
        "the receiving side: takes batches, counts numbers",
    ),
    "help.simulate": ("模擬の観測所、実測データの再生", "a simulated site, replay of real series"),
    "help.contract": ("市のシステムとの取り決め", "the contract with the platform: schemas, samples"),
    "help.version": ("版を表示", "print the version"),
    "help.example.demo": (
        "kaga-edge demo                    機器なしで動きを見る",
        "kaga-edge demo                    see it work, without hardware",
    ),
    "help.example.config": (
        "kaga-edge config init flood > kaga-edge.toml\nkaga-edge config check kaga-edge.toml",
        "kaga-edge config init flood > kaga-edge.toml\nkaga-edge config check kaga-edge.toml",
    ),
    "help.example.status": (
        "kaga-edge status                  動いているゲートウェイの様子",
        "kaga-edge status                  what the running gateway does",
    ),
    "error.fix": ("直し方", "To mend"),
}
