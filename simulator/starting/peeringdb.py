"""Exchanges out of PeeringDB's JSON (https://www.peeringdb.com/apidocs/): the objects ix, ixlan, ixpfx, netixlan, net.

Any answer of the API will do, at any `depth`, and any file that holds several: its keys say what an object is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from simulator.starting.facts import ExchangeFacts, MemberPort, StartError
from simulator.starting.json_objects import JsonMap, address, number, optional_number, prefix, text

_KEYS: Final = {
    "netixlan": ("ixlan_id", "asn", "ipaddr4", "ipaddr6"),
    "ixpfx": ("protocol", "prefix"),
    "ixlan": ("rs_asn", "arp_sponge"),
    "net": ("asn", "info_type"),
    "ix": ("city", "country", "proto_unicast"),
}
"""Kind of object → keys that it alone has, the first that fits."""
_ROUTE_SERVER: Final = "Route Server"
"""info_type of an exchange's route server."""


def is_peeringdb(document: Any) -> bool:
    return any(kind in ("netixlan", "ixpfx") for kind, _, _ in _walk(document, None))


def exchanges(document: Any, source: str) -> list[ExchangeFacts]:
    """Every exchange of the export. Raises StartError."""
    found: dict[str, list[tuple[JsonMap, int | None]]] = {kind: [] for kind in _KEYS}
    for kind, row, ixlan in _walk(document, None):
        found[kind].append((row, ixlan))
    nets = {number(row["asn"], "net.asn"): row for row, _ in found["net"]}
    servers = {asn for asn, row in nets.items() if row["info_type"] == _ROUTE_SERVER}
    servers |= {asn for row, _ in found["ixlan"] if (asn := optional_number(row["rs_asn"], "ixlan.rs_asn"))}
    details = {number(row.get("id"), "ix.id"): row for row, _ in found["ix"]}
    ports: dict[int, dict[Any, MemberPort]] = {}
    titles: dict[int, str] = {}
    ix_of: dict[int, int] = {}
    for row, _ in found["netixlan"]:
        lan = number(row["ixlan_id"], "netixlan.ixlan_id")
        asn = number(row["asn"], "netixlan.asn")
        where = f"netixlan of AS{asn}: ipaddr"
        both = (address(row["ipaddr4"], f"{where}4"), address(row["ipaddr6"], f"{where}6"))
        port = MemberPort(
            asn, tuple(each for each in both if each is not None), text(nets.get(asn, {}).get("name")), asn in servers
        )
        if row.get("status", "ok") == "ok" and port.addresses:
            ports.setdefault(lan, {})[port.addresses] = port
        titles.setdefault(lan, text(row.get("name")))
        ix_of.setdefault(lan, number(row.get("ix_id") or lan, "netixlan.ix_id"))
    prefixes: dict[int, list[Any]] = {}
    for row, inside in found["ixpfx"]:
        lan = number(row.get("ixlan_id") or inside, "ixpfx.ixlan_id")
        prefixes.setdefault(lan, []).append(prefix(row["prefix"], "ixpfx.prefix"))
    if not ports:
        raise StartError(f"{source}: this PeeringDB export has no netixlan object: ask /api/netixlan?ix_id=…")
    return [
        ExchangeFacts(
            text(details.get(ix_of[lan], {}).get("name")) or titles[lan].partition(":")[0] or f"ix {ix_of[lan]}",
            source,
            ix_of[lan],
            text(details.get(ix_of[lan], {}).get("city")),
            tuple(prefixes.get(lan, ())),
            tuple(rows.values()),
        )
        for lan, rows in ports.items()
    ]


def _walk(found: Any, ixlan: int | None) -> Iterator[tuple[str, JsonMap, int | None]]:
    """Every object with its kind, and the ixlan that it stands in; whatever its table is called."""
    waiting: list[tuple[Any, int | None]] = [(found, ixlan)]
    while waiting:
        found, ixlan = waiting.pop()
        if isinstance(found, list):
            waiting += ((each, ixlan) for each in reversed(found))
        elif isinstance(found, dict):
            kind = next((kind for kind, keys in _KEYS.items() if all(key in found for key in keys)), None)
            if kind is not None:
                yield kind, found, ixlan
            inside = found["id"] if kind == "ixlan" and isinstance(found.get("id"), int) else ixlan
            waiting += ((each, inside) for each in found.values() if isinstance(each, dict | list))
