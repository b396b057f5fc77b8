"""The options that say which policy judges, once for every command that takes them. Imports nothing slow."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.cli.coercion import any_case
from simulator.judging.options import JudgingOptions, SessionOptions

ProfileOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        callback=any_case(),
        envvar="TURNUP_PROFILE",
        help="The policy profile: exchange where no topology says another.",
        show_default=False,
    ),
]
LanOption = Annotated[list[str] | None, typer.Option(metavar="PREFIX", help="The exchange LAN's prefixes.")]
RulesOption = Annotated[
    list[str] | None, typer.Option("--rule", metavar="ID=…", help="ID=off, or ID=PARAMETER=VALUE. May be repeated.")
]
DocumentationOption = Annotated[
    bool, typer.Option("--allow-documentation", help="Documentation prefixes and ASNs are no bogons.")
]
VrpOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="VRPs as rpki-client and Routinator write JSON. Data files may be repeated."),
]
IrrOption = Annotated[list[Path] | None, typer.Option(metavar="FILE", help="The output of bgpq4 -j; several add up.")]
RegisteredPrefixesOption = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="The peering's registered prefixes.")
]
RegisteredAsnsOption = Annotated[list[Path] | None, typer.Option(metavar="FILE", help="The peering's registered ASNs.")]
TopologyOption = Annotated[
    Path | None,
    typer.Option(
        "--topology",
        metavar="FILE",
        help="Judge by a topology: its profile, rules, data, what AS8075 announces, and the peer. Other options win.",
        show_default=False,
    ),
]
PeerNameOption = Annotated[
    str | None,
    typer.Option(
        "--peer", metavar="NAME", help="Which peer of the topology, where there are more.", show_default=False
    ),
]
PeerAsOption = Annotated[
    str | None, typer.Option("--peer-as", metavar="ASN", help="The announcing peer's ASN.", show_default=False)
]
PeerAddressOption = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="The peer's session address, once a family: what its next hops must be."),
]


def judging(
    profile: ProfileOption = None,
    lan: LanOption = None,
    rule: RulesOption = None,
    allow_documentation: DocumentationOption = False,
    vrp: VrpOption = None,
    irr: IrrOption = None,
    registered_prefixes: RegisteredPrefixesOption = None,
    registered_asns: RegisteredAsnsOption = None,
) -> JudgingOptions:
    """The options of everything that judges."""
    rules, lans = tuple(rule or ()), tuple(lan or ())
    files = (tuple(given or ()) for given in (vrp, irr, registered_prefixes, registered_asns))
    return JudgingOptions(profile, lans, rules, allow_documentation, *files)


def peering(
    topology: TopologyOption = None,
    peer: PeerNameOption = None,
    peer_as: PeerAsOption = None,
    peer_address: PeerAddressOption = None,
) -> SessionOptions:
    """The options that name a session without bringing it up."""
    return SessionOptions(topology, peer, peer_as, tuple(peer_address or ()))


def takes(**bundles: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of other functions: in place of each parameter named here it gets what they make."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        made = {name: inspect.signature(make, eval_str=True).parameters for name, make in bundles.items()}
        found: list[inspect.Parameter] = []
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
            found += made[name].values() if name in made else [parameter]

        @wraps(command)
        def run(**given: Any) -> None:
            bundled = {
                name: bundles[name](**{option: given.pop(option) for option in options})
                for name, options in made.items()
            }
            command(**given, **bundled)

        options = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in found]
        run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in options}
        return run

    return decorate
