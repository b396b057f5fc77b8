"""Configurations with one slip of the hand: a line gone, a number another one, two addresses exchanged.

Nobody has thought of their causes. Each must be refused by the daemon's parser, be harmless, or lead to a diagnosis
that names the matter of the line that was changed.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from simulator.connection.states import ConnectionState
from simulator.counts import count_of
from simulator.faults.cell import rehearse
from simulator.faults.lab import healthy
from simulator.places.errors import LabError
from simulator.places.scratch import scratch
from simulator.report.findings import diagnosis_of
from simulator.report.model import Report

_COMMENT: Final = re.compile(r"^\s*([#!]|$)")
_NUMBER: Final = re.compile(r"(?<![\w.:/\"-])\d+(?![\w.:/-])")
_ADDRESS: Final = re.compile(r"(?<![\w.:/])(?:\d+(?:\.\d+){3}|[0-9a-f]+(?::[0-9a-f]*){2,})(?![\w.:/])")
_TRIES: Final = 50

_SESSION: Final = frozenset(
    ("session-missing", "not-configured", "not-listening", "passive", "filtered", "source-address", "wrong-address")
)
_POLICY: Final = frozenset(
    ("export-policy", "no-export", "policy-required", "import-policy", "import-policy-required", "one-session-only")
)
_ORIGIN: Final = frozenset(("nothing-to-announce", "network-not-in-rib", *_POLICY))
MATTERS: Final = (
    (r"max-?(imum-)?prefix|import limit", frozenset(("peer-limit", "peer-limit-near"))),
    (r"hold-?\s?time|timers bgp|keepalive", frozenset(("hold-time", "hold-time-zero", "hold-time-short"))),
    (r"router[- ]id", frozenset(("router-id-ours",))),
    (r"password|md5", frozenset(("md5", "md5-missing", "md5-not-agreed"))),
    (r"ttl", frozenset(("gtsm", "gtsm-at-peer"))),
    (r"remote-as|peer-as|neighbor .* as \d", frozenset(("remote-as-wrong", *_SESSION))),
    (r"local-as|^AS \d|router bgp|^  as = |local .* as \d", frozenset(("local-as-wrong", *_SESSION))),
    (r"announce IP|afi-safi-name|activate|address-family|family", frozenset(("family-missing", *_SESSION, *_POLICY))),
    (r"export|import|route-map|allow|deny|filter|accept|reject", _POLICY | _ORIGIN | {"microsoft-prefix"}),
    (r"neighbor|local-address|update-source", _SESSION | {"remote-as-wrong"}),
)
"""What a changed line says, and the causes that are of that matter; a line of no such matter may have any cause."""


class MutationOutcome(StrEnum):
    """What came of a mutated configuration."""

    REFUSED = "refused"
    """The daemon's own parser refuses it."""
    HARMLESS = "harmless"
    """Everything became Active with the same routes, and nothing was found."""
    NAMED = "named"
    UNNAMED = "unnamed"
    """A diagnosis, and of another matter than the line's."""
    SILENT = "silent"
    """Not all is as it was, and nothing names a cause."""

    @property
    def good(self) -> bool:
        return self not in (MutationOutcome.UNNAMED, MutationOutcome.SILENT)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One slip of the hand: the `number`th of a router's, from this seed."""

    router: str
    number: int
    seed: int = 1


@dataclass(frozen=True, slots=True)
class MutationResult:
    """A mutation, and what came of it."""

    mutation: Mutation
    change: str
    """The line, as it was and as it is."""
    outcome: MutationOutcome
    causes: tuple[str, ...] = ()
    detail: str = ""
    seconds: float = 0.0


def mutated(text: str, mutation: Mutation) -> tuple[str, str]:
    """A configuration with one slip, and the slip in words. The same mutation always makes the same slip."""
    chance = random.Random(f"{mutation.seed} {mutation.router} {mutation.number}")
    lines = text.splitlines()
    for _ in range(_TRIES):
        index = chance.choice(
            [n for n, line in enumerate(lines) if not _COMMENT.match(line) and "lab only" not in line]
        )
        line, how = lines[index], chance.choice(("drop", "number", "swap"))
        if how == "drop":
            return "\n".join([*lines[:index], *lines[index + 1 :]]) + "\n", f"{index + 1}: {line.strip()} → gone"
        if how == "number" and (numbers := list(_NUMBER.finditer(line))):
            found = chance.choice(numbers)
            other = str(max(0, int(found[0]) + chance.choice((-1, 1, 10))))
            after = line[: found.start()] + other + line[found.end() :]
        elif how == "swap" and (addresses := list(_ADDRESS.finditer(line))):
            found = chance.choice(addresses)
            alike = {each for each in _ADDRESS.findall(text) if (":" in each) == (":" in found[0])} - {found[0]}
            if not alike:
                continue
            after = line[: found.start()] + chance.choice(sorted(alike)) + line[found.end() :]
        else:
            continue
        return "\n".join(
            [*lines[:index], after, *lines[index + 1 :]]
        ) + "\n", f"{index + 1}: {line.strip()} → {after.strip()}"
    raise ValueError("there is nothing in this configuration to change")


def try_out(mutation: Mutation) -> MutationResult:
    """Rehearse one, in an event loop of its own; for a process of a pool too."""
    started = time.monotonic()
    with scratch("turnup-fault-") as folder:
        lab = healthy("exchange", mutation.router, folder)
        file = lab.topology.peers[0].router_choice.config
        assert file is not None, "every daemon has a file"
        text, change = mutated(file.read_text(), mutation)
        file.write_text(text)
        try:
            report = asyncio.run(rehearse(lab))
        except LabError as error:
            return MutationResult(mutation, change, MutationOutcome.REFUSED, detail=str(error))
    outcome, causes, detail = _judged(report, change)
    return MutationResult(mutation, change, outcome, causes, detail, time.monotonic() - started)


def _judged(report: Report, change: str) -> tuple[MutationOutcome, tuple[str, ...], str]:
    if report.outcome == "error":
        return MutationOutcome.REFUSED, (), "; ".join(report.errors)
    causes = tuple(dict.fromkeys(cause.id for cause in diagnosis_of(report)))
    if causes:
        wanted = next((ids for pattern, ids in MATTERS if re.search(pattern, change)), None)
        named = wanted is None or causes[0] in wanted  # what is looked at first
        return MutationOutcome.NAMED if named else MutationOutcome.UNNAMED, causes, ""
    whole = list(_shortfalls(report))
    return (MutationOutcome.SILENT if whole else MutationOutcome.HARMLESS), (), "; ".join(whole)


def _shortfalls(report: Report) -> Iterator[str]:
    for connection in report.connections:
        if ConnectionState.ACTIVE not in connection.reached:
            yield f"{connection.id} did not become Active"
        for session in connection.sessions:
            if session.accepted != _ACCEPTED:
                yield f"{session.id}: {count_of(session.accepted, 'route')} accepted, not {_ACCEPTED}"


_ACCEPTED: Final = 2
"""Routes that the base announces on each session."""
