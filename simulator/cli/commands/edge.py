"""`turnup edge`: its options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli import policy_options
from simulator.cli.formats import FormatOption, JsonOption, RowFormat, chosen
from simulator.cli.options import StateName, StateOption
from simulator.judging.options import JudgingOptions


class OverLimit(StrEnum):
    """Names of --over-limit."""

    warn = "warn"
    block = "block"
    cease = "cease"


@policy_options.takes(judging=policy_options.judging)
def edge(
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Where to listen, e.g. 127.0.0.2:1790 or [::1]:1790.")
    ],
    peer: Annotated[str, typer.Option(metavar="ADDRESS|any", help="Who may call.")] = "any",
    peer_as: Annotated[str, typer.Option(metavar="ASN|any", help="The ASN that its OPEN must carry.")] = "any",
    local_as: Annotated[int, typer.Option(min=1, max=4294967295, help="Our ASN.")] = 8075,
    peer_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port to dial; that of --listen where omitted.", show_default=False),
    ] = None,
    md5: Annotated[
        str | None, typer.Option(envvar="TURNUP_MD5", metavar="KEY", help="TCP MD5 key (needs --peer).")
    ] = None,
    gtsm: Annotated[bool, typer.Option("--gtsm", help="TTL security (RFC 5082).")] = False,
    announce: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Routes to announce: ExaBGP's syntax or bare prefixes, one a line; where omitted, AS8075's table.",
        ),
    ] = None,
    state: StateOption = StateName.validating,
    passive: Annotated[bool, typer.Option("--passive", help="Never dial.")] = False,
    max_prefixes: Annotated[
        int | None, typer.Option(min=1, help="How many prefixes the peer may announce.", show_default=False)
    ] = None,
    over_limit: Annotated[OverLimit, typer.Option(help="What more prefixes than that lead to.")] = OverLimit.warn,
    hold_time: Annotated[int, typer.Option(min=0, max=65535, help="Hold time in seconds: 0, or at least 3.")] = 90,
    router_id: Annotated[
        str | None, typer.Option(metavar="A.B.C.D", help="BGP Identifier.", show_default=False)
    ] = None,
    *,
    judging: JudgingOptions,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
) -> None:
    """Run one stand-alone AS8075 speaker, to point any router at: it says its verdict on every route.

    JSON and CSV have one line an event.

    Ctrl-C ends it: every session is closed with a Cease, and the exit code is 0.
    """
    from simulator.cli.run import edge as run

    given = run.GivenOptions(
        listen=listen,
        peer=peer,
        peer_as=peer_as,
        peer_port=peer_port,
        local_as=local_as,
        state=state.value,
        md5=md5,
        gtsm=gtsm,
        passive=passive,
        judging=judging,
        max_prefixes=max_prefixes,
        over_limit=over_limit.value,
        hold_time=hold_time,
        router_id=router_id,
        announce=announce,
    )
    raise typer.Exit(run.edge(given, chosen(how, as_json)))
