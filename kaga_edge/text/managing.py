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
    "ask.go_on": ("続けますか [y/N] ", "Continue [y/N] "),
    "ask.no_tty": ("確認できません。--yes を付けてください", "nobody to ask: add --yes"),
    "ask.stopped": ("何も変えていません", "nothing was changed"),
    "write.failed": ("書けません: {reason}", "cannot be written: {reason}"),
    "write.failed_fix": ("sudo を付けて実行します", "run it with sudo"),
    # --- config ---
    "config.same": ("違いはありません", "no difference"),
    "config.default": ("既定値", "default"),
    "config.added": ("追加 {key} = {new}", "added   {key} = {new}"),
    "config.removed": ("削除 {key} = {old}", "removed {key} = {old}"),
    "config.changed": ("変更 {key}: {old} -> {new}", "changed {key}: {old} -> {new}"),
    "config.unknown_running": (
        "動いている設定の控えがありません",
        "there is no copy of what is running",
    ),
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
    "status.config": ("設定", "Config"),
    "status.config_last_good": (
        "前の良い設定で動作 (設定ファイルに誤り)",
        "last good copy (the file has faults)",
    ),
    "status.config_rolled_back": ("戻した設定で動作", "rolled back, file not in use"),
    "status.config_reason": ("設定ファイルを使えません", "the configuration file is not in use"),
}
