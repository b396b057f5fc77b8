"""`turnup service`: peering services, a customer's side."""

from __future__ import annotations

from typing import Annotated

import typer

from simulator.cli.azure.below import service_prefix
from simulator.cli.azure.common import NameOption, new_app, scope
from simulator.cli.formats import FormatOption, JsonObject, RowFormat, show
from simulator.cli.remote import GROUP, SERVER, SUBSCRIPTION, GroupOption, Remote, ServerOption, SubscriptionOption

service = new_app("Peering services: a customer's side.")
service.add_typer(service_prefix, name="prefix")
_SERVICE_COLUMNS = (
    ("Name", "name"),
    ("Location", "properties.peeringServiceLocation"),
    ("Provider", "properties.peeringServiceProvider"),
    ("State", "properties.provisioningState"),
)


@service.command("list")
def service_list(
    server: ServerOption = SERVER, subscription: SubscriptionOption = SUBSCRIPTION, how: FormatOption = RowFormat.table
) -> None:
    """List the subscription's peering services."""
    show(Remote(server).every(f"{scope(subscription)}/peeringServices"), _SERVICE_COLUMNS, how)


@service.command("show")
def service_show(
    name: NameOption,
    group: GroupOption = GROUP,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.json,
) -> None:
    """Show one."""
    show(Remote(server).arm("GET", f"{scope(subscription, group)}/peeringServices/{name}"), _SERVICE_COLUMNS, how)


@service.command("create")
def service_create(
    name: NameOption,
    peering_service_location: Annotated[str, typer.Option(help="The customer's location.")],
    peering_service_provider: Annotated[str, typer.Option(help="The provider's name.")],
    provider_primary_peering_location: Annotated[str, typer.Option(help="The provider's primary metro.")] = "",
    provider_backup_peering_location: Annotated[str, typer.Option(help="The provider's backup metro.")] = "",
    location: Annotated[str, typer.Option(help="The Azure region.")] = "lab",
    group: GroupOption = GROUP,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
    how: FormatOption = RowFormat.json,
) -> None:
    """Create one."""
    properties: JsonObject = {
        "peeringServiceLocation": peering_service_location,
        "peeringServiceProvider": peering_service_provider,
    }
    for field, value in (
        ("providerPrimaryPeeringLocation", provider_primary_peering_location),
        ("providerBackupPeeringLocation", provider_backup_peering_location),
    ):
        if value:
            properties[field] = value
    path = f"{scope(subscription, group)}/peeringServices/{name}"
    show(Remote(server).arm("PUT", path, {"location": location, "properties": properties}), _SERVICE_COLUMNS, how)


@service.command("delete")
def service_delete(
    name: NameOption,
    group: GroupOption = GROUP,
    server: ServerOption = SERVER,
    subscription: SubscriptionOption = SUBSCRIPTION,
) -> None:
    """Delete one."""
    Remote(server).delete(f"{scope(subscription, group)}/peeringServices/{name}")


for _word, _type, _columns in (
    ("country", "peeringServiceCountries", (("Country", "name"),)),
    (
        "location",
        "peeringServiceLocations",
        (("Name", "name"), ("Country", "properties.country"), ("State", "properties.state")),
    ),
    ("provider", "peeringServiceProviders", (("Name", "name"), ("Locations", "properties.peeringLocations"))),
):

    def _make(type_: str, columns: tuple[tuple[str, str], ...]) -> typer.Typer:
        app = new_app(f"{type_}.")

        @app.callback()
        def _callback() -> None:
            """Only lists."""

        @app.command("list")
        def list_(
            server: ServerOption = SERVER,
            subscription: SubscriptionOption = SUBSCRIPTION,
            how: FormatOption = RowFormat.table,
        ) -> None:
            """List them."""
            show(Remote(server).every(f"{scope(subscription)}/{type_}"), columns, how)

        return app

    service.add_typer(_make(_type, _columns), name=_word)
