"""What ``kaga-edge store`` says."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "KE-R01": ("受信側のファイルが使用中", "the receiver's file is in use"),
    "KE-R01.meaning": (
        "動作中の受信側がこのファイルを使っています。",
        "A running receiver has this file.",
    ),
    "KE-R01.causes": ("kaga-edge receive が動いている", "kaga-edge receive is running"),
    "KE-R01.repair": (
        "受信側を止めるか、--host でブローカーへ送ります。",
        "Stop the receiver, or import through its broker with --host.",
    ),
    "explain.KE-R": ("受信は続きます。", "Receiving goes on."),
    "store.imported": (
        "電文 {messages}件 新しい行 {rows} 既存 {repeated} 矛盾 {conflicting} 不明 {unreadable} 切れ {torn}",
        "{messages} messages, {rows} new, {repeated} old, {conflicting} differ, {unreadable} bad, {torn} cut",
    ),
    "store.other_root": (
        "トピックの最初の語が違います。--root {root} を付けて、もう一度実行します",
        "the topics begin with another word: run it again with --root {root}",
    ),
    "store.none_rejected": ("拒否されたものはありません", "nothing was refused"),
    "store.published": ("電文 {n}件を送りました", "{n} messages published"),
    "help.store": ("保存ファイルを見る・調べる・取り出す", "look into the stored samples, check, export"),
    "store.rows": ("保存中 {rows} 行、通知 {notices} 件", "{rows} rows and {notices} notices in the file"),
    "store.size": ("大きさ {size} MB", "size {size} MB"),
    "store.tally": (
        "番号 {numbered} = 送信済み {delivered} + 待ち {waiting} + 届かない {gone}",
        "numbered {numbered} = delivered {delivered} + waiting {waiting} + gone {gone}",
    ),
    "store.gone_by": ("  届かない理由 {why}: {rows} 行", "  gone, {why}: {rows} rows"),
    "store.in_memory": (
        "ディスク障害: {held} 件をメモリーに置いています ({error})",
        "the disk is sick: {held} samples in memory ({error})",
    ),
    "store.damaged_kept": (
        "壊れたファイルが {count} 個残っています: kaga-edge store salvage",
        "{count} damaged files are kept: kaga-edge store salvage",
    ),
    "store.no_losses": ("失われたものはありません", "nothing was lost"),
    "store.loss": (
        "{why} {sensor} {rows} 行 番号 {numbers}",
        "{why} {sensor} {rows} rows, numbers {numbers}",
    ),
    "store.whole": ("ファイルは正常です", "the file is whole"),
    "store.from_daemon": ("動作中のゲートウェイの答え", "as the running gateway says"),
    "store.salvaged": (
        "{rows} 行と通知 {notices} 件を {out} に救い出しました",
        "{rows} rows and {notices} notices saved into {out}",
    ),
    "store.partly": ("一部しか読めなかった表: {tables}", "tables that could be read in part only: {tables}"),
    "alarm.store_damaged": (
        "保存ファイルが壊れたため取り替えました。読めた分は引き継いでいます",
        "The store file was damaged and has been replaced; what could be read goes on",
    ),
    "store.exported": (
        "測定 {rows} 行を電文 {count} 通で {out} に書きました",
        "{rows} rows in {count} messages written to {out}",
    ),
}
