"""What the commands say besides status."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "check.good": ("設定は正しい: センサー {sensors}台", "the configuration is good: {sensors} sensor(s)"),
    "check.count": ("誤り {faults}件", "{faults} fault(s)"),
    "check.warning": ("注意", "warning"),
    "check.warnings": ("注意 {warnings}件", "{warnings} warning(s)"),
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
    "error.fix": ("直し方", "To mend"),
}
