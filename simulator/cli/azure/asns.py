"""`turnup asn`: PeerAsns, with the names and options of `az peering asn`."""

from __future__ import annotations

from typing import Annotated

import typer

from simulator.cli.azure.common import NameOption, new_app, pairs, scope
from simulator.cli.formats import FormatOption, JsonObject, RowFormat, show
from simulator.cli.remote import SERVER, SUBSCRIPTION, Remote, ServerOption, SubscriptionOption

_ASN_COLUMNS = (
    ("Name", "name"),
    ("ASN", "properties.peerAsn"),
    ("State", "properties.validationState"),
    ("Error", "properties.errorMessage"),
)

asn = new_app("PeerAsns: the ASN that you may peer with, once Microsoft approved it.")


@asn.command("list")
def asn_list(
    server: ServerOption = SERVER, subscription: SubscriptionOption = SUBSCRIPTION, how: FormatOption = RowFormat.table
) -> None:
    """List the subscription's PeerAsns."""
    show(Remote(server).every(f"{scope(subscription)}/peerAsns"), _ASN_COLUMNS, how)


@asn.command("show")
def asn_show(
    name: NameOption,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.json,
) -> None:
    """Show one."""
    show(Remote(server).arm("GET", f"{scope(subscription)}/peerAsns/{name}"), _ASN_COLUMNS, how)


@asn.command("create")
def asn_create(
    name: NameOption,
    peer_asn: Annotated[int, typer.Option(help="The ASN.")],
    peer_name: Annotated[str, typer.Option(help="The peer's name, close to that in PeeringDB.")] = "",
    contact: Annotated[
        list[str] | None,
        typer.Option(
            "--peer-contact-detail", metavar="'role=Noc email=… phone=…'", help="May be given more than once."
        ),
    ] = None,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.json,
) -> None:
    """Ask for one, or change its contacts."""
    details = [pairs(each, "--peer-contact-detail") for each in contact or []]
    properties: JsonObject = {"peerAsn": peer_asn, "peerName": peer_name or name, "peerContactDetail": details}
    show(
        Remote(server).arm("PUT", f"{scope(subscription)}/peerAsns/{name}", {"properties": properties}),
        _ASN_COLUMNS,
        how,
    )


@asn.command("delete")
def asn_delete(
    name: NameOption, server: ServerOption = SERVER, subscription: SubscriptionOption = SUBSCRIPTION
) -> None:
    """Delete one that no peering uses."""
    Remote(server).delete(f"{scope(subscription)}/peerAsns/{name}")
