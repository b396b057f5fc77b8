"""Mutated configurations: which slips are made, and a sample of them on real daemons."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.faults.lab import healthy
from simulator.faults.matrix import pooled
from simulator.faults.mutations import Mutation, MutationOutcome, MutationResult, mutated, try_out
from simulator.faults.schema import ROUTERS
from tests.lab_support import require_netns, require_program
from tests.routers.test_matrix import PROGRAMS

DAEMONS = [router for router in ROUTERS if router != "simulated"]


@pytest.mark.parametrize("router", DAEMONS)
def test_a_mutation_changes_one_line_and_always_the_same(router: str, tmp_path: Path) -> None:
    file = healthy("exchange", router, tmp_path).topology.peers[0].router_choice.config
    assert file is not None
    text = file.read_text()
    slips = set()
    for number in range(1, 41):
        changed, slip = mutated(text, Mutation(router, number))
        assert (changed, slip) == mutated(text, Mutation(router, number))
        before, after = text.splitlines(), changed.splitlines()
        if slip.endswith("→ gone"):
            assert len(after) == len(before) - 1
        else:
            assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
        slips.add(slip)
    assert len(slips) > 20


@pytest.mark.privileged
@pytest.mark.router
def test_a_sample_is_refused_harmless_or_named() -> None:
    require_netns()
    for kind in PROGRAMS:
        for program in PROGRAMS[kind]:
            require_program(program)
    sample = [Mutation("bird", 4), Mutation("frr", 5), Mutation("openbgpd", 1), Mutation("exabgp", 3)]

    def failed(mutation: Mutation, why: str) -> MutationResult:
        return MutationResult(mutation, "", MutationOutcome.SILENT, detail=why)

    results = pooled(try_out, sample, 4, lambda result: None, failed)
    assert [result for result in results if not result.outcome.good] == []
