"""What an alarm says, in both languages: official names of the river ranks, plain words for the rest.

The names of the ranks are data (``ranks.json``): they change by decree, not by a new program.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_DATA: dict[str, Any] = json.loads(Path(__file__).with_name("ranks.json").read_text("utf-8"))

# River ranks, lowest first: rank -> (Japanese, English); the alert level (警戒レベル相当) of each.
RANKS: dict[str, tuple[str, str]] = {one["rank"]: (one["ja"], one["en"]) for one in _DATA["river"]}
LEVELS: dict[str, int] = {one["rank"]: one["level"] for one in _DATA["river"]}
OTHER_RANKS: dict[str, tuple[str, str]] = {one["rank"]: (one["ja"], one["en"]) for one in _DATA["other"]}

_RIVER = {
    f"alarm.{state}.{rank}": (f"水位が{ja}{verb_ja}", f"Water level {verb_en} the {en}")
    for rank, (ja, en) in RANKS.items()
    for state, verb_ja, verb_en in (
        ("raised", "に達しました", "has reached"),
        ("cleared", "を下回りました", "is below"),
    )
}
_RANK_WORDS = {f"rank.{rank}": words for rank, words in (RANKS | OTHER_RANKS).items()} | {
    "rank.caution": OTHER_RANKS["caution"]  # beyond rivers, "caution" is no water level
}

TEXTS: dict[str, tuple[str, str]] = (
    _RIVER
    | _RANK_WORDS
    | {
        "alarm.raised": (
            "{what}が{rank}の値({threshold}{unit})に達しました",
            "{what} has reached its {rank} threshold ({threshold} {unit})",
        ),
        "alarm.cleared": (
            "{what}が{rank}の値({threshold}{unit})を下回りました",
            "{what} is below its {rank} threshold ({threshold} {unit})",
        ),
        # --- traffic: rules a to c for stranded vehicles ---
        "watch.raised.stopped": (
            "車両が{minutes}分以上動いていません(滞留)",
            "Vehicles have not moved for {minutes} min or more (stranded)",
        ),
        "watch.cleared.stopped": ("車両が再び流れています", "Vehicles are moving again"),
        "watch.raised.forming": (
            "雪の中で速度と交通量が落ちています(滞留のおそれ)",
            "Speed and traffic have dropped in snow (vehicles may become stranded)",
        ),
        "watch.cleared.forming": ("速度と交通量が戻りました", "Speed and traffic are back to normal"),
        "watch.raised.gathering": (
            "出る車より入る車が多く、約{vehicles}台がたまっています",
            "More vehicles enter than leave: about {vehicles} are gathering",
        ),
        "watch.cleared.gathering": (
            "入る車と出る車の差がなくなりました",
            "No more vehicles enter than leave",
        ),
        # --- road ---
        "watch.raised.icing": ("路面が凍結するおそれがあります", "The road surface may be icy"),
        "watch.cleared.icing": (
            "路面凍結のおそれはなくなりました",
            "The road surface is no longer likely to be icy",
        ),
        # --- checks of several sensors: a person should look ---
        "watch.raised.float": (
            "フロートスイッチと水位計が合いません",
            "Float switch and level gauge contradict each other",
        ),
        "watch.cleared.float": (
            "フロートスイッチと水位計が合いました",
            "Float switch and level gauge agree again",
        ),
        "watch.raised.levels": ("2台の水位計の差が大きすぎます", "Two level gauges are too far apart"),
        "watch.cleared.levels": ("2台の水位計が合いました", "The two level gauges agree again"),
        "watch.raised.snow-warm": (
            "暖かいのに積雪深が増えています",
            "Snow depth grows although the air is too warm for snow",
        ),
        "watch.cleared.snow-warm": ("積雪深の不自然な増加は終わりました", "Snow depth is plausible again"),
        "watch.raised.frost-tips": (
            "氷点下で雨量計が転倒しています",
            "The rain gauge tips although the air is below freezing",
        ),
        "watch.cleared.frost-tips": ("雨量計は正常に戻りました", "The rain gauge is plausible again"),
        # --- a rule that was taken out while its alarm lasted ---
        "watch.raised.retired": ("警報の設定がなくなりました", "The alarm's rule was taken out"),
        "watch.cleared.retired": (
            "警報の設定がなくなったため解除しました",
            "Cleared: its rule was taken out of the configuration",
        ),
        # --- maintenance ---
        "watch.raised.maintenance": (
            "保守中です。測定は続き、値には印が付きます",
            "Under maintenance: measuring goes on, values are marked",
        ),
        "watch.cleared.maintenance": ("保守は終わりました", "Maintenance has ended"),
        "watch.raised.collect": (
            "求めにより測定を止めました",
            "Collecting was stopped by request",
        ),
        "watch.cleared.collect": ("測定を再開しました", "Collecting goes on again"),
        # --- the configuration ---
        "watch.raised.config": (
            "設定ファイルが使えず、前の良い設定で測っています",
            "The configuration file cannot be used; measuring goes on with the last good one",
        ),
        # --- the disk ---
        "watch.raised.disk": (
            "ディスクに書けません。測定と送信は続きますが、電源が切れると未送信分を失います",
            "The disk refuses: measuring and sending go on, a power cut now loses what is not sent",
        ),
        "watch.cleared.disk": ("ディスクに書けるようになりました", "The disk takes everything again"),
        "watch.cleared.config": ("設定ファイルで動いています", "The configuration file is in use again"),
    }
)
