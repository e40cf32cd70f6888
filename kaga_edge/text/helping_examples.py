"""The examples in each command's help and in the man page.

A long table and nothing else. An example is a line to type; what it shows follows where that is not plain.
"""

from __future__ import annotations

Text = tuple[str, str]  # Japanese, English
Example = str | tuple[str, Text]

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "demo": ("kaga-edge demo", "kaga-edge demo --plain --seconds 60 --lang ja"),
    "run": ("kaga-edge run", "kaga-edge run --config ./kaga-edge.toml"),
    "status": (
        "kaga-edge status",
        ("kaga-edge status --line", ("スクリプト用の変わらない1行", "one stable line for scripts")),
        "kaga-edge status --json",
    ),
    "doctor": ("kaga-edge doctor", "kaga-edge doctor --only B", "sudo kaga-edge doctor --fix"),
    "explain": ("kaga-edge explain KE-B02", "kaga-edge explain b02 --lang ja"),
    "log": (
        "kaga-edge log --since today",
        "kaga-edge log --since 2h --sensor level-1",
        "kaga-edge log --level error",
        "kaga-edge log -f",
    ),
    "config check": ("kaga-edge config check", "kaga-edge config check ./kaga-edge.toml --json"),
    "config init": ("kaga-edge config init flood > kaga-edge.toml",),
    "config schema": (
        (
            "kaga-edge config schema > kaga-edge.schema.json",
            (
                '設定の1行目に "#:schema ./kaga-edge.schema.json" と書く',
                'with "#:schema ./kaga-edge.schema.json" as the first line of the configuration',
            ),
        ),
    ),
    "config show": ("kaga-edge config show --origin",),
    "config diff": ("kaga-edge config diff",),
    "config apply": (
        "sudo kaga-edge config apply new.toml --confirm 10m",
        "sudo kaga-edge config confirm",
    ),
    "config rollback": ("sudo kaga-edge config rollback",),
    "sensor models": ("kaga-edge sensor models a02yyuw",),
    "sensor read": (
        "kaga-edge sensor read level-1",
        (
            "kaga-edge sensor read air-1 --record air-1.json",
            ("見えたものを kaga-edge decode 用に", "what was seen, for kaga-edge decode"),
        ),
    ),
    "sensor calibrate": (
        "sudo kaga-edge sensor calibrate level-1 --staff 1.20 --who Yamada",
        (
            "sudo kaga-edge sensor calibrate level-1 --who Yamada --staff 2.40 --other last",
            (
                "2点: もう1点は前回の校正",
                "two points: the last calibration is the first one",
            ),
        ),
        (
            "sudo kaga-edge sensor calibrate level-1 --who Yamada --staff 2.40 --other 0.512:0.500",
            (
                "2点: もう1点の生の値と量水標の読み",
                "two points: raw value and staff reading of the first",
            ),
        ),
        (
            (
                "sudo kaga-edge sensor calibrate power-1 --who Yamada --shunt --staff 1.503 "
                "--channel supply_current"
            ),
            ("隣につないだ電流計に合わせる", "a current by a meter beside it"),
        ),
        (
            "sudo kaga-edge sensor calibrate snow-1 --who Yamada --bare-ground",
            ("下に雪がない: この冬の0", "no snow below it: the zero of this winter"),
        ),
        "sudo kaga-edge sensor calibrate level-1 --who Yamada --undo",
    ),
    "sensor scan": ("kaga-edge sensor scan", "kaga-edge sensor scan --port /dev/ttyUSB0"),
    "sensor test": ("kaga-edge sensor test level-1",),
    "sensor watch": ("kaga-edge sensor watch level-1 --seconds 60",),
    "link test": ("kaga-edge link test",),
    "store verify": ("kaga-edge store verify",),
    "store salvage": ("kaga-edge store salvage store.db whole.db",),
    "store export": ("sudo kaga-edge store export /media/usb/backlog.jsonl",),
    "store import": (
        "kaga-edge store import /media/usb/backlog.jsonl --database kaga-receive.db",
        (
            "kaga-edge store import backlog.jsonl --host broker.example.jp --username import "
            "--password-file FILE --ca ca.pem"
        ),
    ),
    "web on": ("kaga-edge web on", "kaga-edge web on --minutes 60 --interface eth0"),
    "decode": ('kaga-edge decode a02yyuw --frames "FF 07 A1 A7"',),
    "receive": (
        "kaga-edge receive --host broker.example.jp --username platform --password-file secret --ca ca.pem",
        "kaga-edge receive --seconds 60 --json",
    ),
    "simulate replay": ("kaga-edge simulate replay river.csv --verdict",),
    "contract schema": ("kaga-edge contract schema batch",),
    "contract verify": ("kaga-edge contract verify capture.txt",),
    "commission": (
        "kaga-edge commission --who Yamada",
        ("kaga-edge commission --who Yamada --cut 0", ("断線試験なし", "without the line-cut test")),
    ),
    "report": (
        (
            "sudo kaga-edge report",
            (
                "kaga-edge-report-SITE-DATE.tar.gz を書く",
                "writes kaga-edge-report-SITE-DATE.tar.gz",
            ),
        ),
    ),
    "maintenance on": (
        "kaga-edge maintenance on --minutes 60 --who Yamada --why cleaning",
        "kaga-edge maintenance on --minutes 20 --who Yamada level-1",
    ),
    "collect stop": (
        'kaga-edge collect stop speed-1 --who Yamada --why "a resident asked, no. 12"',
        'kaga-edge collect stop --site --who Yamada --why "festival" --for 2d',
    ),
    "manifest notice": (
        ("kaga-edge manifest notice --out notice.html", ("A4 に印刷する", "print it on A4")),
    ),
    "secret set": (
        "sudo kaga-edge secret set mqtt-password",
        "sudo kaga-edge secret set mqtt-password < password.txt",
        "sudo kaga-edge secret set mqtt-password --credential",
    ),
    "enroll": (
        "sudo kaga-edge enroll > flood-01.csr",
        "sudo kaga-edge enroll --install flood-01.pem",
    ),
    "opendata export": (
        (
            'kaga-edge opendata export --licence "CC BY 4.0"',
            ("前の月の分", "last month"),
        ),
        'kaga-edge opendata export --from 2026-11 --bom --licence "CC BY 4.0" --out opendata',
        'kaga-edge opendata export --from 2026-11-21 --to 2026-11-22 --per day --licence "CC BY 4.0"',
        (
            "kaga-edge opendata export --archive kaga-receive.db --gateway daishoji-01 --from 2026-11 "
            '--licence "CC BY 4.0"'
        ),
    ),
    "output test": ("kaga-edge output test siren-1 --seconds 3",),
    "setup": (
        ("sudo kaga-edge setup", ("要るものを有効にする", "switch on what the site needs")),
        (
            "sudo kaga-edge setup --import",
            (
                "投入フォルダーを今取り込む (起動のたびに自動でも)",
                "take in the drop zone now (it happens at every start by itself)",
            ),
        ),
        (
            "sudo kaga-edge setup --replace SITE",
            (
                "このカードや箱がその観測所を引き継ぐ",
                "this card or box takes that site's place",
            ),
        ),
        (
            "sudo kaga-edge setup --update FILE",
            (
                "署名つきの更新。悪くなれば自動で戻る",
                "a signed package; it goes back by itself when it is worse",
            ),
        ),
        (
            "sudo kaga-edge setup --return",
            (
                "最後の更新の前の版に戻す",
                "back to the version before the last update",
            ),
        ),
    ),
    "completion": (
        "kaga-edge completion bash > /etc/bash_completion.d/kaga-edge",
        "kaga-edge completion zsh > /usr/share/zsh/vendor-completions/_kaga-edge",
        "kaga-edge completion man --lang ja > /usr/share/man/ja/man1/kaga-edge.1",
    ),
    "web off": ("kaga-edge web off",),
    "web status": ("kaga-edge web status",),
    "store show": ("kaga-edge store show", "kaga-edge store show --json"),
    "store ledger": ("kaga-edge store ledger",),
    "store rejected": ("kaga-edge store rejected",),
    "sensor list": ("kaga-edge sensor list", "kaga-edge sensor list --json"),
    "secret list": ("sudo kaga-edge secret list",),
    "secret remove": ("sudo kaga-edge secret remove mqtt-password",),
    "output status": ("kaga-edge output status",),
    "manifest show": ("kaga-edge manifest show",),
    "manifest check": ("kaga-edge manifest check",),
    "maintenance off": ("kaga-edge maintenance off", "kaga-edge maintenance off level-1"),
    "maintenance status": ("kaga-edge maintenance status",),
    "link status": ("kaga-edge link status",),
    "collect start": ("kaga-edge collect start speed-1 --who Yamada",),
    "collect status": ("kaga-edge collect status",),
    "config confirm": ("sudo kaga-edge config confirm",),
    "contract asyncapi": ("kaga-edge contract asyncapi > asyncapi.yaml",),
    "contract samples": ("kaga-edge contract samples",),
    "version": ("kaga-edge version --json",),
}


def _example(one: Example) -> Text:
    """Return the line for both languages; what it shows stands behind two spaces and a #."""
    if isinstance(one, str):
        return one, one
    line, (japanese, english) = one
    return f"{line}  # {japanese}", f"{line}  # {english}"


def _examples(lines: tuple[Example, ...]) -> Text:
    japanese, english = zip(*map(_example, lines), strict=True)
    return "\n".join(japanese), "\n".join(english)


TEXTS: dict[str, Text] = {f"examples.{path}": _examples(lines) for path, lines in EXAMPLES.items()}
