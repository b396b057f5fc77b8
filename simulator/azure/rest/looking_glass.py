"""lookingGlass: ask an AS8075 edge of the lab for its routes to an address, or to ping or trace it.

The command, where from and where to are published; the text of the answer is not (simulator).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from ipaddress import IPv4Address, ip_address
from typing import Final

from simulator.addresses import IpAddress
from simulator.azure.provider.provider import Provider
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest
from simulator.azure.rest.errors import bad_argument
from simulator.azure.rest.fields import quoted
from simulator.azure.rest.times import iso
from simulator.counts import count_of
from simulator.engine.control import ConnectionRecord
from simulator.engine.session_tables import table_of
from simulator.lab.probe import ping
from simulator.lab.traceroute import traceroute
from simulator.places.link import LinkKind
from simulator.places.place import Place
from simulator.policy.policy import verdict
from simulator.session.messages import Family
from simulator.tables import looking_glass
from simulator.tables.received_routes import ReceivedRoute, SessionTable
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Node
from simulator.wire import nlri

COMMANDS: Final = ("Traceroute", "Ping", "BgpRoute")
SOURCES: Final = ("EdgeSite", "AzureRegion")
_PINGS: Final = 4
_REGION: Final = re.compile(r"[a-z]+( ?[a-z0-9]+){0,5}\Z")
"""Azure's regions, by either of their names: West US, westus2."""


async def invoke(request: ArmRequest) -> ArmAnswer:
    """BgpRoute reads the edge's tables. Ping and Traceroute are really done, where the link is netns."""
    command = _one_of("command", request.required("command"), COMMANDS)
    source = _one_of("sourceType", request.required("sourceType"), SOURCES)
    edge = _edge(request.provider, source, location := request.required("sourceLocation"))
    text = request.required("destinationIP")
    try:
        destination = ip_address(text.strip())
    except ValueError:
        raise bad_argument(f"destinationIP: '{text[:60]}' is not an IP address") from None
    if command == "BgpRoute":
        output = "\n".join(_routes(request.provider, edge, destination))
    else:
        output = await _probed(request.provider, edge, destination, command)
    if source == "AzureRegion" and not _is_here(request.provider, location):
        output = f"{location.strip()}: this lab has no edge there, so that {edge.name} was asked\n{output}"
    return ArmAnswer(200, {"command": command, "output": output})


def _one_of(name: str, text: str, known: tuple[str, ...]) -> str:
    for each in known:
        if each.lower() == text.strip().lower():
            return each
    raise bad_argument(f"{name}: '{text[:40]}' is not one of {', '.join(known)}")


def _edge(provider: Provider, source: str, location: str) -> Node:
    """An edge by its name or its metro. A region has the first one: a lab has one region, so that it stands for every
    region of Azure (simulator)."""
    address_plan, edges = provider.address_plan, provider.topology.edges
    wanted = location.strip().lower()
    if source == "EdgeSite":
        for edge in edges:
            if edge.name.lower() == wanted:
                return edge
        if wanted == address_plan.metro.lower():
            return edges[0]
        known = ", ".join((address_plan.metro, *(edge.name for edge in edges)))
    elif _REGION.match(wanted):
        return edges[0]
    else:
        known = "an Azure region, like West US"
    text = f"{quoted(location)} has no edge in this lab (there are: {known})"
    raise bad_argument(f"sourceLocation: {text}", "sourceLocation")


def _is_here(provider: Provider, location: str) -> bool:
    region = provider.address_plan.exchange.azure_region if provider.address_plan.exchange is not None else ""
    return location.replace(" ", "").lower() == region.lower()


# --- BgpRoute ---


def _routes(provider: Provider, edge: Node, destination: IpAddress) -> Iterator[str]:
    """What every session of the edge holds for the address, its verdict with it, as `birdc show route all` does."""
    family = Family.IPV4 if isinstance(destination, IPv4Address) else Family.IPV6
    found = False
    for record in provider.control.records.values():
        for plan in record.plans:
            if (
                plan.edge.name != edge.name
                or plan.family is not family
                or not provider.network.edges.is_provisioned(plan)
            ):
                continue
            table = _table(provider, record, plan, destination)
            if table.routes:
                found = True
                yield from looking_glass.text(table, table.routes, iso)
    if not found:
        yield f"{edge.name}: no session holds a route to {destination}"


def _table(provider: Provider, record: ConnectionRecord, plan: SessionPlan, destination: IpAddress) -> SessionTable:
    network = provider.network
    view = network.edges.view(plan)
    routes = []
    for key in _covering(destination):
        held = network.edges.route(plan, key)
        if held is not None:
            judged = verdict(held.hits, denied=not view.gate_open)
            routes.append(ReceivedRoute(plan.family, key, held.attributes.path, judged, view.last_update or 0.0))
    return table_of(network, record, plan, routes)


def _covering(address: IpAddress) -> Iterator[bytes]:
    """Every prefix that holds an address, the longest first."""
    for length in range(address.max_prefixlen, -1, -1):
        bits = int(address) >> (address.max_prefixlen - length) << (address.max_prefixlen - length)
        yield nlri.key(f"{type(address)(bits)}/{length}")[1]


# --- Ping, Traceroute ---


async def _probed(provider: Provider, edge: Node, destination: IpAddress, command: str) -> str:
    if provider.network.kind is LinkKind.LOOPBACK:
        return (
            f"{command} from {edge.name} was not done: on the loopback link the lab's addresses are not the "
            "machine's. Use link: netns."
        )
    place = provider.network.site.place(edge.name)
    if command == "Ping":
        return "\n".join([line async for line in _pings(place, destination)])
    hops = await traceroute(place, destination)
    lines = [f"traceroute to {destination} from {edge.name}, {count_of(len(hops), 'hop')} asked"]
    for hop in hops:
        answer = f"{hop.responder} {hop.rtt_ms:g} ms" if hop.rtt_ms is not None else hop.error or "*"
        lines.append(f"{hop.ttl:2} {answer}")
    return "\n".join(lines)


async def _pings(place: Place, destination: IpAddress) -> AsyncIterator[str]:
    yield f"PING {destination} from {place.name}, 84 octets"
    answered = 0
    for number in range(1, _PINGS + 1):
        result = await ping(place, destination)
        answered += result.answered
        told = f"time={result.rtt_ms:g} ms" if result.rtt_ms is not None else result.error
        yield f"seq={number} {told}"
    yield f"{_PINGS} sent, {answered} answered"
