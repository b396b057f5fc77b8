"""The verdict on the octets of every case of the table."""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest

from simulator.session.messages import Family
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.checked_attributes import check_attributes
from simulator.wire.received_update import read_update
from simulator.wire.update_faults import ErrorHandling, UpdateError, UpdateFault, strongest
from tests.wire.rfc7606 import TABLE, Case, cases

CASES = cases()
ADDRESSES = {
    Family.IPV4: SessionAddresses(peer=bytes((127, 8, 0, 2)), own=bytes((127, 8, 0, 1))),
    Family.IPV6: SessionAddresses(peer=bytes(15) + b"\1", own=bytes(15) + b"\1"),
}


def faults_of(case: Case) -> list[UpdateFault]:
    try:
        reading = read_update(case.body)
    except UpdateError as error:
        return list(error.faults)
    faults = list(reading.faults)
    hops = [part.next_hop for part in reading.announced] or [b""]
    for next_hop in hops:
        judgement = check_attributes(
            reading.attributes,
            asn4=case.asn4,
            reach=reading.reach,
            next_hop=next_hop,
            addresses=ADDRESSES[case.family],
        )
        faults += judgement.faults
    return faults


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_verdict_is_what_the_clause_says(case: Case) -> None:
    faults = faults_of(case)
    assert len(faults) == case.faults
    worst = strongest(faults)
    assert (worst.outcome, worst.code, worst.clause) == (case.outcome, case.code, case.clause)
    for fault in faults:
        assert fault.reason and (fault.octets in case.body or case.faults > 1)
    if case.notification is not None:
        assert (worst.notification.code, worst.notification.subcode) == case.notification


def test_the_table_is_large_and_consistent() -> None:
    assert len({case.id for case in CASES}) == len({(case.body, case.asn4, case.family) for case in CASES})
    outcomes = Counter(case.outcome for case in CASES)
    assert len(CASES) >= 190 and set(outcomes) == set(ErrorHandling)
    for case in CASES:
        assert (case.notification is not None) is (case.outcome is ErrorHandling.SESSION_RESET)
        assert case.clause.startswith("RFC ")


def test_without_their_defect_the_pieces_are_sound() -> None:
    """So that a case fails for the reason it gives and not for the company it keeps."""
    pieces = {
        name: bytes.fromhex(text) for name, text in tomllib.loads(TABLE.read_text(encoding="utf-8"))["pieces"].items()
    }
    four = pieces["ORIGIN"] + pieces["AS_PATH"] + pieces["NEXT_HOP"] + pieces["MED"]
    two = pieces["ORIGIN"] + pieces["AS_PATH2"] + pieces["NEXT_HOP"]
    for block, asn4 in ((four, True), (two, False)):
        assert check_attributes(block, asn4=asn4, addresses=ADDRESSES[Family.IPV4]).faults == ()
    block = pieces["REACH"] + pieces["ORIGIN"] + pieces["AS_PATH"]
    reading = read_update(bytes((0, 0, 0, len(block))) + block)
    assert reading.faults == () and len(reading.announced) == 1
