"""What the technician's commands say: maintenance, calibration, local output."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # --- channels that keep the value before a calibration ---
    "quantity.water_level_raw": ("水位 (校正前)", "Water level, uncalibrated"),
    "quantity.water_depth_raw": ("水深 (校正前)", "Water depth, uncalibrated"),
    "quantity.snow_depth_raw": ("積雪深 (校正前)", "Snow depth, uncalibrated"),
    "quantity.air_temperature_raw": ("気温 (校正前)", "Air temperature, uncalibrated"),
    "quantity.water_temperature_raw": ("水温 (校正前)", "Water temperature, uncalibrated"),
    "quantity.surface_temperature_raw": ("表面温度 (校正前)", "Surface temperature, uncalibrated"),
    "quantity.relative_humidity_raw": ("湿度 (校正前)", "Humidity, uncalibrated"),
    "quantity.air_pressure_raw": ("気圧 (校正前)", "Air pressure, uncalibrated"),
    "quantity.water_pressure_raw": ("水圧・絶対 (校正前)", "Water pressure (absolute), uncalibrated"),
    "quantity.gauge_pressure_raw": ("水圧・ゲージ (校正前)", "Water pressure (gauge), uncalibrated"),
    "quantity.loop_current_raw": ("ループ電流 (校正前)", "Loop current, uncalibrated"),
    "quantity.supply_voltage_raw": ("電源電圧 (校正前)", "Supply voltage, uncalibrated"),
    "quantity.supply_current_raw": ("電源電流 (校正前)", "Supply current, uncalibrated"),
    "quantity.supply_power_raw": ("消費電力 (校正前)", "Supply power, uncalibrated"),
    "KE-U01": ("頼み方が違う", "asked wrongly"),
    "KE-U01.meaning": (
        "動作中のゲートウェイへの頼みに足りないものがあります。",
        "Something is missing in what was asked of the running gateway.",
    ),
    "KE-U01.causes": ("センサー名の書き違い / 担当者名がない", "sensor id misspelt / nobody named"),
    "KE-U01.repair": ("表示された文のとおりに直します。", "Mend it as the line says."),
    "explain.KE-U": ("測定と送信は続きます。", "Measuring and sending go on."),
    "help.maintenance": ("保守中の印を付ける、外す", "mark values while somebody works here"),
    "help.output": ("回転灯・サイレンの状態と試験", "lamps and sirens: state, test"),
    "output.none": ("出力の設定はありません", "no [[output]] is configured"),
    "output.on": ("作動", "on"),
    "output.off": ("停止", "off"),
    "output.broken": ("使えません", "cannot be used"),
    "output.testing": ("試験: {seconds}秒間作動します", "Test: on for {seconds} s"),
    "status.care": ("保守中", "Care"),
    "status.care_left": ("{what}  あと{span}  {who}", "{what}, {span} left, {who}"),
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
    # --- calibration ---
    "KE-U02": ("校正できない", "cannot be calibrated"),
    "KE-U02.meaning": (
        "校正の値を決められないか、書き込めません。何も変わっていません。",
        "No calibration can be found from this, or it cannot be written. Nothing has changed.",
    ),
    "KE-U02.causes": (
        "測定値が揺れている / 2点が近すぎる / 設定フォルダーに書けない",
        "readings scatter / the two points are too close / the folder is not writable",
    ),
    "KE-U02.repair": (
        "波や人の動きが収まるのを待つか --window を長くします。書くには sudo を使います。",
        "Wait until it is calm or take a longer --window. To write, use sudo.",
    ),
    "calibrate.measuring": ("{seconds}秒間測ります...", "Measuring for {seconds} s..."),
    "calibrate.now": (
        "今の値 {value} {unit} ({count}回, ばらつき {spread})",
        "Now {value} {unit} ({count} readings, spread {spread})",
    ),
    "calibrate.line": (
        "基準値 {true}  補正 {offset}  倍率 {gain}  校正後 {after} {unit}",
        "True {true}, correction {offset}, gain {gain}, after {after} {unit}",
    ),
    "calibrate.before": (
        "前回 {at} {who}  補正 {offset}  倍率 {gain}",
        "Last: {at} {who}, correction {offset}, gain {gain}",
    ),
    "calibrate.taken_back": (
        "前回 {at} {who}  補正 {offset}  倍率 {gain} (取り消し済み)",
        "Last: {at} {who}, correction {offset}, gain {gain} (taken back)",
    ),
    "calibrate.first": ("前回の校正なし", "never calibrated before"),
    "calibrate.question": ("続けますか [y/N] ", "Continue [y/N] "),
    "calibrate.bare_question": (
        "真下に雪も氷もないことを目で確かめましたか。これを今冬の零点にします [y/N] ",
        "Have you seen that there is no snow or ice below it? This becomes the winter's zero [y/N] ",
    ),
    "calibrate.no_snow_table": (
        "この機器に [sensor.snow] がありません",
        "this sensor has no [sensor.snow]",
    ),
    "calibrate.not_bare": (
        "{zero} m は地面と言えません(許容 {limit} m)。雪がなければ ground_to_sensor_m を直します",
        "{zero} m is no bare ground (at most {limit} m); without snow, mend ground_to_sensor_m",
    ),
    "calibrate.stopped": ("やめました。何も変わっていません。", "Stopped. Nothing has changed."),
    "calibrate.done": (
        "記録しました ({file})。元に戻す: kaga-edge sensor calibrate {sensor} --undo --who 名前",
        "Recorded ({file}). To undo: kaga-edge sensor calibrate {sensor} --undo --who NAME",
    ),
    "calibrate.undone": (
        "{at} {who} の校正を取り消しました。今の補正 {offset}  倍率 {gain}",
        "Taken back: {at} {who}. Now correction {offset}, gain {gain}",
    ),
    "calibrate.undoing": (
        "取り消す校正: {channel}  {at} {who}  補正 {offset}  倍率 {gain}",
        "To be taken back: {channel}, {at} {who}, correction {offset}, gain {gain}",
    ),
    "calibrate.meanwhile": (
        "その間に別の人がこの機器を校正しました。書きませんでした",
        "somebody else has calibrated this sensor meanwhile; nothing was written",
    ),
    "calibrate.meanwhile_fix": (
        "相手と話し、今の値を見てからもう一度行います",
        "talk to them, look at the present value, then do it again",
    ),
    "calibrate.file_fix": (
        "このファイルは手で書き足しません。ほかの設定は conf.d の別のファイルへ移します",
        "this file is not for editing by hand: move other settings to another file of conf.d",
    ),
    "calibrate.not_applied": (
        "校正は記録しましたが、ゲートウェイに反映できません: {reason}",
        "the calibration is recorded, but the gateway did not take it up: {reason}",
    ),
    "calibrate.not_applied_fix": (
        "kaga-edge config check {config} で誤りを直し、sudo systemctl reload kaga-edge",
        "mend what kaga-edge config check {config} shows, then: sudo systemctl reload kaga-edge",
    ),
    "calibrate.nothing": ("取り消す校正がありません", "there is no calibration to take back"),
    "calibrate.applied": (
        "動作中のゲートウェイに反映しました (カタログ {k})",
        "in force in the running gateway (catalog {k})",
    ),
    "calibrate.not_running": (
        "ゲートウェイは動いていません。次の起動から有効です。",
        "The gateway does not run: in force from its next start.",
    ),
    "calibrate.unsteady": (
        "値が落ち着いていません: ばらつき {spread}、傾き {drift}、許容 {limit} {unit}",
        "readings are not steady: spread {spread}, drift {drift}, allowed {limit} {unit}",
    ),
    "calibrate.few": ("有効な測定が{count}回しかありません", "only {count} valid readings"),
    "calibrate.cannot": ("「{channel}」は校正できません", '"{channel}" cannot be calibrated'),
    "calibrate.say_true": (
        "基準値を指定します: --staff 1.20",
        "say the true value: --staff 1.20",
    ),
    "calibrate.not_written": ("{file} に書けません ({reason})", "{file} cannot be written ({reason})"),
    "calibrate.no_tty": ("端末がないので --yes が必要です", "no terminal to ask on: give --yes"),
}
