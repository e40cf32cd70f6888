"""What the city may change from afar: intervals, thresholds, siting, texts and delivery numbers.

Everything else must stay as it is: whatever is not named here is forbidden, so that a setting added later
is forbidden too. Ports, paths, secrets, the platform's address and the command key are among the rest.
"""

from __future__ import annotations

from dataclasses import replace

from kaga_edge.config.values import Config, Platform, SensorConfig, Site


def forbidden(old: Config, new: Config) -> str:
    """Return what was changed that may not be, as a dotted name; empty: nothing."""
    if [one.id for one in old.sensors] != [one.id for one in new.sensors]:
        return "sensor"
    for before, after in zip(old.sensors, new.sensors, strict=True):
        if not _same_sensor(before, after):
            return f"sensor.{before.id}"
    if not _same_site(old.site, new.site):
        return "site"
    if not _same_platform(old.platform, new.platform):
        return "platform"
    for name in ("store", "station", "outputs", "power", "battery", "commands", "directory"):
        if getattr(old, name) != getattr(new, name):
            return name
    rest = replace(
        new,
        site=old.site,
        platform=old.platform,
        sensors=old.sensors,
        checks=old.checks,
        warnings=old.warnings,
    )
    return "" if rest == old else "?"


def _same_sensor(old: SensorConfig, new: SensorConfig) -> bool:
    texts = replace(
        new.disclosure,
        purpose=old.disclosure.purpose,
        ground=old.disclosure.ground,
        kept=old.disclosure.kept,
    )
    rest = replace(
        new,
        every_s=old.every_s,
        mount=old.mount,
        limits=old.limits,
        thresholds=old.thresholds,
        hysteresis=old.hysteresis,
        alarms=old.alarms,
        event=old.event,
        disclosure=old.disclosure,
    )
    # Corrections take no part in a comparison of sensors; a calibration is made at the station.
    return rest == old and new.corrections == old.corrections and texts == old.disclosure


def _same_site(old: Site, new: Site) -> bool:
    return old == replace(
        new,
        name=old.name,
        position=old.position,
        contact=old.contact,
        operator=old.operator,
        language=old.language,
    )


def _same_platform(old: Platform | None, new: Platform | None) -> bool:
    if old is None or new is None:
        return old is new
    return old == replace(
        new,
        batch_s=old.batch_s,
        ack_wait_s=old.ack_wait_s,
        keepalive_s=old.keepalive_s,
        reconnect_first_s=old.reconnect_first_s,
        reconnect_max_s=old.reconnect_max_s,
    )
