"""Where AS8075 meets others: the embedded list of exchanges and facilities, or a PeeringDB export in its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final

from simulator.topology.files import LARGEST_DATA, FileReadError, read_octets

_MICROSOFT: Final = 8075


class LocationsError(Exception):
    """A PeeringDB export that cannot be used. One line: what, where, what to do."""


@dataclass(frozen=True, slots=True)
class ExchangeLocation:
    """An Internet exchange where AS8075 has ports."""

    peeringdb_ix: int
    name: str
    metro: str
    """peeringLocation."""
    country: str
    azure_region: str
    lan: tuple[IPv4Network | IPv6Network, ...] = ()
    microsoft_ipv4: tuple[IPv4Address, ...] = ()
    microsoft_ipv6: tuple[IPv6Address, ...] = ()
    speed_mbps: int | None = None
    """Of all of AS8075's ports there, in Mbps; None where no source says."""
    current: bool = True
    """In a list since 2022-11, and not known gone since."""
    seen: str = ""
    """The latest sighting: a day, a month or a year."""
    sources: tuple[str, ...] = ()
    """Ids of `Locations.sources`: who shows the addresses …"""
    lan_sources: tuple[str, ...] = ()
    """… and who shows the LAN."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class FacilityLocation:
    """A building where AS8075 takes private interconnects."""

    peeringdb_facility: int
    metro: str
    country: str
    azure_region: str
    name: str = ""
    seen: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts were taken from."""

    what: str
    date: str
    licence: str


@dataclass(frozen=True, slots=True)
class Locations:
    """All of them."""

    exchanges: tuple[ExchangeLocation, ...]
    facilities: tuple[FacilityLocation, ...]
    sources: Mapping[str, Source] = field(default_factory=dict)
    """By the ids that exchanges and facilities name."""

    def exchange(self, peeringdb_ix: int) -> ExchangeLocation | None:
        return next((exchange for exchange in self.exchanges if exchange.peeringdb_ix == peeringdb_ix), None)

    def facility(self, peeringdb_facility: int) -> FacilityLocation | None:
        return next((place for place in self.facilities if place.peeringdb_facility == peeringdb_facility), None)


@cache
def embedded() -> Locations:
    """The list that comes with turnup; its sources, dates and gaps are in the file."""
    kept = json.loads(files("simulator.topology").joinpath("data/locations.json").read_text(encoding="utf-8"))
    return Locations(
        tuple(_exchange(row) for row in kept["exchanges"]),
        tuple(FacilityLocation(**{**row, "sources": tuple(row["sources"])}) for row in kept["facilities"]),
        sources_of(kept["sources"]),
    )


def sources_of(rows: Mapping[str, Mapping[str, str]]) -> dict[str, Source]:
    """The sources that a data file names at its head."""
    return {name: Source(**row) for name, row in rows.items()}


def from_peeringdb(path: Path) -> Locations:
    """Read PeeringDB API JSON: `netixlan`, with `ixpfx`, `ix` and `netfac` where the export has them.

    Either one object (`{"data": [...]}` of netixlan) or `{"netixlan": {"data": …}, "ixpfx": {"data": …}, …}`.
    Raises LocationsError.
    """
    try:
        document = json.loads(read_octets(path, LARGEST_DATA))
    except FileReadError as error:
        raise LocationsError(f"{path}: {error}") from None
    except ValueError as error:
        raise LocationsError(f"{path}: not JSON ({error})") from None
    except RecursionError:
        raise LocationsError(f"{path}: this JSON is nested too deeply") from None
    try:
        return _of_peeringdb(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LocationsError(f"{path}: not a PeeringDB export ({type(error).__name__}: {error})") from None


def _of_peeringdb(document: dict[str, Any]) -> Locations:
    tables = {"netixlan": document} if "data" in document else document
    rows = {name: list(table["data"]) for name, table in tables.items()}
    ours = [row for row in rows["netixlan"] if row["asn"] == _MICROSOFT]
    if not ours:
        raise ValueError(f"no netixlan row of AS{_MICROSOFT}")
    details = {row["id"]: row for row in rows.get("ix", [])}
    prefixes: dict[int, list[str]] = {}
    for row in rows.get("ixpfx", []):
        prefixes.setdefault(row["ixlan_id"], []).append(row["prefix"])
    return Locations(
        tuple(_exchange(row) for row in _joined(ours, details, prefixes)),
        tuple(
            FacilityLocation(row["fac_id"], row.get("city", ""), row.get("country", ""), "", row.get("name", ""))
            for row in rows.get("netfac", [])
            if row.get("local_asn") == _MICROSOFT
        ),
    )


def _joined(
    ours: Iterable[dict[str, Any]], details: dict[int, dict[str, Any]], prefixes: dict[int, list[str]]
) -> Iterable[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for row in ours:
        detail = details.get(row["ix_id"], {})
        kept = found.setdefault(
            row["ix_id"],
            {
                "peeringdb_ix": row["ix_id"],
                "name": detail.get("name") or row["name"],
                "metro": detail.get("city") or row["name"],
                "country": detail.get("country", ""),
                "azure_region": "",
                "lan": prefixes.get(row["ixlan_id"], []),
                "microsoft_ipv4": [],
                "microsoft_ipv6": [],
                "speed_mbps": 0,
                "seen": (row.get("updated") or "")[:10],
                "sources": ["peeringdb"],
                "lan_sources": ["peeringdb"] if row["ixlan_id"] in prefixes else [],
            },
        )
        kept["speed_mbps"] += row.get("speed") or 0
        for column, key in (("ipaddr4", "microsoft_ipv4"), ("ipaddr6", "microsoft_ipv6")):
            if row.get(column):
                kept[key].append(row[column])
    return found.values()


def _exchange(row: dict[str, Any]) -> ExchangeLocation:
    return ExchangeLocation(
        peeringdb_ix=int(row["peeringdb_ix"]),
        name=row["name"],
        metro=row["metro"],
        country=row["country"],
        azure_region=row["azure_region"],
        lan=tuple(ip_network(prefix) for prefix in row["lan"]),
        microsoft_ipv4=tuple(map(IPv4Address, row["microsoft_ipv4"])),
        microsoft_ipv6=tuple(map(IPv6Address, row["microsoft_ipv6"])),
        speed_mbps=row.get("speed_mbps"),
        current=row.get("current", True),
        seen=row.get("seen", ""),
        sources=tuple(row.get("sources", ())),
        lan_sources=tuple(row.get("lan_sources", ())),
        note=row.get("note", ""),
    )
