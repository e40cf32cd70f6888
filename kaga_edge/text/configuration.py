"""What can be wrong with a configuration: KE-C faults stop the gateway from starting, KE-W do not.

A long table and nothing else.
"""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # --- the file ---
    "KE-C00": ("設定に誤りがあります", "the configuration has faults"),
    "KE-C01": (
        "設定ファイルがありません。作り方: kaga-edge config init flood > kaga-edge.toml",
        "the file does not exist. To make one: kaga-edge config init flood > kaga-edge.toml",
    ),
    "KE-C02": (
        "設定ファイルを読めません ({reason})。グループ kaga-edge が読める、ふつうのテキストファイルにします",
        "the file cannot be read ({reason}). It must be a plain text file that group kaga-edge may read",
    ),
    "KE-C03": (
        (
            "文字コードが {encoding} です。UTF-8 で保存してください。"
            "変換: kaga-edge config check --convert {file}"
        ),
        "the file is {encoding}, not UTF-8. Save as UTF-8, or run: kaga-edge config check --convert {file}",
    ),
    "KE-C04": (
        (
            "全角の「{char}」({sign}) があります。半角の「{plain}」にしてください。"
            "すべて直す: kaga-edge config check --fix-width {file}"
        ),
        (
            'full-width character "{char}" ({sign}). Use ASCII "{plain}". '
            "Fix all: kaga-edge config check --fix-width {file}"
        ),
    ),
    "KE-C05": (
        '引用符「{char}」は全角または飾りです。半角の " を使います',
        'curly quote {char}. Use the straight "',
    ),
    "KE-C06": ("TOML として読めません: {reason}", "this is not TOML: {reason}"),
    "KE-C07": (
        "{name} と二重の括弧にします ({lines})",
        "a list of {name} at {lines}",
    ),
    "KE-C08": (
        "{name} が2回あります。{hint}",
        "{name} is written twice. {hint}",
    ),
    "KE-C09": (
        "文字として読めません (壊れているか、知らない文字コードです)。UTF-8 で保存し直すか、控えから戻します",
        "this is no readable text: damaged, or in an unknown encoding. Save it as UTF-8, or put a copy back",
    ),
    "twice.plain": ("一つにまとめます", "Keep one"),
    "twice.list": ("並べるときは [[{name}]] です", "A list needs double brackets: [[{name}]]"),
    "twice.sensor": (
        "一つにまとめます。次のセンサーは [[sensor]] で始めます",
        "Keep one. A further sensor begins with [[sensor]]",
    ),
    "at.line": ("{n} 行目", "line {n}"),
    "at.lines": ("{first}、{last} 行目", "lines {first} and {last}"),
    "at.file": ("{file}:{n}", "{file}:{n}"),
    "toml.twice": (
        "同じ項目が2回書かれています。一つだけ残します",
        "the same key is written twice. Keep one",
    ),
    "toml.bracket": ("見出しを閉じる ] がありません", "the header's closing ] is missing"),
    "toml.deep": ("括弧の入れ子が深すぎます", "brackets are nested too deeply"),
    "toml.array": ("並びを閉じる ] がありません", "the list's closing ] is missing"),
    "toml.inline": (
        "{{ }} は1行に書き、項目の間だけをコンマで区切ります",
        "write {{ }} on one line, with commas between its keys only",
    ),
    "toml.quote": ("文字を閉じる引用符がありません", "the closing quote is missing"),
    "toml.backslash": (
        "\\ は \\\\ と2回書くか、全体を ' で囲みます",
        "write \\ twice (\\\\), or put the text in single quotes '",
    ),
    "toml.rest": (
        "値の後に余分な文字があります。1行に1項目だけ書きます",
        "there is something after the value. One key a line",
    ),
    "toml.statement": (
        "「項目 = 値」の形で書きます。注釈は # で始めます",
        "write: key = value. A comment begins with #",
    ),
    "toml.control": ("使えない制御文字があります。消してください", "a control character. Delete it"),
    "toml.value": (
        '値がないか、値として読めません。文字は " で囲みます',
        'the value is missing or is none. Text needs quotes "',
    ),
    "toml.comma": ("小数点は , ではなく . です", "the decimal sign is a point, not a comma"),
    "toml.point": (
        "小数点の前後に数字を書きます (0.5、5.0)",
        "a digit on both sides of the point (0.5, 5.0)",
    ),
    "toml.unit": (
        "単位は項目の名前にあります。{plain} とだけ書きます",
        "the unit is in the key. Write only {plain}",
    ),
    # --- one key ---
    "KE-C10": (
        "「{name}」という項目はありません。使えるもの: {valid}",
        'unknown key "{name}". Known here: {valid}',
    ),
    "KE-C11": (
        "「{name}」という項目はありません。「{near}」のことですか?",
        'unknown key "{name}". Did you mean "{near}"?',
    ),
    "KE-C12": ("「{name}」がありません。書き足してください", '"{name}" is missing. Add it'),
    "KE-C13": ("必要なもの: {expected}。書かれているもの: {got}", "{expected} is needed here, not {got}"),
    "KE-C14": (
        '{value} に単位がありません。"{example}" "5m" "1h" のように書きます',
        '{value} has no unit. Write "{example}", "5m" or "1h"',
    ),
    "KE-C15": (
        '「{value}」は時間として読めません。"10s" "5m" "1h" "30d" のように書きます',
        '"{value}" is no duration. Write "10s", "5m", "1h" or "30d"',
    ),
    "KE-C16": (
        '「{value}」は容量として読めません。"512MB" "2GB" のように書きます',
        '"{value}" is no size. Write "512MB" or "2GB"',
    ),
    "KE-C17": (
        '「{value}」は変化の速さとして読めません。10分に0.5なら "0.5/10m" と書きます',
        '"{value}" is no rate. Write "0.5/10m" for 0.5 in ten minutes',
    ),
    "KE-C18": (
        "「{value}」は使えません。英小文字 a-z、数字 0-9、- で 32 文字までです",
        '"{value}" is no id. Use a-z, 0-9 and -, at most 32 characters',
    ),
    "KE-C19": ("{value} は範囲外です (許される値 {rule})", "{value} is out of bounds (allowed: {rule})"),
    "KE-C20": ("「{value}」は選べません。選べるもの: {valid}", '"{value}" is not one of {valid}'),
    "KE-C21": (
        '「{value}」は接続先として読めません。"mqtts://host:8883" のように書きます',
        '"{value}" is no platform address. Write "mqtts://host:8883"',
    ),
    "KE-C22": (
        '「{value}」は読めません。"9600 8N1" のように速度、データ長、パリティ、停止ビットを書きます',
        '"{value}" is no serial setting. Write speed, bits, parity (N E O) and stop bits: "9600 8N1"',
    ),
    "KE-C27": (
        "「{value}」は 1-wire の番号ではありません。/sys/bus/w1/devices の名前です (例 28-0316a2794cff)",
        '"{value}" is no 1-wire id. It is a name in /sys/bus/w1/devices, such as 28-0316a2794cff',
    ),
    "KE-C31": (
        "1-wire の {device} を「{one}」({other}) と「{two}」の2台が使っています",
        '"{two}" and "{one}" ({other}) both use the 1-wire device {device}',
    ),
    "KE-C23": (
        '時間帯「{value}」はありません。日本なら "Asia/Tokyo" です',
        'unknown time zone "{value}". In Japan: "Asia/Tokyo"',
    ),
    "KE-C24": ("値が正しくありません: {reason}", "the value is not right: {reason}"),
    "KE-C25": (
        "{value} は 0 で始まっています。{plain} と書きます",
        "{value} has a leading zero. Write {plain}",
    ),
    "KE-C26": (
        '{value} に引用符がありません。文字は " で囲みます',
        '{value} needs quotes. Write "{value}"',
    ),
    "KE-C28": (
        (
            "見えない文字 ({sign}) があります。消してください。"
            "すべて直す: kaga-edge config check --fix-width {file}"
        ),
        "an invisible character ({sign}). Delete it. Fix all: kaga-edge config check --fix-width {file}",
    ),
    "KE-C29": (
        "「{value}」に全角または特殊な文字「{char}」({sign}) があります。「{plain}」と書きます",
        '"{value}" holds the full-width or special character "{char}" ({sign}). Write "{plain}"',
    ),
    # --- sensors and wires ---
    "KE-C30": (
        "「{name}」というドライバーはありません。近いもの: {near} (一覧: kaga-edge sensor models)",
        'unknown driver "{name}". Nearest: {near} (all: kaga-edge sensor models)',
    ),
    "KE-C32": (
        "この機種は {bus} につなぎます。「{name}」ではなく {needed} を書きます",
        'this model hangs on {bus}. Write {needed}, not "{name}"',
    ),
    "KE-C33": (
        "id「{id}」は {other}でも使われています。別の名前にしてください",
        'id "{id}" is also used at {other}. Give each sensor its own',
    ),
    "KE-C34": (
        (
            "同じポート {port} を「{one}」({other}) と「{two}」の2台が使っています。"
            "1ポートに1台、または modbus_id の異なる Modbus にします"
        ),
        (
            '"{two}" and "{one}" ({other}) both use {port}. One device per port, '
            "or a Modbus line with different modbus_id"
        ),
    ),
    "KE-C35": (
        (
            "I2C バス {bus} の番地 {address} を「{one}」({other}) と「{two}」の2台が使っています。"
            "番地を変えるか、別のバスにします"
        ),
        (
            '"{two}" and "{one}" ({other}) both use address {address} on I2C bus {bus}. '
            "Change the address pin or use another bus"
        ),
    ),
    "KE-C36": (
        (
            "MS5837 と BME280 は同じ番地 0x76 です (「{one}」{other}と「{two}」)。"
            "BME280 の SDO を 3.3V につなぎ 0x77 にします"
        ),
        (
            'MS5837 and BME280 share address 0x76 ("{one}", {other}, and "{two}"). '
            "Tie the BME280's SDO to 3.3 V and write 0x77"
        ),
    ),
    "KE-C37": (
        "{port} の通信設定が「{one}」({other}) と違います。1本の Modbus では同じにします",
        'the serial setting of {port} differs from "{one}" ({other}). One Modbus line, one setting',
    ),
    "KE-C38": (
        "番地 {address} はこの機種にありません。使える番地: {offered}",
        "this model has no address {address}. It offers: {offered}",
    ),
    "KE-C39": ("GPIO {gpio} はありません (0-27)", "GPIO {gpio} does not exist (0-27)"),
    "KE-C40": (
        (
            "GPIO {gpio} はありません (0-27)。"
            "{gpio}番はヘッダーのピン番号です。GPIO番号は {right} です: {name} = {right}"
        ),
        "GPIO {gpio} does not exist (0-27). Header pin {gpio} is GPIO {right}: write {name} = {right}",
    ),
    "KE-C41": (
        "GPIO {gpio} は「{one}」({other}) でも使われています",
        'GPIO {gpio} is also used by "{one}" ({other})',
    ),
    "KE-C42": (
        "GPIO {gpio} は「{one}」が使う I2C の{role}線です。別の GPIO にします",
        'GPIO {gpio} is the I2C {role} line used by "{one}". Use another GPIO',
    ),
    "KE-C43": (
        "GPIO {gpio} は「{one}」が使うシリアルの{role}線です。別の GPIO にします",
        'GPIO {gpio} is the serial {role} line used by "{one}". Use another GPIO',
    ),
    "KE-C44": (
        "この機種には短すぎます。{shortest} 以上にします",
        "too short for this model. Use {shortest} or more",
    ),
    "KE-C45": (
        "順序が逆です: {lower} {low} が {higher} {high} より高くなっています。順序: {order}",
        "{lower} {low} is above {higher} {high}. Order: {order}",
    ),
    "KE-C46": (
        "「{id}」というセンサーはありません。あるもの: {valid}",
        'there is no sensor "{id}". There are: {valid}',
    ),
    "KE-C47": (
        "「{id}」は {quantity} を測りません。測るセンサーの id を書きます",
        '"{id}" does not measure {quantity}. Name a sensor that does',
    ),
    "KE-C48": (
        "{quantity} を水位や積雪深にするには {name} が必要です",
        "{quantity} becomes a level or depth only with {name}. Add it to [sensor.mount]",
    ),
    "KE-C49": (
        "gauge_zero_to_sensor_m (川) と ground_to_sensor_m (雪) はどちらか一方だけ書きます",
        "write either gauge_zero_to_sensor_m (river) or ground_to_sensor_m (snow), not both",
    ),
    "KE-C50": (
        "[sensor.disclosure] がありません。測る目的 (purpose) と personal_data を書きます",
        "[sensor.disclosure] is missing. State the purpose and personal_data = true or false",
    ),
    "KE-C56": (
        "「{name}」はこのセンサーの測定項目ではありません。あるもの: {valid}",
        'this sensor has no channel "{name}". It has: {valid}',
    ),
    "KE-C57": ("センサーが1台もありません。[[sensor]] を書きます", "no sensor at all. Add a [[sensor]]"),
    "burst.levels_only": (
        (
            "burst は、距離・水圧・水深・積雪深を毎秒測れる I2C と Modbus の機器か、"
            "距離を連続出力するシリアル機器に使えます"
        ),
        (
            "burst is for I2C and Modbus instruments that give a distance, pressure or depth every second,"
            " and for serial ones that send the distance by themselves"
        ),
    ),
    "burst.too_short": (
        'I2C と Modbus の burst は9回以上の測定が要ります: burst = "10s" 以上',
        'on I2C and Modbus a burst needs nine readings, one a second: at least burst = "10s"',
    ),
    "power.one_way": (
        "gpio か command のどちらか一つを書きます",
        "give gpio or command, one of them",
    ),
    "power.feeds": (
        "sensors に機器を書くか、modem = true にします([platform] が必要です)",
        "name the sensors it feeds, or modem = true (which needs [platform])",
    ),
    "battery.no_voltage": (
        "この機器は電源電圧を測りません (ina219、ina226 を指定します)",
        "this sensor does not measure a supply voltage (name an ina219 or ina226)",
    ),
    "power.twice": ("一つの機器の電源は一つだけです", "a sensor has one power switch"),
    "date.form": (
        '"2026-11-22" または "2026-11-22T09:00:00Z" の形で書きます',
        'write "2026-11-22" or "2026-11-22T09:00:00Z"',
    ),
    "words.empty": ("空です。言葉で書きます", "it is empty. Say it in words"),
    "date.no_such_day": ("そのような日はありません", "there is no such day"),
    "burst.too_long": ("burst は every より長くできません", "burst cannot be longer than every"),
    "event.rise": (
        '上昇の条件は "0.10m/10m" (10分で0.10 m) のように書きます',
        'write a rise as "0.10m/10m" (0.10 m within ten minutes)',
    ),
    "event.rise_short": (
        "rise の時間はセンサーの every 以上にします。短いと上昇が見えません",
        "the time of rise cannot be shorter than every of the sensor: no rise would be seen",
    ),
    "event.quiet_every": (
        "危機管理型水位計は水位が低いときも10分以内ごとに測ります",
        "a crisis gauge measures at least every 10 min, low water too",
    ),
    "event.slower": (
        "[sensor.event] の every はセンサーの every より長くできません",
        "every of [sensor.event] cannot be longer than that of the sensor",
    ),
    "port.alias": (
        "{alias} は「{one}」({other}) のポートの別名かもしれません。本当の名前で書きます (ls -l {alias})",
        '{alias} may be the very port of "{one}" ({other}). Write both by their real names (ls -l {alias})',
    ),
    "limits.order": (
        "suspect の限度が fail の限度を超えています。両方を書いてください",
        "the suspect limit lies beyond the fail limit. Write both",
    ),
    "check.itself": ("同じセンサーどうしは比べられません", "a sensor cannot be held against itself"),
    "path.folder": (
        "フォルダーです。ファイルの名前まで書きます",
        "this is a folder. Write the name of a file in it",
    ),
    "thresholds.zero": (
        "どの基準値も 0 です。県や担当部署の値を入れます",
        "all thresholds are 0. Fill in the authority's numbers",
    ),
    "thresholds.endless": (
        "hysteresis が基準値 {lowest} 以上です。0 になっても警報は終わりません。小さくします",
        "hysteresis is not below the threshold {lowest}: at 0 the alarm would still not end. Make it smaller",
    ),
    "thresholds.reach": (
        "{value} m には達しません。このセンサーで測れるのは {most} m までです。単位は m です",
        "{value} m is never reached: this sensor can show at most {most} m. The unit is m",
    ),
    "date.month_day": (
        '月日を "11-01" のように書きます',
        'write month and day as "11-01"',
    ),
    "date.clock": ('時刻を "09:00" のように書きます', 'write the time of day as "09:00"'),
    "derived.snow_needs": (
        "[sensor.snow] は積雪深のあるセンサーだけに書けます (mount の ground_to_sensor_m)",
        "[sensor.snow] is for a sensor with a snow depth (ground_to_sensor_m in its mount)",
    ),
    "derived.rain_needs": (
        "[sensor.rain] は雨量計だけに書けます",
        "[sensor.rain] is for rain gauges",
    ),
    # --- platform, secrets, site ---
    "KE-C51": (
        (
            "パスワードは設定に書かず、sudo kaga-edge secret set mqtt-password で登録し、"
            'secret = "mqtt-password" と書きます'
        ),
        (
            "do not write the password here. Run: sudo kaga-edge secret set mqtt-password "
            'and write secret = "mqtt-password"'
        ),
    ),
    "KE-C52": (
        'secret には秘密そのものではなくファイル名を書きます (例 "mqtt-password")',
        'secret is the name of a file, such as "mqtt-password", never the password',
    ),
    "KE-C53": (
        "{file} を誰でも読めます。chmod 640 {file} を実行してください",
        "anybody can read {file}. Run: chmod 640 {file}",
    ),
    "KE-C54": (
        "緯度と経度が逆です。position = [{latitude}, {longitude}] と書きます",
        "latitude and longitude are swapped. Write position = [{latitude}, {longitude}]",
    ),
    "KE-C55": ("ファイル {file} がありません", "the file {file} does not exist"),
    "KE-C58": ("秘密のファイルを読めません", "the secret's file cannot be read"),
    "KE-C59": (
        "二重の括弧は並べるときだけです。[{name}] と書きます",
        "double brackets are for lists only. Write [{name}]",
    ),
    "KE-C61": (
        '「{port}」はポートではありません。"/dev/serial/by-id/..." や "/dev/ttyAMA0" のように書きます',
        '"{port}" is no port. Write a device such as "/dev/serial/by-id/..." or "/dev/ttyAMA0"',
    ),
    "KE-C60": (
        "{file} は Ed25519 の公開鍵(PEM)ではありません",
        "{file} is no Ed25519 public key in PEM",
    ),
    # --- warnings ---
    "KE-W01": (
        "{port} は次の起動で番号が変わることがあります。こちらを使ってください: {stable}",
        "{port} may change at the next start. Same device: {stable}",
    ),
    "KE-W02": (
        "位置 [{latitude}, {longitude}] は日本の外です",
        "position [{latitude}, {longitude}] is outside Japan",
    ),
    "KE-W04": (
        "air_pressure_from がありません。気圧の変化で水位が最大 0.5 m ずれます",
        "without air_pressure_from the weather moves this level by up to 0.5 m. Name your barometer",
    ),
    "KE-W06": (
        "命令に署名を求めていません。{ops} を許すなら command_key を書きます",
        "commands need no signature. Set command_key where {ops} is allowed",
    ),
    "KE-W05": (
        "{keep} 残すには約 {needed} 要ります。max は {max} です。max を増やすか keep_delivered を減らします",
        "keeping {keep} takes about {needed}, max is {max}. Raise max or lower keep_delivered",
    ),
    "KE-W07": (
        "フォルダー {folder} がありません。名前と、ディスクが取り付けられているかを確かめます",
        "the folder {folder} is not there. Check the name, and whether the disk is mounted",
    ),
    "KE-W08": (
        '断られた送信も届いたように見えます。delivery = "platform" を書くか、この行を消します',
        'a refused message looks accepted. Set delivery = "platform", or remove this line',
    ),
    "KE-W03": (
        "秘密のファイル {file} がまだありません",
        "the secret's file {file} is not there yet",
    ),
    "platform.pem": (
        "鍵や証明書の中身ではなく、ファイル名を書きます",
        "write the name of a file, not what stands in it",
    ),
    "list.sensor": (
        "センサーを並べるときは [[sensor]]",
        "sensors needs double brackets. Write [[sensor]]",
    ),
    "list.output": ("出力を並べるときは [[output]]", "outputs needs double brackets. Write [[output]]"),
    "list.power": ("電源を並べるときは [[power]]", "power switches needs double brackets. Write [[power]]"),
    "platform.reconnect": (
        "reconnect_max より長くできません",
        "reconnect_first cannot be longer than reconnect_max",
    ),
    "limits.low_first": ("小さい値を先に書きます", "write the lower one first"),
    "list.position": (
        "[緯度, 経度] の2つの数を書きます (例 [36.31, 136.31])",
        "write [latitude, longitude], such as [36.31, 136.31]",
    ),
    "list.empty": ("一つ以上書きます", "give at least one"),
    "list.count": ("{n} 個の値を書きます", "give {n} values"),
    "gpio.onewire": (
        "GPIO 4 は通常 1-wire ({one}) の線です。別の GPIO にするか、w1-gpio の gpiopin= で移します",
        'GPIO 4 is usually the 1-wire line, used by "{one}". Use another GPIO, or move w1-gpio by gpiopin=',
    ),
    "pin.SDA": ("データ (SDA) ", "data"),
    "pin.SCL": ("クロック (SCL) ", "clock"),
    "pin.TXD": ("送信 (TXD) ", "transmit"),
    "pin.RXD": ("受信 (RXD) ", "receive"),
    # --- kinds of value ---
    "type.this": ("{value}", "{value}"),
    "type.quoted": ('"{value}" (引用符なしで書きます)', '"{value}" (leave out the quotes)'),
    "type.words": ('{{ ja = "...", en = "..." }}', '{{ ja = "...", en = "..." }}'),
    "type.text": ("文字列", "text in quotes"),
    "type.integer": ("整数", "a whole number"),
    "type.number": ("数値", "a number"),
    "type.bool": ("true か false", "true or false"),
    "type.list": ("並び [..]", "a list [..]"),
    "type.table": ("表 {{..}}", "a table {{..}}"),
    "type.date": ("日付", "a date"),
}
