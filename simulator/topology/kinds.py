"""Every kind of router that a topology can name, and every language of configurations: one line each.

What a kind can do is said here and nowhere else, so reading a topology needs none of the adapters: `simulator.routers`
finds them by these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class RunBy(Enum):
    """Who runs a router."""

    TURNUP = "turnup"
    """Turnup plays it: it has no process, no configuration file and no names for its interfaces."""
    DAEMON = "daemon"
    """A routing daemon that the lab starts."""
    PEER = "peer"
    """It stands outside of the lab, which waits for it."""


class RouteServerRole(Enum):
    """May a router be the peer of an IxRs peering?"""

    NO = "no"
    MAY = "may"
    """It can be configured as one."""
    ALWAYS = "always"
    """It is nothing else, and has the exchange's customers as its clients."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the routers of one kind can do."""

    run_by: RunBy
    on_loopback: bool = False
    """It needs neither real addresses nor port 179."""
    route_server: RouteServerRole = RouteServerRole.MAY
    routes_from_file: bool = True
    """It announces what its user's own configuration file says; otherwise what the topology says, beside the file."""
    dozes: bool = False
    """It may sleep for seconds with routes to send, until it is asked something (`engine/dozing.py`)."""

    @property
    def is_played(self) -> bool:
        """Turnup plays it itself."""
        return self.run_by is RunBy.TURNUP

    @property
    def is_external(self) -> bool:
        """The lab does not run it."""
        return self.run_by is RunBy.PEER

    @property
    def may_be_customer(self) -> bool:
        """It can stand behind a route server."""
        return not self.is_external and self.route_server is not RouteServerRole.ALWAYS


KINDS: Final[dict[str, Kind]] = {
    "simulated": Kind(RunBy.TURNUP, on_loopback=True, route_server=RouteServerRole.NO),
    "bird": Kind(RunBy.DAEMON, dozes=True),
    "frr": Kind(RunBy.DAEMON),
    "gobgp": Kind(RunBy.DAEMON, routes_from_file=False),
    "openbgpd": Kind(RunBy.DAEMON),
    "exabgp": Kind(RunBy.DAEMON),
    "external": Kind(RunBy.PEER, on_loopback=True),
    "route-server": Kind(RunBy.TURNUP, on_loopback=True, route_server=RouteServerRole.ALWAYS),
}
"""By the name that topologies give."""

UNKNOWN: Final = Kind(RunBy.DAEMON)
"""What a name that is no kind is taken for, while the other mistakes of its topology are looked for."""


class Says(Enum):
    """Something that a route may need said beyond its prefix, a sequence of ASNs, MED and communities."""

    AS_SET = "an AS_SET in as-path"
    CONFEDERATION = "a confederation segment in as-path"
    EGP = "origin egp"
    INCOMPLETE = "origin incomplete"
    NEXT_HOP = "a next-hop that is not its own address"
    ATOMIC_AGGREGATE = "atomic-aggregate"
    AGGREGATOR = "aggregator"
    AGGREGATOR4 = "an aggregator with an ASN of four octets"
    TARGET = "an extended-community that is a route target or a route origin"
    EXTENDED = "an extended-community of this type"
    OTC = "Only to Customer (attribute 0x23)"
    ATTRIBUTE = "an attribute by its number"
    PARTIAL = "an attribute with its Partial bit"


@dataclass(frozen=True, slots=True)
class Language:
    """What a router's configuration language has a way to say."""

    title: str
    """The router's name."""
    says: frozenset[Says]


_ORIGINS: Final = frozenset({Says.EGP, Says.INCOMPLETE})
_LEARNED: Final = frozenset({Says.AS_SET})
"""These languages originate nothing with a path: such a route is a customer's, who is named with its path."""

LANGUAGES: Final[dict[str, Language]] = {
    "bird": Language("BIRD", _ORIGINS | {Says.TARGET, Says.EXTENDED, Says.OTC}),
    "frr": Language(
        "FRR", _ORIGINS | {Says.ATOMIC_AGGREGATE, Says.AGGREGATOR, Says.TARGET}
    ),  # 8.4 sends another large ASN
    "openbgpd": Language("OpenBGPD", _ORIGINS | {Says.TARGET}),
    "gobgp": Language("GoBGP", _ORIGINS | {Says.AS_SET, Says.AGGREGATOR, Says.AGGREGATOR4}),
    "exabgp": Language("ExaBGP", frozenset(Says) - {Says.CONFEDERATION, Says.PARTIAL}),
    "junos": Language("Junos", _LEARNED | _ORIGINS | {Says.TARGET}),
    "iosxr": Language("IOS XR", _LEARNED | _ORIGINS | {Says.TARGET}),
    "ios": Language("IOS", _LEARNED | {Says.INCOMPLETE, Says.TARGET}),
    "eos": Language("EOS", _LEARNED | _ORIGINS | {Says.TARGET}),
    "routeros": Language("RouterOS", _LEARNED),
    "vyos": Language("VyOS", _LEARNED | _ORIGINS | {Says.ATOMIC_AGGREGATE, Says.AGGREGATOR, Says.TARGET}),
}
"""By the format's name, which is that of the router's kind. The first five were tried with the daemons themselves."""
