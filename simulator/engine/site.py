"""Where the nodes of a running network live: its link and its directory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from simulator.addresses import IpAddress
from simulator.lab.descriptors import allow, needed
from simulator.lab.netns import NetnsLink, NetnsPlace
from simulator.lab.running import EDGE, RunningNode, record_nodes
from simulator.lab.state import LabState
from simulator.places.link import LinkKind
from simulator.places.loopback import LoopbackLink
from simulator.places.place import Link, Place
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology
from simulator.topology.segments import cables_of, lan_of


class Site:
    """Nothing is there before `build`."""

    def __init__(self, topology: Topology, kind: LinkKind) -> None:
        self.kind = kind
        self._topology = topology
        self._state: LabState | None = None
        self._link: Link | None = None

    async def build(self, stack: contextlib.AsyncExitStack) -> None:
        """The `stack` takes it down."""
        self.make_room(len(plans(self._topology)))
        self._state = LabState.create(self._topology.name)
        stack.callback(self._state.remove)
        lan, cables = lan_of(self._topology), cables_of(self._topology)
        link: Link
        if self.is_loopback:
            link = LoopbackLink(lan, cables)
        else:
            link = NetnsLink(lan, self._state, cables, leads_out=self.kind is LinkKind.INTERFACE)
        self._link = await stack.enter_async_context(link)
        record_nodes(self._state, self._nodes())

    def make_room(self, sessions: int) -> None:
        """Permit the open files of so many sessions of the edges. Raises LabError where the user may not have them."""
        topology = self._topology
        behind = sum(len(topology.route_servers(customer)) for customer in topology.customers)
        nodes = len(topology.edges) + len(topology.peers) + len(topology.customers)
        allow(needed(sessions + behind, 0 if self.is_loopback else nodes))

    def _nodes(self) -> Iterator[RunningNode]:
        """For those who want to look into the lab from another terminal."""
        kinds = {edge.name: EDGE for edge in self._topology.edges}
        kinds |= {peer.name: peer.router_kind for peer in (*self._topology.peers, *self._topology.customers)}
        for name, kind in kinds.items():
            place = self.place(name)
            enter = tuple(place.nsenter.split()) if isinstance(place, NetnsPlace) else ()
            yield RunningNode(name, kind, str(self.subdirectory(name)), enter)

    @property
    def is_loopback(self) -> bool:
        return self.kind is LinkKind.LOOPBACK

    def place(self, node: str) -> Place:
        assert self._link is not None, "the network is not built"
        return self._link.outside(node) or self._link.place(node)

    def caller(self, plan: SessionPlan) -> IpAddress:
        """Where the peer calls from. An address that nobody has here is one that nobody calls from, as in the field."""
        try:
            return self.place(plan.peer.name).host(plan.peer_address)
        except KeyError:
            return plan.peer_address

    @property
    def quality_problem(self) -> str:
        """Why latency, jitter or loss that was asked for is not there; empty where all is as asked."""
        return self._link.quality_problem if self._link is not None else ""

    @property
    def directory(self) -> Path:
        return self._built.directory

    def subdirectory(self, name: str) -> Path:
        """A directory for a node's files."""
        return self._built.subdirectory(name)

    @property
    def _built(self) -> LabState:
        assert self._state is not None, "the network is not built"
        return self._state
