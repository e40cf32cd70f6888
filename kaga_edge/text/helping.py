"""What every option and argument of the command line means: for all commands, or for one of its own.

A long table and nothing else. ``OWN`` is asked first, by the command's words; then ``SHARED``. Numbers in
[] are what holds when the option is not given.
"""

from __future__ import annotations

Text = tuple[str, str]  # Japanese, English

CONFIGURATION: Text = (
    "設定ファイル [/etc/kaga-edge/kaga-edge.toml]",
    "configuration [/etc/kaga-edge/kaga-edge.toml]",
)
PASSWORD: Text = ("1行目がパスワードのファイル", "its first line is the password")
CERTIFICATES: Text = (
    "認証局の証明書 (PEM)。TLS を使う",
    "CA certificates (PEM): switches TLS on",
)
ROOT: Text = ("トピックの最初の語 [kaga]", "first word of the topics [kaga]")
DATABASE: Text = (
    "受信側のファイル [kaga-receive.db]",
    "the receiver's file [kaga-receive.db]",
)
STORE: Text = (
    "保存ファイルの写し。省くと動いているもの",
    "a copy of a store; without it the running gateway's",
)

SHARED: dict[str, Text] = {
    "--help": ("この説明を表示する", "show this help"),
    "--lang": ("表示の言語", "language of the output"),
    "--json": ("プログラム用に JSON で", "as JSON, for programs"),
    "--config": CONFIGURATION,
    "--socket": ("ゲートウェイの窓口のソケット", "the daemon's control socket"),
    "--yes": ("確認を求めない", "do not ask"),
    "--who": ("する人の名前。記録に残る", "your name; it is kept"),
    "--why": ("理由。記録に残る", "the reason; it is kept"),
    "sensor": ("センサーの名前。省くと全部", "id; without it every sensor"),
}

OWN: dict[str, dict[str, Text]] = {
    "demo": {
        "--seconds": ("物語の長さ (20以上) [90]", "length of the story (>= 20) [90]"),
        "--plain": (
            "動く画面の代わりに、変わるたびに1行",
            "one line for every change, no live picture",
        ),
        "--keep": ("ファイルをすべてこのフォルダーに残す", "keep all files in this folder"),
    },
    "status": {
        "--json": ("すべてを JSON で", "the whole snapshot as JSON"),
        "--line": ("スクリプト用に英語で1行", "one line, English, for scripts"),
        "--watch": ("2秒ごとに表示。Ctrl-C まで", "again every two seconds, until Ctrl-C"),
    },
    "doctor": {
        "--only": (
            "O B S T Q L P C の組、または1項目 (B02)",
            "O B S T Q L P C, or one check: B02",
        ),
        "--fix": (
            "安全な修復だけを、命令を見せて行う",
            "run the safe repairs, showing each command",
        ),
    },
    "explain": {
        "code": ("表示された符号。例 KE-B02、doctor の Q02", "as printed: KE-B02, or the doctor's Q02")
    },
    "log": {
        "--since": (
            '"today"、"2h"、"3d"、"2026-11-22 02:00" (現地時刻) から',
            '"today", "2h", "3d" or "2026-11-22 02:00" (local)',
        ),
        "--sensor": ("このセンサーのものだけ", "only of this sensor"),
        "--level": (
            "critical、error、warning、notice、info: これ以上 [info]",
            "critical, error, warning, notice or info: this and worse [info]",
        ),
        "--last": ("最後のN件まで [200]", "at most the last N [200]"),
        "--follow": ("これから起きることも続けて表示", "go on with what happens from now"),
        "--json": ("1行に1件の JSON", "one event a line, as JSON"),
    },
    "config check": {
        "file": CONFIGURATION,
        "--convert": (
            "先に UTF-8 に直す。元のファイルは残す",
            "first write FILE as UTF-8; the original is kept",
        ),
        "--fix-width": ("先に全角文字を半角に直す", "first make full-width characters ASCII"),
    },
    "config init": {"kind": ("観測所の種類: 川、雪、道路", "the kind of site")},
    "config show": {
        "--origin": ("それぞれのファイルと行。または既定値", "file and line of each, or: default")
    },
    "config diff": {
        "file": ("比べるファイル。省くと使用中のもの", "the file to compare; without it the one in use")
    },
    "config apply": {
        "file": (
            "新しい設定。省くと、書き換えた今の設定",
            "the new one; without it the one edited in place",
        ),
        "--confirm": (
            'この時間だけ試す。例 "10m"。確定しないと戻る',
            'on trial for so long: "10m"',
        ),
        "--confirmed": ("config confirm と同じ", "the same as: config confirm"),
    },
    "sensor models": {"driver": ("この機種だけ", "only this one")},
    "sensor read": {
        "--record": (
            "見えたものを機器の写しとして書く",
            "write what was seen as a device image",
        )
    },
    "sensor calibrate": {
        "sensor": ("センサーの名前", "id of the sensor"),
        "--staff": ("基準の値 (量水標の読みなど)", "the known value, as the staff gauge says"),
        "--channel": ("どの項目か [最初のもの]", "which channel [the sensor's first]"),
        "--other": ("2点のうち、もう1点", "the first point of two"),
        "--shunt": ("倍率だけ。差は加えない", "a factor only, no offset"),
        "--bare-ground": (
            "雪のない地面を0とする。薄い雪がないか見てから",
            "zero of a snow gauge; look first: thin snow is not bare",
        ),
        "--due": (
            "有効な最後の日。過ぎた値には印が付く",
            "last day it is good for; then values are marked",
        ),
        "--undo": ("最後の校正を取り消す", "take the last calibration back"),
        "--window": ("測る時間、秒 [30]", "how long to read [30]"),
    },
    "sensor scan": {
        "--bus": ("この I2C バスだけ", "only this I2C bus"),
        "--port": ("このシリアルポートだけ", "only this serial port"),
        "--unit": ("この Modbus 番号だけ [1-4, 247]", "only these Modbus units [1-4, 247]"),
        "--serial": (
            '"19200 8E1" のように書く。Modbus をこの設定だけで探す',
            'as "19200 8E1": look for Modbus only at this line setting',
        ),
        "--gpio": ("GPIO をこの秒数だけ見る", "watch the GPIO lines for so long"),
    },
    "sensor watch": {
        "sensor": ("センサーの名前", "id of the sensor"),
        "--seconds": ("この秒数で終わる", "end after this long"),
        "--json": ("1行に1回の JSON", "one reading a line, as JSON"),
    },
    "store show": {"file": STORE},
    "store ledger": {"file": STORE},
    "store rejected": {"file": STORE},
    "store verify": {"file": STORE},
    "store salvage": {
        "file": ("壊れたファイル", "the damaged file"),
        "out": ("新しいファイル [FILE.out]", "the new file [FILE.out]"),
    },
    "store export": {
        "file": ("保存ファイル。省くと設定のもの", "a store; without it the configured one"),
        "out": ("書き出すファイル", "the file to write"),
    },
    "store import": {
        "file": ("store export が書いたファイル", "what store export wrote"),
        "--database": DATABASE,
        "--root": ROOT,
        "--host": ("代わりにこのブローカーへ送る", "publish to this broker instead"),
        "--port": ("ブローカーのポート [1883、TLS は 8883]", "the broker's port [1883, with TLS 8883]"),
        "--username": ("ブローカーの利用者名", "the broker's user name"),
        "--password-file": PASSWORD,
        "--ca": CERTIFICATES,
    },
    "web on": {
        "--minutes": ("開いておく分数。480まで [60]", "how long; at most 480 [60]"),
        "--interface": (
            "例 eth0 [アドレスのある唯一のもの]",
            "for example eth0 [the only one with an address]",
        ),
        "--port": ("ポート [8443]", "the TCP port [8443]"),
    },
    "decode": {
        "driver": ("機種の名前。sensor models で分かる", "driver name, as in sensor models"),
        "--frames": (
            "シリアルのバイト列: FF07A1A7、FF 07 A1 A7",
            "serial bytes: FF07A1A7, or FF 07 A1 A7",
        ),
        "--image": ("機器の写し (JSON)", "device image (JSON)"),
        "--set": ("機種の設定。何度でも書ける", "an option of the driver; repeatable"),
    },
    "receive": {
        "--host": ("ブローカー [127.0.0.1]", "the broker [127.0.0.1]"),
        "--port": ("ポート [1883、TLS は 8883]", "the port [1883, with TLS 8883]"),
        "--root": ROOT,
        "--database": (
            "SQLite ファイル。なければ作る [kaga-receive.db]",
            "SQLite file, made when missing [kaga-receive.db]",
        ),
        "--username": ("ブローカーの利用者名", "the broker's user name"),
        "--password-file": PASSWORD,
        "--ca": CERTIFICATES,
        "--no-ack": ("聞くだけ。何も送らない", "only listen, publish nothing"),
        "--json": ("1行に1つの JSON", "one JSON object a line"),
        "--seconds": ("この秒数で終わる [Ctrl-C まで]", "end after this long [at Ctrl-C]"),
    },
    "simulate replay": {
        "file": (
            "CSV: Trout Creek, Campbell TOA5, ATSPM, Logan River, NAB",
            "Trout Creek, Campbell TOA5, ATSPM, Logan River or NAB CSV",
        ),
        "--speed": ("実際の何倍の速さか [全体]", "times real speed [the whole file]"),
        "--seconds": ("再生する秒数 [20]", "how long to play [20]"),
        "--verdict": ("評価だけ", "the verdict only"),
        "--json": ("評価だけを JSON で", "the verdict only, as JSON"),
    },
    "contract schema": {"name": ("電文の種類。省くと名前の一覧", "the message; without it the names")},
    "contract samples": {"folder": ("ここに1つずつ書く", "one file each into this folder")},
    "contract verify": {
        "files": ("記録した電文のファイル", "captured messages"),
        "--as": ("1ファイルがこの種類の1電文", "each file is one such message"),
    },
    "commission": {
        "--who": ("技術者の名前。省くと尋ねる", "the technician; asked for without it"),
        "--out": ("報告書 [commission-SITE-DATE.html]", "the page [commission-SITE-DATE.html]"),
        "--cut": (
            "断線試験の秒数。0で試験しない [60]",
            "length of the line-cut test; 0: no test [60]",
        ),
        "--yes": ("断線試験の前に確認を求めない", "do not ask before the line is cut"),
    },
    "report": {
        "--out": ("まだない .tar.gz の名前", "a .tar.gz that does not exist yet"),
        "--no-doctor": ("診断を省く (15秒かかる)", "leave the diagnosis out (it takes 15 s)"),
    },
    "maintenance on": {
        "--minutes": ("この分数で自動的に終わる [60]", "it ends by itself [60]"),
        "sensor": ("センサーの名前。省くと観測所全体", "id; without it the whole station"),
    },
    "maintenance off": {"sensor": ("センサーの名前。省くと観測所全体", "id; without it the whole station")},
    "collect stop": {
        "sensor": ("止めるセンサーの名前", "id of the sensor"),
        "--site": ("すべてのセンサー", "every sensor"),
        "--for": (
            '自動で再開するまで: "30m"、"12h"、"2d"',
            'start again after "30m", "12h", "2d"',
        ),
    },
    "collect start": {
        "sensor": ("再開するセンサーの名前", "id of the sensor"),
        "--site": ("すべてのセンサー", "every sensor"),
    },
    "manifest notice": {"--out": ("印刷できるページ (HTML) として", "as a printable page (HTML)")},
    "secret set": {
        "name": ("例 mqtt-password", "for example mqtt-password"),
        "--credential": (
            "systemd-creds で暗号化して置く (この機械だけで読める)",
            "encrypt it with systemd-creds: only this machine can read it",
        ),
    },
    "secret remove": {"name": ("消すもの", "which one")},
    "enroll": {
        "--install": ("返ってきた証明書", "the certificate that came back"),
        "--new-key": ("鍵があっても作り直す", "even if there is a key already"),
    },
    "opendata export": {
        "--from": (
            "最初の日または月: 2026-11-01、2026-11 [前月]",
            "first day or month: 2026-11-01, 2026-11 [last month]",
        ),
        "--to": (
            "最後の日または月 [--from と同じ]",
            "last day or month, itself included [as --from]",
        ),
        "--per": ("1ファイルにまとめる期間 [month]", "one file for each [month]"),
        "--out": ("書き込むフォルダー [opendata]", "the folder to write into [opendata]"),
        "--store": (
            "保存ファイル [設定のもの]",
            "a store file [the configured one]",
        ),
        "--archive": (
            "受信側のファイルから (receive のもの)",
            "from a receiver's file instead",
        ),
        "--gateway": (
            "--archive のうちの1局 [1局だけならそれ]",
            "which gateway of --archive [the only one]",
        ),
        "--licence": (
            '利用条件。例 "CC BY 4.0" [公表内容のもの]',
            'terms of use, as "CC BY 4.0" [the manifest\'s]',
        ),
        "--bom": ("Excel 用に先頭に BOM を付ける", "begin with a byte order mark, for Excel"),
    },
    "output test": {
        "output": ("出力の名前", "id of the output"),
        "--seconds": ("動かす秒数。60まで [5]", "how long; at most 60 [5]"),
    },
    "setup": {
        "--import": ("投入フォルダーを今すぐ取り込む", "take in the drop zone now"),
        "--replace": (
            "新しいカードや箱: 設定、新しい鍵と番号",
            "new card or box: configuration, new key, new epoch",
        ),
        "--update": (
            "署名つきの更新を入れる (隣に FILE.sig)",
            "install a signed package (FILE.sig beside it)",
        ),
        "--return": ("前の版に戻す", "back to the version before"),
        "--resume": ("再起動の後の続き (systemd が行う)", "go on after a reboot (done by systemd)"),
        "--dry-run": ("何をするかだけ示す", "say what would be done, change nothing"),
        "--root": ("/ の代わりに、つないだカード", "a mounted card instead of /"),
        "--reboot": ("必要なら自動で再起動する", "reboot by itself when that is needed"),
        "--health": ("更新後に様子を見る秒数", "how long an update has to prove itself"),
        "--older": ("--update で、あえて古い版を", "with --update: an older version on purpose"),
        "--export": (
            "--update で、読めなくなる測定を書き出す",
            "with --update: rows it cannot read are written out",
        ),
        "--json": ("計画を JSON で (--dry-run と)", "the plan as JSON (with --dry-run)"),
    },
    "completion": {"form": ("シェルの種類、または man", "the shell, or man for the man page")},
}

# argparse's own words. "told.*": a whole complaint; its pattern stands in cli/helping.py.
FRAME: dict[str, Text] = {
    "usage": ("使い方: ", "usage: "),
    "positional arguments": ("引数", "arguments"),
    "options": ("オプション", "options"),
    "commands": ("命令", "commands"),
    "examples": ("例:", "examples:"),
    "exits": ("終了コード: {codes}", "exit codes: {codes}"),
    "more": ("詳しくは: {command} --help", "more: {command} --help"),
    "near": ("「{near}」のことですか?", 'did you mean "{near}"?'),
    "told.required": ("足りないもの: {names}", "required: {names}"),
    "told.choice": (
        "{name}: 「{value}」は使えません。使えるもの: {choices}",
        "{name}: there is no {value}; there are: {choices}",
    ),
    "told.unrecognized": ("分からない語: {words}", "not known: {words}"),
    "told.expected_one": ("{name}: 値が1つ要ります", "{name}: needs one value"),
    "told.expected_some": ("{name}: 値が要ります", "{name}: needs a value"),
    "told.value": ("{name}: 「{value}」は {kind} ではありません", "{name}: {value} is no {kind}"),
    "told.against": ("{name}: {other} と一緒には使えません", "{name}: not together with {other}"),
    "told.one_of": ("どれか1つが要ります: {names}", "one of these is required: {names}"),
    "told.ambiguous": (
        "{option} はどれのことですか: {matches}",
        "{option}: which of {matches}?",
    ),
    "told.no_value": ("{name}: 値は付けられません ({value})", "{name}: takes no value ({value})"),
    "kind.int": ("整数", "whole number"),
    "kind.float": ("数", "number"),
    "kind.positive": ("0 より大きい数", "number above 0"),
    "kind.not_negative": ("0 以上の数", "number of 0 or more"),
    "kind.named": ("名前", "name"),
    "kind.units": ("Modbus の番号 (1-247)", "Modbus unit (1-247)"),
    "kind.serial": ('通信設定 ("9600 8N1")', 'line setting ("9600 8N1")'),
    "kind.fromisoformat": ("日付 (2026-11-22)", "date (2026-11-22)"),
}

TEXTS: dict[str, Text] = (
    {f"option.{name}": text for name, text in SHARED.items()}
    | {f"option.{path}.{name}": text for path, own in OWN.items() for name, text in own.items()}
    | {f"frame.{name}": text for name, text in FRAME.items()}
)
