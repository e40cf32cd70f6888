"""The words of ``kaga-edge simulate replay``'s verdict: a recorded series against what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kaga_edge.cli.screen import fold
from kaga_edge.text import quantity_name
from kaga_edge.text.alarms import RANKS
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
        "{rank} に到達 {at} ({level} m)",
        "{rank} reached at {at} ({level} m)",
    ),
    "alarm.cleared": (
        "{rank} を下回る {at} ({level} m)",
        "{rank} no longer at {at} ({level} m)",
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
    **{
        f"struck.{name}": (
            (
                f"{japanese}: 技術者が除いた値 {{struck}} のうち検出 {{caught}}、"
                "良い値 {good} のうち誤って印 {false} ({rate} %)"
            ),
            (
                f"{english}: of {{struck}} struck-out values {{caught}} caught; "
                "of {good} good ones {false} flagged ({rate} %)"
            ),
        )
        for name, (japanese, english) in {
            "cond": ("電気伝導率", "Conductivity"),
            "ph": ("pH", "pH"),
            "do": ("溶存酸素", "Dissolved oxygen"),
            "turb": ("濁度", "Turbidity"),
            "all": ("全項目", "All channels"),
        }.items()
    },
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
    "traffic.short": ("0.1秒以下の短いパルス {n} 個も数えた", "{n} pulses no longer than 0.1 s counted"),
    "congestion.none": ("{n} 行に渋滞はありません", "no congestion in {n} rows"),
    "congestion.occupancy": (
        "渋滞 {since} から {until} (占有率 最大 {worst} %)",
        "congestion from {since} to {until} (occupancy up to {worst} %)",
    ),
    "congestion.speed": (
        "渋滞 {since} から {until} (速度 最低 {worst} mph)",
        "congestion from {since} to {until} (speed down to {worst} mph)",
    ),
}


def told(findings: tuple[Finding, ...], lang: str) -> list[str]:
    """Return the verdict, one finding after the other, in lines that fit the terminal."""
    lines = fold(_say("head", lang, {}), indent=2)
    for finding in findings:
        lines += fold(f"  {_say(finding.code, lang, dict(finding.values))}", indent=4)
    return lines


def _say(code: str, lang: str, values: dict[str, object]) -> str:
    good, false = values.get("good"), values.get("false")
    if isinstance(good, int) and isinstance(false, int):
        values["rate"] = f"{100 * false / good:.1f}" if good else "-"
    channel = values.get("channel")
    if isinstance(channel, str) and channel in BY_CHANNEL:
        values["channel"] = quantity_name(channel, lang)
    if "rank" in values:
        values["rank"] = RANKS[str(values["rank"])][0 if lang == "ja" else 1]
    return TEXTS[code][0 if lang == "ja" else 1].format(**values)
