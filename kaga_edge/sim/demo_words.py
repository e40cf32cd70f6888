"""Every sentence of the demo, Japanese and English, in one place. ASCII or full-width signs only."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("kaga-edge デモ", "kaga-edge demo"),
    "intro": (
        "模擬の観測所、内蔵ブローカー、本物のゲートウェイ。約{seconds}秒。Ctrl-C で終わります。",
        "A simulated station, an embedded broker, the real gateway. About {seconds} s; Ctrl-C ends it.",
    ),
    "starting": ("準備しています", "Starting"),
    "act.normal": ("平常: 6台のセンサーを毎秒測る", "Normal: six sensors, measured every second"),
    "act.rise": ("雨が強まり、川が上がる", "Rain sets in, the river rises"),
    "act.cut": ("回線を切る(待ち行列が伸びる)", "The line is cut: the queue grows"),
    "act.restore": (
        "回線が戻る(警報、現在値、溜まった分の順)",
        "The line returns: alarm first, then live, then the rest",
    ),
    "act.pull": ("積雪センサーを抜く", "The snow sensor is pulled out"),
    "act.replug": ("積雪センサーを戻す", "The snow sensor is put back"),
    "act.kill": (
        "ゲートウェイを kill -9 で止め、すぐ起動する",
        "The gateway is killed with -9 and started again",
    ),
    "act.finish": ("測定を終え、残りを送り、SIGTERM で止める", "Measuring ends, what waits is sent, SIGTERM"),
    "alarm.raised": ("警報: {text}(到着)", "Alarm arrived: {text}"),
    "alarm.cleared": ("解除: {text}(到着)", "Alarm cleared: {text}"),
    "sensor.lost": (
        "{sensor} が欠測になった(欠測として記録)",
        "{sensor} is missing, and recorded as missing",
    ),
    "sensor.back": ("{sensor} が戻った", "{sensor} is back"),
    "gateway.dead": ("送信先は観測所を「不通」と見た", "The platform sees the station as dead"),
    "gateway.alive": ("送信先は観測所を「稼働」と見た", "The platform sees the station as alive"),
    "gateway.stopped": ("観測所は正常に停止した", "The station has stopped cleanly"),
    "gateway.ready": (
        "ゲートウェイが答える({seconds}秒)",
        "The gateway answers ({seconds} s after its start)",
    ),
    "lane.alert": ("戻って最初の警報: {seconds}秒後", "First alarm after the return: {seconds} s"),
    "lane.data": ("戻って最初の現在値: {seconds}秒後", "First live values after the return: {seconds} s"),
    "lane.drained": ("溜まった分が全部届いた: {seconds}秒後", "All that waited has arrived: {seconds} s"),
    "measured": ("測定値", "Measured"),
    "waits": ("到着未確認", "Not yet confirmed"),
    "arrived": ("到着", "Arrived"),
    "numbered": ("記録", "On disk"),
    "line": ("回線", "Line"),
    "line.up": ("接続", "up"),
    "line.cut": ("切断", "cut"),
    "platform": ("送信先から見て", "Seen by platform"),
    "state.alive": ("稼働", "alive"),
    "state.dead": ("不通", "dead"),
    "state.stopped": ("停止", "stopped"),
    "state.unknown": ("未知", "unknown"),
    "sensor.missing": ("欠測", "missing"),
    "sensor.starting": ("起動中", "starting"),
    "alarms": ("警報", "Alarms"),
    "alarms.none": ("なし", "none"),
    "daemon.down": ("ゲートウェイ停止中", "the gateway is not running"),
    "oldest": ("最古 {seconds}秒前", "oldest {seconds} s"),
    "events": ("できごと", "What happened"),
    "numbers": (
        "記録 {numbered}、未確認 {waiting}、到着 {arrived}",
        "on disk {numbered}, unconfirmed {waiting}, arrived {arrived}",
    ),
    "end.done": (
        "終わりました({seconds}秒)。受信側の数え:",
        "Finished after {seconds} s. The receiver's own count:",
    ),
    "end.numbered": ("番号を付けて記録した行", "numbered (committed)"),
    "end.arrived": ("到着", "arrived"),
    "end.gone": ("届かないと宣言した行", "declared gone"),
    "end.lost": ("失われた", "lost"),
    "end.repeated": ("重複(番号で除去)", "repeated (removed by number)"),
    "end.conflicting": ("同じ番号で内容の違う行", "same number, other content"),
    "end.outage": ("最長の途絶", "longest outage"),
    "end.alarm": ("回線復旧から警報到着まで", "alarm delay after the line's return"),
    "end.killed": (
        "kill のとき測定済みで未記録: {n}(最大 {seconds}秒分)",
        "measured but not yet on disk at the kill: {n} (at most {seconds} s worth)",
    ),
    "end.waiting": ("ディスクに残り未送信", "still on disk, not sent"),
    "end.exit": ("停止時の終了コード", "exit code at the stop"),
    "end.good": ("失われたものはありません。", "Nothing was lost."),
    "end.bad": ("失われたもの、または誤りがあります。", "Something was lost or went wrong."),
    "end.none": ("なし", "none"),
    "end.seconds": ("{n}秒", "{n} s"),
    "far": (
        "フォルダーの名前が長すぎてソケットを作れません: {folder}。--keep で短いものを指定してください",
        "the folder's name is too long for a socket: {folder}. Name a shorter one with --keep",
    ),
    "kept": ("ファイルは {folder} に残しました", "The files are kept in {folder}"),
    "stopped": ("中断しました。", "Interrupted."),
    "failed.start": (
        "ゲートウェイが起動しません。ログの終わり:",
        "The gateway did not start. The end of its log:",
    ),
    "failed.died": (
        "ゲートウェイが予定外に終了しました。ログの終わり:",
        "The gateway ended unasked. The end of its log:",
    ),
}


def words(code: str, lang: str, **params: object) -> str:
    """Return one text with its parameters filled in."""
    return TEXTS[code][0 if lang == "ja" else 1].format(**params)
