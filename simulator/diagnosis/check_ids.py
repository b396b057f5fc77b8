"""The ids of all checks: what a topology's `failing-checks` are checked against."""

from __future__ import annotations

from enum import StrEnum


class CheckId(StrEnum):
    """A check of the catalogue. R3 stands for one check a rule: `R3.bogon-prefix`."""

    C1 = "C1"
    C2 = "C2"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"
    S5 = "S5"
    S6 = "S6"
    D1 = "D1"
    D2 = "D2"
    D3 = "D3"
    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    R4 = "R4"
    R5 = "R5"
    R6 = "R6"
    R7 = "R7"
    R8 = "R8"
    R9 = "R9"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    A5 = "A5"
    W1 = "W1"
    W2 = "W2"
    W3 = "W3"
    W4 = "W4"
    W5 = "W5"
    W6 = "W6"


ORDER = tuple(CheckId)
"""From cause to symptom: what lies below is looked at first."""


_KNOWN = frozenset(check.value for check in CheckId)


def known(check: str) -> bool:
    """Whether it is of the catalogue, and no user's own."""
    return check.partition(".")[0] in _KNOWN


def base(check: str) -> CheckId:
    """R3 for `R3.bogon-prefix`."""
    return CheckId(check.partition(".")[0])


def position(check: str) -> int:
    """Where a check stands in the catalogue."""
    return ORDER.index(base(check))
