"""Exchanges out of an IX-F member export, schema 0.6 to 1.0 (https://github.com/euro-ix/json-schemas).

An exchange here is one VLAN of one IXP with an address plan: that is what two routers share.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from simulator.addresses import IpAddress, IpNetwork
from simulator.starting.facts import ExchangeFacts, MemberPort, StartError
from simulator.starting.json_objects import JsonMap, address, number, objects, optional_number, prefix, text

_FAMILIES: Final = ("ipv4", "ipv6")
_SERVER: Final = "ixrouteserver"


def is_ixf(document: Any) -> bool:
    return isinstance(document, dict) and "ixp_list" in document and "member_list" in document


def exchanges(document: JsonMap, source: str) -> list[ExchangeFacts]:
    """Every VLAN that has an address plan or ports. Raises StartError."""
    ports: dict[tuple[int, int | None], list[MemberPort]] = {}
    for member in objects(document["member_list"], f"{source}: member_list"):
        for key, port in _ports(member, source):
            ports.setdefault(key, []).append(port)
    found = []
    for ixp in objects(document["ixp_list"], f"{source}: ixp_list"):
        here = number(ixp.get("ixp_id"), f"{source}: ixp_list.ixp_id")
        name = text(ixp.get("name")) or text(ixp.get("shortname")) or f"ixp {here}"
        peeringdb = ixp.get("peeringdb_id")
        metro = next((text(each.get("city")) for each in objects(ixp.get("switch"), "switch") if each.get("city")), "")
        vlans = list(objects(ixp.get("vlan"), f"{source}: {name}: vlan"))
        for vlan in vlans:
            id_ = optional_number(vlan.get("id"), f"{source}: {name}: vlan.id")
            mine = [*ports.get((here, id_), ()), *(ports.get((here, None), ()) if len(vlans) == 1 else ())]
            lan = tuple(_lan(vlan, f"{source}: {name}"))
            title = name if len(vlans) == 1 else f"{name} ({text(vlan.get('name')) or id_})"
            if lan or mine:
                number_ = peeringdb if isinstance(peeringdb, int) and peeringdb > 0 else None
                found.append(ExchangeFacts(title[:80], source, number_, metro, lan, tuple(mine)))
    if not found:
        raise StartError(f"{source}: this IX-F member export has no VLAN with addresses")
    return found


def _lan(vlan: JsonMap, where: str) -> Iterator[IpNetwork]:
    for family in _FAMILIES:
        plan = vlan.get(family)
        if isinstance(plan, dict) and plan.get("prefix"):
            written = str(plan["prefix"])
            yield prefix(written if "/" in written else f"{written}/{plan.get('mask_length')}", f"{where}: {family}")


def _ports(member: JsonMap, source: str) -> Iterator[tuple[tuple[int, int | None], MemberPort]]:
    """IXP and VLAN, port."""
    asn = number(member.get("asnum"), f"{source}: member_list.asnum")
    for connection in objects(member.get("connection_list"), f"{source}: AS{asn}: connection_list"):
        ixp = number(connection.get("ixp_id"), f"{source}: AS{asn}: ixp_id")
        for entry in objects(connection.get("vlan_list"), f"{source}: AS{asn}: vlan_list"):
            halves = [half for family in _FAMILIES for half in _halves(entry.get(family))]
            found = [address(half.get("address"), f"{source}: AS{asn}: address") for half in halves]
            addresses: tuple[IpAddress, ...] = tuple(each for each in found if each is not None)
            served = any(_is_server(half) for half in halves)
            if addresses:
                vlan = optional_number(entry.get("vlan_id"), f"{source}: AS{asn}: vlan_id")
                yield (ixp, vlan), MemberPort(asn, addresses, text(member.get("name")), served)


def _halves(found: Any) -> list[JsonMap]:
    """One object, or a list of them: exporters write either."""
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]


def _is_server(half: JsonMap) -> bool:
    """`services` has been a list of objects since 0.7; 0.6 has `service_type`."""
    services = half.get("services")
    kinds = [each.get("type") for each in services if isinstance(each, dict)] if isinstance(services, list) else []
    return _SERVER in (*kinds, half.get("service_type"))
