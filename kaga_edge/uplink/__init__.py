"""The sender: from the store to the platform.

uplink.py     connects, greets, says goodbye             sender.py   does what core.delivery decides
reconnect.py  when to dial again                         settings.py what is set, how it stands
ports.py      what is needed of the store
"""

from kaga_edge.link import TlsSettings
from kaga_edge.uplink.settings import LinkHealth, UplinkSettings
from kaga_edge.uplink.uplink import Uplink

__all__ = ["Uplink", "UplinkSettings", "TlsSettings", "LinkHealth"]
