"""What the commands say that manage a station: configuration, secrets, disclosure, stopping a sensor."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "KE-U03": ("設定を試せない", "no trial of a configuration"),
    "KE-U03.meaning": (
        "設定の試行を始められないか、試行中の設定がありません。何も変わっていません。",
        "A configuration cannot be put on trial, or none is. Nothing has changed.",
    ),
    "KE-U03.causes": (
        "もう時間切れで戻った / 別の設定が試行中 / [store] や [station] の変更 / 控えを書けない",
        "its time was over and it went back / another is on trial / [store] or [station] changed / no copy",
    ),
    "KE-U03.repair": (
        "kaga-edge config diff で今の設定を確かめ、もう一度 kaga-edge config apply を実行します。",
        "See what runs with kaga-edge config diff, then kaga-edge config apply again.",
    ),
    "KE-U04": ("確認が要る", "it must be agreed to"),
    "KE-U04.meaning": (
        "変更する命令ですが、答える人がいません。何も変わっていません。",
        "This command changes something and nobody is there to answer. Nothing has changed.",
    ),
    "KE-U04.causes": ("スクリプトから実行した", "run from a script"),
    "KE-U04.repair": ("内容を確かめて --yes を付けます。", "Check what it does and add --yes."),
    "KE-U05": ("書き込めない", "cannot be written"),
    "KE-U05.meaning": (
        "ファイルを書けませんでした。前のファイルはそのままです。",
        "The file could not be written. The one before is untouched.",
    ),
    "KE-U05.causes": ("権限がない / ディスクが一杯", "not allowed / the disk is full"),
    "KE-U05.repair": (
        "sudo を付けて実行します。空きは df -h で見ます。",
        "Use sudo. See the room with df -h.",
    ),
    "KE-U06": ("秘密として使えない", "no usable secret"),
    "KE-U06.meaning": (
        "名前か中身が秘密として使えません。何も変わっていません。",
        "The name or the content cannot be a secret. Nothing has changed.",
    ),
    "KE-U06.causes": (
        "空の入力 / 2回の入力が違う / 名前に使えない文字",
        "empty / the two differ / a sign in the name",
    ),
    "KE-U06.repair": (
        "sudo kaga-edge secret set mqtt-password をもう一度実行します。",
        "Run sudo kaga-edge secret set mqtt-password again.",
    ),
    "KE-U07": ("証明書の用意ができない", "no certificate"),
    "KE-U07.meaning": (
        "鍵や証明書を作れないか、組が合いません。前のものはそのままです。",
        "Key or certificate cannot be made, or they do not belong together. Those before are untouched.",
    ),
    "KE-U07.causes": (
        "別の観測所の証明書 / 鍵を作り直した / openssl がない",
        "another station's certificate / the key was made anew / no openssl",
    ),
    "KE-U07.repair": (
        "sudo kaga-edge enroll で申請をもう一度作り、市の担当に送ります。",
        "Make the request again with sudo kaga-edge enroll and send it to the platform's people.",
    ),
    "KE-U08": ("名前がない", "nobody named"),
    "KE-U08.meaning": ("だれの確認かわかりません。", "It must be known whose acceptance this is."),
    "KE-U08.causes": ("--who を付けていない", "no --who"),
    "KE-U08.repair": ("kaga-edge commission --who 名前", "kaga-edge commission --who NAME"),
    "ask.go_on": ("続けますか [y/N] ", "Continue [y/N] "),
    "ask.no_tty": ("確認できません。--yes を付けてください", "nobody to ask: add --yes"),
    "ask.stopped": ("何も変えていません", "nothing was changed"),
    "write.failed": ("書けません: {reason}", "cannot be written: {reason}"),
    "write.failed_fix": ("sudo を付けて実行します", "run it with sudo"),
    "write.no_folder": ("先にフォルダーを作ります", "make the folder first"),
    "write.no_room": ("空きを作るか、別の場所に書きます", "make room, or write it elsewhere"),
    "write.there": ("別の名前にします", "give another name"),
    # --- config ---
    "config.same": ("違いはありません", "no difference"),
    "config.default": ("既定値", "default"),
    "config.added": ("追加 {key} = {new}", "added   {key} = {new}"),
    "config.removed": ("削除 {key} = {old}", "removed {key} = {old}"),
    "config.changed": ("変更 {key}: {old} -> {new}", "changed {key}: {old} -> {new}"),
    "config.goes_on": ("前の設定で続けます", "the previous configuration keeps running"),
    "config.on_trial": (
        "試行中: {until} まで (あと{span})。残す: kaga-edge config confirm  何もしなければ元に戻ります",
        "On trial until {until} ({span} left). To keep it: kaga-edge config confirm. Else it goes back",
    ),
    "config.trial_left": ("試行中 あと{span}", "on trial, {span} left"),
    "config.confirmed": ("確定しました: {file}", "confirmed: {file}"),
    "config.applied": (
        "適用しました。元に戻す: kaga-edge config rollback",
        "Applied. Back: kaga-edge config rollback",
    ),
    "config.applied_later": (
        "書きました。ゲートウェイは停止中: 次の起動から使われます",
        "Written. The gateway is not running: used from its next start",
    ),
    "config.rolled_back": ("前の設定に戻しました", "the previous configuration is back"),
    "config.no_previous_fix": (
        "kaga-edge config apply で設定を替えると残ります",
        "kaga-edge config apply keeps one when it changes the configuration",
    ),
    "config.no_previous": ("前の設定がありません: {file}", "there is no previous configuration: {file}"),
    "config.converted": (
        "{encoding} から UTF-8 に変換しました。元のファイル: {kept}",
        "converted from {encoding} to UTF-8. The original is kept: {kept}",
    ),
    "config.fixed": (
        "{n}行の全角文字を半角にしました。元のファイル: {kept}",
        "full-width characters changed in {n} line(s). The original is kept: {kept}",
    ),
    "config.bad_span": ('「{value}」は時間ではありません。例 "10m"', '"{value}" is no time. Write "10m"'),
    # --- secret ---
    "help.secret": ("パスワードと鍵 (設定には書かない)", "passwords and keys, never in the configuration"),
    "secret.ask": ("{name}: ", "{name}: "),
    "secret.again": ("もう一度: ", "once more: "),
    "secret.differ": ("2回の入力が違います", "the two are not the same"),
    "secret.empty": ("空か、長すぎます", "it is empty or too long"),
    "secret.not_utf8": ("UTF-8 の文字ではありません", "it is no UTF-8 text"),
    "secret.bad_name": ("名前は半角の英数字と - _ . だけです", "a name has letters, digits and - _ . only"),
    "secret.unknown": ("「{name}」はありません", 'there is no secret "{name}"'),
    "secret.kept": ("保存しました: {file}", "kept: {file}"),
    "secret.sealed": (
        "暗号化して保存しました: {file} (この機械の systemd だけが開けます)",
        "encrypted: {file} (this machine's systemd alone can open it)",
    ),
    "secret.restart": (
        "次の起動から使います: sudo systemctl restart kaga-edge",
        "It counts from the next start: sudo systemctl restart kaga-edge",
    ),
    "secret.unit_needs": ("ユニットに次の行が要ります:", "The unit needs these lines:"),
    "secret.no_systemd": (
        "systemd-creds がないため、ふつうのファイルとして保存します",
        "no systemd-creds here: kept as a plain file",
    ),
    "secret.no_credential_key": (
        "クライアント証明書の鍵はファイルとして保存します",
        "the key of the client certificate is kept as a file",
    ),
    "secret.used": ("ゲートウェイに伝えました", "The gateway was told"),
    "secret.removed": ("消しました: {file}", "removed: {file}"),
    "secret.in_use": ("設定の {key} が使っています", "the configuration uses it at {key}"),
    "secret.there": ("あり", "there"),
    "secret.missing": ("なし", "missing"),
    "secret.none": ("秘密はありません", "no secrets"),
    "secret.closed": ("このフォルダーを見る権限がありません", "you may not look into this folder"),
    # --- enroll ---
    "help.enroll": ("市のシステムの証明書を申請する", "the key and the request for the certificate"),
    "enroll.no_site": ("[site] id を読めません", "[site] id cannot be read"),
    "enroll.unreadable": ("証明書を読めません ({reason})", "the certificate cannot be read ({reason})"),
    "enroll.other_key": ("この鍵の証明書ではありません", "the certificate belongs to another key"),
    "enroll.again": (
        "最新の申請に対する証明書を使います",
        "use the certificate that answers the newest request",
    ),
    "enroll.installed": (
        "置きました: {file} (期限 {until})。設定に書く行:",
        "In place: {file}, valid until {until}. The lines for the configuration:",
    ),
    # --- manifest ---
    "help.manifest": ("公表する内容、現地の掲示", "what the station discloses; the notice at the site"),
    "manifest.title": ("測定のお知らせ", "What is measured here"),
    "manifest.by": ("測定者", "Operated by"),
    "manifest.licence": ("公開データのライセンス", "Licence of published readings"),
    "manifest.contact": ("問い合わせ", "Contact"),
    "manifest.kept_here": ("この装置に残す期間", "Kept on this device"),
    "manifest.purpose": ("目的", "Purpose"),
    "manifest.ground": ("根拠", "Ground"),
    "manifest.kept": ("保存期間", "Kept"),
    "manifest.personal_yes": ("個人に関する情報を含みます", "Personal data: yes"),
    "manifest.personal_no": ("個人に関する情報は含みません", "Personal data: no"),
    "manifest.complete": ("公表の内容はそろっています", "the disclosure is complete"),
    "manifest.no_by": (
        "[site] operator がありません (だれが測るか)",
        "[site] operator is missing (who measures)",
    ),
    "manifest.no_contact": ("[site] contact がありません", "[site] contact is missing"),
    "manifest.no_position": ("[site] position がありません", "[site] position is missing"),
    "manifest.no_ground": (
        "disclosure の ground がありません (根拠)",
        "ground is missing in its disclosure",
    ),
    "manifest.no_kept": (
        "disclosure の kept がありません (市での保存期間)",
        "kept is missing in its disclosure (how long the city keeps it)",
    ),
    "manifest.one_language": ("目的が日本語で書かれていません", "its purpose is not in Japanese"),
    # --- collect ---
    "help.collect": ("求めに応じて測定を止める、再開する", "stop collecting at somebody's request"),
    "collect.will_stop": (
        "{what} の測定をすぐに止め、理由とともに市へ知らせます。",
        "Collecting at {what} stops at once, the city is told with the reason.",
    ),
    "collect.will_start": (
        "{what} の測定を再開し、市へ知らせます。",
        "Collecting at {what} goes on again, the city is told.",
    ),
    "collect.line": (
        "停止中: {sensor}  {since} から {until}  {who} ({why})",
        "Stopped: {sensor} from {since} until {until}. {who} ({why})",
    ),
    "collect.open": ("再開するまで", "somebody starts it"),
    "collect.none": ("止めている測定はありません", "nothing is stopped"),
    # --- report ---
    "help.report": ("問い合わせ用の記録一式 (秘密は除く)", "one file for whoever helps, without secrets"),
    "report.written": (
        "{file} に書きました ({n}個, {kb} kB)。秘密は除いてあります",
        "written: {file} ({n} parts, {kb} kB). Secrets are removed",
    ),
    # --- commission ---
    "help.commission": ("設置の確認と報告書", "the acceptance at the site, a page to hand in"),
    "commission.who": ("確認者の名前: ", "Your name: "),
    "commission.no_name": ("確認者の名前がありません", "nobody is named"),
    "commission.title": ("設置確認書", "Commissioning report"),
    "commission.site": ("観測所", "Station"),
    "commission.at": ("日時", "Date and time"),
    "commission.technician": ("確認者", "Technician"),
    "commission.result": ("結果", "Result"),
    "commission.version": ("版", "Version"),
    "commission.doctor": ("診断", "Diagnosis"),
    "commission.sensors": ("センサー", "Sensors"),
    "commission.line": ("市への回線", "Line"),
    "commission.cut": ("断線試験", "Line cut"),
    "cut.title": ("回線を{seconds}秒切る", "line cut for {seconds} s"),
    "cut.not_asked": ("求められていない", "not asked for"),
    "cut.no_platform": ("送信先がない", "no [platform]"),
    "cut.not_agreed": (
        "同意がない (端末で答えるか --yes)",
        "not agreed to (answer on a terminal, or --yes)",
    ),
    "cut.not_running": ("ゲートウェイが止まっている", "the gateway is not running"),
    "cut.refused": ("できない: {reason}", "refused: {reason}"),
    "cut.nothing_measured": (
        "その間に測定がなかった (--cut を測定の間隔より長く)",
        "nothing was measured in that time (--cut longer than the sensors' interval)",
    ),
    "cut.arrived": (
        "{count}件を保存し、戻ってから{seconds}秒ですべて届いた",
        "{count} rows kept, all arrived {seconds} s after its end",
    ),
    "cut.not_arrived": (
        "{count}件が{seconds}秒たっても届かない",
        "{count} rows have not arrived after {seconds} s",
    ),
    "cut.will": (
        "断線試験: 回線を{seconds}秒切ります。測定は続き、後で届きます。警報が出たらすぐ戻ります。",
        (
            "Line-cut test: the line is cut for {seconds} s. Measuring goes on, rows arrive later; "
            "an alarm ends it."
        ),
    ),
    "cut.going_on": (
        "回線を切りました。{seconds}秒待ちます",
        "The line is cut; {seconds} s to wait",
    ),
    "commission.clock": ("時計", "Clock"),
    "commission.power": ("電源", "Power"),
    "commission.store": ("保存と送信", "Store"),
    "commission.kept": ("測った数 = 届いた + 待ち + 失った", "numbered = delivered + waiting + gone"),
    "commission.hand": ("手で確かめること", "By hand"),
    "commission.hand.power_cut": (
        "電源を抜き差しし、自動で戻ることを確認",
        "Power pulled and put back: it came back by itself",
    ),
    "commission.hand.staff": ("量水標または巻尺の値 (m)", "Staff gauge or tape reading (m)"),
    "commission.hand.photo": ("写真を撮影 (全景、センサー、配線)", "Photographs: site, sensors, wiring"),
    "commission.hand.wiring": (
        "防水、固定、接地、雷対策を確認",
        "Sealing, fixing, earthing, surge protection checked",
    ),
    "commission.hand.contact": ("掲示 (測定のお知らせ) を設置", "Notice (what is measured here) is up"),
    "commission.sign": ("署名", "Signature"),
    "commission.by_hand": (
        "手で確かめること: 電源の抜き差し、量水標、写真、配線、掲示 (報告書に記入欄)",
        "By hand: power cut, staff gauge, photographs, wiring, notice (there is room on the page)",
    ),
    "commission.written": ("報告書: {file}", "Report: {file}"),
    "status.config": ("設定", "Config"),
    "status.config_last_good": (
        "前の良い設定で動作 (設定ファイルに誤り)",
        "last good copy (the file has faults)",
    ),
    "status.config_rolled_back": ("戻した設定で動作", "rolled back, file not in use"),
    "status.config_reason": ("設定ファイルを使えません", "the configuration file is not in use"),
}
