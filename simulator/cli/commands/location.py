"""`turnup location`: where Microsoft peers, from the list that comes with turnup, a PeeringDB export, or a server."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.cli.azure.common import new_app, scope
from simulator.cli.exit_codes import FAILED, USAGE, fail
from simulator.cli.formats import FormatOption, RowFormat, show
from simulator.cli.remote import SUBSCRIPTION, Remote, SubscriptionOption
from simulator.topology.locations import (
    ExchangeLocation,
    FacilityLocation,
    Locations,
    LocationsError,
    embedded,
    from_peeringdb,
)

location = new_app("Where Microsoft peers.")

_PLACE = (("Metro", "metro"), ("Country", "country"), ("Azure region", "azureRegion"))
_EXCHANGES = (
    ("Exchange", "peeringDBFacilityId"),
    ("Name", "name"),
    *_PLACE,
    ("Microsoft IPv4", "microsoftIPv4"),
    ("Microsoft IPv6", "microsoftIPv6"),
    ("LAN", "lan"),
    ("Mbps", "bandwidthInMbps"),
    ("Seen", "seen"),
    ("Current", "current"),
)
_FACILITIES = (("Facility", "peeringDBFacilityId"), ("Name", "name"), *_PLACE, ("Seen", "seen"))
_KINDS = {"exchange": "Exchange", "direct": "Direct"}

KindOption = Annotated[str, typer.Option("--kind", help="Exchange or Direct.")]
PeeringDbOption = Annotated[
    Path | None,
    typer.Option(
        "--peeringdb",
        envvar="TURNUP_PEERINGDB",
        metavar="FILE",
        help="PeeringDB API JSON to look in, instead of the list that comes with turnup.",
    ),
]
LabServerOption = Annotated[
    str,
    typer.Option(
        "--server", envvar="TURNUP_SERVER", metavar="URL", help="Ask this turnup serve, whose lab comes first."
    ),
]


@location.command("list")
def location_list(
    kind: KindOption = "Exchange",
    metro: Annotated[str, typer.Option(help="Only this metro's.")] = "",
    country: Annotated[str, typer.Option(help="Only this country's: two letters, such as NL.")] = "",
    current: Annotated[bool, typer.Option("--current", help="Only those not known to be gone.")] = False,
    peeringdb: PeeringDbOption = None,
    direct_peering_type: Annotated[str, typer.Option(help="With --server: such as Edge or IxRs.")] = "",
    server: LabServerOption = "",
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.table,
) -> None:
    """List peering locations: exchanges, or with --kind Direct facilities. Works offline."""
    kind = _kind(kind)
    if server:
        _list_of_server(Remote(server), kind, direct_peering_type, subscription, how)
        return
    rows = [
        row
        for row in _rows(_locations(peeringdb), kind)
        if (not metro or row["metro"].lower() == metro.lower())
        and (not country or row["country"].lower() == country.lower())
        and (not current or row["current"])
    ]
    if not rows:
        what = " and ".join(filter(None, (metro, country))) or "that"
        fail(FAILED, f"no {kind} location of {what} is known: `turnup location list --kind {kind}` shows all")
    show(rows, _EXCHANGES if kind == "Exchange" else _FACILITIES, how)


@location.command("show")
def location_show(
    place: Annotated[str, typer.Argument(metavar="ID|NAME", help="PeeringDB's id, or a part of the name.")],
    kind: KindOption = "Exchange",
    peeringdb: PeeringDbOption = None,
    how: FormatOption = RowFormat.table,
) -> None:
    """Show one location: Microsoft's addresses, the LAN, and who says so when. Works offline."""
    kind = _kind(kind)
    known = _locations(peeringdb)
    found = _named(list(_rows(known, kind)), place)
    if not found:
        fail(FAILED, f"no {kind} location '{place}' is known: `turnup location list --kind {kind}` shows all")
    if len(found) > 1:
        several = ", ".join(f"{row['peeringDBFacilityId']} {row['name'] or row['metro']}" for row in found[:8])
        fail(USAGE, f"'{place}' is {len(found)} locations: say which by its id ({several}{', …' if found[8:] else ''})")
    (row,) = found
    if how is RowFormat.table:
        _describe(row, known)
    else:
        show([row] if how is RowFormat.csv else row, _EXCHANGES if kind == "Exchange" else _FACILITIES, how)


def _kind(text: str) -> str:
    kind = _KINDS.get(text.lower())
    if kind is None:
        fail(USAGE, f"--kind {text}: Exchange or Direct")
    return kind


def _locations(peeringdb: Path | None) -> Locations:
    try:
        return from_peeringdb(peeringdb) if peeringdb is not None else embedded()
    except LocationsError as error:
        fail(USAGE, str(error))


def _rows(known: Locations, kind: str) -> Iterable[dict[str, Any]]:
    return map(_exchange, known.exchanges) if kind == "Exchange" else map(_facility, known.facilities)


def _exchange(place: ExchangeLocation) -> dict[str, Any]:
    return {
        "peeringDBFacilityId": place.peeringdb_ix,
        "name": place.name,
        "metro": place.metro,
        "country": place.country,
        "azureRegion": place.azure_region,
        "lan": list(map(str, place.lan)),
        "microsoftIPv4": list(map(str, place.microsoft_ipv4)),
        "microsoftIPv6": list(map(str, place.microsoft_ipv6)),
        "bandwidthInMbps": place.speed_mbps,
        "current": place.current,
        "seen": place.seen,
        "sources": list(place.sources),
        "lanSources": list(place.lan_sources),
        "note": place.note,
    }


def _facility(place: FacilityLocation) -> dict[str, Any]:
    return {
        "peeringDBFacilityId": place.peeringdb_facility,
        "name": place.name,
        "metro": place.metro,
        "country": place.country,
        "azureRegion": place.azure_region,
        "current": True,
        "seen": place.seen,
        "sources": list(place.sources),
    }


def _named(rows: list[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """By id; else by the whole name; else by a part of the name or the whole metro."""
    text = wanted.strip().lower()
    if text.isascii() and text.isdigit():
        return [row for row in rows if row["peeringDBFacilityId"] == int(text)]
    whole = [row for row in rows if row["name"].lower() == text]
    return whole or [row for row in rows if text and (text in row["name"].lower() or text == row["metro"].lower())]


def _describe(row: dict[str, Any], known: Locations) -> None:
    """For a person: a line for each thing that is known, then the sources."""
    lines = [
        (heading, value)
        for heading, path in (*(_EXCHANGES if "lan" in row else _FACILITIES), ("Note", "note"))
        for value in (row.get(path, ""),)
        if value not in ("", None, [])
    ]
    for heading, value in lines:
        typer.echo(f"{heading:<15} {_words(value)}")
    for name in dict.fromkeys([*row["sources"], *row.get("lanSources", ())]):
        source = known.sources.get(name)
        typer.echo(f"{'Source':<15} {f'{source.what} ({source.date}; {source.licence})' if source else name}")
    if row.get("lan"):
        typer.echo(f"\nIn a topology:  exchange: {{peeringdb-ix: {row['peeringDBFacilityId']}}}")


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _list_of_server(remote: Remote, kind: str, direct_peering_type: str, subscription: str, how: RowFormat) -> None:
    query = {"kind": kind, "directPeeringType": direct_peering_type}
    found = remote.every(f"{scope(subscription)}/peeringLocations", **query)
    if how is RowFormat.json:
        show(found, (), how)
        return
    rows = [
        {**each, "facility": place}
        for each in found
        for place in (each["properties"].get(kind.lower()) or {}).get("peeringFacilities", [])
    ]
    columns = (
        ("Facility", "facility.peeringDBFacilityId"),
        ("Name", "facility.exchangeName" if kind == "Exchange" else "facility.address"),
        ("Metro", "properties.peeringLocation"),
        ("Country", "properties.country"),
        ("Azure region", "properties.azureRegion"),
        ("Microsoft IPv4", "facility.microsoftIPv4Address"),
        ("LAN", "facility.facilityIPv4Prefix"),
    )
    show(rows, columns, how)
