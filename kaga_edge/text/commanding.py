"""What the city is answered when a command was not done, and the codes that go with it."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "command.unreadable": ("命令として読めません", "This cannot be read as a command"),
    "command.not_signed": ("署名のない命令は受け付けません", "Only signed commands are accepted here"),
    "command.no_key": (
        "署名を確かめる鍵がこの装置にありません",
        "This gateway has no key to check the signature with",
    ),
    "command.forged": ("署名が合いません", "The signature is not right"),
    "command.other_gateway": ("ほかの装置への命令です", "The command is for another gateway"),
    "command.issuer": ("この発行者からは受け付けません", "Nothing is accepted from this issuer"),
    "command.retained": ("保持された命令は実行しません", "A retained command is never done"),
    "command.replayed": ("番号が古い命令です", "The command's number is not above the last one"),
    "command.expired": ("期限切れの命令です", "The command has expired"),
    "command.clock": (
        "時計が合うまで、この命令は実行しません",
        "Until the clock is right this command is not done",
    ),
    "command.unknown_op": ("この装置では使えない命令です", "This gateway does not do that"),
    "command.bad_args": ("命令の内容に誤りがあります", "The command's arguments are wrong"),
    "command.rate": ("命令が多すぎます", "Too many commands"),
    "command.interrupted": (
        "実行の途中で止まりました。もう実行しません",
        "It was cut off while it ran and will not be run again",
    ),
    "command.failed": ("実行できませんでした: {error} {what}", "It could not be done: {error} {what}"),
    "KE-U09": ("命令の中身が合わない", "a command that does not fit"),
    "KE-U09.meaning": (
        "都市側からの命令が、ここにないものか、変えてはいけないものを指しています。何も変わっていません。",
        "A command from the city names what is not here, or what it may not change. Nothing has changed.",
    ),
    "KE-U09.causes": (
        "センサー名や番号の違い / ポートや接続先の変更 / 変更の試行中でない",
        "wrong sensor or number / a port or address changed / nothing is on trial",
    ),
    "KE-U09.repair": (
        "返信の文を読み、命令を直して新しい id と ctr で送ります。",
        "Read the reply, mend the command and send it with a new id and ctr.",
    ),
    "KE-U10": ("署名を確かめられない", "a signature cannot be checked"),
    "KE-U10.meaning": (
        "命令の署名を確かめられないため、命令を実行していません。測定と送信は続きます。",
        "The signature of a command cannot be checked, so it was not done. Measuring and sending go on.",
    ),
    "KE-U10.causes": ("openssl がない / 応答しない", "no openssl / it does not answer"),
    "KE-U10.repair": (
        "openssl version を試し、なければ sudo apt install openssl を実行します。",
        "Try openssl version; where there is none: sudo apt install openssl.",
    ),
}
