"""The words of ``kaga-edge simulate replay``'s verdict: a recorded series against what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kaga_edge.text import quantity_name
from kaga_edge.vocabulary.quantities import BY_CHANNEL

if TYPE_CHECKING:
    from kaga_edge.sim.verdict import Finding

TEXTS = {
    "head": (
        "評価(記録の時刻どおりに、ゲートウェイと同じ計算で):",
        "Verdict (rows at their own times, through the gateway's own path):",
    ),
    "river.crest": ("最高水位 平常時より +{level} m  {at}", "crest {level} m above base at {at}"),
    "alarm.raised": (
        "警報 {rank} 発生 {at} ({level} m)",
        "alarm {rank} raised at {at} ({level} m)",
    ),
    "alarm.cleared": (
        "警報 {rank} 解除 {at} ({level} m)",
        "alarm {rank} cleared at {at} ({level} m)",
    ),
    "flagged": ("品質の印が付いた値 {n} / {of}", "flagged values {n} of {of}"),
    "struck": (
        (
            "{channel}: 技術者が除いた値 {struck} のうち検出 {caught}、"
            "良い値 {good} のうち誤って印 {false} ({rate} %)、"
            "基準のずれた値 {shifted} のうち検出 {shifted_flagged}"
        ),
        (
            "{channel}: of {struck} struck-out values {caught} caught; of {good} good ones {false} "
            "flagged ({rate} %); of {shifted} with a shifted datum {shifted_flagged} flagged"
        ),
    ),
    "ungraded": (
        "このゲートウェイにない項目は評価しません。技術者が除いた値 {n} ({told})",
        "not graded, as this gateway has no such channel: {n} struck-out values ({told})",
    ),
    "snow.storm": (
        "24時間降雪量の最大 {cm} cm  ({until} まで)",
        "most new snow in 24 h: {cm} cm, to {until}",
    ),
    "echoes": (
        "{channel}: 反射不良 {failed} のうち検出 {caught}、良い値 {good} のうち印 {false} ({rate} %)",
        (
            "{channel}: of {failed} failed echoes {caught} flagged; "
            "of {good} good ones {false} flagged ({rate} %)"
        ),
    ),
    "traffic.counted": (
        "検知器 {detector}: {vehicles} 台 (5分間 {intervals} 区間、最多 {busiest} 台)",
        "detector {detector}: {vehicles} vehicles in {intervals} intervals of 5 min, at most {busiest}",
    ),
    "traffic.short": ("0.1秒以下の短いパルス {n} も数えた", "{n} pulses no longer than 0.1 s counted"),
    "congestion.occupancy": (
        "渋滞 {since} から {until} (占有率 最大 {worst})",
        "congestion from {since} to {until} (occupancy up to {worst})",
    ),
    "congestion.speed": (
        "渋滞 {since} から {until} (速度 最低 {worst})",
        "congestion from {since} to {until} (speed down to {worst})",
    ),
}


def told(findings: tuple[Finding, ...], lang: str) -> list[str]:
    """Return the verdict, one line for each finding."""
    lines = [_say("head", lang, {})]
    return lines + [f"  {_say(finding.code, lang, dict(finding.values))}" for finding in findings]


def _say(code: str, lang: str, values: dict[str, object]) -> str:
    good, false = values.get("good"), values.get("false")
    if isinstance(good, int) and isinstance(false, int):
        values["rate"] = f"{100 * false / good:.1f}" if good else "-"
    channel = values.get("channel")
    if isinstance(channel, str) and channel in BY_CHANNEL:
        values["channel"] = quantity_name(channel, lang)
    return TEXTS[code][0 if lang == "ja" else 1].format(**values)
