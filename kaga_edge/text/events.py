"""The daemon's events in words: a short name and a sentence, for ``kaga-edge log`` and journalctl -x.

The names are stable: scripts and alarms of operators hang on them.

A long table and nothing else.
"""

from __future__ import annotations

import re

EVENTS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "service.ready": (
        ("起動", "ready"),
        (
            "センサー {sensors}台、時計 {clock}、起動の理由 {reason}",
            "{sensors} sensors, clock {clock}, started because: {reason}",
        ),
    ),
    "service.stopping": (("停止", "stopping"), ("求めに応じて止まります", "stopping as asked")),
    "service.failed": (("起動失敗", "failed"), ("{code} {error}", "{code} {error}")),
    "sensor.down": (("無応答", "down"), ("{sensor} {code} {error}", "{sensor} {code} {error}")),
    "sensor.up": (
        ("復帰", "up"),
        ("{sensor} {outage_s}ぶり、欠測 {missed}件", "{sensor} after {outage_s}, {missed} missed"),
    ),
    "sensor.suspect": (("疑わしい値", "suspect"), ("{sensor} {quality}", "{sensor} {quality}")),
    "alert.raised": (
        ("警報", "alarm"),
        ("{key} 値 {value} が基準 {threshold} に達しました", "{key} {value} reached {threshold}"),
    ),
    "alert.cleared": (
        ("警報解除", "cleared"),
        ("{key} 値 {value} が基準 {threshold} を下回りました", "{key} {value} is below {threshold}"),
    ),
    "alert.retired": (
        ("警報解除", "cleared"),
        ("{key} 警報の設定がなくなったため解除しました", "{key}: its rule was taken out"),
    ),
    "link.up": (("回線接続", "link up"), ("{outage_s}ぶりに接続しました", "connected after {outage_s}")),
    "command.done": (
        ("市の命令", "command"),
        ("{op} を実行しました ({iss}、{id}) {err}", "{op} by {iss} ({id}) {err}"),
    ),
    "command.again": (
        ("市の命令", "command again"),
        ("{op} は済んでいます ({id})。同じ返信をしました", "{op} ({id}) was done before; answered again"),
    ),
    "command.refused": (
        ("命令を拒否", "command refused"),
        ("{op} を実行しません: {err} ({iss}、{id})", "{op} not done: {err} ({iss}, {id})"),
    ),
    "command.interrupted": (
        ("命令の中断", "command cut off"),
        ("{op} は途中で止まりました ({id})。実行しません", "{op} ({id}) was cut off; never run again"),
    ),
    "command.flood": (
        ("命令が多すぎる", "too many commands"),
        ("多すぎる命令を拒んでいます", "more commands than may come; refusing them"),
    ),
    "event.began": (
        ("短い間隔", "event began"),
        ("{sensor} 値 {value}。測る間隔を短くします", "{sensor} {value}: measuring more often"),
    ),
    "event.ended": (
        ("通常の間隔", "event ended"),
        ("{sensor} 値 {value}。元の間隔に戻します", "{sensor} {value}: back to the usual interval"),
    ),
    "output.test": (("別出力", "output"), ("試験中の出力が動いています", "an output on trial is running")),
    "output.failed": (("別出力の障害", "output failed"), ("{error}", "{error}")),
    "link.unset": (("送信設定の誤り", "not connected"), ("{code} {error}", "{code} {error}")),
    "link.down": (("回線断", "link down"), ("{reason}。保存を続けます", "{reason}, storing locally")),
    "link.flapping": (
        ("回線不安定", "link unstable"),
        (
            "{reason}。続けて{count}回切れました。同じIDの装置が二台ないか確かめてください",
            "{reason}, {count} times in a row; look for a second gateway with our id",
        ),
    ),
    "uplink.subscription_refused": (
        ("受信拒否", "not let listen"),
        (
            "{topic} を読めません。届いたことを確かめられません",
            "{topic} may not be read: nothing can be confirmed",
        ),
    ),
    "store.migrating": (("保存の形式更新", "migrating"), ("{from} から {to} へ", "from {from} to {to}")),
    "store.migrated": (("形式更新完了", "migrated"), ("形式 {version}", "version {version}")),
    "link.refused": (("回線拒否", "refused"), ("{reason}。値は残っています", "{reason}, data kept")),
    "backlog.drained": (
        ("送信完了", "drained"),
        ("遅延分 {rows}件を {outage_s}で送りました", "{rows} late readings delivered in {outage_s}"),
    ),
    "data.lost": (("データ損失", "data lost"), ("{count}件 {reason}", "{count} readings, {reason}")),
    "data.quarantined": (
        ("受け取り拒否", "quarantined"),
        ("番号 {numbers} を市のシステムが受け取りません", "the platform refuses numbers {numbers}"),
    ),
    "store.pressure": (
        ("容量注意", "store full"),
        (
            "保存の {used} を使いました。古い値から間引きます",
            "{used} of the store used; the oldest will give way",
        ),
    ),
    "store.early": (
        ("早期削除", "early"),
        ("送信済み {rows}件を期限前に消しました", "{rows} delivered rows removed before their time"),
    ),
    "store.thinned": (
        ("間引き", "thinned"),
        (
            "古い {rows}件を最小・最大・平均・最後の {into}件にまとめました",
            "{rows} old rows summed up in {into} of min, max, mean and last",
        ),
    ),
    "store.expired": (
        ("期限切れ", "expired"),
        (
            "容量が足りず、最も古い {rows}件を送らずに消しました",
            "no room: the oldest {rows} rows removed unsent",
        ),
    ),
    "store.sick": (("ディスク障害", "disk sick"), ("{code} {error}", "{code} {error}")),
    "store.back": (
        ("ディスク回復", "disk back"),
        (
            "{outage_s}ぶり、書いた数 {written}、失った数 {lost}",
            "after {outage_s}, {written} written, {lost} lost",
        ),
    ),
    "store.ring_began": (
        ("メモリーで継続", "in memory"),
        (
            "{code} {error}。直るまで測定値はメモリーに置き、送信は続けます",
            "{code} {error}: samples stay in memory until the disk is well, and are sent from there",
        ),
    ),
    "store.ring_stored": (
        ("ディスクへ戻した", "back on disk"),
        ("メモリーの{rows}件を書きました", "{rows} samples from memory are on disk"),
    ),
    "store.ring_lost": (
        ("メモリーの損失", "memory lost"),
        (
            "停止時もディスクが直らず、{rows}件を失いました (番号の組 {epoch})",
            "the disk was still sick when we stopped: {rows} samples of epoch {epoch} are lost",
        ),
    ),
    "store.set_aside": (
        ("保存ファイル破損", "set aside"),
        (
            "壊れたファイルを {file} に残し、新しく始めました",
            "the damaged file is kept as {file}; a new one goes on",
        ),
    ),
    "store.salvage_failed": (("救出失敗", "not salvaged"), ("{error}", "{error}")),
    "store.moved": (
        ("別の機械", "moved"),
        (
            "別の機械・基板・カードです。新しい番号で始めます",
            "another machine, board or card: a new epoch begins",
        ),
    ),
    "store.renamed": (
        ("局の改名", "renamed"),
        ("{from} から {to} へ。新しい番号で始めます", "from {from} to {to}: a new epoch begins"),
    ),
    "store.epoch_began": (("番号の始まり", "new epoch"), ("{epoch}", "{epoch}")),
    "store.rolled_back": (
        ("巻き戻り", "rolled back"),
        ("番号 {skipped} は使いません", "numbers {skipped} are given up"),
    ),
    "clock.changed": (("時計", "clock"), ("{before} から {now} になりました", "from {before} to {now}")),
    "clock.known": (
        ("時計確定", "clock known"),
        ("{retimed}件の時刻を直しました", "{retimed} readings re-timed"),
    ),
    "clock.not_applied": (("時刻の修正待ち", "clock waits"), ("{error}", "{error}")),
    "power.cut": (
        ("電源の入れ直し", "power cycled"),
        (
            "{switch} の電源を {seconds} 秒切ります。原因 {cause}、続けて {count} 回目",
            "{switch} is without power for {seconds} s because of {cause}, time {count} in a row",
        ),
    ),
    "power.back": (("電源投入", "power back"), ("{switch} の電源を入れました", "{switch} has power again")),
    "power.failed": (("電源操作の障害", "no power switch"), ("{switch} {error}", "{switch} {error}")),
    "power.low": (
        ("電圧低下", "power low"),
        ("{sensor} の電源が低下しています", "{sensor}: the supply is low"),
    ),
    "power.stopping": (
        ("電池残量わずか", "battery nearly empty"),
        (
            "{sensor} が {value} で {below} を下回り続けたため、電源を切ります",
            "{sensor} is at {value}, below {below} for too long: switching off in order",
        ),
    ),
    "power.good": (
        ("電圧回復", "power good"),
        ("{sensor} の電源が戻りました", "{sensor}: the supply is good again"),
    ),
    "config.applied": (("設定変更", "applied"), ("センサー {sensors}台", "{sensors} sensors")),
    "config.rejected": (
        ("設定の誤り", "rejected"),
        (
            "{file} {line} 行目 {key}。前の設定で続けます",
            "{file} line {line} {key}; the previous one goes on",
        ),
    ),
    "config.fallback": (
        ("前の設定で開始", "fallback"),
        (
            "設定の誤り {faults}件。前の良い設定で測っています。{fix}",
            "{faults} fault(s): running the last good configuration. {fix}",
        ),
    ),
    "config.trial": (
        ("設定の試行", "on trial"),
        ("確認しなければ {left_s}後に元に戻ります", "goes back in {left_s} unless confirmed"),
    ),
    "config.confirmed": (("設定の確定", "confirmed"), ("試行の設定を残します", "the one on trial stays")),
    "config.rolled_back": (
        ("設定を戻した", "rolled back"),
        ("前の設定に戻りました ({reason})", "the previous configuration is back ({reason})"),
    ),
    "config.not_kept": (
        ("控えなし", "not kept"),
        ("設定の控えを {where} に書けません ({error})", "no copy can be kept in {where} ({error})"),
    ),
    "daily.summary": (
        ("日のまとめ", "daily summary"),
        (
            "{day} 測定 {measured} 送信 {delivered} 損失 {lost} 未送信 {waiting} {sensors} 残り{room_days}日",
            (
                "{day} measured {measured}, sent {delivered}, lost {lost}, unsent {waiting}, "
                "sensors {sensors}, room {room_days} d"
            ),
        ),
    ),
    "cert.expiring": (
        ("証明書の期限", "certificate"),
        (
            "{file} はあと{days}日で切れます: kaga-edge enroll",
            "{file} ends in {days} d: kaga-edge enroll",
        ),
    ),
    "metrics.not_written": (
        ("指標を書けない", "no metrics"),
        ("{where} に書けません ({error})", "{where} cannot be written ({error})"),
    ),
    "collect.stopped": (
        ("測定停止", "collect stopped"),
        ("{sensor} {who} ({why})", "{sensor} {who} ({why})"),
    ),
    "collect.started": (("測定再開", "collect started"), ("{sensor} {who}", "{sensor} {who}")),
    "config.partly": (("設定一部変更", "partly"), ("{fix}", "{fix}")),
    "maintenance.on": (("保守開始", "maintenance"), ("{sensor} {who}", "{sensor} {who}")),
    "web.opened": (
        ("状態ページ開", "page open"),
        ("{url} ({interface}) {minutes}分", "{url} ({interface}) for {minutes} min"),
    ),
    "web.closed": (("状態ページ閉", "page closed"), ("{reason}", "{reason}")),
    "web.entered": (("PIN 入力", "PIN given"), ("{who} ({address})", "{who} ({address})")),
    "web.refused": (("PIN 誤り", "wrong PIN"), ("{address} から", "from {address}")),
    "web.locked": (
        ("PIN 停止", "PIN locked"),
        (
            "{address} から。{wait_s}の間、PIN を受け付けません",
            "from {address}; no PIN is taken for {wait_s}",
        ),
    ),
    "web.action": (
        ("ページから操作", "page action"),
        ("{who}: {action} {sensor}", "{who}: {action} {sensor}"),
    ),
    "maintenance.off": (("保守終了", "maintenance over"), ("{sensor} {who}", "{sensor} {who}")),
    "watchdog.stalled": (
        ("動作停止", "stalled"),
        (
            "{buses} が進みません。systemd が起動し直します",
            "{buses} makes no progress; systemd will start it again",
        ),
    ),
    "bus.worker_given_up": (
        ("バス停止", "bus hangs"),
        ("{bus} ({sensor}) が戻りません", "{bus} hangs in {sensor}"),
    ),
    "bus.given_up": (("バス断念", "bus given up"), ("{error}", "{error}")),
}

TEXTS: dict[str, tuple[str, str]] = {
    key: text
    for name, (title, sentence) in EVENTS.items()
    for key, text in ((f"event.{name}", title), (f"event.{name}.says", sentence))
} | {
    "log.none": ("出来事はありません", "no events"),
    "log.folded": ("({count}回)", "({count} times)"),
    "log.unreadable": ("出来事の記録を読めません ({reason})", "the events cannot be read ({reason})"),
    "log.bad_since": (
        '「{value}」は読めません。"today" "2h" "3d" "2026-11-22 02:00" のように書きます',
        'cannot read "{value}". Write "today", "2h", "3d" or "2026-11-22 02:00"',
    ),
    "catalog.more": ("詳しく: kaga-edge explain @CODE@", "More: kaga-edge explain @CODE@"),
    "catalog.sensor": (
        "この機器だけ: journalctl -t kaga-edge SENSOR=@SENSOR@",
        "Only this one: journalctl -t kaga-edge SENSOR=@SENSOR@",
    ),
}


def catalog(lang: int, message_ids: dict[str, str]) -> str:
    """Return systemd's catalog of all events, Japanese (0) or English (1), as journalctl -x shows it."""
    entries = []
    for name, (title, sentence) in EVENTS.items():
        body = re.sub(r"\{(\w+)\}", lambda found: f"@{found.group(1).upper()}@", sentence[lang])
        body = body.replace("@OUTAGE_S@", ("@OUTAGE_S@ 秒", "@OUTAGE_S@ s")[lang])
        more = [body]
        if "{code}" in sentence[lang]:
            more += ["", TEXTS["catalog.more"][lang]]
        if "{sensor}" in sentence[lang]:
            more += ["", TEXTS["catalog.sensor"][lang]]
        head = [f"-- {message_ids[name]}", f"Subject: {title[lang]} ({name})", "Defined-By: kaga-edge", ""]
        entries.append("\n".join([*head, *more, ""]))
    return "\n".join(entries)
