"""A check as everybody sees it: how it ended, what it saw, and what may be the cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from simulator.packets.kinds import Packets


class Status(Enum):
    """How a check ended. `UNSET` is a check that cannot tell yet; no check ends so."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"
    UNSET = "unset"

    @property
    def bad(self) -> bool:
        """The check did not hold, or could not be run."""
        return self in (Status.FAILURE, Status.ERROR)


class Blocks(Enum):
    """What a check that does not succeed prevents."""

    ACTIVE = "active"
    REHEARSAL = "rehearsal"
    WARN = "warn"


class Side(Enum):
    """Who has to act."""

    PEER = "peer"
    MICROSOFT = "microsoft"
    LINK = "link"
    EXCHANGE = "exchange"
    """The exchange's route server."""
    REQUESTER = "requester"
    """Who asked for the peering: the topology, or the resource."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of what checks found, and its remedy."""

    id: str
    text: str
    remedy: str = ""
    side: Side = Side.PEER
    sessions: tuple[str, ...] = ()
    """The sessions that it concerns, by their ids."""
    explains: tuple[str, ...] = ()
    """The checks that failed because of it, in the catalogue's order."""
    evidence: tuple[str, ...] = ()
    """What was seen that tells it; empty where it is only not contradicted."""
    remedy_language: str = ""
    """The router's kind whose words the remedy is in; empty for plain English."""
    rank: int = 0
    """Its place among all causes of its connection: 0 is looked at first."""
    packets: tuple[Packets, ...] = field(default=(), repr=False)
    """Those on the wire that show it."""
    shared: str = field(default="", repr=False)
    """The sentence without what one session alone shows: what is said of several whose sentences differ."""
    own: tuple[str, ...] = field(default=(), repr=False)
    """What each session shows of it beside that."""


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check of the catalogue, as it ended."""

    id: str
    title: str
    source: str
    """Who says that this has to be: a Microsoft document, an RFC, or `simulator`."""
    blocks: Blocks
    status: Status
    evidence: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    """Most likely first."""
    rests_on: tuple[str, ...] = ()
    """Of a skipped check: the checks that it rests on and that did not succeed."""
    session: str = ""
    """Of several sessions the one that decided, by its addresses; empty where none did."""
    packets: tuple[Packets, ...] = field(default=(), repr=False)
    """Of one that ended badly: those on the wire that belong to it."""

    DERIVED: ClassVar = ("remedy",)

    @property
    def holds(self) -> bool:
        """Success; or skipped for want of something to look at, which is not the consequence of a failure."""
        return self.status is Status.SUCCESS or (self.status is Status.SKIPPED and not self.rests_on)

    @property
    def stops(self) -> bool:
        """Whether this result keeps the policy denied, or fails the rehearsal."""
        return self.blocks is not Blocks.WARN and (self.status.bad or self.status is Status.UNSET)

    @property
    def fails(self) -> bool:
        """The check ended badly, and that counts."""
        return self.status.bad and self.blocks is not Blocks.WARN

    @property
    def warns(self) -> bool:
        """The check ended badly, and that blocks nothing."""
        return self.status.bad and self.blocks is Blocks.WARN

    @property
    def remedy(self) -> str:
        """That of the most likely cause."""
        return self.causes[0].remedy if self.causes else ""
