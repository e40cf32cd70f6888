"""The long texts behind the codes of sensors, wires, line, store and commands (``kaga-edge explain``).

One row a code: what it means, what it comes from (most often first, parted by " / "), how to mend it.
Those of a configuration are in ``explained_configuration``.

A long table and nothing else.
"""

from __future__ import annotations

Row = tuple[tuple[str, str], tuple[str, str], tuple[str, str]]


def texts(rows: dict[str, Row]) -> dict[str, tuple[str, str]]:
    """Return the rows as catalogue entries ``CODE.meaning``, ``CODE.causes``, ``CODE.repair``."""
    parts = ("meaning", "causes", "repair")
    return {
        f"{code}.{part}": text for code, row in rows.items() for part, text in zip(parts, row, strict=True)
    }


ROWS: dict[str, Row] = {
    "KE-X00": (
        ("予想される範囲の障害です。", "A failure of an expected kind."),
        ("表示された文を読んでください", "see the line that was shown"),
        ("kaga-edge doctor で原因を絞ります。", "Narrow it down with: kaga-edge doctor"),
    ),
    # --- bytes ---
    "KE-D00": (
        ("届いたバイト列が仕様書と違います。", "The bytes are not what the datasheet promises."),
        ("機種の設定違い / 線のノイズ", "wrong driver configured / noise on the wire"),
        (
            "kaga-edge sensor read ID で生のバイト列を見て、機種の設定と比べます。",
            "Look at the raw bytes with: kaga-edge sensor read ID, and compare the driver with the label.",
        ),
    ),
    "KE-D01": (
        ("1回分のデータが途中で切れたか、長すぎます。", "A frame was cut short or is too long."),
        (
            "通信速度の違い / 長い線、接触不良 / 別の機種",
            "wrong baud rate / long cable, bad contact / another model",
        ),
        (
            "serial の設定を銘板と比べます。sensor scan が速度を試します。",
            "Compare serial = with the label; kaga-edge sensor scan tries the speeds.",
        ),
    ),
    "KE-D02": (
        ("長さは合うが、先頭や区切りの文字が違います。", "The length fits, the frame's marks do not."),
        (
            "機種または出力形式の設定違い / 信号の極性 / ノイズ",
            "wrong driver or output format / inverted signal / noise",
        ),
        (
            "出力形式の設定を仕様書と比べます。RS-232 の機器は変換器を通します。",
            "Check the instrument's output format; an RS-232 device needs a level converter.",
        ),
    ),
    "KE-D03": (
        (
            "データが線の途中で壊れました。値は捨てて欠測とします。",
            "The bytes were damaged on the wire; the value is dropped.",
        ),
        (
            "線が長い、シールドなし / I2C の速度が速い / 電源の雑音",
            "long or unshielded cable / I2C too fast / noisy supply",
        ),
        (
            "線を短くし、シールドを片側で接地します。I2C は 10 kHz まで遅くできます。",
            "Shorten the cable, ground the shield at one end; I2C may run as slow as 10 kHz.",
        ),
    ),
    "KE-D04": (
        (
            "機器が「測れない」という決まった値を返しました。",
            "The instrument itself says that it cannot measure.",
        ),
        (
            "反射面がない、範囲外 / クモの巣、雪、結露 / 温まる前",
            "no target or out of range / cobweb, snow, dew / still warming up",
        ),
        (
            "センサーの前を見て掃除し、向きと最短距離を確かめます。",
            "Look and clean in front of it; check the aim and the shortest distance.",
        ),
    ),
    "KE-D10": (
        ("記録ファイルの形が違います。", "The capture file has the wrong form."),
        ("別のファイル / 手で直した誤り", "another file / an error made by hand"),
        (
            "kaga-edge sensor read ID --record FILE で作り直します。",
            "Record it again: kaga-edge sensor read ID --record FILE",
        ),
    ),
    "KE-D20": (
        ("その名前のドライバーはありません。", "No driver has this name."),
        ("つづりの誤り / 未対応の機種", "a misspelt name / an unsupported model"),
        ("kaga-edge sensor models で名前を探します。", "Find the name with: kaga-edge sensor models"),
    ),
    # --- wires ---
    "KE-B00": (
        ("配線またはバスが動きません。", "The wire or the bus does not work."),
        ("配線 / 電源 / 設定", "wiring / supply / configuration"),
        ("kaga-edge doctor --only B を実行します。", "Run: kaga-edge doctor --only B"),
    ),
    "KE-B01": (
        (
            "/dev の下の装置がないか、開く権限がありません。",
            "The device node is not there, or may not be opened.",
        ),
        (
            "I2C や UART が無効 / 変換器が抜けている / グループの権限 / 他のプログラムが使用中",
            "I2C or UART switched off / adapter unplugged / group rights / another program has it open",
        ),
        (
            "kaga-edge doctor --only B で無効なものを見つけ、doctor --fix か raspi-config で有効にします。",
            "kaga-edge doctor --only B finds what is off; doctor --fix or raspi-config switches it on.",
        ),
    ),
    "KE-B02": (
        ("呼んでも返事がありません。", "Nobody replies at this address or port."),
        (
            "配線の抜け、水の侵入 / 電源 3.3 V がない / アドレス違い / 線が長い",
            "loose wire, water in the plug / no 3.3 V / wrong address / cable too long",
        ),
        (
            "kaga-edge sensor scan: 見えなければ配線と電源、別の番号なら番地、時々消えるなら線の長さです。",
            "kaga-edge sensor scan: not seen, wiring or supply; another number, the address; else the cable.",
        ),
    ),
    "KE-B03": (
        ("転送が期限内に終わりませんでした。", "A transfer did not end before its deadline."),
        (
            "機器が線を握ったまま / プルアップがない / 電源の不足",
            "a device holds the bus / no pull-ups / weak supply",
        ),
        (
            "センサーの電源を入れ直し、プルアップと線の長さを確かめます。",
            "Power-cycle the sensor; check pull-ups and cable length.",
        ),
    ),
    "KE-B04": (
        (
            "バスそのものの障害です (USB が抜けた、入出力エラー)。",
            "The bus itself failed (unplugged, I/O error).",
        ),
        (
            "USB 変換器の抜け、電力不足 / 落雷後の故障 / SDA と SCL の短絡",
            "USB adapter loose or short of power / damage by lightning / SDA and SCL shorted",
        ),
        (
            "変換器を差し直し、dmesg の末尾を見ます。同じなら別の変換器に替えます。",
            "Plug the adapter in again, look at the end of dmesg; if it stays, use another adapter.",
        ),
    ),
    "KE-B05": (
        (
            "返事はあるが、設定した機種ではありません。",
            "Something answers, but it is not the configured model.",
        ),
        (
            "driver の書き違い / 同じアドレスの別の機器 / 交換品の型違い",
            "wrong driver in the configuration / another device at that address / a different spare part",
        ),
        (
            "kaga-edge sensor scan が見つけた機種を設定に書きます。",
            "Write the model that kaga-edge sensor scan found.",
        ),
    ),
    "KE-B08": (
        (
            "求めによりこのセンサーの測定を止めています。故障ではありません。",
            "Collecting from this sensor was stopped at somebody's request. Nothing is broken.",
        ),
        ("住民などからの申し出", "somebody asked for it"),
        (
            "理由は kaga-edge collect status。再開: kaga-edge collect start SENSOR --who NAME",
            "Why: kaga-edge collect status. Again: kaga-edge collect start SENSOR --who NAME",
        ),
    ),
    "KE-B06": (
        (
            "機器が要求を例外応答で断りました (Modbus)。",
            "The device refused with an exception of its own (Modbus).",
        ),
        (
            "レジスタ番号の違い / 機器の版の違い / 機器が準備中",
            "wrong register / other firmware / device still starting",
        ),
        (
            "機器の説明書でレジスタ番号と機能コード (3 か 4) を確かめます。",
            "Check register number and function (3 or 4) in the device's manual.",
        ),
    ),
    "KE-B07": (
        (
            "機器は電源が入ったばかりで、まだ値を出しません。",
            "The instrument was just switched on and gives no value yet.",
        ),
        ("電源を入れた直後 / 電源の瞬断", "just switched on / its supply was interrupted"),
        (
            "しばらく待ちます。続くなら電源電圧を測ります。",
            "Wait a little; if it stays, measure its supply voltage.",
        ),
    ),
    # --- the line to the platform ---
    "KE-L00": (
        (
            "市のシステムへの接続ができないか、切れました。",
            "The connection to the platform failed or ended.",
        ),
        (
            "電波、回線 / 相手の停止 / 証明書や時計 / 認証",
            "radio or line / platform down / certificate or clock / login",
        ),
        (
            "kaga-edge link test がどの段階で止まるかを示します。",
            "kaga-edge link test shows at which step it stops.",
        ),
    ),
    "KE-L10": (
        (
            "市のシステムから届いた文が取り決めと違います。",
            "What the platform sent does not keep the contract.",
        ),
        ("相手の実装の誤り / 版の違い", "a mistake on the platform's side / another version"),
        (
            "市の担当へ: kaga-edge contract samples を見本として渡します。",
            "For the platform team: show them kaga-edge contract samples.",
        ),
    ),
    "KE-L11": (
        (
            "届いた文が JSON でも zlib でもないか、大きすぎます。",
            "The message is neither JSON nor zlib, or too large.",
        ),
        (
            "別のプログラムが同じトピックに書いている / 途中で壊れた",
            "another program writes to the topic / damaged on its way",
        ),
        (
            "kaga-edge contract verify で検査し、書いているプログラムを探します。",
            "Check it with kaga-edge contract verify and find who writes it.",
        ),
    ),
    # --- the store ---
    "KE-S00": (
        ("保存の操作ができません。", "The store cannot do what was asked."),
        ("ファイルが閉じられた / 引数の誤り", "it is closed / a wrong argument"),
        (
            "kaga-edge doctor --only Q を実行し、journalctl -u kaga-edge を見ます。",
            "Run kaga-edge doctor --only Q and look at journalctl -u kaga-edge.",
        ),
    ),
    "KE-S01": (
        (
            "別のプログラムが保存ファイルを開いています。書けるのは1つだけです。",
            "Another program has the file open; only one may.",
        ),
        (
            "ゲートウェイが2つ動いている / sqlite3 で開いたまま",
            "a second gateway runs / it is open in sqlite3",
        ),
        (
            "sudo systemctl stop kaga-edge、または sqlite3 を終えます。",
            "sudo systemctl stop kaga-edge, or leave sqlite3.",
        ),
    ),
    "KE-S02": (
        (
            "ファイルは kaga-edge のものではないか、新しい版のものです。",
            "The file is not ours, or a newer version made it.",
        ),
        ("[store] path の書き違い / 古い版に戻した", "wrong [store] path / went back to an older version"),
        (
            "path を直すか、新しい版を入れます。消さないでください。",
            "Mend path, or install the newer version. Do not delete it.",
        ),
    ),
    "KE-S03": (
        (
            "ディスクに書けません。測定と送信は記憶の中から続きます。",
            "The disk refuses. It measures and sends from memory.",
        ),
        (
            "カードの空きがない / カードの寿命、読み取り専用 / 電源の不足",
            "card full / card worn out, read-only / weak supply",
        ),
        (
            "df -h と dmesg を見ます。入出力エラーがあればカードを替えます。",
            "Look at df -h and dmesg; replace the card when there are I/O errors.",
        ),
    ),
    "KE-S04": (
        (
            "保存ファイルを開く権限がないか、そこには置けません。",
            "The file may not be opened, or none can be there.",
        ),
        (
            "別の利用者のファイルやフォルダー / [store] path の書き違い",
            "file or folder of another user / wrong [store] path",
        ),
        (
            "sudo chown -R kaga-edge: でフォルダーの持ち主を直すか、path を直します。",
            "Give the folder back (sudo chown -R kaga-edge:), or mend path.",
        ),
    ),
    # --- installing, replacing, updating ---
    "KE-I01": (
        (
            "導入のある段階ができませんでした。済んだ段階はそのままです。",
            "One step of the set-up failed; those before it stay.",
        ),
        (
            "sudo なし / カードが読み取り専用または満杯 / 取り込みフォルダーがない",
            "no sudo / the card is read-only or full / no drop zone",
        ),
        (
            "示された所を直し、もう一度 sudo kaga-edge setup。済んだ段階は繰り返しません。",
            "Mend what is named, then again: sudo kaga-edge setup; what is done is not repeated.",
        ),
    ),
    "KE-I02": (
        ("更新ファイルを入れずに断りました。", "The update was refused and nothing was installed."),
        (
            "署名がない・合わない / 機種が違う / 今より古い / 保存データより古い形式",
            "no or a wrong signature / another processor / older than the present one / older schema",
        ),
        (
            "FILE と FILE.sig を並べて置き、鍵 /etc/kaga-edge/update.pem を確かめます。",
            "Put FILE and FILE.sig side by side; check the key /etc/kaga-edge/update.pem.",
        ),
    ),
    "KE-I03": (
        ("その観測所への交換を始められません。", "The replacement for that site cannot begin."),
        (
            "設定が別の観測所のもの / 取り込みフォルダーに設定がない / 設定の誤り",
            "the configuration is another site's / none in the drop zone / it has faults",
        ),
        (
            "正しい kaga-edge.toml を取り込みフォルダーに置き、もう一度 setup --replace。",
            "Put the right kaga-edge.toml into the drop zone, then setup --replace again.",
        ),
    ),
    "KE-I04": (
        ("この操作には管理者の権限が要ります。", "This changes the system and needs root."),
        ("sudo なしで実行した", "run without sudo"),
        ("同じ命令の前に sudo を付けます。", "Put sudo before the same command."),
    ),
    # --- commands and the running gateway ---
    "KE-G01": (
        ("制御用のソケットに誰もいません。", "Nobody listens on the control socket."),
        (
            "止まっている / 設定の誤りで起動しない / --config が違う",
            "it is stopped / the configuration stops it / another --config",
        ),
        (
            "sudo systemctl start kaga-edge。理由は journalctl -u kaga-edge -n 20。",
            "sudo systemctl start kaga-edge; the reason: journalctl -u kaga-edge -n 20",
        ),
    ),
    "KE-G02": (
        ("ソケットを開く権限がありません。", "You may not open the socket."),
        ("グループ kaga-edge に入っていない", "your user is not in group kaga-edge"),
        (
            "sudo を付けるか、sudo usermod -aG kaga-edge USER の後で入り直します。",
            "Use sudo, or sudo usermod -aG kaga-edge USER and log in again.",
        ),
    ),
    "KE-G03": (
        ("問いは届いたが、時間内に答えがありません。", "It took the question and did not answer in time."),
        ("バスの期限待ち / 機械が重い", "a sick bus uses its deadlines / the machine is busy"),
        (
            "少し待って、もう一度。続くなら journalctl -u kaga-edge を見ます。",
            "Wait and ask again; if it stays, look at journalctl -u kaga-edge.",
        ),
    ),
    "KE-G04": (
        ("設定にその id のセンサーがありません。", "The configuration has no sensor of that id."),
        ("つづりの誤り / 別の設定ファイル", "a misspelt id / another configuration file"),
        ("kaga-edge sensor list で id を見ます。", "See the ids with: kaga-edge sensor list"),
    ),
    "KE-G06": (
        ("--since の書き方が分かりません。", "The text after --since is no time."),
        ("書き間違い", "a slip of the pen"),
        (
            '"today" "2h" "3d" "2026-11-22 02:00" のように書きます。',
            'Write "today", "2h", "3d" or "2026-11-22 02:00".',
        ),
    ),
    "KE-G07": (
        ("出来事の記録を開く権限がありません。", "You may not read the ring of events."),
        ("グループ kaga-edge に入っていない", "your user is not in group kaga-edge"),
        (
            "sudo を付けるか、sudo usermod -aG kaga-edge USER の後で入り直します。",
            "Use sudo, or sudo usermod -aG kaga-edge USER and log in again.",
        ),
    ),
    "KE-G05": (
        ("その符号の説明はありません。", "There is no explanation for this code."),
        ("書き写しの誤り / 新しい版の符号", "a slip in copying / a code of a newer version"),
        ("kaga-edge explain で一覧を見ます。", "kaga-edge explain lists them all."),
    ),
}

TEXTS: dict[str, tuple[str, str]] = texts(ROWS) | {
    "explain.meaning": ("意味", "Meaning"),
    "explain.causes": ("多い順", "Most often"),
    "explain.repair": ("直し方", "To mend"),
    "explain.check": ("doctor の診断項目: {title}", "a check of the doctor: {title}"),
    "explain.again": ("調べ直す", "Look again"),
    "explain.meanwhile": ("その間", "Meanwhile"),
    "explain.unknown": ("{name} という符号はありません", "there is no code {name}"),
    "explain.unknown_fix": ("近いもの: {near}", "nearest: {near}"),
    "explain.KE-D": (
        "この間の値は「欠測」として残り、市にも欠測と伝わります。測り直しは不要です。",
        "The value is kept and sent as missing; nothing has to be measured again.",
    ),
    "explain.KE-B": (
        "この間の値は「欠測」として残り、市にも欠測と伝わります。ゲートウェイは間隔を空けて試し続けます。",
        "The values are kept and sent as missing; the gateway goes on trying at growing intervals.",
    ),
    "explain.KE-C": (
        "動いているゲートウェイは前の設定のまま続きます。",
        "A running gateway goes on with the previous configuration.",
    ),
    "explain.KE-W": ("ゲートウェイは起動し、測ります。", "The gateway starts and measures."),
    "explain.KE-L": (
        "測定値はすべて保存され、回線が戻れば送られます。",
        "Every reading is kept and sent when the line is back.",
    ),
    "explain.KE-S": (
        "測定は続きます。書けない値はメモリーで待ちます。",
        "Measuring goes on; what cannot be stored waits in memory.",
    ),
    "explain.KE-G": (
        "この命令だけの問題です。測定には影響しません。",
        "Only this command is concerned; measuring is not affected.",
    ),
    "explain.KE-X": ("測定は続きます。", "Measuring goes on."),
}
