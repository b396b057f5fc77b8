"""`turnup init`: the first files of one's own rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.coercion import any_case


def init(
    directory: Annotated[Path, typer.Argument(metavar="[DIRECTORY]", help="Where; made if need be.")] = Path(),
    from_: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="What you have already: PeeringDB's or an IX-F export's JSON of the exchange, your router's own file "
            "(BIRD, FRR, OpenBGPD, GoBGP, ExaBGP). Told from the content; may be repeated.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="exchange (across its LAN), direct (over private links) or ixrs (an exchange's route servers).",
            show_default=False,
        ),
    ] = "",
    exchange: Annotated[str, typer.Option(metavar="NAME", help="PeeringDB's number, or a part of its name.")] = "",
    asn: Annotated[str, typer.Option(metavar="ASN", help="Your ASN.")] = "",
    address: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="Your router's, on the exchange LAN; one of each family. ixrs: your route servers'."
        ),
    ] = None,
    router: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="simulated, bird, frr, gobgp, openbgpd, exabgp or external; ixrs: route-server."
        ),
    ] = "",
    prefix: Annotated[
        list[str] | None, typer.Option(metavar="PREFIX", help="What you announce; may be repeated.")
    ] = None,
    microsoft: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Microsoft's, on the exchange LAN, where the exchange is not known."),
    ] = None,
    lan: Annotated[
        list[str] | None, typer.Option(metavar="PREFIX", help="Of the exchange, where it is not known.")
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(metavar="PREFIX", help="direct: of a private link, /30 or /31, /126 or /127; may be repeated."),
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="Of your network in the files.")] = "mine",
    ci: Annotated[
        str,
        typer.Option(metavar="NAME", callback=any_case(), help="Whose workflow is written: github, gitlab or none."),
    ] = "github",
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> None:
    """Write a topology, a test and a CI workflow that work at once: your own rehearsal.

    What no option and no file says is asked, on a terminal; otherwise it is a placeholder that `turnup validate` names.

    Example: turnup init --from my-bird.conf --from peeringdb.json
    """
    from simulator.cli.run import init as run
    from simulator.starting.facts import StartError

    options = run.InitOptions(
        tuple(from_ or ()),
        exchange,
        asn,
        tuple(address or ()),
        router,
        tuple(prefix or ()),
        tuple(microsoft or ()),
        tuple(lan or ()),
        name,
        ci,
        kind,
        tuple(link or ()),
    )
    try:
        code = run.init(directory, options, force=force, asks=not yes)
    except StartError as error:
        run.refuse(error)
    raise typer.Exit(code)
