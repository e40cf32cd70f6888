"""What stands around the options in each command's help: what it does, and its exit codes.

A long table and nothing else; the examples are in ``helping_examples``.
"""

from __future__ import annotations

Text = tuple[str, str]  # Japanese, English

ABOUT: dict[str, Text] = {
    "demo": (
        (
            "模擬の観測所、ブローカー、受信側で本物のゲートウェイを動かし、回線を切り、センサーを抜き、"
            "ゲートウェイを落として、数を確かめる。ほかのファイルもネットワークも要らない。"
        ),
        (
            "Runs the real gateway on a simulated station with a broker and a receiver, "
            "cuts the line, pulls a "
            "sensor, kills the gateway, and counts. Needs no other file and no network."
        ),
    ),
    "run": (
        (
            "SIGTERM か Ctrl-C まで動き続ける。SIGHUP で設定を読み直し、新し"
            "い設定が誤っていれば今の設定で続ける。"
        ),
        (
            "Run the gateway in the foreground until SIGTERM or Ctrl-C. SIGHUP reads "
            "the configuration again and "
            "keeps the old one when the new one is wrong."
        ),
    ),
    "status": (
        "各センサーの最新の値と単位、品質、何秒前か。未送信の数と古さ、回線、時計、保存の残り。",
        (
            "Each sensor's last value with unit, quality and age; what waits and "
            "how old it is; the link; the "
            "clock; the room left."
        ),
    ),
    "doctor": (
        (
            "システム (O)、配線 (B)、センサー (S)、時刻 (T)、保存 (Q)、回線 (L)、"
            "電源 (P)、設定 (C) を調べる。"
            "sudo を付けるとさらに詳しい。"
        ),
        (
            "Looks at the system (O), wires (B), sensors (S), time (T), store (Q), line (L), power (P) and "
            "configuration (C). With sudo it sees more."
        ),
    ),
    "explain": (
        "ネットワークもゲートウェイも要らない。符号を省くと全部を示す。",
        "Works without a network and without the gateway. Without a code: all of them.",
    ),
    "log": (
        "観測所に残る出来事の記録を読む。ゲートウェイが止まっていてもよい。",
        "Reads the station's own ring of events; the gateway need not run.",
    ),
    "config": (
        "設定を検査し、示し、試し、元に戻す。",
        "Check, show, try and take back a configuration.",
    ),
    "config check": (
        "ゲートウェイの起動時と同じように、FILE と隣の conf.d を読み、誤りをすべて示す。",
        "Reads FILE and the conf.d beside it exactly as the gateway does at its start.",
    ),
    "config apply": (
        (
            "FILE を省くと、その場で書き換えた設定を使う。--confirm では試すだけで、時間内に確定しないと"
            "前の設定に自動で戻る。"
        ),
        (
            "Without FILE: the configuration as it has been edited in place. With "
            "--confirm it is only tried: "
            "unless confirmed in time the gateway returns to the last good one by itself."
        ),
    ),
    "sensor": (
        "センサーを探し、読み、試し、校正する。",
        "Find sensors, read them, test them, calibrate them.",
    ),
    "sensor read": (
        "1回測る。ゲートウェイが動いていればそれを通し、なければバスから直接。",
        "Reads once: through the running gateway, or straight from the bus when none runs.",
    ),
    "sensor calibrate": (
        "動いているゲートウェイを通して30秒測り、前と後の値を見せ、1回だけ確認する。",
        "Reads for half a minute through the running gateway, shows before and after, asks once.",
    ),
    "sensor scan": (
        (
            "知っている機種すべてに、それぞれの話し方で呼びかける。ゲートウェイが使っているものには触れない。"
            "--gpio ではピンも見る (プルアップを入れる)。"
        ),
        (
            "Tries every known model by its own dialogue. What the configuration already "
            "uses is left alone while "
            "the gateway runs. --gpio also watches the header's pins (sets pull-ups)."
        ),
    ),
    "link test": (
        "動いているゲートウェイとは別に GATEWAY-test としてつなぐ。送信は止まらない。",
        "Connects beside the running gateway, as GATEWAY-test: nothing is interrupted.",
    ),
    "store": (
        (
            "show、ledger、rejected は動いているゲートウェイに尋ねる。止まっているとき、または FILE を"
            "書いたときは、ファイルの写しを読む。ここのどの命令も、元のファイルを変えない。"
        ),
        (
            "show, ledger and rejected ask the running gateway; without one, and with "
            "FILE, a copy of the file is "
            "read. Nothing here changes the store or confirms anything."
        ),
    ),
    "store export": (
        "届いていないもの、手元に残るものを電文のまま1行ずつ書く。USB で運び、store import で取り込む。",
        (
            "Contract messages as JSON lines, to carry on a stick when the line is "
            "dead; store import feeds them "
            "in. Confirms nothing."
        ),
    ),
    "store import": (
        (
            "store export のファイルを、回線で届いたのと同じように取り込む。"
            "重なっても害はなく、抜けが埋まる。"
            "受信側のファイルへ、または --host で動いている受信側のブローカーへ。"
        ),
        (
            "Stores what export wrote, as if it had come over the line: duplicates "
            "are harmless, gaps close. Into "
            "the receiver's file, or with --host to the broker of a running receiver."
        ),
    ),
    "web on": (
        (
            "1つの通信口で状態ページを HTTPS で開き、時間が来ると自動で閉じる。"
            "見るだけなら PIN は要らない。"
            "保守、測定、停止と再開、補正には要る。開き直すと PIN は新しくなる。"
        ),
        (
            "Opens the status page over HTTPS on one interface. It closes by itself. Looking needs no PIN; "
            "maintenance, reading now, stop and start, and an offset do. Opened again: a new PIN."
        ),
    ),
    "decode": (
        "記録したシリアルのバイト列か機器の写し (JSON) を、機器なしで解読する。",
        "Decode captured serial frames, or a device image (JSON), without any hardware.",
    ),
    "receive": (
        (
            "すべてのゲートウェイを受け、各行を1回だけ保存し、保存したものを確認応答し、届いた数、重なり、"
            "抜け、届かないと知らされた数を数える。"
        ),
        (
            "Subscribe to every gateway, store each row once, acknowledge what is on disk, and count what "
            "arrived, came again, is missing or was declared gone."
        ),
    ),
    "simulate": (
        "実測の記録を天気とする模擬の観測所。",
        "A simulated station whose weather is a recorded series.",
    ),
    "simulate replay": (
        "記録をゲートウェイに通して再生し、分かっている事実と比べて評価する。",
        "Plays a recorded series through the gateway, then judges it against what is known.",
    ),
    "contract": (
        "市のシステムとの取り決めを、機械が読める形で。",
        "The contract with the platform, for machines.",
    ),
    "contract verify": (
        (
            "mosquitto_sub -F '%t %x' (トピックと16進) か -F '%j' の行を読む。--as では1ファイルが1電文"
            " (そのまま、または zlib)。"
        ),
        (
            "Reads lines as mosquitto_sub -F '%t %x' writes them (topic and payload in hex: batches are "
            "compressed) or as -F '%j' does, or with --as one message per file, plain or zlib."
        ),
    ),
    "commission": (
        (
            "診断、各センサー、回線、60秒の断線試験、時計と電源を調べ、1ページの報告書 (HTML、A4) を書く。"
            "断線試験の間も測定は続き、後で届く。"
        ),
        (
            "Diagnosis, every sensor, the line, a line cut of 60 s, clock and power; then a one-page report "
            "(HTML, A4). Measuring goes on while the line is cut, and arrives later."
        ),
    ),
    "report": (
        "設定、出来事、状態、診断、版、ジャーナルの終わり。秘密は除く。",
        "Configuration, events, status, diagnosis, versions, the journal's last lines; secrets removed.",
    ),
    "maintenance": (
        "測定は続き、作業中の値に印が付く。",
        "Measuring goes on; values are marked while somebody works.",
    ),
    "collect": (
        "住民などの求めで測定を止め、再開する。すぐに効き、理由が残り、再起動しても続く。",
        (
            "Stop collecting at somebody's request, start again. Takes effect at once, "
            "is kept with who and why, "
            "outlasts a restart."
        ),
    ),
    "manifest": (
        "誰が、何を、何のために、どの根拠で集め、どれだけ残すか。",
        "Who collects what, what for, on what ground, kept how long.",
    ),
    "secret": (
        "パスワードと鍵。設定ファイルには書かない。",
        "Passwords and keys; never in the configuration.",
    ),
    "secret set": (
        "尋ねる (または標準入力から読む)。引数には書かない: 動いている命令の引数は誰にでも見える。",
        (
            "Asks for it, or reads standard input. Never as an argument: every user of the machine sees the "
            "arguments of a running command."
        ),
    ),
    "enroll": (
        "secrets/NAME.key (EC P-256) を作り、市のシステムへの証明書の申請 (PEM) を出力する。",
        "Makes secrets/NAME.key (EC P-256) and prints the request (PEM) for the platform.",
    ),
    "opendata": (
        "公開できる測定を CSV にする。",
        "Readings that may be published, as CSV.",
    ),
    "opendata export": (
        (
            "日または月ごとの CSV (RFC 4180、UTF-8) と、説明の JSON を書く。時"
            "刻は観測所の時間帯で UTC との差つき。"
            "単位と品質の列、出典とライセンスが付く。個人に関わるセンサーと [sensor.disclosure] "
            "のないものは含まない。"
        ),
        (
            "Writes a CSV file (RFC 4180, UTF-8) for each day or month and its description "
            "as JSON. Times in the "
            "site's zone with the offset from UTC; units, quality, source and licence. Sensors that touch "
            "personal data, and those with no [sensor.disclosure], are never in it."
        ),
    ),
    "output": ("回転灯とサイレン。", "Lamps and sirens."),
    "setup": (
        (
            "現場が要るものを1回だけ確認して有効にする。投入フォルダーは、起動用の区画 (PC では bootfs) の"
            " kaga-edge。kaga-edge.toml、secrets.txt (mqtt-password = ... の行)、ca.pem を置くと、"
            "結果が RESULT.txt に書かれる。"
        ),
        (
            "Switches on what the site needs; asks once. Drop zone: the folder kaga-edge "
            "on the boot partition "
            "(bootfs on a PC). Put there kaga-edge.toml, secrets.txt (lines mqtt-password = ...), ca.pem; "
            "RESULT.txt beside them says what came of it."
        ),
    ),
}

EXITS: dict[str, Text] = {
    "status": (
        "0 良好、1 注意、2 障害、3 停止中",
        "0 good, 1 attention, 2 failing, 3 not running",
    ),
    "doctor": ("0 すべて合格、1 注意あり、2 不合格", "0 all pass, 1 notes, 2 failures"),
    "explain": ("0 良好、64 その符号はない", "0 good, 64 no such code"),
    "log": (
        "0 良好、2 記録を読めない、64 使い方の誤り",
        "0 good, 2 the ring cannot be read, 64 usage",
    ),
    "config check": (
        "0 良好、1 注意あり (まだないパスワードやフォルダーは数えない)、78 誤りあり",
        "0 good, 1 warnings (a password or folder still to come does not count), 78 faults",
    ),
    "config diff": (
        "0 同じ、1 違いあり、3 停止中、78 読めない",
        "0 the same, 1 different, 3 the gateway is not running, 78 the file is no TOML",
    ),
    "config apply": (
        "0 良好、78 誤りあり: 前の設定で続ける",
        "0 good, 78 faults: the previous one keeps running",
    ),
    "sensor read": ("0 良好、2 センサーが失敗", "0 good, 2 a sensor failed"),
    "sensor scan": ("0 見つかった、1 何もない", "0 something was found, 1 nothing"),
    "sensor test": ("0 合格、2 センサーが失敗", "0 pass, 2 a sensor failed"),
    "link test": ("0 良好、2 途中で失敗", "0 good, 2 a step failed"),
    "store verify": ("0 良好、2 壊れているか読めない", "0 good, 2 damaged or not readable"),
    "store salvage": ("0 救い出した、2 何も読めない", "0 something was saved, 2 nothing can be read"),
    "store import": (
        "0 良好、1 矛盾があるか読めない",
        "0 good, 1 something contradicts or cannot be read",
    ),
    "web on": (
        "0 開いた、2 開けない、3 停止中",
        "0 open, 2 cannot be opened, 3 the gateway is not running",
    ),
    "receive": (
        "0 抜けなし、1 抜けか矛盾あり、2 つながらなかった",
        "0 nothing missing, 1 missing or conflicting, 2 never connected",
    ),
    "contract verify": (
        "0 すべて守る、1 守らないものあり、64 使い方の誤り",
        "0 all keep it, 1 one does not, 64 a wrong argument",
    ),
    "commission": (
        "0 合格、1 注意あり、2 不合格あり",
        "0 accepted, 1 with notes, 2 something failed",
    ),
    "manifest check": (
        "0 そろっている、1 足りない、2 市のシステムが受け取らない",
        "0 complete, 1 something is missing, 2 the platform would refuse it",
    ),
    "opendata export": (
        "0 書いた、1 その期間に公開できる測定がない、2 読めないか書けない",
        "0 written, 1 nothing to publish in that time, 2 not readable or writable",
    ),
    "setup": (
        "0 完了、1 再起動が要るか前の版に戻した、2 失敗、78 設定の誤り",
        "0 done, 1 reboot needed or old version put back, 2 failed, 78 configuration",
    ),
}


TEXTS: dict[str, Text] = {f"about.{path}": text for path, text in ABOUT.items()} | {
    f"exits.{path}": text for path, text in EXITS.items()
}
