"""What is done to a running lab: packets dropped, processes killed or frozen, addresses and MTUs changed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from simulator.engine.network import Network
from simulator.faults.broken import BrokenRouter
from simulator.faults.lab import ANOTHER, FaultyLab, fill
from simulator.faults.packets import drop, lose
from simulator.faults.schema import Sabotage
from simulator.lab import netlink
from simulator.lab.netns import NetnsPlace, netns_place
from simulator.places.errors import LabError
from simulator.topology.plan import SessionPlan

_NODAD: Final = 0x02
_SIGNALS: Final = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


@dataclass(slots=True)
class Saboteur:
    """Does the actions of a faulty lab, each at its time."""

    lab: FaultyLab
    network: Network
    _there: bool = True
    """The routes that flap are announced now."""
    _repeated: list[asyncio.Task[None]] = field(default_factory=list)

    async def do(self, at: str) -> None:
        """What is to be done now. Raises LabError."""
        for action, family in self.lab.actions:
            if action.at == at:
                await self._act(action, family)
                if action.every is not None:
                    self._repeated.append(asyncio.ensure_future(self._again(action, family, action.every)))

    async def stop(self) -> None:
        """No action is repeated any more."""
        for task in self._repeated:
            task.cancel()
        await asyncio.gather(*self._repeated, return_exceptions=True)

    async def _again(self, action: Sabotage, family: str, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            with contextlib.suppress(LabError):  # the lab ends
                await self._act(action, family)

    async def _act(self, action: Sabotage, family: str) -> None:
        if action.key is not None:
            plan = next(each for each in self.network.edges.plans if each.family.label == family)
            sign_wrongly(self.network, plan, action.key)
            return
        place = netns_place(self.network.site.place(self._node(action)), "a fault")
        if action.drop is not None:
            drop(place, action.drop, family)
        if action.loss is not None:
            lose(place, action.loss, family)
        if action.mtu is not None:
            set_mtu(place, dict.fromkeys(place.interfaces, action.mtu))
        words = self._words(family)
        if action.lose is not None:
            change_address(place, "del", fill(action.lose, words))
        if action.take is not None:
            change_address(place, "add", fill(action.take, words))
        router = self.network.peers.router(self.lab.topology.peers[0].name) if action.at != "built" else None
        if action.process is not None and isinstance(router, BrokenRouter):
            router.signal(_SIGNALS[action.process])
        if action.flap and isinstance(router, BrokenRouter):
            self._there = not self._there
            await router.flap(family, self._there)

    def _node(self, action: Sabotage) -> str:
        topology = self.lab.topology
        nodes = {"peer": topology.peers[0].name, "edge": topology.edges[0].name, "another": ANOTHER}
        return nodes[action.node]

    def _words(self, family: str) -> dict[str, str]:
        plan = next(each for each in self.network.edges.plans if each.family.label == family)
        other = plan.peer_address + 11
        return {"peer": str(plan.peer_address), "edge": str(plan.edge_address), "other": str(other)}


WRONG_KEY: Final = "not-the-agreed-key"


def sign_wrongly(network: Network, plan: SessionPlan, key: str) -> None:
    """The edge's MD5 key for a session becomes `other` than was agreed, or `none`. Raises LabError."""
    network.edges.sign_with(plan.edge.name, plan.peer.name, plan.family, WRONG_KEY if key == "other" else "")


def mtus(place: NetnsPlace) -> dict[str, int]:
    """The MTU of each of a node's interfaces, in octets. Raises LabError."""
    found: dict[str, int] = {}

    def look() -> None:
        with netlink.IPRoute() as ip:
            for name in place.interfaces:
                found[name] = ip.get_links(netlink.index_of(ip, name))[0].get_attr("IFLA_MTU")

    _ask_kernel(place, look)
    return found


def set_mtu(place: NetnsPlace, wanted: Mapping[str, int]) -> None:
    """Give interfaces an MTU, in octets. Raises LabError."""

    def change() -> None:
        with netlink.IPRoute() as ip:
            for name, mtu in wanted.items():
                ip.link("set", index=netlink.index_of(ip, name), mtu=mtu)

    _ask_kernel(place, change)


def change_address(place: NetnsPlace, what: str, text: str) -> None:
    """`add` an address to a node, or `del` one of its own. Raises LabError."""
    address = ip_address(text)
    name = place.interface_to(address)
    length = next((prefix.prefixlen for prefix in place.interfaces[name] if address in prefix), address.max_prefixlen)

    def change() -> None:
        flags = {"flags": _NODAD} if address.version == 6 and what == "add" else {}
        with netlink.IPRoute() as ip:
            ip.addr(what, index=netlink.index_of(ip, name), address=text, prefixlen=length, **flags)

    _ask_kernel(place, change)


def _ask_kernel(place: NetnsPlace, change: Callable[[], None]) -> None:
    try:
        place.run(change)
    except (netlink.NetlinkError, OSError, LookupError) as error:
        raise LabError(f"the fault cannot be made at {place.name}: {error}") from error
