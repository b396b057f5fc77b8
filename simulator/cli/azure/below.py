"""Commands of resources that stand below a peering or a peering service."""

# No `from __future__ import annotations` here: typer reads annotations that name local options.

from typing import Annotated

import typer

from simulator.cli.azure.common import NameOption, new_app, scope, valid_name
from simulator.cli.exit_codes import USAGE, fail
from simulator.cli.formats import FormatOption, JsonObject, RowFormat, show
from simulator.cli.remote import GROUP, SERVER, SUBSCRIPTION, GroupOption, Remote, ServerOption, SubscriptionOption


def below(
    what: str, parent: str, option: str, type_: str, field: str, columns: tuple[tuple[str, str], ...]
) -> typer.Typer:
    """list, show, create and delete of a resource below another one. `field` is what a creation needs."""
    app = new_app(what)
    parent_option = typer.Option(f"--{option}", callback=valid_name, help="The parent's name.")
    word = field.lower().replace("peeringserviceprefixkey", "peering-service-prefix-key")

    def path(subscription: str, group: str, above: str, name: str = "") -> str:
        return f"{scope(subscription, group)}/{parent}/{above}/{type_}{f'/{name}' if name else ''}"

    @app.command("list")
    def list_(
        above: Annotated[str, parent_option],
        group: GroupOption = GROUP,
        server: ServerOption = SERVER,
        subscription: SubscriptionOption = SUBSCRIPTION,
        how: FormatOption = RowFormat.table,
    ) -> None:
        """List them."""
        show(Remote(server).every(path(subscription, group, above)), columns, how)

    @app.command("show")
    def show_(
        above: Annotated[str, parent_option],
        name: NameOption,
        group: GroupOption = GROUP,
        server: ServerOption = SERVER,
        subscription: SubscriptionOption = SUBSCRIPTION,
        how: FormatOption = RowFormat.json,
    ) -> None:
        """Show one."""
        show(Remote(server).arm("GET", path(subscription, group, above, name)), columns, how)

    @app.command("create")
    def create(
        above: Annotated[str, parent_option],
        name: NameOption,
        value: Annotated[str, typer.Option(f"--{word}", help=f"Its {field}.")],
        key: Annotated[str, typer.Option("--peering-service-prefix-key", help="Of a service's prefix.")] = "",
        group: GroupOption = GROUP,
        server: ServerOption = SERVER,
        subscription: SubscriptionOption = SUBSCRIPTION,
        how: FormatOption = RowFormat.json,
    ) -> None:
        """Create one, or replace it."""
        if field == "asn" and not value.isdecimal():
            fail(USAGE, f"--asn {value}: a number is wanted")
        properties: JsonObject = {field: int(value) if field == "asn" else value}
        if key:
            properties["peeringServicePrefixKey"] = key
        show(
            Remote(server).arm("PUT", path(subscription, group, above, name), {"properties": properties}), columns, how
        )

    @app.command("delete")
    def delete(
        above: Annotated[str, parent_option],
        name: NameOption,
        group: GroupOption = GROUP,
        server: ServerOption = SERVER,
        subscription: SubscriptionOption = SUBSCRIPTION,
    ) -> None:
        """Delete one."""
        Remote(server).delete(path(subscription, group, above, name))

    if type_ == "registeredPrefixes":

        @app.command("validate")
        def validate(
            above: Annotated[str, parent_option],
            name: NameOption,
            group: GroupOption = GROUP,
            server: ServerOption = SERVER,
            subscription: SubscriptionOption = SUBSCRIPTION,
            how: FormatOption = RowFormat.json,
        ) -> None:
            """Validate its announcement again."""
            show(Remote(server).arm("POST", f"{path(subscription, group, above, name)}/validate"), columns, how)

    return app


_PREFIX_COLUMNS = (
    ("Name", "name"),
    ("Prefix", "properties.prefix"),
    ("State", "properties.prefixValidationState"),
    ("Key", "properties.peeringServicePrefixKey"),
    ("Error", "properties.errorMessage"),
)

registered_asn = below(
    "Customers' ASNs behind an exchange route server.",
    "peerings",
    "peering-name",
    "registeredAsns",
    "asn",
    (("Name", "name"), ("ASN", "properties.asn"), ("Prefix key", "properties.peeringServicePrefixKey")),
)
registered_prefix = below(
    "Prefixes registered for Peering Service.",
    "peerings",
    "peering-name",
    "registeredPrefixes",
    "prefix",
    _PREFIX_COLUMNS,
)
service_prefix = below(
    "A peering service's prefixes.", "peeringServices", "peering-service-name", "prefixes", "prefix", _PREFIX_COLUMNS
)
