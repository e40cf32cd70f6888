"""The man page: its headings, and every sub-command in a line."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "config check": (
        "誤りをすべて、行番号と直し方つきで示す",
        "every fault at once, with line and what to write",
    ),
    "config init": ("説明つきのひな形を表示する", "print a commented example for a kind of site"),
    "config schema": ("エディター用の JSON Schema を表示する", "print the JSON Schema, for editors"),
    "config show": ("既定値を含め、効いている値をすべて示す", "every value in effect, defaults included"),
    "config diff": ("動いている設定とファイルの違い", "what runs otherwise than the file says"),
    "config apply": (
        "検査して置き、動かす。--confirm で試行",
        "check a file, put it in place, use it; --confirm: try it",
    ),
    "config confirm": ("試行中の設定を残す", "keep the configuration on trial"),
    "config rollback": (
        "試行をやめる、前の設定に戻す",
        "end a trial, or go back to the configuration before",
    ),
    "sensor models": ("対応機種の配線と設定例", "every supported model with wiring and an example"),
    "sensor list": ("設定されたセンサー", "the configured sensors"),
    "sensor read": ("今すぐ1回測り、生データも示す", "one reading now, with raw bytes"),
    "sensor watch": ("1台の値を続けて示す", "one sensor's values as they come"),
    "sensor calibrate": (
        "基準の値に合わせる。記録が残り、戻せる",
        "set by a known value; recorded, can be taken back",
    ),
    "sensor scan": (
        "つながっている機器を探し、設定の行を示す",
        "find what is connected; print its config lines",
    ),
    "sensor test": (
        "5回測り、ばらつきと応答で合否を示す",
        "five readings: range, spread, reply time, verdict",
    ),
    "link test": ("回線を一歩ずつ調べる", "walk the line step by step"),
    "link status": ("動いているゲートウェイの接続", "the running gateway's connection"),
    "store show": ("待っている数、届いた数", "what waits, what was delivered"),
    "store ledger": ("届かない数とその理由", "what will never arrive, and why"),
    "store rejected": ("市のシステムが受け取らなかったもの", "what the platform refused"),
    "store verify": ("ファイルが壊れていないか", "is the file whole"),
    "store salvage": ("壊れたファイルから取り出す", "what a damaged file still holds"),
    "store export": ("USB で運べる形に書き出す", "write everything out, to carry on a stick"),
    "store import": ("市の側で取り込む", "at the city's side: feed it in"),
    "web on": ("状態ページを開く。アドレス、PIN、指紋を表示", "open the page; address, PIN and fingerprint"),
    "web off": ("状態ページを閉じる", "close the page"),
    "web status": ("状態ページが開いているか", "whether the page is open"),
    "simulate replay": ("CSV を再生する", "play a CSV file"),
    "contract schema": ("JSON Schema を表示する", "the JSON Schema"),
    "contract asyncapi": ("AsyncAPI を表示する", "the AsyncAPI document"),
    "contract samples": ("正しい例と誤った例", "good samples, and bad ones with the reason"),
    "contract verify": ("記録した電文を調べる", "check captured messages"),
    "maintenance on": ("保守を始める。時間、名前、理由", "begin: for a time, by name, for a reason"),
    "maintenance off": ("保守を終える", "end it now"),
    "maintenance status": ("保守中のもの", "what is under maintenance"),
    "collect stop": ("測定を止める。名前と理由", "stop collecting at once: by name, for a reason"),
    "collect start": ("測定を再開する", "collect again"),
    "collect status": ("止めている測定", "what is stopped, since when, why"),
    "manifest show": ("市に送る公表内容", "the disclosure as the platform gets it"),
    "manifest check": ("公表内容がそろっているか", "is it complete"),
    "manifest notice": ("現地の掲示を作る", "the sheet for the site"),
    "secret set": ("パスワードや鍵を保存する", "keep a password or key"),
    "secret list": ("要るものがあるか (中身は出さない)", "which are needed and there"),
    "secret remove": ("消す", "delete one"),
    "opendata export": (
        "公開できる測定を、日か月ごとの CSV に書く",
        "readings that may be published, as CSV",
    ),
    "output status": ("出力の状態", "what each does now"),
    "output test": ("数秒間動かす", "switch one on for some seconds"),
}
FILES: dict[str, tuple[str, str]] = {
    "/etc/kaga-edge/kaga-edge.toml": ("設定", "the configuration"),
    "/etc/kaga-edge/conf.d/*.toml": ("設定の追加。後のものが優先", "further parts; later ones win"),
    "/etc/kaga-edge/secrets/": ("秘密のファイル", "the secrets, a file each"),
    "/var/lib/kaga-edge/": ("測定値、出来事、設定の控え", "readings, events, copies of the configuration"),
    "/run/kaga-edge/control.sock": ("動いているゲートウェイの窓口", "where the running gateway is asked"),
}
HEADINGS: dict[str, tuple[str, str]] = {
    "name": ("名前", "NAME"),
    "synopsis": ("書式", "SYNOPSIS"),
    "commands": ("命令", "COMMANDS"),
    "examples": ("例", "EXAMPLES"),
    "files": ("ファイル", "FILES"),
    "environment": ("環境変数", "ENVIRONMENT"),
    "exits": ("終了コード", "EXIT STATUS"),
}
TEXTS: dict[str, tuple[str, str]] = (
    {f"man.{name}": words for name, words in COMMANDS.items()}
    | {f"man.file.{name}": words for name, words in FILES.items()}
    | {f"man.head.{name}": words for name, words in HEADINGS.items()}
    | {
        "man.lang": (
            "表示の言語 (ja または en)。--lang の次に見る",
            "language of the output (ja or en), after --lang",
        ),
        "man.no_color": ("設定すると色を使わない", "when set, no colour is used"),
    }
)
