"""The table of growths: what `turnup bench growth` measures."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final

from ruamel.yaml import YAML

from simulator.bench import api
from simulator.bench.commands import TURNUP, timed
from simulator.bench.growth import Growth
from simulator.bench.guard import Measure
from simulator.bench.inbound import ready_made
from simulator.bench.many_sessions import sessions
from simulator.bench.reading import Reading
from simulator.bench.stage import BenchStage, Work

_IDLE: Final = 1
"""Seconds for which sessions that are up are left alone: their number is what grows."""


def _routes(size: int) -> Work:
    return partial(ready_made, prefixes=size)


def _sessions(size: int) -> Work:
    return sessions(size, _IDLE)


def _peerings(size: int) -> Work:
    return api.served(lambda directory, stage: api.coming_up(directory, size))


def of_peers(size: int) -> dict[str, Any]:
    """A topology of so many peers with a route each, on one edge."""
    found = api.topology(size, 1)
    peers = found["peers"][:size]
    return {**found, "edges": found["edges"][:1], "peers": peers, "peerings": found["peerings"][:size]}


def _command(words: Sequence[str], size: int) -> Work:
    @contextlib.asynccontextmanager
    async def work(stage: BenchStage) -> AsyncIterator[Measure]:
        file = stage.directory / "topology.yaml"
        YAML(typ="safe").dump(of_peers(size), file)

        async def measure(who: str) -> Reading:
            command, *options = words
            return await asyncio.to_thread(timed, [*TURNUP, command, str(file), *options])

        yield measure

    return work


_REHEARSE: Final = ("rehearse", "--link", "loopback", "--soak", "0", "--plain")

GROWTHS: Final = (
    Growth(
        "routes",
        "ready octets into one edge: the first octet → every route has its verdict",
        "routes",
        (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
        _routes,
        ("BIRD",),
        needs_namespaces=True,
    ),
    Growth(
        "sessions",
        "sessions of one edge, called at once: the first call → all are up with 20 routes each",
        "sessions",
        (1, 2, 5, 10, 20, 50, 100, 200, 500),
        _sessions,
        ("BIRD",),
        needs_namespaces=True,
    ),
    Growth(
        "validate",
        "turnup validate of a topology",
        "peers",
        (10, 30, 100, 300, 1_000, 3_000, 10_000),
        partial(_command, ("validate",)),
    ),
    Growth(
        "rehearse",
        "turnup rehearse on loopback, without soak",
        "peers",
        (10, 30, 100, 300, 1_000),
        partial(_command, _REHEARSE),
    ),
    Growth(
        "peerings",
        "peerings requested of one server → the last of their connections (two each) is Active",
        "peerings",
        (10, 30, 100, 300, 1_000),
        _peerings,
    ),
)
"""The smallest point comes first; the growth that takes longest comes last, where it has the time that others left."""
BY_ID: Final = {growth.id: growth for growth in GROWTHS}


def chosen(ids: Sequence[str]) -> list[Growth]:
    """Those with these ids; all where none is named. Raises KeyError with a bad id."""
    if strange := [name for name in ids if name.casefold() not in BY_ID]:
        raise KeyError(strange[0])
    wanted = {BY_ID[name.casefold()].id for name in ids}
    return [growth for growth in GROWTHS if not wanted or growth.id in wanted]
