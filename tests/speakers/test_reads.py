"""The UPDATEs of one read: asked of the FSM together, and dropped from the one on that ended the session."""

from __future__ import annotations

import asyncio
import gc
from ipaddress import ip_address

from simulator.peer.events import RoutesAnnounced, SpeakerEvent
from simulator.places.endpoint import Endpoint
from simulator.places.loopback import HostPlace
from simulator.policy.max_prefix import MaxPrefix, MaxPrefixAction
from simulator.rib.adj_out import Images
from simulator.rib.loc import LocRib
from simulator.session.fsm import Channel
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.runtime import Runtime
from simulator.speakers.tcp import TcpConnection
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import KEEPALIVE
from simulator.wire.update import pack_announcements
from tests.speakers.support import EDGE4, PEER4, PEER_AS, V4, edge_config, prefixes, raw_open


def updates(count: int) -> bytes:
    """As many UPDATEs of one prefix each."""
    path = (AsSegment(SegmentKind.SEQUENCE, (PEER_AS,)),)
    raw = encode(PathAttributes(as_path=path, next_hop=ip_address(str(PEER4))), asn4=True)
    return b"".join(pack_announcements(V4, raw, b"", [key], 4096)[0][0] for key in prefixes(V4, count))


async def test_what_follows_the_end_of_the_session_in_the_same_read_is_not_taken() -> None:
    told: list[SpeakerEvent] = []
    collecting: list[bool] = []

    def listen(event: SpeakerEvent) -> None:
        told.append(event)
        collecting.append(gc.isenabled())

    runtime = Runtime(HostPlace("edge", {}), Clock(asyncio.get_running_loop()), listen, LocRib(), Images([]))
    limit = MaxPrefix(2, MaxPrefixAction.CEASE)
    neighbor = Neighbor(edge_config(Endpoint(EDGE4, 179), PEER4, dial=False, max_prefix=limit), runtime)
    neighbor.start()
    tcp = TcpConnection(Channel.ACCEPTED, neighbor)
    tcp.write = lambda: None  # type: ignore[method-assign]
    tcp.owner = neighbor
    neighbor.tcp_made(tcp)
    tcp.data_received(raw_open() + KEEPALIVE)
    tcp.data_received(updates(6))
    assert sum(isinstance(event, RoutesAnnounced) for event in told) == 3
    assert neighbor.view().bgp_state is BgpState.IDLE and neighbor.view().received == 0
    assert gc.isenabled() and False in collecting
