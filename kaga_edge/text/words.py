"""Single words: quantities, units, quality, spans of time. ASCII or full-width signs only.

Degree and micro signs and the like are one column wide in one terminal and two in another.
"""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # --- quantities, by channel ---
    "quantity.water_level": ("水位", "Water level"),
    "quantity.water_depth": ("水深", "Water depth"),
    "quantity.snow_depth": ("積雪深", "Snow depth"),
    "quantity.surface_distance": ("面までの距離", "Distance to surface"),
    "quantity.water_pressure": ("水圧 (絶対)", "Water pressure (absolute)"),
    "quantity.gauge_pressure": ("水圧 (ゲージ)", "Water pressure (gauge)"),
    "quantity.air_pressure": ("気圧", "Air pressure"),
    "quantity.air_temperature": ("気温", "Air temperature"),
    "quantity.water_temperature": ("水温", "Water temperature"),
    "quantity.relative_humidity": ("湿度", "Humidity"),
    "quantity.rain": ("雨量", "Rain"),
    "quantity.rain_total": ("積算雨量", "Rain total"),
    "quantity.rain_intensity": ("雨の強さ", "Rain intensity"),
    "quantity.tip_count": ("転倒回数", "Tips"),
    "quantity.vehicle_count": ("車両数", "Vehicles"),
    "quantity.occupancy": ("占有率", "Occupancy"),
    "quantity.vehicle_speed": ("車両速度", "Vehicle speed"),
    "quantity.vehicle_length": ("車両長", "Vehicle length"),
    "quantity.headway": ("車頭時間", "Headway"),
    "quantity.loop_current": ("ループ電流", "Loop current"),
    "quantity.echo_quality": ("反射の質", "Echo quality"),
    "quantity.supply_voltage": ("電源電圧", "Supply voltage"),
    # --- units, by UCUM code ---
    "unit.m": ("m", "m"),
    "unit.mm": ("mm", "mm"),
    "unit.mm/h": ("mm/h", "mm/h"),
    "unit.hPa": ("hPa", "hPa"),
    "unit.Cel": ("度C", "deg C"),
    "unit.%": ("%", "%"),
    "unit.{count}": ("回", "count"),
    "unit.1": ("-", "-"),
    "unit.km/h": ("km/h", "km/h"),
    "unit.s": ("秒", "s"),
    "unit.mA": ("mA", "mA"),
    "unit.V": ("V", "V"),
    # --- quality flags ---
    "flag.GOOD": ("正常", "good"),
    "flag.OUT_OF_RANGE": ("範囲外", "out of range"),
    "flag.SPIKE": ("急変", "spike"),
    "flag.STUCK": ("変化なし", "stuck"),
    "flag.LOW_QUALITY": ("質低下", "low quality"),
    "flag.ESTIMATED": ("推定", "estimated"),
    "flag.MAINTENANCE": ("保守中", "maintenance"),
    "flag.CALIBRATION_EXPIRED": ("校正切れ", "calibration old"),
    "flag.MISSING": ("欠測", "missing"),
    "flag.RETIMED": ("時刻修正", "re-timed"),
    "flag.STOPPED": ("停止中", "stopped"),
    "flag.THINNED": ("間引き", "thinned"),
    # --- time ---
    "span.s": ("{n}秒", "{n} s"),
    "span.min": ("{n}分", "{n} min"),
    "span.h": ("{n}時間", "{n} h"),
    "span.d": ("{n}日", "{n} d"),
    "age.ago": ("{span}前", "{span} ago"),
    "age.never": ("まだなし", "never"),
}
