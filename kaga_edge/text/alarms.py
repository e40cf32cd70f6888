"""What an alarm says, in both languages: official names of the river ranks, plain words for the rest.

River ranks as at a Japanese gauge: 水防団待機水位, 氾濫注意水位, 避難判断水位, 氾濫危険水位, 堤防高.
"""

from __future__ import annotations

RANKS: dict[str, tuple[str, str]] = {
    "standby": ("水防団待機水位", "the flood-fighting corps standby level"),
    "caution": ("氾濫注意水位", "the flood caution level"),
    "evacuation": ("避難判断水位", "the evacuation judgement level"),
    "danger": ("氾濫危険水位", "the flood danger level"),
    "levee": ("堤防高", "the levee height"),
}

TEXTS: dict[str, tuple[str, str]] = {
    f"alarm.{state}.{rank}": (f"水位が{ja}{verb_ja}", f"Water level {verb_en} {en}")
    for rank, (ja, en) in RANKS.items()
    for state, verb_ja, verb_en in (
        ("raised", "に達しました", "has reached"),
        ("cleared", "を下回りました", "is below"),
    )
} | {
    "alarm.raised": ("{what}が警戒値({rank})に達しました", "{what} has reached its {rank} threshold"),
    "alarm.cleared": ("{what}が警戒値({rank})を下回りました", "{what} is below its {rank} threshold"),
}
