"""The long texts behind the codes of a configuration (``kaga-edge explain KE-C11``).

A long table and nothing else.
"""

from __future__ import annotations

from kaga_edge.text.explained import Row, texts

_SLIP = ("書き間違い", "a slip of the pen")
_CHECK = (
    "示された行を直し、kaga-edge config check をもう一度実行します。",
    "Mend the line shown, then run kaga-edge config check again.",
)
_MODELS = (
    "kaga-edge sensor models DRIVER の設定例と比べます。",
    "Compare with the example of kaga-edge sensor models DRIVER.",
)
_LIST = (
    "kaga-edge sensor list と示された行を比べ、片方を変えます。",
    "Compare the two lines shown and change one of them.",
)


ROWS: dict[str, Row] = {
    "KE-C00": (
        ("設定に誤りがあり、使えません。", "The configuration has faults and cannot be used."),
        ("示された各行", "each line shown"),
        _CHECK,
    ),
    "KE-C01": (
        ("設定ファイルがありません。", "The configuration file does not exist."),
        ("まだ作っていない / 場所の違い", "not made yet / another place"),
        (
            "kaga-edge config init flood > kaga-edge.toml で作り、--config で場所を示します。",
            "Make one: kaga-edge config init flood > kaga-edge.toml; name it with --config.",
        ),
    ),
    "KE-C02": (
        ("設定ファイルを読む権限がありません。", "The configuration file may not be read."),
        ("所有者や権限の違い", "wrong owner or mode"),
        (
            "sudo chown root:kaga-edge FILE; sudo chmod 640 FILE",
            "sudo chown root:kaga-edge FILE; sudo chmod 640 FILE",
        ),
    ),
    "KE-C03": (
        ("文字コードが UTF-8 ではありません。", "The file is not UTF-8."),
        ("メモ帳で Shift-JIS や UTF-16 として保存した", "saved by an editor as Shift-JIS or UTF-16"),
        (
            "UTF-8 で保存し直すか: iconv -f CP932 -t UTF-8 OLD > NEW",
            "Save as UTF-8, or: iconv -f CP932 -t UTF-8 OLD > NEW",
        ),
    ),
    "KE-C04": (
        ("値や項目名に全角の文字があります。", "A full-width character stands where ASCII is needed."),
        ("日本語入力のまま数字や空白を打った", "typed with the Japanese keyboard on"),
        (
            "その文字を半角にします。「」の中の文や # の後は全角でかまいません。",
            "Type it in ASCII. Texts in quotes and comments may be Japanese.",
        ),
    ),
    "KE-C05": (
        ("引用符がまっすぐではありません。", "A quote is not the straight one."),
        ("文書ソフトから貼り付けた", "pasted from a word processor"),
        ('半角の " に替えます。', 'Replace it with the straight ".'),
    ),
    "KE-C06": (
        ("TOML という書式に合いません。", "The text is not TOML."),
        ("= や引用符、括弧の抜け / 同じ表が2回", "a missing =, quote or bracket / a table written twice"),
        _CHECK,
    ),
    "KE-C07": (
        ("センサーの表は二重の括弧です。", "A sensor's table needs double brackets."),
        ("[sensor] と書いた", "[sensor] was written"),
        ("[[sensor]] と書きます。", "Write [[sensor]]."),
    ),
    "KE-C08": (
        ("同じ名前の表が2回あります。", "A table of one name stands twice in the file."),
        (
            "写したときの消し忘れ / [[sensor]] の括弧が一つ",
            "left over from copying / one bracket of [[sensor]]",
        ),
        _CHECK,
    ),
    "KE-C09": (
        ("ファイルが文字として読めません。", "The file is no readable text."),
        (
            "電源断で壊れた / 別の種類のファイル / 知らない文字コード",
            "damaged by a power cut / another kind of file / an unknown encoding",
        ),
        (
            "kaga-edge config rollback、または控えのファイルを戻します。",
            "kaga-edge config rollback, or put a copy back.",
        ),
    ),
    "KE-C10": (
        ("知らない項目があります。", "There is an unknown key."),
        ("別の機種の項目 / 古い版の項目", "a key of another model / of another version"),
        _CHECK,
    ),
    "KE-C11": (
        (
            "知らない項目があります。よく似た項目があります。",
            "There is an unknown key, very like a known one.",
        ),
        _SLIP,
        _CHECK,
    ),
    "KE-C12": (
        ("必要な項目がありません。", "A key that is needed is missing."),
        ("書き忘れ", "it was forgotten"),
        _CHECK,
    ),
    "KE-C13": (
        ("値の種類が違います。", "The value is of the wrong kind."),
        ('引用符の過不足 / true と "true"', 'quotes too many or too few / true and "true"'),
        _CHECK,
    ),
    "KE-C14": (
        ("時間や量に単位がありません。", "A duration or an amount has no unit."),
        ("数だけ書いた", "only a number was written"),
        ('"10s" "5m" "512MB" のように書きます。', 'Write "10s", "5m", "512MB".'),
    ),
    "KE-C15": (
        ("時間として読めません。", "This is no duration."),
        _SLIP,
        ('"10s" "5m" "1h" "30d" の形で書きます。', 'Write "10s", "5m", "1h" or "30d".'),
    ),
    "KE-C16": (
        ("容量として読めません。", "This is no size."),
        _SLIP,
        ('"512MB" "2GB" の形で書きます。', 'Write "512MB" or "2GB".'),
    ),
    "KE-C17": (
        ("変化の速さとして読めません。", "This is no rate of change."),
        _SLIP,
        ('"0.5/10m" (10分に0.5) の形で書きます。', 'Write "0.5/10m": 0.5 in ten minutes.'),
    ),
    "KE-C18": (
        ("id に使えない文字があります。", "An id has a character it may not have."),
        ("大文字や日本語、下線", "capitals, Japanese, underscores"),
        ("a-z、0-9、- だけで 32 文字までにします。", "Use a-z, 0-9 and -, at most 32 characters."),
    ),
    "KE-C19": (
        ("値が許される範囲の外です。", "A value is out of its bounds."),
        ("桁や単位の違い (mm と m)", "a wrong power of ten or unit (mm and m)"),
        _CHECK,
    ),
    "KE-C20": (("選択肢にない値です。", "The value is not one of those offered."), _SLIP, _CHECK),
    "KE-C21": (
        ("送信先の形が違います。", "The platform's address has the wrong form."),
        ("mqtts:// の書き忘れ / パスを付けた", "mqtts:// left out / a path was added"),
        ('"mqtts://host:8883" と書きます。', 'Write "mqtts://host:8883".'),
    ),
    "KE-C22": (
        ("シリアルの設定を読めません。", "This is no serial setting."),
        _SLIP,
        (
            '"9600 8N1" の形で、機器の説明書どおりに書きます。',
            'Write "9600 8N1", as the instrument\'s manual says.',
        ),
    ),
    "KE-C23": (
        ("その時間帯はありません。", "There is no such time zone."),
        _SLIP,
        ('日本なら "Asia/Tokyo" です。', 'In Japan: "Asia/Tokyo".'),
    ),
    "KE-C24": (("値が正しくありません。", "The value is not right."), _SLIP, _CHECK),
    "KE-C25": (
        ("数が 0 で始まっています。", "A number begins with 0."),
        ("07 のように書いた", "written as 07"),
        ("7 と書きます。", "Write 7."),
    ),
    "KE-C26": (
        ("文字に引用符がありません。", "A text has no quotes."),
        _SLIP,
        ('" で囲みます。', 'Put it in ".'),
    ),
    "KE-C27": (
        ("1-wire の番号の形が違います。", "This is no 1-wire id."),
        _SLIP,
        (
            "ls /sys/bus/w1/devices か kaga-edge sensor scan で見える名前を書きます。",
            "Write a name that ls /sys/bus/w1/devices or kaga-edge sensor scan shows.",
        ),
    ),
    "KE-C28": (
        ("見えない文字が混じっています。", "There is a character that is not seen."),
        ("Web ページや文書から貼り付けた", "pasted from a web page or a document"),
        ("kaga-edge config check --fix-width FILE", "kaga-edge config check --fix-width FILE"),
    ),
    "KE-C29": (
        (
            "半角で書く値に全角などの文字が混じっています。",
            "A value that is ASCII holds a full-width or special character.",
        ),
        ("日本語入力のまま打った", "typed with the Japanese keyboard on"),
        ("示された値を半角で書きます。", "Write the value that is shown."),
    ),
    "KE-C30": (
        ("その名前のドライバーはありません。", "No driver has this name."),
        ("つづりの誤り / 型番を書いた", "a misspelt name / the maker's model number"),
        ("kaga-edge sensor models で名前を探します。", "Find the name with: kaga-edge sensor models"),
    ),
    "KE-C31": (
        ("1つの 1-wire 機器を2台のセンサーが使っています。", "Two sensors use one 1-wire device."),
        ("写した後の直し忘れ", "copied and not changed"),
        _LIST,
    ),
    "KE-C32": (
        (
            "この機種のつなぎ方ではない項目があります。",
            "A key belongs to another kind of bus than this model's.",
        ),
        ("別の機種から写した", "copied from another model"),
        _MODELS,
    ),
    "KE-C33": (
        ("同じ id が2回あります。", "An id is used twice."),
        ("写した後の直し忘れ", "copied and not changed"),
        _LIST,
    ),
    "KE-C34": (
        ("1つのポートを2台が使っています。", "Two instruments use one serial port."),
        ("写した後の直し忘れ / modbus_id の重なり", "copied and not changed / equal modbus_id"),
        ("1ポート1台にするか、modbus_id を変えます。", "One instrument a port, or different modbus_id."),
    ),
    "KE-C35": (
        ("同じ I2C の番地を2台が使っています。", "Two devices use one I2C address."),
        ("番地の設定を変えていない", "the address pin was not set"),
        (
            "片方の番地を端子で変えるか、別のバスにつなぎます。",
            "Change one by its address pin, or use another bus.",
        ),
    ),
    "KE-C36": (
        ("MS5837 と BME280 はどちらも 0x76 です。", "MS5837 and BME280 both answer at 0x76."),
        ("出荷時の番地のまま", "both at their factory address"),
        (
            "BME280 の SDO を 3.3 V につなぎ、address = 0x77 とします。",
            "Tie the BME280's SDO to 3.3 V and write address = 0x77.",
        ),
    ),
    "KE-C37": (
        ("1本の Modbus 線に違う通信設定があります。", "One Modbus line has two different settings."),
        ("片方だけ出荷時のまま", "one is still at its factory setting"),
        (
            "機器の側をそろえてから、同じ serial を書きます。",
            "Set the instruments alike, then write the same serial.",
        ),
    ),
    "KE-C38": (("この機種が持たない番地です。", "The model does not offer this address."), _SLIP, _MODELS),
    "KE-C39": (
        ("その GPIO はありません。", "There is no such GPIO."),
        _SLIP,
        ("0 から 27 の GPIO 番号を書きます。", "Write a GPIO number from 0 to 27."),
    ),
    "KE-C40": (
        ("ヘッダーのピン番号が書かれています。", "A header pin number was written."),
        ("ピン番号と GPIO 番号の取り違え", "pin and GPIO numbers confused"),
        ("示された GPIO 番号を書きます (ピン 11 は GPIO 17)。", "Write the GPIO shown (pin 11 is GPIO 17)."),
    ),
    "KE-C41": (
        ("1つの GPIO が2回使われています。", "A GPIO is used twice."),
        ("写した後の直し忘れ", "copied and not changed"),
        _LIST,
    ),
    "KE-C42": (
        ("その GPIO は I2C の線です。", "This GPIO is a line of I2C."),
        ("2、3 番を選んだ", "GPIO 2 or 3 was chosen"),
        ("4 や 17 など空いている GPIO にします。", "Choose a free one, such as 17."),
    ),
    "KE-C43": (
        ("その GPIO はシリアルの線です。", "This GPIO is a line of the serial port."),
        ("14、15 番を選んだ", "GPIO 14 or 15 was chosen"),
        ("17 など空いている GPIO にします。", "Choose a free one, such as 17."),
    ),
    "KE-C44": (
        ("測る間隔が機種には短すぎます。", "The interval is shorter than the instrument can do."),
        _SLIP,
        ("示された時間以上にします。", "Use the time shown or more."),
    ),
    "KE-C45": (
        ("水位の基準が順に並んでいません。", "The thresholds are out of order."),
        ("入れ替わり、単位の違い", "two exchanged, or another unit"),
        (
            "standby <= caution <= evacuation <= danger <= levee にします。",
            "Keep standby <= caution <= evacuation <= danger <= levee.",
        ),
    ),
    "KE-C46": (
        ("名前で示したセンサーがありません。", "A sensor that is named does not exist."),
        _SLIP,
        ("kaga-edge sensor list の id を書きます。", "Write an id of kaga-edge sensor list."),
    ),
    "KE-C47": (
        ("示したセンサーはその量を測りません。", "The sensor named does not measure this."),
        ("取り違え", "another one was meant"),
        (
            "気圧や気温を測るセンサーの id を書きます。",
            "Name the one that measures air pressure or temperature.",
        ),
    ),
    "KE-C48": (
        ("取り付けの寸法がありません。", "The mounting dimension is missing."),
        ("距離だけでは水位にならない", "a distance alone is no level"),
        (
            "量水標の零からセンサーまでを測り、[sensor.mount] に書きます。",
            "Measure from the gauge's zero to the sensor and write it in [sensor.mount].",
        ),
    ),
    "KE-C49": (
        ("川と雪の寸法が両方あります。", "Both the river's and the snow's dimension are given."),
        ("見本の消し忘れ", "left over from an example"),
        ("どちらか一方だけ残します。", "Keep one of them."),
    ),
    "KE-C50": (
        ("公開の説明がありません。", "The disclosure is missing."),
        ("書き忘れ", "it was forgotten"),
        (
            "[sensor.disclosure] に purpose (日英) と personal_data を書きます。",
            "Write purpose (ja, en) and personal_data in [sensor.disclosure].",
        ),
    ),
    "KE-C51": (
        ("設定にパスワードが書かれています。", "A password stands in the configuration."),
        ("secret を知らなかった", "secret was not known"),
        (
            "secrets/ の下のファイル (0640) に入れ、名前だけを書きます。そのパスワードは替えます。",
            "Put it into a file below secrets/ (0640) and write its name; change that password.",
        ),
    ),
    "KE-C52": (
        ("secret にファイル名ではないものがあります。", "secret is not the name of a file."),
        ("パスワードを書いた", "the password was written"),
        ('secret = "mqtt-password" の形にします。', 'Write secret = "mqtt-password".'),
    ),
    "KE-C53": (
        ("秘密のファイルを誰でも読めます。", "Anybody can read a secret's file."),
        ("権限を付けずに作った", "made without a mode"),
        (
            "sudo chmod 640 FILE; sudo chown root:kaga-edge FILE",
            "sudo chmod 640 FILE; sudo chown root:kaga-edge FILE",
        ),
    ),
    "KE-C54": (
        ("緯度と経度が逆です。", "Latitude and longitude are swapped."),
        ("地図からの写し方", "copied the other way round"),
        ("加賀市なら [36.3, 136.3] のように緯度を先に書きます。", "Latitude first: [36.3, 136.3] for Kaga."),
    ),
    "KE-C55": (
        ("名前を書いたファイルがありません。", "A file that is named does not exist."),
        ("写し忘れ / 場所の違い", "not copied / another place"),
        ("設定の隣か secrets/ の下に置きます。", "Put it beside the configuration or below secrets/."),
    ),
    "KE-C56": (("このセンサーにない測定量です。", "The sensor has no such channel."), _SLIP, _MODELS),
    "KE-C57": (
        ("センサーが1台もありません。", "There is no sensor."),
        ("[[sensor]] の書き忘れ", "[[sensor]] was forgotten"),
        ("kaga-edge sensor scan が書く行を足します。", "Add the lines that kaga-edge sensor scan prints."),
    ),
    "KE-C58": (
        ("秘密のファイルを読めません。", "A secret's file cannot be read."),
        ("まだ置いていない / 権限の違い", "not there yet / wrong mode"),
        ("root:kaga-edge、0640 で置きます。", "Put it there, root:kaga-edge, mode 0640."),
    ),
    "KE-C59": (
        ("一つしかない表に二重の括弧があります。", "A table there is only one of has double brackets."),
        ("[[sensor]] にならって書いた", "written like [[sensor]]"),
        ("[ ] を一重にします。", "Write single brackets."),
    ),
    "KE-C61": (
        ("シリアルポートの名前ではありません。", "This is not the name of a serial port."),
        ("Windows の名前 (COM3) / / の抜け", "a name of Windows (COM3) / a missing /"),
        ("kaga-edge sensor scan が名前を示します。", "kaga-edge sensor scan shows the names."),
    ),
    "KE-C60": (
        (
            "都市側の命令を確かめる公開鍵として使えません。",
            "It cannot be the public key that checks the city's commands.",
        ),
        ("秘密鍵を置いた / RSA の鍵 / 空のファイル", "the private key / an RSA key / an empty file"),
        (
            "openssl pkey -in 秘密鍵 -pubout で公開鍵を作って置きます。",
            "Make it with openssl pkey -in PRIVATE -pubout and put it there.",
        ),
    ),
    "KE-W07": (
        ("保存先のフォルダーがありません。", "The folder a file is to be written to is not there."),
        ("名前の誤り / ディスクが取り付けられていない", "a slip in the name / the disk is not mounted"),
        ("名前を直すか、フォルダーを作ります。", "Mend the name, or make the folder."),
    ),
    "KE-W06": (
        (
            "ブローカーに書ける人なら誰でも、この命令を送れます。",
            "Whoever may write to the broker can give these commands.",
        ),
        ("command_key を書いていない", "no command_key"),
        (
            "都市側で Ed25519 の鍵を作り、公開鍵を command_key に書きます。",
            "Have the city make an Ed25519 key and set its public half as command_key.",
        ),
    ),
    "KE-W08": (
        (
            "MQTT 3.1.1 のブローカーは、断ったことを知らせません。届かなかった値も到達済みになります。",
            "An MQTT 3.1.1 broker does not say that it refused: rows that never arrived count as delivered.",
        ),
        ('mqtt = "3.1.1" と delivery = "broker"', 'mqtt = "3.1.1" with delivery = "broker"'),
        (
            'MQTT 5 のブローカーなら mqtt の行を消し、ほかは delivery = "platform" とします。',
            'Remove mqtt where the broker speaks MQTT 5; elsewhere set delivery = "platform".',
        ),
    ),
    "KE-W01": (
        ("ポートの名前が起動のたびに変わることがあります。", "The port's name may change at each start."),
        ("USB の名前 ttyUSB0 を書いた", "a USB name, ttyUSB0, was written"),
        (
            "/dev/serial/by-id/ の名前を書きます (kaga-edge sensor scan)。",
            "Write its name below /dev/serial/by-id/ (kaga-edge sensor scan).",
        ),
    ),
    "KE-W02": (
        ("位置が日本の外です。", "The position is outside Japan."),
        _SLIP,
        ("緯度、経度の順で確かめます。", "Check it: latitude, longitude."),
    ),
    "KE-W05": (
        (
            "今の測定間隔では、残す期間の分が保存の上限に入りません。",
            "At the present intervals the rows to be kept do not fit into the store's limit.",
        ),
        ("keep_delivered が長い / max が小さい", "keep_delivered too long / max too small"),
        (
            "[store] の max を増やすか keep_delivered を短くします。",
            "Raise max or lower keep_delivered in [store].",
        ),
    ),
    "KE-W03": (
        ("秘密のファイルがまだありません。", "A secret's file is not there yet."),
        ("これから置く", "it is still to come"),
        ("root:kaga-edge、0640 で置きます。", "Put it there, root:kaga-edge, mode 0640."),
    ),
    "KE-W04": (
        (
            "絶対圧の水位計に気圧計が組になっていません。",
            "An absolute level sensor has no barometer beside it.",
        ),
        ("air_pressure_from がない", "air_pressure_from is missing"),
        ("気圧を測るセンサーの id を書きます。", "Name the sensor that measures air pressure."),
    ),
}

TEXTS: dict[str, tuple[str, str]] = texts(ROWS)
