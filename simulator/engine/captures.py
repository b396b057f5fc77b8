"""The captures on the edges' interfaces, where the link has interfaces of its own."""

from __future__ import annotations

import contextlib

from simulator.engine.site import Site
from simulator.lab.capture import Capture
from simulator.lab.netns import netns_place
from simulator.places.errors import LabError
from simulator.topology.plan import SessionPlan


class Captures:
    """One for each interface of an edge."""

    def __init__(self, site: Site, *, keep: bool) -> None:
        """`keep` writes a file of each. One without a file sees as much, and keeps what a validation needs."""
        self.running: dict[tuple[str, str], Capture] = {}
        """By edge and interface."""
        self.problem = "the loopback link has no interface of its own to capture on" if site.is_loopback else ""
        """Why nothing is captured; empty where every capture runs."""
        self._site = site
        self._keep = keep

    async def start(self, edge: str, stack: contextlib.AsyncExitStack) -> None:
        """On every interface of an edge; the `stack` stops them."""
        if self._site.is_loopback:
            return
        for interface in netns_place(self._site.place(edge), "a capture").interfaces:
            path = self._site.subdirectory(edge) / f"{interface}.pcap" if self._keep else None
            capture = Capture(self._site.place(edge), path, interface)
            try:
                await capture.start()
            except LabError as error:
                self.problem = str(error)
                return
            stack.push_async_callback(capture.stop)
            self.running[edge, interface] = capture

    def of(self, plan: SessionPlan) -> Capture | None:
        """The capture of the link that carries a session; None where nothing is captured."""
        if self._site.is_loopback:
            return None
        interface = netns_place(self._site.place(plan.edge.name), "a capture").interface_to(plan.peer_address)
        return self.running.get((plan.edge.name, interface))
