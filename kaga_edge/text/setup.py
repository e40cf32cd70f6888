"""Installing, the drop zone, a new card, updates."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "help.setup": ("導入、カード交換、更新", "installing, a new card, updates"),
    # --- steps ---
    "setup.groups": ("専用ユーザーと装置の権限 ({names})", "own user, rights to devices ({names})"),
    "setup.interfaces": ("I2C、シリアルなど (config.txt: {lines})", "I2C, serial (config.txt: {lines})"),
    "setup.login": ("シリアルポートのログイン画面を止める", "no login on the serial port"),
    "setup.module": ("起動時に I2C を使えるようにする", "I2C devices at every start"),
    "setup.ports": ("シリアルポートの固定名 ({names})", "fixed names of serial ports ({names})"),
    "setup.journal": ("記録を再起動後も残す (最大 {most})", "journal kept over reboots (at most {most})"),
    "setup.watchdog": ("本体のウォッチドッグ ({value})", "the computer's watchdog ({value})"),
    "setup.service": ("ゲートウェイを自動で起動する", "the gateway starts by itself"),
    "setup.service_later": (
        "自動起動 (設定 kaga-edge.toml がまだないので待機)",
        "automatic start (waits: no kaga-edge.toml yet)",
    ),
    "setup.done": ("済み", "done"),
    "setup.change": ("変更", "change"),
    "setup.would_write": ("書き込む: {path}", "would write {path}"),
    "setup.would_run": ("実行する: {command}", "would run: {command}"),
    "setup.wrote": ("書き込みました: {path}", "wrote {path}"),
    "setup.ran": ("実行しました: {command}", "ran: {command}"),
    "setup.nothing": ("変更はありません。すべて済んでいます", "nothing to change: everything is done"),
    "setup.ask": ("この {count}項目を変更しますか? [y/N] ", "make these {count} change(s)? [y/N] "),
    "setup.need_yes": (
        "端末がないので、--yes を付けてください",
        "no terminal to ask on: add --yes",
    ),
    "setup.not_changed": ("何も変えていません", "nothing was changed"),
    "setup.no_boot": (
        "起動用の区画がありません (Raspberry Pi ではない)。I2C とシリアルの設定は省きます",
        "no boot partition (not a Raspberry Pi): I2C and serial are left as they are",
    ),
    "setup.faulty": (
        "設定に誤りが {count}件あります。I2C とシリアルは通常どおり有効にします",
        "the configuration has {count} fault(s); I2C and serial are switched on as usual",
    ),
    "setup.reboot": (
        "再起動が必要です: sudo reboot。続きは起動後に自動で行います",
        "reboot needed: sudo reboot. It goes on by itself afterwards",
    ),
    "setup.rebooting": ("再起動します", "rebooting"),
    "setup.resumed": ("再起動後の続きを終えました", "what was left after the reboot is done"),
    "setup.next": ("次: kaga-edge doctor", "Next: kaga-edge doctor"),
    "setup.next_config": (
        "次: kaga-edge config init flood で設定を作り、もう一度 sudo kaga-edge setup",
        "Next: make a configuration (kaga-edge config init flood), then sudo kaga-edge setup again",
    ),
    "setup.root": ("sudo が必要です: sudo kaga-edge setup", "needs sudo: sudo kaga-edge setup"),
    # --- drop zone ---
    "drop.empty": ("取り込むものはありません", "there is nothing to take in"),
    "drop.misnamed": (
        "{file} は名前が違うので取り込みません。設定は kaga-edge.toml、パスワードは secrets.txt です",
        "{file} is not taken in: a configuration is called kaga-edge.toml, passwords secrets.txt",
    ),
    "drop.rivals": (
        "設定が二つあり、どちらか分かりません: {files}。一つだけ残してください",
        "two configurations, which one is meant? {files}: leave only one",
    ),
    "drop.secret_missing": (
        "パスワード {name} がありません。secrets.txt に「{name} = ...」と書いて、ここに置いてください",
        "the secret {name} is missing: put secrets.txt here with a line {name} = ...",
    ),
    "drop.quoted": (
        "{name} の引用符もパスワードの一部とみなしました",
        "{name}: the quotes were taken as part of the secret",
    ),
    "drop.secrets": ("パスワードを登録しました: {names}", "secrets taken in: {names}"),
    "drop.secret_line": (
        "{file} の {line}行目は「名前 = 値」の形ではありません",
        '{file} line {line} is not "name = value"',
    ),
    "drop.wiped": ("{file} は上書きして消しました", "{file} was overwritten and removed"),
    "drop.key": ("鍵 {file} を登録し、ここからは消しました", "key {file} taken in and wiped from here"),
    "drop.certificate": ("証明書 {file} を取り込みました", "certificate {file} taken in"),
    "drop.no_certificate": (
        "{file} は PEM の証明書 (BEGIN CERTIFICATE で始まる文字) として読めません。その形でもらってください",
        "{file} cannot be read as a PEM certificate: ask for the text that begins BEGIN CERTIFICATE",
    ),
    "drop.config": (
        "設定を取り込みました: {site}、センサー {sensors}台",
        "configuration taken in: {site}, {sensors} sensor(s)",
    ),
    "drop.parts_aside": (
        "前の観測所の校正などは使いません: {names} ({folder} に残しました)",
        "what was calibrated at the site before is not used: {names} (kept in {folder})",
    ),
    "drop.faulty": (
        "設定に誤りが {count}件あります。取り込みません。前の設定で続けます:",
        "the configuration has {count} fault(s) and is not taken in; the previous one goes on:",
    ),
    "drop.other_site": (
        "設定は {found} のものです。{wanted} のものではないので取り込みません",
        "the configuration is that of {found}, not of {wanted}: not taken in",
    ),
    "drop.io": ("読み書きできません: {file} ({reason})", "cannot be read or written: {file} ({reason})"),
    "drop.next": (
        "よろしければこのカードを戻して電源を入れてください。確認: kaga-edge doctor",
        "All good. Put the card back and switch on. To check: kaga-edge doctor",
    ),
    "drop.again": (
        "このフォルダーのファイルを直し、カードを戻してもう一度電源を入れてください",
        "Mend the files in this folder, put the card back and switch on again",
    ),
    # --- a new card or box ---
    "replace.ask": (
        "この機器を {site} にしますか? 前の値は残します [y/N] ",
        "make this machine {site}? What it measured before is kept [y/N] ",
    ),
    "replace.stopped": ("ゲートウェイを止めました", "the gateway is stopped"),
    "replace.aside": (
        "前の保存データを {folder} に残しました。番号は新しく始まります",
        "the old store is kept in {folder}; a new epoch begins",
    ),
    "replace.exported": ("前の値を {file} に書き出しました", "the old rows were written to {file}"),
    "replace.key": (
        "新しい鍵を作りました。証明書の申請 {file} を市のシステム担当へ渡してください",
        "a new key was made; give the request {file} to the platform team",
    ),
    "replace.password": (
        "パスワードは前と同じです。紛失した機器があれば市のシステム側で変更してください",
        "the password is the old one; if a box was lost, have the platform change it",
    ),
    "replace.password_new": ("新しいパスワードを使います", "the new password is used"),
    "replace.will": (
        "市への接続時に、前の機器の「停止」の知らせは取り消されます",
        "when it connects, it takes over the old box's session and its last will is dropped",
    ),
    "replace.started": ("{site} として始めました", "started as {site}"),
    # --- updates ---
    "update.installing": ("{before} から {version} へ更新します", "updating from {before} to {version}"),
    "update.dpkg_failed": ("dpkg が失敗しました。前の版に戻します", "dpkg failed; going back"),
    "update.kept": ("{version} は正常に動いています。更新完了", "{version} works: the update is complete"),
    "update.returned": ("前の版 {version} に戻しました", "back to the previous version {version}"),
    "update.not_begun": (
        "{version} への更新は始まる前に途切れました。もう一度行ってください",
        "the update to {version} was cut off before it began; do it again",
    ),
    "update.exported": ("値を {file} に書き出しました", "rows written out to {file}"),
    "update.silent": ("新しい版が答えません {what}", "the new version does not answer {what}"),
    "update.old_runs": ("まだ {what} が動いています", "still {what} is running"),
    "update.restarts": ("新しい版が再起動を繰り返します {what}", "the new version keeps restarting {what}"),
    "update.store": ("新しい版が保存できません {what}", "the new version cannot store {what}"),
    "update.sensors": ("センサーが測れなくなりました: {what}", "sensors went silent: {what}"),
    "update.link": ("回線がつながりません ({what})", "the link does not come up ({what})"),
    # --- codes ---
    "KE-I01": ("導入の一部ができない", "a step of the set-up failed"),
    "KE-I02": ("更新を受け付けない", "the update is refused"),
    "KE-I03": ("交換を続けられない", "the replacement cannot go on"),
    "KE-I04": ("管理者の権限が要る", "needs root"),
    "explain.KE-I": (
        "測定は前のまま続きます。",
        "Measuring goes on as before.",
    ),
}
