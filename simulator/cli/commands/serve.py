"""`turnup serve`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.options import LinkOption, WebhookOption


def serve(
    topology: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TOPOLOGY]",
            help="A topology file; by default the exchange that comes with turnup.",
            envvar="TURNUP_TOPOLOGY",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(envvar="TURNUP_PORT", min=0, max=65535, help="0: one of the kernel's choice.")
    ] = 8075,
    host: Annotated[str, typer.Option(envvar="TURNUP_HOST", help="The address to listen on.")] = "127.0.0.1",
    database: Annotated[
        str | None,
        typer.Option(
            envvar="TURNUP_DATABASE",
            metavar="URL",
            help="sqlite:///FILE or postgresql://USER@HOST/NAME; by default an SQLite file named after the topology.",
        ),
    ] = None,
    token: Annotated[
        str, typer.Option(envvar="TURNUP_TOKEN", help="Callers must send it as a bearer token.", show_envvar=True)
    ] = "",
    link: LinkOption = None,
    peeringdb: Annotated[
        Path | None,
        typer.Option(
            envvar="TURNUP_PEERINGDB", metavar="FILE", help="A PeeringDB export instead of the embedded list."
        ),
    ] = None,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Nothing is approved, notified or removed by itself.")
    ] = False,
    realistic: Annotated[
        bool, typer.Option("--realistic", help="Reviews of half a day and a day, passing 7,200 times faster.")
    ] = False,
    webhook: WebhookOption = "",
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Record it, for `turnup replay`.", show_default=False),
    ] = None,
) -> None:
    """Serve the Microsoft.Peering API over a running lab: the real Azure SDK and `az rest` drive it.

    Requests create, change and remove real BGP sessions with the topology's routers. Every state is in a database:
    after a crash the same command takes the lab up where it was, each gate shut until its session is validated again.
    """
    from simulator.cli.run.serve import serve as run

    raise typer.Exit(
        run(
            topology,
            host=host,
            port=port,
            database=database,
            token=token,
            link=link.value if link else None,
            peeringdb=peeringdb,
            by_hand=by_hand,
            realistic=realistic,
            webhook=webhook,
            record=record,
        )
    )
