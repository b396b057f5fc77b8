"""What happens outside BGP in a Direct peering's turn-up, in words: the LOA, the addresses, the cabling.

The order is Microsoft's documented one (Direct peering walkthrough). In the lab the links are there from the start, so
these steps are only told.
"""

from __future__ import annotations

from collections.abc import Iterator

from simulator.session.messages import Family
from simulator.topology.schema import ConnectionChoice, Topology
from simulator.topology.segments import session_addresses


def where(topology: Topology, connection: str = "") -> str:
    """Where a connection is made, or all of them are: the exchange, or the edge and the facility."""
    if not connection:
        direct = sum(len(topology.choices(peering)) for peering in topology.peerings if peering.is_direct)
        links = f"{direct} Direct connection{'s' if direct > 1 else ''}" if direct else ""
        places = (topology.exchange.name if topology.exchange is not None else "", links)
        return " and ".join(filter(None, places)) or topology.name
    peering, choice = topology.connection(connection)
    if not peering.is_direct:
        return f"at {topology.exchange.name}" if topology.exchange is not None else ""
    place = f", facility {choice.facility}" if choice.facility is not None else ""
    return f"to {choice.edge}{place}, {choice.bandwidth} Mbps"


def approval_steps(topology: Topology, connection: str) -> Iterator[str]:
    """What comes with Microsoft's approval of a Direct connection; nothing of an Exchange one."""
    peering, choice = topology.connection(connection)
    if not peering.is_direct:
        return
    yield f"Microsoft sends {peering.peer} the LOA for the cross connect {where(topology, connection)}"
    if choice.session_address_provider == "Microsoft":
        yield f"Microsoft provides the addresses: {_addresses(choice)}"


def cabling_steps(topology: Topology, connection: str) -> Iterator[str]:
    """What the peer does by the LOA before it configures BGP; nothing at an exchange."""
    peering, choice = topology.connection(connection)
    if peering.is_direct:
        yield f"{peering.peer} finishes the cabling to {choice.edge} by the LOA; its link test may use 169.254.0.0/16"
        yield f"{peering.peer} addresses its end of the link: {_addresses(choice)}"


def _addresses(choice: ConnectionChoice) -> str:
    pairs = ((choice.prefix(family), session_addresses(choice, family)) for family in Family)
    return "; ".join(f"{prefix}: peer {pair.peer}, Microsoft {pair.microsoft}" for prefix, pair in pairs if pair)
