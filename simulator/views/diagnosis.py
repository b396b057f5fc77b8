"""The diagnosis of a connection: the causes of all that its checks found, in the order in which to look at them.

What every face says of a cause is worded here, once: its sentence, who has to act, what to type, and the proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from simulator.packets.kinds import Packets
from simulator.views.check import Cause, CheckView, Side

WHO_ACTS: Final = {
    Side.PEER: "the peer has to act",
    Side.MICROSOFT: "Microsoft has to act",
    Side.LINK: "the link's operator has to act",
    Side.EXCHANGE: "the exchange's route server has to act",
    Side.REQUESTER: "the requester of the peering has to act",
}


@dataclass(frozen=True, slots=True)
class PacketsFound:
    """Packets of one kind."""

    what: str
    """In words, with the two addresses."""
    frames: tuple[int, ...]
    """The first few, as tshark numbers them."""
    count: int
    """How many there are up to the moment of the verdict."""

    def __str__(self) -> str:
        return f"{self.what} ({self.count} in all)" if self.count > len(self.frames) else self.what


@dataclass(frozen=True, slots=True)
class Proof:
    """Where to look a cause up."""

    packets: tuple[PacketsFound, ...] = ()
    """Those in wire.pcap."""
    events: tuple[int, ...] = ()
    """Lines of events.jsonl, from 1."""

    DERIVED: ClassVar = ("frames",)

    @property
    def frames(self) -> tuple[int, ...]:
        """The numbers of all frames that are named, as tshark counts them."""
        return tuple(sorted({number for found in self.packets for number in found.frames}))

    @property
    def lines(self) -> tuple[str, ...]:
        """One for each kind of packet, then one for the events: `wire.pcap frames 12, 15: SYN from …`."""
        lines = [f"wire.pcap {_numbered('frame', found.frames)}: {found}" for found in self.packets]
        return (*lines, *([f"events.jsonl {_numbered('line', self.events)}"] if self.events else []))

    def __str__(self) -> str:
        """All of it in one line; empty without any."""
        return "; ".join(self.lines)


_NUMBERS = 8


def _numbered(what: str, numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:_NUMBERS]))
    more = f" and {len(numbers) - _NUMBERS} more" if len(numbers) > _NUMBERS else ""
    return f"{what}{'s' if len(numbers) > 1 else ''} {shown}{more}"


@dataclass(frozen=True, slots=True)
class CauseView:
    """One cause as every face shows it."""

    id: str
    side: Side
    """Who has to act."""
    connection: str
    sessions: tuple[str, ...]
    check: str
    """The check that it explains first."""
    explains: tuple[str, ...]
    text: str
    evidence: tuple[str, ...]
    remedy: str
    remedy_language: str
    warns: bool
    """It blocks nothing now."""
    proof: Proof = field(default_factory=Proof)
    packets: tuple[Packets, ...] = field(default=(), repr=False)
    """Which packets show it: what the frames of its proof are found by."""
    shared: str = field(default="", repr=False)
    """The sentence that is true of every connection with this cause."""


def diagnosis(connection: str, checks: Iterable[CheckView]) -> tuple[CauseView, ...]:
    """The causes of a connection's checks, each once: those that block something first, then the warnings."""
    found: dict[tuple[str, str], tuple[Cause, list[CheckView]]] = {}
    for check in checks:
        for cause in check.causes if check.status.bad else ():
            found.setdefault((cause.id, cause.text), (cause, []))[1].append(check)
    views = []
    for cause, explained in found.values():
        stops = [check for check in explained if check.stops]
        first = (stops or explained)[0]
        view = CauseView(
            id=cause.id,
            side=cause.side,
            connection=connection,
            sessions=cause.sessions,
            check=first.id,
            explains=tuple(dict.fromkeys((*(check.id for check in explained), *cause.explains))),
            text=cause.text,
            evidence=cause.evidence or first.evidence,
            remedy=cause.remedy,
            remedy_language=cause.remedy_language,
            warns=not stops,
            packets=cause.packets,
            shared=cause.shared or cause.text,
        )
        views.append((not stops, cause.rank, view))
    return tuple(view for _, _, view in sorted(views, key=lambda each: each[:2]))


def to_do(remedy: str, language: str) -> str:
    """What introduces a remedy: lines to type, in a router's words, or what to do in plain English."""
    return f"type ({language})" if language else "type" if "\n" in remedy else "do"


def in_words(cause: Cause | CauseView) -> str:
    """The cause, who has to act and what to type, in one paragraph: where there is room for no more."""
    remedy = " ⏎ ".join(filter(None, map(str.strip, cause.remedy.splitlines())))
    words = [f"{cause.text} ({WHO_ACTS[cause.side]})"]
    return "; ".join([*words, f"{to_do(cause.remedy, cause.remedy_language)}: {remedy}"] if remedy else words)


def unexplained(check: CheckView) -> str:
    """The sentence for a check that ended badly where no cause is known."""
    words = "could not be made" if check.status.value == "error" else "warns" if check.warns else "failed"
    return f"check {check.id} {words}: {check.title}"
