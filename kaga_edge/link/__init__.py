"""The MQTT connection: ``words`` about it, ``addresses`` and ``dialling`` a socket, the ``session`` on it."""

from kaga_edge.link.dialling import Dialler, network_absent
from kaga_edge.link.session import Link
from kaga_edge.link.words import (
    MQTT_OLD,
    NO_RETAIN,
    Closed,
    Incoming,
    LinkError,
    LinkEvent,
    LinkSettings,
    Puback,
    Suback,
    TlsSettings,
    Will,
)

__all__ = [
    "MQTT_OLD",
    "NO_RETAIN",
    "Closed",
    "Dialler",
    "Incoming",
    "Link",
    "LinkError",
    "LinkEvent",
    "LinkSettings",
    "Puback",
    "Suback",
    "TlsSettings",
    "Will",
    "network_absent",
]
