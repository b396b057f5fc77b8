"""`turnup legacy` and `received-route`: lists to look at."""

from __future__ import annotations

from typing import Annotated

import typer

from simulator.cli.azure.common import PeeringKindOption, PeeringNameOption, new_app, scope
from simulator.cli.azure.peerings import show_peerings
from simulator.cli.formats import FormatOption, RowFormat, show
from simulator.cli.remote import GROUP, SERVER, SUBSCRIPTION, GroupOption, Remote, ServerOption, SubscriptionOption

_ROUTE_COLUMNS = (
    ("Prefix", "prefix"),
    ("Next hop", "nextHop"),
    ("AS path", "asPath"),
    ("Origin AS", "originAsValidationState"),
    ("RPKI", "rpkiValidationState"),
    ("Received", "receivedTimestamp"),
)

legacy = new_app("Legacy peerings: they run already, and no Azure resource knows them.")


@legacy.command("list")
def legacy_list(
    peering_location: Annotated[str, typer.Option(help="The metro.")],
    kind: PeeringKindOption = "Exchange",
    asn_: Annotated[int | None, typer.Option("--asn", help="Only this ASN's.")] = None,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.table,
) -> None:
    """List legacy peerings."""
    query = {"peeringLocation": peering_location, "kind": kind, "asn": asn_}
    show_peerings(Remote(server).every(f"{scope(subscription)}/legacyPeerings", **query), how)


received_route = new_app("What Microsoft received from you.")


@received_route.command("list")
def received_route_list(
    peering_name: PeeringNameOption,
    prefix: Annotated[str, typer.Option(help="Only this prefix.")] = "",
    as_path: Annotated[str, typer.Option(help="Only this AS path.")] = "",
    origin_as_validation_state: Annotated[str, typer.Option(help="Valid, Invalid or Unknown.")] = "",
    rpki_validation_state: Annotated[str, typer.Option(help="Valid, Invalid or Unknown.")] = "",
    group: GroupOption = GROUP,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.table,
) -> None:
    """List the routes received on a peering's sessions, every page."""
    query = {
        "prefix": prefix,
        "asPath": as_path,
        "originAsValidationState": origin_as_validation_state,
        "rpkiValidationState": rpki_validation_state,
    }
    path = f"{scope(subscription, group)}/peerings/{peering_name}/receivedRoutes"
    show(Remote(server).every(path, **query), _ROUTE_COLUMNS, how)
