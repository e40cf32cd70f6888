"""What ``kaga-edge decode`` says, and what can be wrong with a device image."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "decode.frame": ("フレーム {number}: {bytes}", "Frame {number}: {bytes}"),
    "decode.skipped": ("読み飛ばし {n} バイト", "{n} bytes skipped"),
    "decode.no_value": ("値なし", "no value"),
    "decode.failed": ("解読できません({check}): {what}", "not decodable ({check}): {what}"),
    "decode.check.length": ("長さ", "length"),
    "decode.check.shape": ("形", "shape"),
    "decode.check.checksum": ("チェックサム", "checksum"),
    "decode.check.value": ("値", "value"),
    "decode.check.decode": ("データ", "data"),
    "decode.check.device": ("機器", "device"),
    "decode.best": (
        "最も近い候補はバイト {at} から {bytes}",
        "the best candidate begins at byte {at}: {bytes}",
    ),
    "decode.remark": ("注意: {what}", "note: {what}"),
    "decode.unknown_driver": ("「{name}」というドライバーはありません", "there is no driver {name!r}"),
    "decode.closest": ("近い名前: {names}", "closest: {names}"),
    "decode.unknown_option": ("{driver} に「{key}」という設定はありません", "{driver} has no option {key!r}"),
    "decode.options": ("使える設定:", "its options:"),
    "decode.no_options": ("{driver} に設定はありません", "{driver} has no options"),
    "decode.wrong_option": (
        "{key} = {value!r} は使えません: {why}",
        "{key} = {value!r} cannot be used: {why}",
    ),
    "decode.why.int": ("整数にします", "a whole number is needed"),
    "decode.why.float": ("数にします", "a number is needed"),
    "decode.why.bool": ("true か false にします", "true or false is needed"),
    "decode.why.choice": ("{names} のいずれかにします", "use one of {names}"),
    "decode.why.missing": ("この項目が要ります", "it is needed"),
    "decode.why.unexpected": ("この項目はありません", "there is no such key"),
    "decode.why.tuple": ('[{"quantity": ...}] の形にします', 'write a list: [{"quantity": ...}]'),
    "decode.why.dataclass": ('{"quantity": ...} の形にします', 'write a table: {"quantity": ...}'),
    "decode.needs_option": (
        "{driver} には {key} が必要です。--set {key}=...",
        "{driver} needs {key}: --set {key}=...",
    ),
    "decode.set_form": ("--set は key=value と書きます: {text!r}", "--set takes key=value, not {text!r}"),
    "decode.not_hex": ("16進のバイト列ではありません: {text!r}", "not hex bytes: {text!r}"),
    "decode.not_serial": (
        "{driver} はシリアルではありません。--image FILE を使います",
        "{driver} is not a serial instrument: use --image FILE",
    ),
    "KE-D10": ("機器イメージのファイルに誤りがある", "the device image has a fault in it"),
}
