"""What is printed for the operator of an external router: its sessions, and a configuration to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.text import Text

from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs.registry import FORMATS
from simulator.topology.schema import Peer, Topology


def handing_over(
    topology: Topology, kind: LinkKind, wanted: str | None, show: Callable[[Text], None]
) -> Callable[[Peer, RouterConfig], None]:
    """For `Audience.show_config`; `wanted`: the format that overrides the topology's."""

    def hand_over(peer: Peer, config: RouterConfig) -> None:
        show(Text("\n").join(Text(line) for line in facts(topology, peer, config, kind)))
        show(Text(_configuration(config, wanted or peer.router_choice.format)))

    return hand_over


def facts(topology: Topology, peer: Peer, config: RouterConfig, kind: LinkKind) -> Iterator[str]:
    """The addresses, ports and ASNs, one line each."""
    yield f"The router of {peer.name} is external: turnup waits for it. Configure it now:"
    yield f"  your ASN {config.asn}, Microsoft's ASN {topology.microsoft.asn}, hold time {config.hold_time} s"
    for session in config.sessions:
        yield f"  {session.name}: from {session.local_address} to {_remote(session)}{_security(session)}"
    port = peer.router_choice.port if kind is LinkKind.LOOPBACK else 179
    yield (
        f"  turnup calls your router on port {port}, too" if port else "  your router has to call: turnup only listens"
    )


def _remote(session: RouterSession) -> str:
    return f"{session.remote.host} port {session.remote.port}"


def _security(session: RouterSession) -> str:
    parts = [text for text, on in (("with the agreed MD5 key", session.md5), ("with GTSM", session.gtsm)) if on]
    return f", {' and '.join(parts)}" if parts else ""


def _configuration(config: RouterConfig, format_: str | None) -> str:
    if format_ is None:
        return f"  --config-format NAME prints a configuration for it (one of {', '.join(FORMATS)})"
    try:
        return f"--- {format_} ---\n{FORMATS[format_](config)}--- end of {format_} ---"
    except LabError as error:
        return f"  no configuration in {format_}: {error}"
