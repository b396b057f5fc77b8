"""What every reader of route tables hands on, whatever its format: the contract between readers and the judge.

A reader is a function from chunks of octets to entries (`TableReader`). It never raises for what a file holds, and it
accounts for all of it. Each route of the file is exactly one of

* `TableRoutes`: it was read, and is judged;
* `Unreadable`: it is there, or may be there, and could not be read: octets that a session would refuse (RFC 7606), a
  line that makes no sense, a record or an address family that is not read here. It keeps its place and its
  reason, and the exit code is 1;
* `Skipped`: what holds no route (a KEEPALIVE, an event of another kind, a greeting), and routes that the file itself
  takes back (withdrawn, announced anew, the session ended). It is counted, and does not change the exit code. When in
  doubt whether something holds a route, it is `Unreadable`.

So routes in the file = routes judged + routes unreadable + routes taken back. The exit code of `turnup policy check` is
0 only when at least one route was judged, every one was accepted, and nothing was unreadable.

Readers decide nothing: what they hand on is what the file says, AS_SET, confederations and all. Whether a session would
treat it as withdrawn is found by `treat_as_withdraw`, the policy's verdict by `tally`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from simulator.session.messages import Family
from simulator.tables.missing_attributes import NOTHING, MissingAttributes
from simulator.wire.path_attributes import PathAttributes

_NONE: Final = IPv4Address(0)


class FilePosition(NamedTuple):
    """Where something stands in its file."""

    unit: str
    """What is counted: `line` of a text, `record` of MRT, `route` of a document that is read as a whole."""
    number: int
    """Counted from 1."""

    def __str__(self) -> str:
        return f"{self.unit} {self.number}"


@dataclass(frozen=True, slots=True)
class Announcer:
    """The session of the routes, if the format names it: the far end, and the address of the near end.

    Sessions with one peer differ by the near end's address too (RFC 6396 §4.4.2).
    """

    asn: int
    """0 where the format does not say: no peer has it (RFC 7607)."""
    address: IPv4Address | IPv6Address
    """Of the far end; unspecified (0.0.0.0 or ::) where the format does not say."""
    identifier: IPv4Address = _NONE
    local: IPv4Address | IPv6Address | None = None
    """Of the near end; None where the format does not say."""

    def __str__(self) -> str:
        return f"AS{self.asn} at {self.address}"


@dataclass(frozen=True, slots=True)
class TableRoutes:
    """Prefixes of one family that share one attribute set and one announcer."""

    family: Family
    keys: tuple[bytes, ...]
    """As `wire.nlri` has them. A prefix that stands twice (ADD-PATH) is there twice: routes are counted."""
    path: PathAttributes
    """As the wire and the policy know it. `next_hop` None where the format does not say, or says `self`."""
    announcer: Announcer | None = None
    """None where the format does not say."""
    best: bool = True
    """False for a route that the router holds and did not choose."""
    cut: str = ""
    """Who cut the AS path short, where it is longer than `path` says: its origin is not known then."""
    place: FilePosition | None = None
    """Of the first of them."""
    lacks: MissingAttributes = NOTHING
    """What the format does not say of them: rules that look at it do not judge."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Input that is a route, or may be one, and cannot be judged."""

    place: FilePosition
    reason: str
    """One line that says what is wrong; what was found is cut to a few dozen characters."""
    routes: int = 1
    """How many routes it holds, at least 1."""

    def __str__(self) -> str:
        """One line, whatever the file holds: it begins no other, and moves no cursor."""
        text = f"{self.place}: {self.reason}"
        return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Input that holds no route, or routes that the file itself takes back."""

    what: str
    """In the plural: it stands behind a number. Few different texts: they are keys."""
    count: int = 1
    taken_back: bool = False
    """Whether these are routes that the file itself takes back."""


TableEntry = TableRoutes | Unreadable | Skipped
TableReader = Callable[[Iterable[bytes]], Iterator[TableEntry]]
"""Takes a file in chunks of any size; memory stays bounded where the format can be read as it streams by."""
WITHDRAWN: Final = "routes that were withdrawn later"
REPLACED: Final = "routes that were announced anew later"
ENDED: Final = "routes of sessions that ended later"


def taken_back(what: str, count: int) -> Iterator[Skipped]:
    """Nothing for no routes."""
    if count:
        yield Skipped(what, int(count), taken_back=True)
