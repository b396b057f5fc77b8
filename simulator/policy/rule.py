"""What a rule is: data that says what it refuses and why, and a builder that makes its judge for one session.

There are three kinds. Prefix rules look at a prefix alone, attribute rules at a path's attributes alone (judged once
for each distinct set); route rules need both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.policy.data.policy_data import PolicyData
from simulator.policy.prefixes import PrefixSet
from simulator.policy.verdict import Hit
from simulator.session.messages import Family, Role
from simulator.wire.path_attributes import PathAttributes

MICROSOFT_AS = 8075
SIMULATOR = "simulator"
"""The source of a rule that nobody publishes: this simulator chose it."""

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """What the rules know of the session that they judge for."""

    peer_as: int | None
    """None: any peer (its ASN is then not checked)."""
    peer_address: str
    """The peer's session address, as agreed: the next hop that it may announce."""
    local_as: int = MICROSOFT_AS
    lan: tuple[str, ...] = ()
    """The exchange LAN's prefixes."""
    own: PrefixSet = field(default_factory=PrefixSet)
    """What Microsoft itself announces. Share one among the sessions of an edge: it may be long."""
    role: Role | None = None
    """Our RFC 9234 role on this session; None where none is configured."""
    data: PolicyData = field(default_factory=PolicyData)
    carried_address: str = ""
    """The address that really carries the session, where that is another: then it is the peer's next hop too."""


PrefixJudge = Callable[[Family, bytes], str | None]
AttributeJudge = Callable[[PathAttributes, tuple[int, ...]], str | None]
"""Takes the path and all its ASNs from the left. Both return the offending value, or None when the route passes."""
RouteJudge = Callable[[Family, Sequence[bytes], PathAttributes], Iterable[tuple[bytes, str]]]
"""Takes prefixes that share a path, and tells which are refused, each with the offending value."""


@dataclass(frozen=True, slots=True)
class AsnTest:
    """The judge of a rule about ASNs, and a quick test: a path without a suspect ASN needs no judge."""

    judge: AttributeJudge
    suspects: tuple[range, ...]
    """The judge must pass every path that has none of these ASNs."""


@dataclass(frozen=True, slots=True)
class PrefixTest:
    """A prefix rule's judge, and which prefixes need not be put to it at all.

    The judge must pass every prefix whose length lies within both bounds and that no member covers: a whole table is
    then judged by one look at each prefix's first two octets.
    """

    judge: PrefixJudge
    shortest: tuple[int, int] = (0, 0)
    longest: tuple[int, int] = (32, 128)
    """Lengths for IPv4 and IPv6."""
    members: PrefixSet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Exactly one of `prefix`, `attributes` and `route` builds its judge from the context and parameters.

    A builder returns None where there is nothing to judge by (no such data, no such address), and raises ValueError for
    a parameter that makes no sense.
    """

    id: str
    source: str
    """A Microsoft document, an RFC or a BCP, or `simulator`."""
    explanation: str
    """Completes "it refuses a route because …"."""
    euro_ix: str = ""
    """The Euro-IX large-community reject id (RS:1101:x); empty where the vocabulary has none."""
    arouteserver: int | None = None
    """arouteserver's reject reason; None where it has none."""
    parameters: dict[str, Any] = field(default_factory=dict)
    needs: str = ""
    """The key of `policy.data` without which the rule has nothing to judge by."""
    prefix: Callable[[PolicyContext, Parameters], PrefixTest | None] | None = None
    attributes: Callable[[PolicyContext, Parameters], AttributeJudge | AsnTest | None] | None = None
    route: Callable[[PolicyContext, Parameters], RouteJudge | None] | None = None
    by_outline: bool = False
    """The judge of its attributes looks at no more of a path of one sequence than its outline (`wire/outlines.py`), of
    which it takes the first ASN and how many there are: paths that are alike in that have one verdict.
    """

    def hit(self, value: str) -> Hit:
        return Hit(self.id, value, self.explanation)

    @property
    def looks_at(self) -> str:
        if self.prefix is not None:
            return "the prefix"
        return "the path attributes" if self.attributes is not None else "the prefix and the path"
