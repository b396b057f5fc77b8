"""`turnup peering`: peerings, with the names and options of `az peering peering`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from simulator.cli.azure.common import NameOption, PeeringKindOption, json_object, new_app, pairs, scope
from simulator.cli.exit_codes import USAGE, fail
from simulator.cli.formats import FormatOption, JsonObject, RowFormat, show
from simulator.cli.remote import GROUP, SERVER, SUBSCRIPTION, GroupOption, Remote, ServerOption, SubscriptionOption

_CONNECTION_COLUMNS = (
    ("Peering", "peering"),
    ("Connection", "connectionState"),
    ("BGP IPv4", "bgpSession.sessionStateV4"),
    ("BGP IPv6", "bgpSession.sessionStateV6"),
    ("Peer", "bgpSession.peerSessionIPv4Address"),
    ("Microsoft", "bgpSession.microsoftSessionIPv4Address"),
    ("Identifier", "connectionIdentifier"),
    ("Error", "errorMessage"),
)

peering = new_app("Peerings: request, look at, change and delete them.")


def _connections(found: list[JsonObject]) -> list[JsonObject]:
    rows = []
    for each in found:
        properties = each["properties"]
        inner = properties.get("exchange") or properties.get("direct") or {}
        rows += [{"peering": each["name"], **_worded(connection)} for connection in inner.get("connections", [])]
    return rows


def _worded(connection: JsonObject) -> JsonObject:
    """Azure's `None` for a family without a session is no BGP state: a table says what it means."""
    session = connection.get("bgpSession") or {}
    words = {name: "no session" for name in ("sessionStateV4", "sessionStateV6") if session.get(name) in (None, "None")}
    return {**connection, "bgpSession": {**session, **words}}


def show_peerings(found: list[JsonObject] | JsonObject, how: RowFormat) -> None:
    rows = found if how is RowFormat.json else _connections(found if isinstance(found, list) else [found])
    show(rows, _CONNECTION_COLUMNS, how)


@peering.command("list")
def peering_list(
    group: Annotated[str, typer.Option("--resource-group", "-g", help="Only this resource group's.")] = "",
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.table,
) -> None:
    """List peerings, a line a connection: the connection's state and BGP's, side by side."""
    show_peerings(Remote(server).every(f"{scope(subscription, group)}/peerings"), how)


@peering.command("show")
def peering_show(
    name: NameOption,
    group: GroupOption = GROUP,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.json,
) -> None:
    """Show one."""
    show_peerings(Remote(server).arm("GET", f"{scope(subscription, group)}/peerings/{name}"), how)


@peering.command("create")
def peering_create(
    name: NameOption,
    kind: PeeringKindOption = "Exchange",
    sku: Annotated[str, typer.Option(metavar="NAME", help="name=Basic_Exchange_Free, or only the name.")] = "",
    location: Annotated[str, typer.Option(help="The Azure region of the metro.")] = "lab",
    peering_location: Annotated[str, typer.Option(help="The metro; where omitted: the lab's.")] = "",
    exchange: Annotated[str, typer.Option(metavar="JSON|@FILE", help="properties.exchange, as in the REST API.")] = "",
    direct: Annotated[str, typer.Option(metavar="JSON|@FILE", help="properties.direct, as in the REST API.")] = "",
    peer_asn: Annotated[str, typer.Option(metavar="NAME", help="Instead of JSON: the PeerAsn's name.")] = "",
    facility: Annotated[int, typer.Option(help="Instead of JSON: peeringDBFacilityId; where omitted: the lab's.")] = 0,
    ipv4: Annotated[
        str, typer.Option(metavar="ADDRESS|PREFIX", help="The peer's address; of a Direct one, the prefix.")
    ] = "",
    ipv6: Annotated[str, typer.Option(metavar="ADDRESS|PREFIX", help="The same for IPv6.")] = "",
    max_prefixes_v4: Annotated[int | None, typer.Option(help="maxPrefixesAdvertisedV4.")] = None,
    max_prefixes_v6: Annotated[int | None, typer.Option(help="maxPrefixesAdvertisedV6.")] = None,
    md5: Annotated[str, typer.Option(envvar="TURNUP_MD5", help="md5AuthenticationKey.")] = "",
    bandwidth: Annotated[int, typer.Option(help="Of a Direct connection, in Mbps.")] = 10000,
    tags: Annotated[str, typer.Option(metavar="'name=value …'")] = "",
    group: GroupOption = GROUP,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.json,
) -> None:
    """Request a peering, or change it: the whole document as JSON, or one connection by options."""
    remote = Remote(server)
    if exchange or direct:
        inner = (
            {"exchange": json_object(exchange, "--exchange")}
            if exchange
            else {"direct": json_object(direct, "--direct")}
        )
        kind = "Exchange" if exchange else "Direct"
    elif not peer_asn:
        fail(USAGE, "name the PeerAsn with --peer-asn, or write the connections with --exchange or --direct")
    else:
        place = _place(remote, subscription, kind, facility)
        facility, peering_location = facility or place[0], peering_location or place[1]
        words = (
            ("peerSessionIPv4Address", "peerSessionIPv6Address")
            if kind == "Exchange"
            else ("sessionPrefixV4", "sessionPrefixV6")
        )
        session: JsonObject = {word: text for word, text in zip(words, (ipv4, ipv6), strict=True) if text}
        session |= {
            f"maxPrefixesAdvertisedV{n}": most for n, most in ((4, max_prefixes_v4), (6, max_prefixes_v6)) if most
        }
        session |= {"md5AuthenticationKey": md5} if md5 else {}
        connection: JsonObject = {"peeringDBFacilityId": facility, "bgpSession": session}
        if kind == "Direct":
            connection |= {
                "bandwidthInMbps": bandwidth,
                "sessionAddressProvider": "Peer" if ipv4 or ipv6 else "Microsoft",
            }
        inner = {
            kind.lower(): {
                "peerAsn": {"id": f"{scope(subscription)}/peerAsns/{peer_asn}"},
                "connections": [connection],
            }
        }
    name_of_sku = sku.removeprefix("name=") or f"Basic_{kind}_Free"
    body: JsonObject = {
        "sku": {"name": name_of_sku},
        "kind": kind,
        "location": location,
        "properties": {"peeringLocation": peering_location or _place(remote, subscription, kind, facility)[1], **inner},
    }
    if tags:
        body["tags"] = pairs(tags, "--tags")
    show_peerings(remote.arm("PUT", f"{scope(subscription, group)}/peerings/{name}", body), how)


def _place(remote: Remote, subscription: str, kind: str, facility: int) -> tuple[int, str]:
    """(facility, metro): the one that was asked for, or the first, which is the lab's own."""
    if kind not in ("Exchange", "Direct"):
        fail(USAGE, f"--kind {kind}: Exchange or Direct")
    for location in remote.every(f"{scope(subscription)}/peeringLocations", kind=kind):
        properties: Any = location["properties"]
        for each in properties[kind.lower()]["peeringFacilities"]:
            if facility in (0, each["peeringDBFacilityId"]):
                return each["peeringDBFacilityId"], properties["peeringLocation"]
    return fail(USAGE, f"--facility {facility}: no {kind} location has it: see turnup location list")


@peering.command("update")
def peering_update(
    name: NameOption,
    tags: Annotated[str, typer.Option(metavar="'name=value …'", help="The new tags.")],
    group: GroupOption = GROUP,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.json,
) -> None:
    """Replace the tags, which is all that an update changes."""
    path = f"{scope(subscription, group)}/peerings/{name}"
    show_peerings(Remote(server).arm("PATCH", path, {"tags": pairs(tags, "--tags")}), how)


@peering.command("delete")
def peering_delete(
    name: NameOption,
    group: GroupOption = GROUP,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
) -> None:
    """Delete one. What was provisioned is PendingRemove for a while."""
    Remote(server).delete(f"{scope(subscription, group)}/peerings/{name}")
