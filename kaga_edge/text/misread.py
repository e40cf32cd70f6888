"""What the drivers find wrong with an instrument's bytes, in Japanese: ``overheard`` finds the English again.

A long table and nothing else. The words stand in the order of the drivers' names.
"""

from __future__ import annotations

PAIRS: tuple[tuple[str, str], ...] = (
    # --- any driver ---
    (
        "{n} バイトの {what} です (正しくは {expected})。{end} バイト目で終わっています",
        "{what} of {n} bytes, expected {expected} (ends at byte {end})",
    ),
    ("{n} バイトの {what} です (正しくは {expected})", "{what} of {n} bytes, expected {expected}"),
    ("{n} バイトの {what} です。{end} バイト目で終わっています", "{what} of {n} bytes (ends at byte {end})"),
    (
        "{n} バイトの行です。{end} バイト目で終わっています。LF で始まり CR で終わるはずです",
        "line of {n} bytes (ends at byte {end}), expected LF ... CR",
    ),
    ("フレーム", "frame"),
    ("行", "line"),
    ("応答", "reply"),
    ("識別番号", "identity"),
    ("データ", "data"),
    ("設定レジスター", "config"),
    ("変換値", "conversion"),
    ("ADC の応答", "ADC reply"),
    ("温度", "temperature"),
    ("湿度", "humidity"),
    ("圧力", "pressure"),
    ("距離", "distance"),
    ("傾き", "tilt"),
    ("温度と信号", "temperature and signal"),
    ("レーダーの状態", "radar status"),
    ("速度", "speed"),
    ("反射強度", "magnitude"),
    ("製造番号", "serial number"),
    ("電圧", "voltage"),
    ("状態", "status"),
    ("バイト {at} が {is} です (正しくは {expected})", "byte {at} is {is}, expected {expected}"),
    ("バイト {at} が {is} です (正しくは {expected})", "bytes {at} are {is}, expected {expected}"),
    ("合計 (バイト {at}) が {is} です。計算では {counted}", "sum (byte {at}) is {is}, counted {counted}"),
    (
        "{what}の CRC-8 (バイト {at}) が {is} です。計算では {counted}",
        "CRC-8 of the {what} (byte {at}) is {is}, counted {counted}",
    ),
    (
        "CRC-8 (バイト {at}) が {is} です。計算では {counted}、カーネルは {kernel}",
        "CRC-8 (byte {at}) is {is}, counted {counted}, kernel: {kernel}",
    ),
    (
        "CRC-16 (バイト {at}) が {is} です。計算では {counted}",
        "CRC-16 (bytes {at}) is {is}, counted {counted}",
    ),
    ("PEC (バイト {at}) が {is} です。計算では {counted}", "PEC (byte {at}) is {is}, counted {counted}"),
    (
        "PROM の CRC-4 (バイト 0 の上位) が {is} です。計算では {counted}",
        "PROM CRC-4 (byte 0, high half) is {is}, counted {counted}",
    ),
    (
        "検査文字 (バイト {at}) が {is} です。計算では {counted}",
        "check characters (byte {at}) are {is}, counted {counted}",
    ),
    (
        "レジスター {at} から {n} 個です (正しくは {expected} 個)",
        "{n} registers from {at}, expected {expected}",
    ),
    ("レジスター {at} からが 16 ビットの数ではありません", "registers from {at} are not 16-bit numbers"),
    ("レジスター {at} が 16 ビットの数ではありません", "registers {at} are not 16-bit numbers"),
    ("{what}が 16 ビットの数ではありません", "{what}: not 16-bit numbers"),
    ("{what}のレジスターが {n} 個ではありません", "{what}: not {n} registers"),
    ("{what}が {is} で、数ではありません", "{what} is {is}, no number"),
    ("手引きにない番号", "not in the manual"),
    # --- a02yyuw ---
    (
        "{mm} mm (バイト {at}) は {span} mm の外です。反射がありません",
        "{mm} mm (bytes {at}) is outside {span} mm: no echo",
    ),
    # --- ads1115 ---
    (
        "設定レジスター (バイト 0-1) が {is} です。バスが固まっています",
        "config (bytes 0-1) is {is}: the bus is stuck",
    ),
    (
        "設定レジスター 01 に {written} を書いたのに {is} です。ADS1115 ではありません",
        "config register 01 reads {is} after {written} was written: not an ADS1115",
    ),
    (
        "設定のビット 15 (バイト 0) が 0 のままで、変換が終わりません",
        "config bit 15 (byte 0) stays 0: the conversion does not end",
    ),
    (
        "変換値 (バイト 0-1) {is} は振り切れています。電流が測定範囲を超えました",
        "conversion (bytes 0-1) {is} is clipped: the current is beyond the gain",
    ),
    (
        "ループ電流 {ma} mA (バイト 0-1): 断線か電源なしです",
        "loop current {ma} mA (bytes 0-1): broken wire or no supply",
    ),
    (
        "ループ電流 {ma} mA (バイト 0-1): 機器が故障を知らせています",
        "loop current {ma} mA (bytes 0-1): the instrument reports a fault",
    ),
    ("gain_v {gain} はありません", "gain_v {gain} does not exist"),
    (
        "measures = {what} には 4 mA と 20 mA の値が必要です",
        "measures = {what} needs two different values at 4 and 20 mA",
    ),
    # --- benewake ---
    ("信号の強さ (バイト 4-5) が FFFF です。明るすぎます", "strength (bytes 4-5) FFFF: too much light"),
    (
        "距離 (バイト 2-3) の {is} は「測れない」の意味です (信号の強さ {strength})",
        "distance (bytes 2-3) {is} means no good measurement (strength {strength})",
    ),
    (
        "信号の強さ (バイト 4-5) {is} が {least} より弱すぎます",
        "strength (bytes 4-5) {is} is below {least}: too weak",
    ),
    (
        "信号の質 (バイト 6) が {is} です。信じられるのは 7 と 8 です",
        "signal quality (byte 6) is {is}, credible are 7 and 8",
    ),
    # --- bme280 ---
    ("BMP280 が応答しました。湿度を測れない機種です", "a BMP280 answers: it has no humidity"),
    (
        "識別レジスター D0 が {is} です。BME280 なら 0x60 です",
        "identity register D0 holds {is}, a BME280 has 0x60",
    ),
    ("校正値が {n} バイトです (正しくは {expected})", "calibration of {n} bytes, expected {expected}"),
    (
        "校正値がすべて同じバイトです。バスが固まっています",
        "every calibration byte is the same from byte 0 on: the bus is stuck",
    ),
    (
        "データがすべて同じバイトです。バスが固まっています",
        "every data byte is the same from byte 0 on: the bus is stuck",
    ),
    (
        "バイト {at} の項目が測られていません (80000 または 8000)",
        "the channel at byte {at} was not measured (80000 or 8000)",
    ),
    (
        "圧力の校正値 (P1) で 0 による割り算になります",
        "the pressure calibration (P1, bytes 6-7 from 88) leads to a division by 0",
    ),
    # --- ds18b20 ---
    ("{what} (バイト {end} まで)", "{what} (ends at byte {end})"),
    (
        "読めた文字がありません。カーネルの試行でも検査が合いません",
        "no text: the kernel's own tries gave no right check value",
    ),
    ("途中で切れています", "cut off"),
    (
        "w1_slave の2行の形ではありません (バイト 0)",
        "not the two lines of w1_slave (byte 0): nine bytes, crc, YES or NO, t=",
    ),
    ("9 バイトすべてが {is} です。線が切れています", "all nine bytes are {is}: the wire is dead"),
    (
        "85 度 (バイト 0-1) は電源投入直後の値です。まだ測っていません",
        "85 degC (bytes 0-1) is its state after power-on: it has not converted",
    ),
    (
        "{c} 度 (バイト 0-1) は -55 から 125 の外です。電源が弱っています",
        "{c} degC (bytes 0-1) is outside -55..125: its supply is too weak",
    ),
    (
        "バイト 0-1 では {c} 度、カーネルでは {kernel} 度です。DS18S20 (10-...) など別の部品です",
        "bytes 0-1 say {c} degC, the kernel {kernel}: a DS18S20 (id 10-...) or another part",
    ),
    # --- ina219, ina226 ---
    (
        "設定レジスター 00 に {written} を書いたのに {is} です。INA219 ではありません",
        "config register 00 reads {is} after {written} was written: not an INA219",
    ),
    (
        "シャント電圧 {shunt}、バス電圧 {bus} (バイト 0-1) はこの部品では出ない値です",
        "shunt voltage {shunt}, bus voltage {bus} (bytes 0-1): beyond what the part can give",
    ),
    (
        "バス電圧 {is} (バイト 0): ビット 15 は立たないはずです",
        "bus voltage {is} (byte 0): bit 15 is never set",
    ),
    (
        "識別レジスター {at} が {is} です (正しくは {expected})",
        "identity register {at} reads {is}, expected {expected}",
    ),
    # --- keller ---
    (
        "レジスター {at} が NaN です。項目がないか、故障です",
        "register {at} (byte 3 of the reply) is NaN: channel absent or failed",
    ),
    (
        "レジスター {at} が測定範囲の{side}を超えました ({is})",
        "register {at} (byte 3 of the reply) is {is}: {side} the range",
    ),
    ("上", "above"),
    ("下", "below"),
    # --- lx80 ---
    ("距離が {is} です。反射がありません", "distance is {is}: no echo"),
    (
        "レーダーの状態が {is} です (正しくは 0 か 1)。address_base がこの版に合わないかもしれません",
        "radar status is {is}, expected 0 or 1: address_base may be wrong for this firmware",
    ),
    (
        "傾きが {x}、{y} 度です。真下を向いていません",
        "tilt is {x}, {y} deg: the instrument does not look down",
    ),
    # --- maxbotix ---
    (
        "バイト {at} が {is} です。R と数字 {n} 桁と CR のはずです",
        "byte {at} is {is}: expected R, {n} digits, CR",
    ),
    ("{mm} mm (バイト {at}) は「面がない」の意味です", "{mm} mm (bytes {at}) means no target"),
    (
        "{mm} mm (バイト {at}) は最小値です。面がそこか、もっと近いか、センサーに何か付いています",
        (
            "{mm} mm (bytes {at}) is the lowest value: the surface is that"
            " near or nearer, or something sits on the sensor"
        ),
    ),
    (
        "nearest_mm {near} が farthest_mm {far} より小さくありません",
        "nearest_mm {near} is not below farthest_mm {far}",
    ),
    ("製品の資料の値を両方とも書きます", "take both from the product page of the model"),
    (
        "{what} の scale が 0 です。いつも {is} になります",
        "{what} has scale 0: it would always read {is}",
    ),
    ("手引きの scale を書くか、省きます (1)", "write the scale of the manual, or leave it out: 1"),
    (
        "pulse_min_ms {low} が pulse_max_ms {high} より小さくありません",
        "pulse_min_ms {low} is not below pulse_max_ms {high}",
    ),
    (
        "一度も数えられません。リードスイッチは約 100 ms 閉じます",
        "no tip would ever count; a reed closes for about 100 ms",
    ),
    (
        "nearest_mm {near} が no_target_mm {far} より小さくありません",
        "nearest_mm {near} is not below no_target_mm {far}",
    ),
    (
        "no_target_mm {far} は表示されません。{digits} 桁の {unit} は {most} mm までです",
        "no_target_mm {far} is never printed: {digits} digits of {unit} end at {most} mm",
    ),
    (
        "digits、unit、no_target_mm をその型のデータシートから書きます",
        "take digits, unit and no_target_mm from the data sheet of the model",
    ),
    # --- mlx90614 ---
    (
        "レジスター {at} が {is} (バイト 0-1) です。ビット 15 は誤りの印です",
        "register {at} is {is} (bytes 0-1): bit 15 means an error",
    ),
    (
        "レジスター {at} が {is} (バイト 0-1) です。測定範囲の外です",
        "register {at} is {is} (bytes 0-1): outside the sensor's range",
    ),
    ("MLX90614 ではありません: {why}", "no MLX90614: {why}"),
    # --- modbus_map ---
    (
        "レジスター {at} が {is} です。機器に値がありません",
        "register {at} is {is}: the instrument has no value",
    ),
    ("レジスター {at} の値 {is} は {span} の外です", "register {at} gives {is}, outside {span}"),
    ("registers が空です", "registers is empty"),
    ("「{name}」という測定項目はありません", "no quantity is named {name}"),
    ("{name} が registers に2回あります", "{name} stands twice in registers"),
    ("レジスター {at} はありません", "register {at} does not exist"),
    # --- ms5837 ---
    (
        "PROM がすべて同じバイトです。バスが固まっているか、応答がありません",
        "every PROM byte is the same from byte 0 on: the bus is stuck or nobody answers",
    ),
    (
        "{what} の生の値 (バイト 0-2) が 0 です。早すぎるか、2度読んだか、変換していません",
        "raw {what} (bytes 0-2) is 0: read too early, twice, or without a conversion",
    ),
    (
        "{what} の生の値 (バイト 0-2) が FFFFFF です。バスに誰もいません",
        "raw {what} (bytes 0-2) is FFFFFF: nobody drives the bus",
    ),
    # --- ops243a ---
    ("?P への答えが {is} です ({expected} ではない)", "?P was answered by {is}, not by {expected}"),
    (
        "レーダーの行ではありません (バイト 0)。LF と CR の間に数か JSON があるはずです",
        "not a line of the radar (byte 0): a number or a JSON object between LF and CR",
    ),
    ("JSON のようで JSON ではありません (バイト 0): {why}", "looks like JSON (byte 0) but is none: {why}"),
    ("速度ではなく、レーダーの返事です: {is}", "an answer of the radar, no speed: {is}"),
    ("レーダーの範囲を超えた速度です: {is} m/s", "a speed beyond the radar's range: {is} m/s"),
    (
        "単位 {is} (バイト 1) は知りません。設定では {expected} です",
        "unit {is} (byte 1) is not known; expected {expected} as configured",
    ),
    # --- pi_power ---
    (
        "throttled (バイト 0) が {is} です (throttled=0x... のはず)",
        "throttled (byte 0) is {is}, expected throttled=0x...",
    ),
    ("{what} (バイト 0) が {is} です (数のはず)", "{what} (byte 0) is {is}, expected a number"),
    (
        "この機器は電源について何も知らせません (Raspberry Pi ではない?)",
        "this machine says nothing about its supply: not a Raspberry Pi?",
    ),
    # --- shm31 ---
    (
        "積雪深 (レジスター 20) が {is} で、値がありません: {why}",
        "snow height (register 20) is {is}, no value: {why}",
    ),
    ("エラー {n}、{why}", "error {n}, {why}"),
    ("理由は示されていません", "the instrument gives no reason"),
    ("信号が弱いか、面が近すぎます", "signal too weak, or the target too near"),
    ("信号が強すぎます", "signal too strong"),
    ("周りが明るすぎます", "too much background light"),
    ("測定が乱されました", "measurement disturbed"),
    ("測定が時間切れです", "measurement timed out"),
    ("レーザーが冷えすぎです", "laser too cold"),
    ("レーザーが熱すぎます", "laser too hot"),
    ("メモリーの故障です", "memory fault"),
    ("機器内部の接続の故障です", "link inside the instrument"),
    ("正しい距離が得られません", "no valid distance (evaluation)"),
    ("バイト 8-9 が {is} です (命令 23 10 のはず)", "bytes 8-9 are {is}, asked was command 23 10"),
    ("状態 (バイト 10) が {is} で、値がありません: {why}", "status (byte 10) is {is}, no value: {why}"),
    ("知らない命令です", "unknown command"),
    ("引数の誤りです", "wrong parameter"),
    ("その項目はありません", "no such channel"),
    ("使用中です", "busy"),
    ("データの誤りです", "bad data"),
    ("測れる状態ではありません", "the conditions do not allow it"),
    ("表示範囲の上です", "above the display range"),
    ("表示範囲の下です", "below the display range"),
    ("測定範囲の上です", "above the measuring range"),
    ("測定範囲の下です", "below the measuring range"),
    ("バイト 8 から {n} バイトです (正しくは {expected})", "{n} bytes from byte 8 on, expected {expected}"),
    (
        "バイト 11-13 が項目 {channel}、種類 {kind} です (正しくは 604、16)",
        "bytes 11-13: channel {channel} of type {kind}, expected 604 of type 16",
    ),
    (
        "積雪深 (バイト 14-17) が {cm} cm で、範囲の外です",
        "snow height (bytes 14-17) is {cm} cm: beyond the range",
    ),
    (
        "UMB のフレームの形ではありません (バイト 0-7 または最後)",
        "bytes 0-7 or the last are not those of a UMB frame to the master",
    ),
    ("バイト 4-5 の送り主が {is} です (尋ねたのは {expected})", "bytes 4-5: from {is}, asked was {expected}"),
    # --- sht3x, sht4x ---
    (
        "状態が {is} で、検査値が合いません。SHT3x ではありません",
        "status word is {is}: its check value is wrong, not an SHT3x",
    ),
    (
        "製造番号が {is} で、検査値が合いません。SHT4x ではありません",
        "serial number is {is}: its check values are wrong, not an SHT4x",
    ),
    # --- sr50a ---
    (
        "番地 (バイト 1-2) が {is} です (正しくは {expected})",
        "address (bytes 1-2) is {is}, expected {expected}",
    ),
    ("距離 (バイト {at}) の {is} は「測定なし」の意味です", "distance (byte {at}) {is} means no reading"),
    (
        "バイト {at} が {is} です。行は STX (02) で始まり ETX (03) で終わります",
        "byte {at} is {is}: a line goes from STX (02) to ETX (03)",
    ),
    (
        (
            "バイト 1 から {to} の間の項目が {n} 個です (正しくは {expected} 個)。"
            "has_quality と temperature を機器に合わせます"
        ),
        (
            "{n} fields between byte 1 and {to}, expected {expected}:"
            " set has_quality and temperature as in the sensor"
        ),
    ),
    (
        "距離 (バイト 4) の単位が {is} ですが、設定の unit は {expected} です",
        "the distance (byte 4) is written in {is}, but unit is {expected}",
    ),
    (
        "バイト 1 より後の項目が手引きの形ではありません",
        "a field after byte 1 is not written as the manual says",
    ),
    # --- vehicle ---
    ("gpio と gpio_second が同じ {is} です", "gpio and gpio_second are both {is}"),
    # --- how to mend a wrong part ---
    (
        "番地を確かめます。INA219 などが応答しているかもしれません",
        "check the address: an INA219 or another part may answer there",
    ),
    (
        "番地を確かめます。MS5837 などが応答しているかもしれません",
        "check the address: an MS5837 or another part may answer there",
    ),
    (
        "番地を確かめます。ADS1115、SHT、INA226 が応答しているかもしれません",
        "check the address: an ADS1115, an SHT or an INA226 may answer there",
    ),
    ("BME280 に交換します", "replace it by a BME280"),
    (
        "機種 (INA219 のドライバーは ina219) と番地を確かめます",
        "check the model (INA219 has the driver ina219) and the address",
    ),
    (
        "機種 (SHT4x のドライバーは sht4x) と番地を確かめます",
        "check the model (SHT4x has the driver sht4x) and the address",
    ),
    (
        "機種 (SHT3x のドライバーは sht3x) と番地を確かめます",
        "check the model (SHT3x has the driver sht3x) and the address",
    ),
    (
        "番地と、クロックが 100 kHz 以下かを確かめます",
        "check the address and that the clock is at most 100 kHz",
    ),
    (
        "ポートを確かめます。データ線が1本だけなら ask_product = false とします",
        "check the port; with only one data line wired, set ask_product = false",
    ),
    (
        "機器の銘板から value_at_4_ma と value_at_20_ma を書きます",
        "set value_at_4_ma and value_at_20_ma from the instrument's label",
    ),
    ("両方とも機種の資料の値を書きます", "take both from the data sheet of the model"),
    ("一つの測定項目は1回だけ書きます", "each quantity once a sensor"),
    ("address と address_base を確かめます", "check address and address_base"),
    ("検出器ごとに別の GPIO にします", "each detector needs its own line"),
)

TEXTS: dict[str, tuple[str, str]] = {f"misread.{number}": pair for number, pair in enumerate(PAIRS)}
