"""The sender: from the store to the platform.

uplink.py     one connection after the other      sender.py, reader.py  do what core.delivery decides
posts.py      birth, catalogs, health, goodbye    hearing.py            acks and commands that come in
reconnect.py  when to dial again                  flapping.py           a line that comes and goes
left.py       which rows may have left            commands.py           the city's; signature.py
settings.py   what is set, how it stands          ports.py              what is needed of the store
"""

from kaga_edge.link import TlsSettings
from kaga_edge.uplink.settings import LinkHealth, UplinkSettings
from kaga_edge.uplink.uplink import Uplink

__all__ = ["Uplink", "UplinkSettings", "TlsSettings", "LinkHealth"]
