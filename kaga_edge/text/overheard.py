"""What wires, the system and the daemon say in English where it happens, for people who read Japanese.

Errors are raised far below, where no language is known; ``heard`` finds the English sentence again and says
it in Japanese. A placeholder's own text is looked up too: ``/dev/i2c-1 cannot be opened: {reason}``.
What nobody wrote down here stays English.

A long table, and the few lines that look things up in it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from kaga_edge.text.misread import PAIRS

_PAIRS: tuple[tuple[str, str], ...] = (
    # --- the system ---
    ("ファイルがありません", "No such file or directory"),
    ("権限がありません", "Permission denied"),
    ("接続を断られました", "Connection refused"),
    ("相手が切りました", "Connection reset by peer"),
    ("時間切れ", "Connection timed out"),
    ("そこへの経路がありません", "No route to host"),
    ("ネットワークがありません", "Network is unreachable"),
    ("装置がありません", "No such device"),
    ("装置がありません", "No such device or address"),
    ("使用中です", "Device or resource busy"),
    ("入出力の障害", "Input/output error"),
    ("相手から応答がありません", "Remote I/O error"),
    ("空きがありません", "No space left on device"),
    ("読み取り専用です", "Read-only file system"),
    ("フォルダーです", "Is a directory"),
    ("フォルダーではありません", "Not a directory"),
    ("アドレスは使用中です", "Address already in use"),
    ("同じ名前のファイルがあります", "File exists"),
    ("データベースではありません", "file is not a database"),
    ("データベースを開けません", "unable to open database file"),
    ("データベースが壊れています", "database disk image is malformed"),
    ("名前を調べられません", "Temporary failure in name resolution"),
    ("その名前はありません", "Name or service not known"),
    # --- buses ---
    ("応答がありません ({text})", "no acknowledge ({text})"),
    ("時間内に終わりません ({text})", "no completion within the deadline ({text})"),
    ("バスがなくなりました ({text})", "the bus has gone ({text})"),
    ("転送に失敗しました ({text})", "transfer failed ({text})"),
    ("{path} を開けません: {reason}", "{path} cannot be opened: {reason}"),
    ("{s} 秒以内に応答がありません", "no answer within {s} s"),
    ("応答が壊れています: {reason}", "damaged answer: {reason}"),
    ("機器が処理中です", "the device is busy"),
    ("{s} 秒以内に何も届きません", "nothing came within {s} s"),
    ("データは届きましたが、{s} 秒以内にそろいません", "bytes came, but no whole frame within {s} s"),
    ("立ち上がり中です。あと {s} 秒", "warming up, good values in {s} s"),
    ("値を出さないまま {n} 回起動しています", "started anew {n} times without a value"),
    ("ポートがなくなりました{reason}", "the port went away{reason}"),
    ("{s} 秒以内に転送が終わりません", "a transfer did not return within {s} s"),
    ("1-wire バスがありません", "no 1-wire bus"),
    ("カーネルにこの機器が見えません", "the kernel does not see this device"),
    ("読めません: {reason}", "read failed: {reason}"),
    ("読めません: {reason}", "cannot be read: {reason}"),
    ("読めません: {reason}", "not readable: {reason}"),
    ("書けません: {reason}", "cannot be written: {reason}"),
    ("GPIO ライブラリーがありません: {reason}", "no GPIO library: {reason}"),
    ("GPIO がありません: {reason}", "no GPIO header: {reason}"),
    ("この GPIO を監視できません: {reason}", "cannot watch the line: {reason}"),
    ("バスが周期を通して使用中でした", "the bus was busy over a whole period"),
    # --- calibrating ---
    ("2点の生の値が同じです", "both points have the same raw value"),
    (
        "2点の傾きが {gain} です。2点が近すぎるか、片方が誤りです",
        "two points with a gain of {gain}: too close together, or one is wrong",
    ),
    ("電流が流れていません", "no current flows"),
    ("この項目の校正はまだありません", "no earlier calibration of this channel"),
    ("--other {text}: RAW:TRUE の形か last と書きます", "--other {text}: write RAW:TRUE or last"),
    ("{key} はこのファイルに書くものではありません", "{key} does not belong in this file"),
    (
        "{sensor} の {key} はこのファイルに書くものではありません",
        "{key} of {sensor} does not belong in this file",
    ),
    ("id のない [[sensor]] があります", "a [[sensor]] without id"),
    ("{sensor} の校正に正しい {key} がありません", "a calibration of {sensor} without a good {key}"),
    # --- what a driver remarks ---
    (
        "製品番号 {id} は {variant} のものではありません。variant を確かめてください",
        "product id {id} is not one of {variant}: check the option variant",
    ),
    (
        "gain_v {gain}、{shunt} オーム では {most} mA までで、21 mA の異常が見えません。gain_v を大きく",
        "gain_v {gain} over {shunt} ohm ends at {most} mA: a 21 mA fault does not show; set a larger gain_v",
    ),
    (
        "センサー本体の放射率が {emissivity} です。補正が二重になっています",
        "the sensor itself is set to emissivity {emissivity}: corrected twice",
    ),
    # --- the line ---
    ("名前が見つかりません: {reason}", "name not found: {reason}"),
    ("この機器から外へ出られません: {reason}", "this machine has no way out: {reason}"),
    ("この機器はネットワークにつながっていません", "this machine has no network"),
    ("TCP に応答がありません", "no answer to TCP"),
    ("TLS に応答がありません", "no answer to TLS"),
    ("TCP を断られました: {reason}", "TCP refused: {reason}"),
    ("TLS の失敗: {reason}", "TLS failed: {reason}"),
    ("証明書を使えません: {reason}", "certificates unusable: {reason}"),
    ("証明書の期限が切れています", "certificate has expired"),
    ("証明書がまだ有効ではありません", "certificate is not yet valid"),
    ("発行元を信頼できません (自己署名)", "self-signed certificate in certificate chain"),
    ("発行元を信頼できません (自己署名)", "self-signed certificate"),
    ("発行元を信頼できません", "unable to get local issuer certificate"),
    (
        "証明書の名前が {name} ではありません",
        "Hostname mismatch, certificate is not valid for {name}.",
    ),
    (
        "証明書のアドレスが {name} ではありません",
        "IP address mismatch, certificate is not valid for {name}.",
    ),
    ("時間内に応答がありません", "no answer in time"),
    ("相手が TLS を話しません", "wrong version number"),
    ("権限がありません", "Not authorized"),
    ("名前かパスワードが違います", "Bad user name or password"),
    ("同じ ID の別の接続に替わりました", "another connection took over our id"),
    ("認められません: {reason}", "not let in: {reason}"),
    ("相手が切りました: {reason}", "the server ended it: {reason}"),
    ("接続の返事がありません", "no CONNACK"),
    ("ブローカーが MQTT 5 を話しません", "the broker does not speak MQTT 5"),
    ("受領の返事がありません", "no PUBACK"),
    ("相手が黙っています", "the peer is silent"),
    ("接続が切れました", "connection lost"),
    ("アドレスがありません", "no address"),
    ("{topic} を断られました ({code})", "{topic} refused ({code})"),
    ("暗号化なし (mqtt://)", "mqtt:// is not encrypted"),
    ("名前なし (anonymous)", "anonymous"),
    ("{s}秒前に確認", "confirmed {s} s ago"),
    ("{s}秒待つ行があり、最後の確認は {t}秒前", "rows wait for {s} s, the last was confirmed {t} s ago"),
    ("市のシステムからの確認がまだありません", "the platform has confirmed nothing yet"),
    ("up/reply、ただし受け手がいません", "up/reply, but nobody subscribes"),
    ("証明書 残り{days}日", "certificate {days} d left"),
    ("ブローカーまで", "broker"),
    ("まだ調べていません", "not reached"),
    ("ゲートウェイは動いていません", "the gateway does not run"),
    ("ゲートウェイは動いていません", "the gateway is not running"),
    ("ゲートウェイが答えません", "the gateway does not answer"),
    # --- the daemon ---
    ("「{sensor}」というセンサーは設定にありません", "no sensor {sensor} in the configuration"),
    ("「{sensor}」は測定停止中です", "{sensor}: collecting is stopped"),
    ("「{sensor}」という出力はありません", "no output {sensor}"),
    ("試行中の設定はありません", "no configuration is on trial"),
    ("別の設定が試行中です", "another one is on trial"),
    ("試行中のファイルとは違います", "the file is not the one on trial"),
    ("[store] と [station] は試せません", "[store] and [station] cannot be tried"),
    ("ファイルで変えて再起動します", "change them in the file, restart"),
    ("{value} 秒は試行の時間になりません", "{value} s is no time for a trial"),
    ("期限までに確認がありません", "not confirmed in time"),
    ("確認がないか、再起動しました", "not confirmed in time, or rebooted"),
    ("取り消されました", "taken back"),
    ("名前がありません", "nobody named"),
    ("理由がありません", "no reason given"),
    ("ほかの kaga-edge が動いています", "another kaga-edge daemon answers on this control socket"),
    ("別の処理が保存ファイルを開いています", "another process has the store open"),
    ("kaga-edge の保存ファイルではありません", "this database is not a kaga-edge store"),
    ("受信側のファイルではありません", "this database is not a receiver's file"),
    ("より新しい版の保存ファイルです (形式 {n})", "made by a newer kaga-edge (schema {n})"),
    ("通信口 {name} にアドレスがありません", "no interface {name} with an address"),
    ("アドレスのある通信口がありません", "no interface has an address"),
    ("どの通信口か指定します", "which interface?"),
    ("{value} 分は指定できません", "minutes = {value}"),
    ("0 より大きく {most} 以下にします", "above 0, at most {most}"),
    ("ポート {value} は使えません", "port = {value}"),
    ("1024 から 65535 までにします", "1024 to 65535"),
    (
        "kaga-edge web on --interface NAME。あるもの: {there}",
        "kaga-edge web on --interface NAME; there are: {there}",
    ),
    ("あるもの: {there}", "There are: {there}"),
    ("あるもの: {there}", "One of: {there}"),
    ("使えるもの: {there}", "use one of: {there}"),
    ("「{name}」というドライバーはありません", "no driver is named {name}"),
    ("場所を確かめます", "check the path"),
    ("読める CSV ファイルを指定します", "give a readable CSV file"),
    ("行が合いません: {reason}", "its rows do not fit: {reason}"),
    ("{n} 行目の列が {seen} です (正しくは {expected})", "line {n} has {seen} columns, expected {expected}"),
    ("{n} 行目に時刻がありません: {text}", "line {n} has no time: {text}"),
    ("見出しの下に行がありません", "there is none below the header"),
    ("見出しが途中で切れています", "the header is cut off"),
    ("{name} の列がありません", "they have no column {name}"),
    ("数のない列があります", "a column has no number"),
    ("時刻がどれも同じです", "all have one and the same time"),
    ("車両検知 (イベント 81、82) がありません", "none tells of a detector (event 81 or 82)"),
    ("距離のある行がありません", "none has a range"),
    ("{text} は数ではありません", "{text} is no number"),
    ("公開されたままのファイルを使います", "keep the file as published"),
    ("知っている形式のファイルではありません", "not a kind of series known here"),
    # --- device images ---
    ("JSON ではありません: {reason}", "is not JSON: {reason}"),
    ("JSON のオブジェクトではありません", "is not a JSON object"),
    ("UTF-8 の文字ではありません", "is not UTF-8 text"),
    ("イメージに {what} のレジスターがありません", "the image has no register {what}"),
    ("イメージに {what} への応答がありません", "the image has no reply to {what}"),
    ("イメージにフレームがありません", "the image has no frame"),
    (
        "イメージに GPIO {wanted} がなく、あるのは {there} です",
        "the image has no GPIO {wanted}, only {there}",
    ),
    ("gpio を記録した線の番号にします", "set gpio to the captured line"),
    ("その部分も記録するか、イメージを直します", "capture that part too, or correct the image"),
    ("0 から {most} までの数か 0x.. で書きます", "write a number from 0 to {most}, or 0x.."),
    ("true か false と書きます", "write true or false"),
    (
        "このドライバーは {request} を求めますが、イメージは {device} です",
        "the driver asks for {request}, the image is a {device}",
    ),
    (
        "このドライバーの機器のイメージを使います",
        "use an image of the right kind of device for this driver",
    ),
    ("時間が来ました", "its time is over"),
    ("閉じるよう求められました", "asked"),
    ("ゲートウェイの停止", "the gateway stops"),
    ("開き直し", "opened anew"),
    # --- configuration read by other commands ---
    ("設定に誤り {n}件、最初は: {first}", "{n} fault(s), first: {first}"),
    (
        "ファイルがありません。作り方: {command}",
        "the file does not exist. To make one: {command}",
    ),
    ("すべて見る: kaga-edge config check", "kaga-edge config check lists them all"),
    # --- the doctor ---
    ("Raspberry Pi ではありません", "not a Raspberry Pi"),
    (
        "利用者 {user} がありません (サービスとして導入されていない)",
        "no user {user}: not installed as a service",
    ),
    ("ここに systemd はありません", "no systemd here"),
    ("サービスが導入されていません", "the unit is not installed"),
    ("ウォッチドッグの装置がありません", "no watchdog device"),
    ("{n} 個のゲートウェイが動いています: {which}", "{n} gateways run: {which}"),
    ("プロセス {number}", "process {number}"),
    ("残り {days}日", "{days} d left"),
    ("{path} はまだありません", "{path} is not there yet"),
    ("シリアルポートの設定なし", "no serial ports configured"),
    ("装置ファイルの設定なし", "no device nodes configured"),
    ("装置ファイルが一つもありません", "none of the nodes is there"),
    ("見るには sudo が要ります", "needs sudo to see"),
    ("使用者を見るには sudo が要ります", "needs sudo to see who uses a line"),
    ("書いて試すには sudo が要ります", "needs sudo to try a write"),
    ("設定を読めません", "the configuration cannot be read"),
    ("I2C のセンサーなし", "no I2C sensors"),
    ("GPIO のセンサーなし", "no GPIO sensors"),
    ("該当するセンサーなし", "no such sensors"),
    ("ピンの UART を使うセンサーなし", "no sensor on the header's UART"),
    ("パリティの要るセンサーなし", "no sensor asks for parity"),
    ("高さから測るセンサーなし", "no sensor measures from a height"),
    ("まだ測った回数が足りません", "too few polls counted"),
    ("同じポートに名前が二つ", "two names, one port"),
    ("同期していません", "not synchronised"),
    ("RTC なし", "no RTC"),
    ("なし", "none"),
    ("値なし", "no value"),
    ("{days}日前", "{days} d old"),
    ("{node} のグループは {name}", "{node} group {name}"),
    ("時間帯の設定なし", "no zone is set"),
    ("{zone}、観測所は {site}", "{zone}, site {site}"),
    ("保存のフォルダーなし", "no store folder"),
    ("送信先 [platform] なし", "no [platform]"),
    ("TLS を使っていません", "no TLS"),
    ("証明書を見ていません", "no certificate seen"),
    ("聞ける無線がありません", "no radio that this machine can ask"),
    ("この機種は電源を測りません", "this board does not measure its supply"),
    ("最も古いもので {n}日", "at most {n} d old"),
    ("ゲートウェイが使用中", "open in the gateway"),
    ("空き {mb} MB、あと約{n}日", "{mb} MB free, about {n} d"),
    ("空き {mb} MB、あと約{n}時間", "{mb} MB free, about {n} h"),
    ("{n}台", "{n} sensor(s)"),
    ("空き {mb} MB", "{mb} MB free"),
    ("{path} がありません", "{path} missing"),
    ("足りないもの: {what}", "missing: {what}"),
    ("{n} 回のうち {share} が失敗", "{share} of {n} polls failed"),
    ("4 KiB を {ms} ms で書けました", "4 KiB synced in {ms} ms"),
    ("カーネルの起動行を読めません", "the kernel's command line cannot be read"),
    ("カーネルからわかりません", "the kernel does not say"),
    ("秘密 {name} を読めません ({reason})", "the secret {name} cannot be read ({reason})"),
    ("UTF-8 の文字ではありません", "no UTF-8 text"),
    ("誤り {n}件、最初は {place}", "{n} fault(s), first {place}"),
    (
        "「トピック 16進」でも、topic と payload のある JSON でもありません",
        "neither TOPIC HEX nor JSON with topic and payload",
    ),
    (
        "mosquitto_sub -F '%t %x' で記録するか、--as で電文の種類を指定します",
        "capture with mosquitto_sub -F '%t %x', or say with --as which message the file is",
    ),
    ("パスワードを読めません: {reason}", "password not readable: {reason}"),
    ("認証局の証明書を使えません: {reason}", "CA not usable: {reason}"),
    ("開けません: {reason}", "cannot be opened: {reason}"),
    ("受信側のファイルではありません: {reason}", "not a receiver's file: {reason}"),
    (
        "受信側のファイルか、まだない名前を指定します",
        "name a file of the receiver, or one that does not exist yet",
    ),
    ("サービスの利用者をグループ {name} に入れます", "let the service's user into the group {name}"),
    # --- files of the store ---
    ("救い出せません: {reason}", "cannot salvage: {reason}"),
    ("書けません: {reason}", "cannot write: {reason}"),
    ("ファイルが壊れています ({reason})", "the file is damaged ({reason})"),
    ("ブローカー: {reason}", "the broker: {reason}"),
    ("同じ名前のファイルがあります", "there is a file of this name already"),
    ("別の受信側がこのファイルを使っています", "a running receiver has this file"),
    # --- how to mend it, where the code's own repair says less ---
    ("30秒から1日まで", "30s to 1d"),
    ("kaga-edge config confirm か config rollback", "kaga-edge config confirm, or config rollback"),
    ("書けるようにします", "make it writable"),
    ("conf.d に書けるようにします", "make conf.d writable"),
    ("[store] と [station] は次の起動で変わります", "[store] and [station] change at the next restart"),
    ("新しいファイル名を指定します", "name a new file"),
    ("別の OUT を指定します", "name another OUT"),
    ("場所と空きを確かめます", "check path and room"),
    ("確かめます", "check it"),
    ("ディスクを調べます", "look at the disk"),
    ("dmesg を見ます", "look at dmesg"),
    ("dmesg と systemctl --failed を見ます", "look at dmesg and systemctl --failed"),
    ("保存ファイルを指定します", "name a store's file"),
    ("止めるか、--host でそのブローカーを通して取り込みます", "stop it, or import through its broker"),
    ("もう一度実行します。失われるものはありません", "run it again: nothing is lost"),
    ("PEM ファイルを指定します", "give a PEM file"),
    ("間隔を長くするか、1台を別のバスへ移します", "poll less often, or move a sensor to another bus"),
    (
        "機器の電源を入れ直し、配線とプルアップを確かめます。何かがバスをふさいでいます",
        "power-cycle the sensor; check wiring and pull-ups: something holds the bus",
    ),
    ("待ちます", "nothing to do: wait"),
    ("そこに示された点を直します", "mend what is named there"),
    ("その行を直します", "mend that line"),
    ("その命令を手で実行し、表示を読みます", "run that line by hand and read what it says"),
    # --- setting up, replacing, updating ---
    ("署名がこちらの鍵のものではありません", "the signature is not by our key"),
    ("更新を確かめる鍵がありません", "there is no key to check updates with"),
    ("署名した人の公開鍵をそこに置きます", "put the public key of your signer there"),
    ("このパッケージは {arch} 用の {package} です", "it is {package} for {arch}"),
    ("この機器は {arch} です", "this machine is {arch}"),
    ("{version} は今の {installed} より新しくありません", "{version} is not newer than {installed}"),
    ("--older を付ければそれでも入れます", "--older installs it all the same"),
    ("kaga-edge のパッケージではありません", "not a package of ours"),
    ("kaga-edge はパッケージとして入っていません", "kaga-edge is not installed as a package"),
    ("apt install ./kaga-edge_*.deb を実行します", "apt install ./kaga-edge_*.deb"),
    ("保存の形式 {schema} は今の保存より古い", "its schema {schema} is older than that of the store"),
    ("前の版は残っていません", "no previous version is kept"),
    ("パッケージを手で入れます", "install a package by hand"),
    ("dpkg が元に戻せませんでした", "dpkg could not put it back"),
    ("dpkg --configure -a を実行します", "dpkg --configure -a"),
    ("今の版を取っておけません", "the present version cannot be kept"),
    ("カードの空きを確かめます。理由は dpkg-deb の表示にあります", "room on the card? dpkg-deb said why"),
    ("値を書き出せませんでした", "the rows could not be written out"),
    ("取り込みフォルダーがありません", "there is no drop zone"),
    ("取り込みができませんでした", "the drop zone was not taken in"),
    ("設定がありません", "there is no configuration"),
    ("これは {site} の設定です", "this is the configuration of {site}"),
    (
        "{site} の設定を kaga-edge.toml として取り込みフォルダーに置きます",
        "put the configuration of {site} into the drop zone as kaga-edge.toml",
    ),
    ("次の命令が失敗しました: {line}", "failed: {line}"),
    ("TOML として読めません: {reason}", "not TOML: {reason}"),
    ("書き込めません ({reason})", "cannot be written ({reason})"),
    ("読めません ({reason})", "cannot be read ({reason})"),
    ("FILE と FILE.sig を同じ場所に置きます", "FILE and FILE.sig side by side"),
    ("導入しないでください", "do not install it"),
    (
        "そのフォルダーを作り、kaga-edge.toml と secrets.txt を入れます",
        "make that folder and put kaga-edge.toml and secrets.txt into it",
    ),
    (
        "--export を付けると、先に値を書き出してから新しい保存を始めます",
        "--export: the rows are written out first, then a new store begins",
    ),
)

TEXTS: dict[str, tuple[str, str]] = {f"heard.{number}": pair for number, pair in enumerate(_PAIRS)}


_PLACED = re.compile(r"(\S+): (.+)", re.DOTALL)


_CODED = re.compile(r"((?:\S+ )?KE-[A-Z]\d\d) (.+)", re.DOTALL)
_TIMED = re.compile(r"(.+) (\d+ ms)", re.DOTALL)
_FILES = r"(?:\S+, )*\S+"  # one name or several: no sentence that only ends like ours
_NUMBERED = re.compile(r"^\[Errno \d+\] ")  # the system's own words stand behind it


def heard(text: str, lang: str) -> str:
    """Return an English sentence in ``lang``; one that is not known as it is."""
    if lang != "ja" or not text or not text.isascii():
        return text
    text = _NUMBERED.sub("", text)
    if "; " in text and (told := [heard(part, lang) for part in text.split("; ")]) != text.split("; "):
        return "; ".join(told)
    parts = text.split(", ")
    if len(parts) > 1 and all(heard(part, lang) != part for part in parts):
        return "、".join(heard(part, lang) for part in parts)
    for pattern, japanese in _patterns():
        if found := pattern.fullmatch(text):
            return japanese.format(
                **{name: heard(part.strip("'"), lang) for name, part in found.groupdict().items()}
            )
    if found := _CODED.fullmatch(text):  # level-1: KE-B02 no acknowledge, 0/5 KE-B02 no acknowledge
        return f"{found[1]} {heard(found[2], lang)}"
    if found := _TIMED.fullmatch(text):  # 192.0.2.1:8883: no answer to TCP 12 ms
        return f"{heard(found[1], lang)} {found[2]}"
    if found := _PLACED.fullmatch(text):  # 192.0.2.1:8883: no answer to TCP
        return f"{found[1]}: {heard(found[2], lang)}"
    return text


def is_japanese(text: str) -> bool:
    """Say whether a text has Japanese signs."""
    return any(unicodedata.east_asian_width(sign) == "W" for sign in text)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the sentences as patterns, those without placeholders first."""
    ordered = sorted((*_PAIRS, *PAIRS), key=lambda pair: (pair[1].count("{"), -len(pair[1])))
    return tuple((re.compile(_pattern(english), re.DOTALL), japanese) for japanese, english in ordered)


def _pattern(english: str) -> str:
    parts = re.split(r"\{(\w+)\}", english)
    return "".join(
        re.escape(part) if at % 2 == 0 else f"(?P<{part}>{_FILES if part in ('path', 'node') else '.+?'})"
        for at, part in enumerate(parts)
    )
