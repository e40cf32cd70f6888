"""What the technician's commands say: maintenance, calibration, local output."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "KE-G06": ("頼み方が違う", "asked wrongly"),
    "KE-G06.meaning": (
        "動作中のゲートウェイへの頼みに足りないものがあります。",
        "Something is missing in what was asked of the running gateway.",
    ),
    "KE-G06.causes": ("センサー名の書き違い / 担当者名がない", "sensor id misspelt / nobody named"),
    "KE-G06.repair": ("表示された文のとおりに直します。", "Mend it as the line says."),
    "help.maintenance": ("保守中の印を付ける、外す", "mark values while somebody works here"),
    "maintenance.none": ("保守中のものはありません", "nothing is under maintenance"),
    "maintenance.site": ("観測所全体", "the whole station"),
    "maintenance.until": (
        "保守中: {what}  {until} まで自動 (あと{span})  担当 {who}",
        "Maintenance: {what} until {until}, ends by itself ({span} left). By {who}",
    ),
    "maintenance.goes_on": (
        "測定は続き、値には「保守中」の印が付きます。次の測定とともに市に通知します。",
        "Measuring goes on, every value is marked. The city is told with the next reading.",
    ),
}
