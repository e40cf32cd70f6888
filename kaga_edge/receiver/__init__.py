"""The other side: what a platform does to keep the contract, and the count nobody else can give.

``Receiver`` subscribes, stores under (gateway, epoch, number), acknowledges what is durable, and sees
every gap by arithmetic. The demo, the tests and the platform's own team use it.
"""

from kaga_edge.receiver.archive import News
from kaga_edge.receiver.receiver import Receiver
from kaga_edge.receiver.reckoning import Counts, Verdict
from kaga_edge.receiver.session import Tls
from kaga_edge.receiver.view import Alarm, CurrentValue, GatewayView, Snapshot

__all__ = ["Receiver", "Counts", "Verdict", "Snapshot", "GatewayView", "CurrentValue", "Alarm", "News", "Tls"]
