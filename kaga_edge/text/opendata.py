"""Words of ``kaga-edge opendata`` and of the description that goes with each file."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "KE-U11": ("受信側のファイルを読めない", "the receiver's file cannot be read"),
    "KE-U11.meaning": (
        "公開する測定を読む元のファイルが、kaga-edge receive のものではありません。",
        "The file that should be published from is not one of kaga-edge receive.",
    ),
    "KE-U11.causes": (
        "別のファイル / 壊れている / 読む権限がない",
        "another file / damaged / no permission to read it",
    ),
    "KE-U11.repair": (
        "--archive に受信側のファイルを書きます。",
        "Name the receiver's file with --archive.",
    ),
    "KE-U12": ("このままでは公開できない", "not to be published as it is"),
    "KE-U12.meaning": (
        "公開には、ライセンス、公表内容、観測所、期間がはっきりしている必要があります。",
        "Publishing needs a licence, a disclosure, a gateway and a time that are clear.",
    ),
    "KE-U12.causes": (
        "ライセンスがない / 公表内容が届いていない / 日付の書き違い",
        "no licence / no disclosure has come / a date misspelt",
    ),
    "KE-U12.repair": (
        'kaga-edge opendata export --licence "CC BY 4.0" --from 2026-11',
        'kaga-edge opendata export --licence "CC BY 4.0" --from 2026-11',
    ),
    "opendata.written": ("{file}  {count} 件", "{file}  {count} values"),
    "opendata.left_out.personal": (
        "{sensor}: 個人に関わるため含めません",
        "{sensor}: touches personal data, left out",
    ),
    "opendata.left_out.withheld": (
        "{sensor}: 公開しない設定のため含めません",
        "{sensor}: not to be published, left out",
    ),
    "opendata.nothing": (
        "この期間に公開できる測定はありません",
        "nothing to publish in that time",
    ),
    "opendata.no_licence": (
        "ライセンスが決まっていません。公開には利用条件が要ります",
        "no licence: open data needs the terms of its use",
    ),
    "opendata.bad_time": (
        "「{value}」は日でも月でもありません (例 2026-11、2026-11-22)",
        "{value} is no day or month (2026-11, 2026-11-22)",
    ),
    "opendata.no_archive": ("受信側のファイルがありません", "there is no such file"),
    "opendata.which": ("どの観測所か分かりません", "which gateway is not clear"),
    "opendata.undisclosed": (
        "{gw} の公表内容 (manifest) が届いていません。公表のないものは公開できません",
        "no disclosure (manifest) of {gw} has come; what is not disclosed is not published",
    ),
    "opendata.undisclosed_fix": (
        "ゲートウェイが一度つながるか、その store export を取り込むと届きます",
        "it comes when the gateway connects, or with its store export",
    ),
    "opendata.column.time": (
        "測定時刻 (観測所の時間帯、UTC との差つき)",
        "time of measuring, site's zone with offset from UTC",
    ),
    "opendata.column.station": ("観測所ID", "station id"),
    "opendata.column.sensor": ("センサーID", "sensor id"),
    "opendata.column.item": ("項目", "what is measured"),
    "opendata.column.value": ("値 (欠測は空)", "value; empty when missing"),
    "opendata.column.unit": ("単位 (UCUM)", "unit (UCUM)"),
    "opendata.column.quality": ("品質", "quality in a word"),
    "opendata.column.flags": (
        (
            "品質の印 (和): 1 範囲外、2 急変、4 固着、8 センサーが低品質と言う、16 推"
            "定、32 保守中、64 校正期限切れ、"
            "128 欠測、256 時刻を後で修正、512 収集停止、1024 間引き"
        ),
        (
            "quality flags, summed: 1 out of range, 2 spike, 4 stuck, 8 the sensor says "
            "low quality, 16 estimated, "
            "32 maintenance, 64 calibration expired, 128 missing, 256 re-timed, 512 stopped, 1024 thinned"
        ),
    ),
    "opendata.column.clock": (
        "時計の確かさ: 0 なし、1 最後に分かった時刻、2 NTP、3 GNSS",
        "clock: 0 none, 1 last known time, 2 NTP, 3 GNSS",
    ),
    "opendata.quality.good": ("正常", "good"),
    "opendata.quality.suspect": ("疑わしい", "suspect"),
    "opendata.quality.maintenance": ("保守中", "taken during maintenance"),
    "opendata.quality.estimated": ("推定値", "estimated"),
    "opendata.quality.missing": ("欠測", "missing"),
    "opendata.quality.stopped": ("求めにより収集停止", "collection stopped by request"),
}
