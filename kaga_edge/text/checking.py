"""What ``kaga-edge doctor`` and ``kaga-edge link test`` say: name and repair of each check."""

from __future__ import annotations

CHECKS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "O01": (
        ("OS と Python の版", "OS and Python version"),
        (
            "この OS に合う版の kaga-edge を入れます",
            "install the package made for this OS (Debian 12 or 13, Python 3.11-3.13)",
        ),
    ),
    "O02": (
        ("機種と GPIO", "Pi model and GPIO chip"),
        (
            "Raspberry Pi ではありません。GPIO のセンサーは使えません",
            "no GPIO header found: GPIO sensors cannot work here",
        ),
    ),
    "O03": (
        ("利用者 kaga-edge のグループ", "groups of user kaga-edge"),
        ("sudo systemd-sysusers、その後サービスを再起動", "sudo systemd-sysusers, then restart the service"),
    ),
    "O04": (
        ("装置ファイルを開けるか", "device nodes open for the user"),
        ("装置のグループに kaga-edge を加えます", "add user kaga-edge to the node's group"),
    ),
    "O05": (
        ("サービスの状態", "the service"),
        (
            "sudo systemctl enable --now kaga-edge、理由は journalctl -u kaga-edge -n 20",
            "sudo systemctl enable --now kaga-edge; why it fell: journalctl -u kaga-edge -n 20",
        ),
    ),
    "O06": (
        ("再起動後も残る記録", "journal survives a reboot"),
        (
            "OS が記録をメモリーに置いています。doctor --fix で残します",
            "the OS keeps the journal in memory; doctor --fix keeps it on disk",
        ),
    ),
    "O07": (
        ("ハードウェア監視", "hardware watchdog"),
        ("RuntimeWatchdogSec を設定します", "set RuntimeWatchdogSec for systemd"),
    ),
    "O08": (
        ("装置を使う別のプログラム", "nobody else holds the devices"),
        ("表示されたプログラムを止めます", "stop the program shown"),
    ),
    "O09": (
        ("日本語ロケール", "Japanese locale"),
        (
            "sudo raspi-config nonint do_change_locale ja_JP.UTF-8",
            "sudo raspi-config nonint do_change_locale ja_JP.UTF-8",
        ),
    ),
    "B01": (
        ("I2C が有効か", "I2C switched on"),
        ("sudo raspi-config nonint do_i2c 0、その後再起動", "sudo raspi-config nonint do_i2c 0, then reboot"),
    ),
    "B02": (
        ("I2C の機器が答えるか", "I2C sensors answer"),
        (
            "kaga-edge sensor scan で見て、配線、3.3 V、番地を確かめます",
            "look with kaga-edge sensor scan; wiring, 3.3 V, address",
        ),
    ),
    "B03": (
        ("I2C 番地の重なり", "no I2C address twice"),
        ("番地の端子を変えるか、別のバスを使います", "change the address pin or use another bus"),
    ),
    "B04": (
        ("I2C の誤り率", "I2C error rate"),
        (
            "速度を 10000 に下げ、線を短くし、プルアップを確かめます",
            "lower the speed to 10000, shorten the cable, check pull-ups",
        ),
    ),
    "B05": (
        ("UART と serial0", "UART and serial0"),
        (
            "Pi 5 の serial0 は基板上の別の端子です。dtparam=uart0=on として ttyAMA0 を使います",
            "switch the UART on; on a Pi 5 serial0 is the debug plug: dtparam=uart0=on and ttyAMA0",
        ),
    ),
    "B06": (
        ("UART の端末", "no login console on the UART"),
        (
            "sudo raspi-config nonint do_serial_cons 1、その後再起動",
            "sudo raspi-config nonint do_serial_cons 1, then reboot",
        ),
    ),
    "B07": (
        ("UART のパリティ", "parity on the UART"),
        (
            "ttyS0 にはパリティがありません。PL011 (ttyAMA0) か USB 変換器を使います",
            "ttyS0 (mini UART) has no parity: use the PL011 (ttyAMA0) or a USB adapter",
        ),
    ),
    "B08": (
        ("シリアルの名前", "stable serial names"),
        (
            "/dev/serial/by-id か by-path の名前を書きます",
            "write the name below /dev/serial/by-id or by-path",
        ),
    ),
    "B09": (
        ("シリアルのデータ", "serial data arrive"),
        (
            "速度の違いか、線の抜けです。kaga-edge sensor scan が速度を試します",
            "wrong speed or a loose wire: kaga-edge sensor scan tries the speeds",
        ),
    ),
    "B10": (
        ("Modbus の応答", "Modbus units answer"),
        ("A と B の入れ替え、終端、番号を確かめます", "swap A/B, check termination and the unit number"),
    ),
    "B11": (("GPIO が空いているか", "GPIO lines are free"), ("別の GPIO を選びます", "choose another GPIO")),
    "B12": (
        ("GPIO の部品 (lgpio)", "pin factory (lgpio)"),
        ("sudo apt install python3-lgpio", "sudo apt install python3-lgpio"),
    ),
    "S01": (
        ("各センサーの値", "each sensor gives a value"),
        ("kaga-edge sensor test ID で詳しく見ます", "look closer with kaga-edge sensor test ID"),
    ),
    "S02": (
        ("値の新しさ", "readings are fresh"),
        ("kaga-edge log --sensor ID で理由を見ます", "see why: kaga-edge log --sensor ID"),
    ),
    "S03": (
        ("校正", "calibration"),
        ("現地の値と比べて校正し、日付を残します", "compare with the staff gauge and calibrate"),
    ),
    "S04": (
        ("公開の説明と連絡先", "disclosure and contact"),
        ("[site] contact と [sensor.disclosure] を書きます", "write [site] contact and [sensor.disclosure]"),
    ),
    "T01": (
        ("時計の同期", "clock synchronised"),
        (
            "NTP への経路を確かめます。それまで値には印が付きます",
            "check the way to NTP; readings are marked until then",
        ),
    ),
    "T02": (
        ("RTC", "RTC"),
        (
            "RTC なし: 停電の後、同期するまで時計が遅れます",
            "no RTC: after a power cut the time is late until it is synchronised",
        ),
    ),
    "T03": (
        ("時間帯と日付", "time zone and date"),
        ("sudo timedatectl set-timezone Asia/Tokyo", "sudo timedatectl set-timezone Asia/Tokyo"),
    ),
    "Q01": (
        ("保存ファイル", "the store opens"),
        ("消さずに残し、kaga-edge store salvage を使います", "keep the file; use kaga-edge store salvage"),
    ),
    "Q02": (
        ("空き容量", "free space"),
        ("保存期間を短くするか、大きいカードにします", "keep less, or a bigger card"),
    ),
    "Q03": (("カードの書き込み", "writing to the card"), ("カードを替えます", "replace the card")),
    "L01": (
        ("名前、経路、TCP、TLS", "name, route, TCP, TLS"),
        ("止まった段階を見ます: kaga-edge link test", "see the step that fails: kaga-edge link test"),
    ),
    "L02": (
        ("証明書", "certificate"),
        ("期限と時計を確かめ、証明書を替えます", "check its dates and the clock; renew it"),
    ),
    "L03": (
        ("ログインと送信の許可、市の受領", "login, permission, platform confirms"),
        (
            "市の担当に、この id の許可 (ACL) を頼みます",
            "ask the platform team to open the ACL for this gateway's id",
        ),
    ),
    "L04": (("電波", "radio"), ("アンテナの向きと SIM の契約を確かめます", "check antenna and SIM plan")),
    "P01": (
        ("電源電圧と温度", "supply voltage and temperature"),
        ("電源と線を替えます", "replace supply or cable"),
    ),
    "C01": (
        ("設定と秘密のファイル", "configuration and secrets"),
        ("kaga-edge config check を実行し、chmod 640 とします", "run kaga-edge config check; chmod 640"),
    ),
}

TEXTS: dict[str, tuple[str, str]] = (
    {f"doctor.{code}": title for code, (title, _) in CHECKS.items()}
    | {f"doctor.{code}.fix": repair for code, (_, repair) in CHECKS.items()}
    | {
        "doctor.pass": ("合格", "pass"),
        "doctor.note": ("注意", "note"),
        "doctor.fail": ("不合格", "FAIL"),
        "doctor.unknown": ("測れません", "not measurable"),
        "doctor.skip": ("不要", "not needed"),
        "doctor.sum": (
            "{n}項目: 不合格 {fails}、注意 {notes}、測れない {unknown}、不要 {skipped}、合格 {passed}",
            (
                "{n} checks: {fails} fail, {notes} note, {unknown} not measurable, "
                "{skipped} not needed, {passed} pass"
            ),
        ),
        "doctor.fixing": ("実行: {command}", "running: {command}"),
        "doctor.fix_failed": ("失敗しました ({status})", "it failed ({status})"),
        "doctor.after": ("直した後:", "After the repairs:"),
        "doctor.no_fix": ("自動で直せるものはありません", "nothing here can be mended by itself"),
        "doctor.next": ("次: sudo kaga-edge doctor --fix", "Next: sudo kaga-edge doctor --fix"),
        "doctor.no_group": ("そのような項目はありません: {name}", "there are no checks called {name}"),
        "step.name": ("名前解決", "name"),
        "step.route": ("経路", "route"),
        "step.tcp": ("TCP", "TCP"),
        "step.tls": ("TLS", "TLS"),
        "step.login": ("認証", "login"),
        "step.permission": ("送信許可", "permission"),
        "step.ack": ("市の受領", "platform ack"),
        "step.round_trip": ("往復", "round trip"),
        "step.fix.name": (
            "url の名前「{host}」と、DNS (resolvectl status) を確かめる",
            'check the name "{host}" in url, and DNS: resolvectl status',
        ),
        "step.fix.route": (
            "回線、ケーブル、SIM を確かめる。ip route に default がなければ外へ出られない",
            "check modem, cable and SIM: without a default in ip route there is no way out",
        ),
        "step.fix.tcp": (
            "url のポート {port} と、途中の防火壁を確かめ、{host} が動いているか市に尋ねる",
            "check port {port} in url, and firewalls; ask the platform team whether {host} runs",
        ),
        "step.fix.tls.expired": (
            "市の証明書の期限が切れている。市に伝える (この機器の時計が進んでいないかは timedatectl)",
            "the platform's certificate has run out: tell the platform team (or is our clock ahead?)",
        ),
        "step.fix.tls.clock": (
            "この機器の時計が遅れている。timedatectl、NTP を確かめる",
            "this machine's clock is behind: timedatectl, and check NTP",
        ),
        "step.fix.tls.name": (
            "証明書の名前が「{host}」と違う。url に証明書にある名前を書く",
            'the certificate is not for "{host}": write the name that stands in it into url',
        ),
        "step.fix.tls.ca": (
            "{ca} はこの証明書の発行元ではない。正しい CA のファイルを市から受け取る",
            "{ca} is not who issued this certificate: get the right CA file from the platform team",
        ),
        "step.fix.tls.file": (
            "ca、certificate、key のファイルを確かめる: kaga-edge config check",
            "check the files of ca, certificate and key: kaga-edge config check",
        ),
        "step.fix.tls.other": (
            "url の mqtts:// とポートを確かめる。相手が TLS を話していないかもしれない",
            "check mqtts:// and the port in url: the other side may not speak TLS",
        ),
        "step.fix.login": (
            "sudo kaga-edge secret set {secret}。username も確かめ、市に {gw} の登録を尋ねる",
            "sudo kaga-edge secret set {secret}; check username; ask the platform team about {gw}",
        ),
        "step.fix.permission": (
            "{gw} が {topic} に書けるように、市に許可 (ACL) を頼む",
            "ask the platform team to let {gw} write {topic} (ACL)",
        ),
        "step.fix.ack": (
            "市の受信側が動いているか尋ねる。それまで値はここに残る",
            "ask the platform team whether their receiver runs; until then the rows wait here",
        ),
        "linktest.none": ("[platform] がありません: 送信しません", "no [platform]: nothing is sent"),
    }
)
