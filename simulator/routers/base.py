"""The contract of every router that a lab can run.

A kind is a folder here and a line in `simulator.topology.kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, runtime_checkable

from simulator.addresses import IpAddress
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.routers.console import RouterConsole
from simulator.routers.own_file import OwnFile
from simulator.routers.reason import Reason
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute


class NotOurRouterError(LabError):
    """There is no way to ask this router: the lab does not run it, or it keeps no table that tells."""


@dataclass(frozen=True, slots=True)
class RouterSession:
    """One session that the router must configure, seen from the router."""

    name: str
    local_address: IpAddress
    """The router's own address on the LAN."""
    remote_address: IpAddress
    remote_as: int
    remote: Endpoint
    """Where AS8075's edge really listens: the remote address and port 179, except on loopback."""
    md5: str | None = None
    gtsm: bool = False
    max_prefixes: int | None = None
    """The limit that the router sets on what it receives."""
    calls_first: bool = False
    """Dial at once: the other end only listens."""
    route_server: bool = False
    """The other end is a route server: the first AS of its paths is not its own (RFC 7947 §2.2.2.1)."""

    @property
    def family(self) -> Family:
        return Family.IPV4 if self.local_address.version == 4 else Family.IPV6


@dataclass(frozen=True, slots=True)
class RouterConfig:
    """All that an adapter needs to configure its router."""

    name: str
    asn: int
    router_id: str
    sessions: tuple[RouterSession, ...]
    routes: tuple[RouterRoute, ...]
    hold_time: int = 90
    lan: tuple[str, ...] = ()
    """The prefixes that the sessions' addresses lie in: nobody may announce them."""
    clients: tuple[RouterSession, ...] = ()
    """Of a route server: its sessions with the exchange's other members. Their `remote` is where they call from."""
    rules: Mapping[str, Any] = field(default_factory=dict)
    """Of a simulated route server: what is switched or parametrised in its import policy."""
    file: Path | None = None
    """The user's own configuration file: started as it is, its sessions recognised by neighbor address."""
    interfaces: tuple[str, ...] = ()
    """The names of the node's interfaces."""
    vrfs: tuple[str, ...] = ()
    """The VRFs that they are in."""


@dataclass(frozen=True, slots=True)
class SessionReport:
    """What the router itself says of one session, through its native interface."""

    name: str
    state: str
    """The router's own word for its BGP FSM state, e.g. `Established`; `absent` where it has no such session."""
    established: bool
    since: str
    """When the session last changed state, as the router prints it; unchanged means not reset."""
    received: int
    """Routes held from us after its import policy."""
    exported: int
    reason: str = ""
    """The router's own reason for a session that is down, or that is up and passes no routes."""
    shut_down: bool = False
    """The router's operator has it down, by its configuration or by a command."""


LOG: Final = "router.log"
"""The file of what a router writes."""


@dataclass(slots=True)
class RouterFiles:
    """Where one router keeps its files: all below a directory that the lab owns and removes."""

    directory: Path
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.directory / LOG


@runtime_checkable
class Reconfigurable(Protocol):
    """A router that takes other routes to announce while it runs, on sessions that stay up."""

    async def announce(self, config: RouterConfig) -> None:
        """Announce the routes of this configuration, which differs in nothing else. Raises LabError."""


class Router(Protocol):
    """A router of the peer's side, real or simulated."""

    kind: str
    own_file: ClassVar[OwnFile | None]
    """How its user's own configuration file is read; None: there is no such file."""
    console: ClassVar[RouterConsole | None]
    """What a person asks it with; None: there is no such program."""

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when the router answers queries. Raises LabError with the router's own words."""

    def endpoint(self, session: str) -> Endpoint:
        """Where the started router listens for this session; port 0 where it only calls."""

    async def sessions(self) -> Sequence[SessionReport]:
        """What the router says of its sessions, in the order of the configuration."""

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes that the router holds from us on this session, canonical text (`192.0.2.0/24`)."""

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that the router has sent to us on this session."""

    async def answer(self, session: str) -> RouterAnswer | None:
        """What the router says of one session and its configuration; None where it tells nothing. Raises LabError."""

    async def reasons(self, session: str) -> Sequence[Reason]:
        """Why this session is down or announces nothing or not all, the likeliest first; empty where unknown."""

    def remarks(self) -> Sequence[str]:
        """What production has and the lab has not, of what the user's file asks for: one line each."""

    async def version(self) -> str:
        """Name and version, e.g. `BIRD 2.0.12`."""

    async def stop(self) -> None:
        """Stop the router and wait until it is gone; safe to call twice and after a failed start."""
