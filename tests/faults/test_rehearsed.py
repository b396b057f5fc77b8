"""A sample of the table that `turnup fault run --all` makes: faults of every kind, on real routers."""

from __future__ import annotations

import pytest

from simulator.faults.cell import HEALTHY, FaultCell
from simulator.faults.matrix import run_all
from simulator.faults.verdict import CellVerdict
from tests.lab_support import require_netns, require_program
from tests.routers.test_matrix import PROGRAMS

SAMPLE = (
    FaultCell(HEALTHY, "bird", "exchange"),
    FaultCell(HEALTHY, "simulated", "route-server"),
    FaultCell("wrong-remote-as", "bird", "IPv6"),
    FaultCell("shut-down", "simulated", "IPv4"),
    FaultCell("md5-missing-at-peer", "frr", "IPv6"),
    FaultCell("bgp-filtered", "openbgpd", "IPv4"),
    FaultCell("prefix-too-long", "gobgp", "IPv4"),
    FaultCell("router-not-started", "exabgp", "IPv6"),
    FaultCell("deleted-while-validated", "simulated", "IPv4"),
    FaultCell("deleted-while-provisioned", "simulated", "IPv4"),
    FaultCell("address-used-by-another", "bird", "IPv6"),
)


@pytest.mark.privileged
@pytest.mark.router
def test_each_fault_is_named_first_and_alone_and_a_sound_lab_has_no_finding() -> None:
    require_netns()
    for kind in PROGRAMS:
        for program in PROGRAMS[kind]:
            require_program(program)
    told: list[FaultCell] = []
    results = run_all(SAMPLE, 4, lambda result: told.append(result.cell))
    assert sorted(told, key=str) == sorted(SAMPLE, key=str)
    wrong = {
        str(result.cell): (result.outcome.verdict.value, result.outcome.detail, result.outcome.texts)
        for result in results
        if not result.outcome.verdict.good
    }
    assert not wrong
    assert sum(result.outcome.verdict is CellVerdict.FIRST for result in results) >= len(SAMPLE) - 1
