"""How a diagnosis compares with the right one."""

from __future__ import annotations

import pytest

from simulator.faults.schema import Expectation
from simulator.faults.verdict import CellVerdict, judge
from simulator.views.check import Side
from simulator.views.diagnosis import CauseView


def cause(id_: str, side: Side = Side.PEER, connection: str = "c") -> CauseView:
    return CauseView(id_, side, connection, (), "T1", ("T1",), id_, (), "", "", False)


def expected(*causes: str, **more: object) -> Expectation:
    return Expectation.model_validate({"causes": [{"cause": each, "side": "peer"} for each in causes], **more})


MD5, AS, LINK = cause("md5"), cause("remote-as-wrong"), cause("filtered", Side.LINK)


@pytest.mark.parametrize(
    ("wanted", "causes", "verdict"),
    [
        (expected("md5"), [MD5], CellVerdict.FIRST),
        (expected("md5"), [MD5, AS], CellVerdict.EXTRA),
        (expected("md5", also=["remote-as-wrong"]), [MD5, AS], CellVerdict.FIRST),
        (expected("md5"), [AS, MD5], CellVerdict.FOUND),
        (expected("md5"), [MD5, cause("remote-as-wrong", connection="d")], CellVerdict.FOUND),
        (expected("md5"), [AS], CellVerdict.MISSED),
        (expected("md5"), [], CellVerdict.MISSED),
        (expected("md5", "remote-as-wrong"), [AS, MD5], CellVerdict.FIRST),
        (expected("md5", "remote-as-wrong"), [MD5], CellVerdict.MISSED),
        (expected("md5"), [cause("md5", Side.LINK)], CellVerdict.FOUND),
        (expected("md5", active=True), [MD5], CellVerdict.FOUND),
        (expected(), [], CellVerdict.FIRST),
        (expected(), [LINK], CellVerdict.EXTRA),
    ],
)
def test_a_cell(wanted: Expectation, causes: list[CauseView], verdict: CellVerdict) -> None:
    assert judge(wanted, causes, False, ()).verdict is verdict


def test_a_refusal_is_known_by_its_words() -> None:
    wanted = Expectation(refused="not Approved")
    assert judge(wanted, (), False, ["the PeerAsn is not Approved"]).verdict is CellVerdict.FIRST
    assert judge(wanted, (), False, ["another reason"]).verdict is CellVerdict.MISSED
    assert judge(wanted, [MD5], False, ["not Approved"]).verdict is CellVerdict.EXTRA
