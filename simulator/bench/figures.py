"""The table of figures: each is a row; what gives it is a row of the table of trials."""

from __future__ import annotations

from typing import Final

from simulator.bench import api, commands, inbound, many_sessions, outbound, route_server
from simulator.bench.figure import Aim, Figure, Trial

TRIALS: Final = {
    "help": Trial(commands.start_help, (commands.PYTHON,), namespaces=False, repeat=5),
    "explain": Trial(commands.start_explain, (commands.PYTHON,), namespaces=False, repeat=5),
    "rehearse": Trial(commands.start_rehearse, namespaces=False, repeat=3),
    "few": Trial(outbound.few, needs=("BIRD",)),
    "octets": Trial(inbound.ready_made, ("BIRD",)),
    "FRR": Trial(inbound.passed_on("FRR"), ("BIRD",), needs=("FRR",)),
    "GoBGP": Trial(inbound.passed_on("GoBGP"), ("BIRD",), needs=("GoBGP",)),
    "lift": Trial(outbound.lift, ("FRR", "GoBGP", "BIRD"), needs=("BIRD",), patience=8),
    "exchange": Trial(route_server.exchange(100, 1000, 5), ("BIRD", "FRR", "OpenBGPD")),
    "provision": Trial(api.provisioned, needs=("BIRD",), repeat=1),
    "sessions": Trial(many_sessions.sessions(500, 20), ("BIRD",), repeat=1),
    "api": Trial(api.asked_while_loading, namespaces=False, repeat=1),
    "dump": Trial(commands.table("table-dump-v2", 1_200_000, 150_000), ("bgpdump",), namespaces=False, repeat=1),
    "messages": Trial(commands.table("bgp4mp", 1_000_000, 150_000), ("bgpdump",), namespaces=False, repeat=1),
    "text": Trial(commands.table("bird", 100_000, 12_500), namespaces=False, repeat=2),
    "json": Trial(commands.table("json", 100_000, 12_500), namespaces=False, repeat=2),
    "one": Trial(route_server.exchange(250, 200, 1), ("BIRD", "FRR"), repeat=2),
}
"""In the order in which they are measured: what is short comes first, and is repeated."""
_FROM = "inbound from {}, 200,000 routes: Established → every route has its verdict"
_SERVER = "route server, {}: all announce → each has what the others announced"

_MRT: Final = Aim(2, compiled=1.2)

FIGURES: Final = (
    Figure("P1a-FRR", _FROM.format("FRR"), "s", "FRR", "seconds", Aim(1)),
    Figure("P1a-GoBGP", _FROM.format("GoBGP"), "s", "GoBGP", "seconds", Aim(1)),
    Figure(
        "P1b",
        "inbound of ready octets, 200,000 routes: the first octet → every route has its verdict",
        "s",
        "octets",
        "seconds",
        Aim(2.5, compiled=1.3),
    ),
    Figure("P1b-withdraw", "withdraw of the same: the first octet → no route is left", "s", "octets", "withdraw"),
    Figure(
        "P2",
        "lift of 200,000 routes: Active (of others: Established) → BIRD has the last",
        "s",
        "lift",
        "seconds",
        Aim(0.25),
    ),
    Figure(
        "P3",
        "re-deny of the same: no longer Active → BIRD has none",
        "s",
        "lift",
        "withdraw",
        Aim(1),
        "seconds",
        "its own lift",
    ),
    Figure("P4", _SERVER.format("100 clients × 1,000 routes, 5 a set"), "s", "exchange", "seconds", Aim(0.15)),
    Figure("P4-withdraw", "withdraw of the same", "s", "exchange", "withdraw", Aim(0.25)),
    Figure("P4-one", _SERVER.format("250 clients × 200 routes, one a set"), "s", "one", "seconds", Aim(0.15)),
    Figure("P4-one-withdraw", "withdraw of the same", "s", "one", "withdraw", Aim(0.25)),
    Figure(
        "P5",
        "one connection to a listening BIRD: requested → Active, without soak, p95 of 20",
        "s",
        "provision",
        "seconds",
        Aim(1, ratio=False),
    ),
    Figure(
        "P6",
        "500 sessions at hold 9: share of a core while they idle for 20 s, none lost",
        "%",
        "sessions",
        "share",
        Aim(5, ratio=False),
    ),
    Figure(
        "P6-up",
        "500 sessions called at once: the first call → all are up with 20 routes each",
        "s",
        "sessions",
        "seconds",
    ),
    Figure("P7", "memory of a route with its verdict", "B", "octets", "route", Aim(700, ratio=False)),
    Figure("P7-base", "memory without routes", "MB", "octets", "base", Aim(80, ratio=False)),
    Figure(
        "P8",
        "API with 200 peerings, p99 of GETs while 20,000 routes load",
        "ms",
        "api",
        "p99",
        Aim(50, ratio=False),
        "idle",
        "itself, idle",
    ),
    Figure("P8-up", "API: 200 peerings requested → all 400 connections Active", "s", "api", "up"),
    Figure(
        "P9",
        "lift of 20,000 routes, the most of an Exchange session: Active → BIRD has the last",
        "ms",
        "few",
        "ms",
        Aim(100, ratio=False),
    ),
    Figure("S1", "turnup --help: CPU time", "s", "help", "cpu", Aim(2)),
    Figure("S2", "turnup policy explain: CPU time", "s", "explain", "cpu", Aim(4)),
    Figure("S3", "make rehearse, without its soak", "s", "rehearse", "seconds", Aim(1.5, ratio=False)),
    Figure("T1", "policy check, TABLE_DUMP_V2, 1.2 million routes, 150,000 sets: CPU time", "s", "dump", "cpu", _MRT),
    Figure("T1-memory", "memory for the same", "MB", "dump", "memory", Aim(250, ratio=False)),
    Figure("T2", "policy check, BGP4MP, 1 million messages, 150,000 sets: CPU time", "s", "messages", "cpu", _MRT),
    Figure("T2-memory", "memory for the same", "MB", "messages", "memory", Aim(250, ratio=False)),
    Figure("T3", "policy check, BIRD's text, 100,000 routes, 12,500 sets: CPU time", "s", "text", "cpu"),
    Figure("T4", "policy check, JSON lines, 100,000 routes, 12,500 sets: CPU time", "s", "json", "cpu"),
    Figure("P10", "routes leaked before Active, in all that was measured", "routes", "", "", Aim(0, ratio=False)),
)
"""P10 has no trial: it counts the leaks of all the others."""
BY_ID: Final = {figure.id.casefold(): figure for figure in FIGURES}


def chosen(ids: list[str]) -> list[Figure]:
    """The figures with these ids, in the order of the table; all where none is named. Raises KeyError with a bad id."""
    if strange := [name for name in ids if name.casefold() not in BY_ID]:
        raise KeyError(strange[0])
    wanted = {BY_ID[name.casefold()].id for name in ids}
    return [figure for figure in FIGURES if not wanted or figure.id in wanted]
