"""What sensors and wires can do wrong: the codes of ``kaga_edge.vocabulary.errors``."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "KE-X00": ("想定された障害", "an expected failure"),
    "KE-D00": ("データを解読できない", "the bytes cannot be decoded"),
    "KE-D01": ("データの長さが違う", "too few or too many bytes"),
    "KE-D02": ("データの形が違う", "the bytes have the wrong shape"),
    "KE-D03": ("チェックサムが合わない", "the checksum is wrong"),
    "KE-D04": ("測定できないという値", "the instrument says: no measurement"),
    "KE-D20": ("そのドライバーはない", "there is no such driver"),
    "KE-G01": ("ゲートウェイは動いていない", "the gateway is not running"),
    "KE-G02": ("ゲートウェイに接続する権限がない", "not allowed to talk to the gateway"),
    "KE-G03": ("ゲートウェイが答えない", "the gateway does not answer"),
    "KE-G04": ("そのセンサーはない", "there is no such sensor"),
    "KE-G05": ("その符号はない", "there is no such code"),
    "KE-L00": ("市のシステムに接続できない", "no connection to the platform"),
    "KE-L10": ("市のシステムからの文が取り決めと違う", "the platform's message does not keep the contract"),
    "KE-L11": ("文を読めない", "the message cannot be read"),
    "KE-S00": ("保存の操作ができない", "the store cannot do what was asked"),
    "KE-S01": ("保存ファイルが使用中", "another process has the store open"),
    "KE-S02": ("別の、または新しい版の保存ファイル", "the store's file is foreign or of a newer version"),
    "KE-S03": ("ディスクに書けない", "the disk refuses to store"),
    "KE-B00": ("配線またはバスの障害", "the wire or the bus failed"),
    "KE-B01": ("バスの装置がない、または開けない", "the bus device is not there or may not be opened"),
    "KE-B02": ("応答なし", "no answer"),
    "KE-B03": ("時間内に終わらない", "the transfer took too long"),
    "KE-B04": ("バスの障害", "the bus failed"),
    "KE-B05": ("別の機種が応答した", "another model answered"),
    "KE-B07": ("機器が立ち上がり中 (異常ではない)", "the instrument is warming up (no fault)"),
    "KE-B06": ("機器が要求を断った", "the device refused the request"),
}
