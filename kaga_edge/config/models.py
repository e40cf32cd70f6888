"""The TOML tables as pydantic reads them: strict, unknown keys forbidden; the alias is the TOML key.

What comes out of them are the plain values of ``values``; ``SensorConfig`` is put together in
``sensors.py`` from the common keys and the driver's own options.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from typing_extensions import TypedDict  # pydantic needs this one below Python 3.12

from kaga_edge.config.characters import first_odd
from kaga_edge.config.faults import Code
from kaga_edge.config.units import UnitFault, per_second, seconds, size_bytes
from kaga_edge.config.values import MQTT_PORTS

STRICT = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
ID_PATTERN = r"^[a-z0-9-]{1,32}$"
SAID_PATTERN = r"\S"  # more than spaces


def _text_schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


Duration = Annotated[float, BeforeValidator(seconds), _text_schema("^[0-9.]+(ms|s|m|min|h|d)$")]
Size = Annotated[int, BeforeValidator(size_bytes), _text_schema("^[0-9.]+(kB|KB|MB|GB|KiB|MiB|GiB)$")]
Rate = Annotated[float, BeforeValidator(per_second), _text_schema("^[0-9.]+/[0-9.]*(ms|s|m|min|h|d)$")]
Id = Annotated[str, Field(pattern=ID_PATTERN)]


def _platform_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    if "@" in value:  # whatever else is wrong with it, it is not to be repeated
        raise UnitFault(Code.PASSWORD_IN_FILE)
    try:
        parts = urlsplit(value)
        good = parts.scheme in MQTT_PORTS and parts.hostname and (parts.port is None or parts.port > 0)
        good = good and not first_odd(value) and " " not in value
    except ValueError:
        good = False
    if not good or parts.path not in ("", "/"):
        raise UnitFault(Code.BAD_URL, value=value)
    return value


def _secret_name(value: object) -> object:
    letters = value.replace("-", "").replace("_", "") if isinstance(value, str) else "x"
    if not (letters.isalnum() and letters.isascii()):
        raise UnitFault(Code.SECRET_NAME)
    return value


SecretName = Annotated[str, BeforeValidator(_secret_name)]
PlatformUrl = Annotated[str, BeforeValidator(_platform_url)]


Said = Annotated[str, Field(pattern=SAID_PATTERN)]


class Words(TypedDict):
    """One text in both languages."""

    __pydantic_config__ = STRICT  # type: ignore[misc]  # pydantic's own way to configure a TypedDict

    ja: Said
    en: Said


class Table(BaseModel):
    """A TOML table: frozen, strict, nothing unknown in it."""

    model_config = STRICT


class CheckTable(Table):
    """``[[site.check]]``: one sensor against another."""

    kind: Literal["float", "levels", "snow-warm", "frost-tips"]
    sensor: Id
    against: Id
    hold_s: Duration | None = Field(default=None, alias="hold")  # how long before it is told
    height_m: float | None = None  # float: of the switch above gauge zero
    apart_m: float | None = Field(default=None, gt=0)  # levels
    above_c: float | None = None  # snow-warm
    below_c: float | None = None  # frost-tips


class SiteTable(Table):
    """``[site]``: who and where. ``id`` is the gateway's name on the wire."""

    id: Id
    name: Words
    position: tuple[float, float] | None = None  # latitude, longitude
    zone: str = "Asia/Tokyo"
    contact: str = ""
    operator: Words | None = None  # who collects: for the disclosure
    licence: str | None = None  # of published readings: "CC BY 4.0"
    language: Literal["ja", "en"] | None = None  # for commands when nothing else says
    check: tuple[CheckTable, ...] = ()


class PlatformTable(Table):
    """``[platform]``: where batches go, and when they count as delivered."""

    url: PlatformUrl
    root: Id = "kaga"
    username: str | None = None
    secret: SecretName | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    delivery: Literal["broker", "platform"] = "broker"
    mqtt: Literal["5", "3.1.1"] = "5"  # the old one is degraded: a refused publish looks accepted
    batch_s: Duration | None = Field(default=None, alias="batch")  # None: see reading.py
    no_subscriber: Literal["hold", "accept"] = "hold"
    ack_wait_s: Duration = Field(default=60.0, alias="ack_wait")
    keepalive_s: Duration = Field(default=30.0, alias="keepalive")
    reconnect_first_s: Duration = Field(default=5.0, alias="reconnect_first")
    reconnect_max_s: Duration = Field(default=120.0, alias="reconnect_max")


class StoreTable(Table):
    """``[store]``: the file, its budget in bytes, what is left to others, how long delivered rows stay."""

    path: Path = Path("/var/lib/kaga-edge/store.sqlite")
    max_bytes: Size = Field(default=512_000_000, alias="max", ge=4_000_000)
    keep_free_bytes: Size = Field(default=200_000_000, alias="keep_free", ge=0)
    keep_delivered_s: Duration = Field(default=86_400.0, alias="keep_delivered")


def _runtime() -> Path:
    return Path(os.environ.get("RUNTIME_DIRECTORY") or "/run/kaga-edge")


class StationTable(Table):
    """``[station]``: where the control socket is; a file for node_exporter's textfile folder."""

    runtime: Path = Field(default_factory=_runtime)
    metrics: Path | None = None


class DisclosureTable(Table):
    """``[sensor.disclosure]``: why it is measured, in both languages, and whether it is personal data."""

    purpose: Words
    personal_data: bool
    ground: Words | None = None  # the law or consent it rests on
    kept: Words | None = None  # how long the city keeps it
    open_data: bool = True  # false: never in an open-data export
