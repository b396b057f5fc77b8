"""The columns of routes and of what else a stream of them tells, where they are printed as CSV."""

from __future__ import annotations

from typing import Final

from simulator.cli.formats import RowColumns

ROUTES: Final[RowColumns] = (
    ("Event", "event"),
    ("Time", "time"),
    ("Session", "session"),
    ("Family", "family"),
    ("Prefix", "prefix"),
    ("Verdict", "verdict"),
    ("Reasons", "reasons"),
    ("AS path", "asPath"),
    ("Next hop", "nextHop"),
    ("Communities", "communities"),
    ("Large communities", "largeCommunities"),
    ("Extended communities", "extendedCommunities"),
    ("MED", "med"),
    ("Origin", "origin"),
    ("OTC", "otc"),
    ("Peer", "peer"),
    ("Peer AS", "peerAs"),
)
"""A route, as every command has it."""
TABLE: Final[RowColumns] = (*ROUTES, ("Unit", "unit"), ("Number", "number"), ("Unreadable because", "reason"))
"""Of a table that was read: also what could not be."""
EVENTS: Final[RowColumns] = (
    *ROUTES,
    ("Connection", "connectionState"),
    ("From", "from"),
    ("To", "to"),
    ("Direction", "direction"),
    ("Count", "count"),
    ("Address", "address"),
    ("Reason", "reason"),
    ("Text", "text"),
    ("Why", "why"),
)
"""Of what happens on a speaker."""
