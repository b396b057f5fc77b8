"""The guided rehearsal on a running lab: each step is done when the lab says so, and the lift waits for a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.azure.model.resources import PeerAsn
from simulator.azure.provider.settings import BY_HAND
from simulator.connection.states import ConnectionState
from simulator.portal.walkthrough import walk_of
from simulator.topology.load import load
from tests.azure.provider import support as provider_support
from tests.portal.support import put_asn, put_peering, send, text_of, until, until_all
from tests.serving.support import Served, served

ROOT = Path(__file__).parents[2]
S = ConnectionState


async def next_step(lab: Served) -> str:
    page = (await lab.client.get("/walkthrough")).text
    found = page.split('aria-current="step"')
    return found[0].rsplit('id="s-', 1)[1].split('"')[0] if len(found) > 1 else ""


async def do(lab: Served, step: str) -> int:
    answer = await send(lab, "/walkthrough", do=step)
    return int(answer.status_code)


async def test_it_leads_from_the_policy_to_the_end_and_pauses_before_the_lift(tmp_path: Path) -> None:
    topology = provider_support.topology(times={"soak": 0})
    async with served(tmp_path, topology=topology) as lab:
        assert "Start the walkthrough" in (await lab.client.get("/walkthrough")).text
        assert await next_step(lab) == ""
        assert await do(lab, "start") == 303
        assert lab.provider.settings == BY_HAND
        assert await next_step(lab) == "policy"
        assert await do(lab, "notify") == 409
        assert await do(lab, "policy") == 303
        assert await next_step(lab) == "asn"
        assert "Walkthrough, next:" in text_of((await lab.client.get("/")).text)
        await put_asn(lab.provider, approved=False)
        assert await next_step(lab) == "asn-approval"
        lab.provider.asns.approve(lab.provider.unit.all(PeerAsn)[0])
        assert await next_step(lab) == "request"
        await put_peering(lab.provider)
        for step, state in (("review", S.APPROVED), ("notify", S.PROVISIONING_STARTED)):
            assert await next_step(lab) == step
            assert await do(lab, step) == 303
            await until_all(lab.provider, state)
        assert await next_step(lab) == "provision"
        assert await do(lab, "provision") == 303
        await until_all(lab.provider, S.PROVISIONING_COMPLETED)
        assert await next_step(lab) == "validate"
        assert await do(lab, "validate") == 303
        await until(lab.provider, lambda: len(lab_pauses(lab)) == 2)
        assert {record.state for record in lab.provider.control.records.values()} == {S.VALIDATING}
        assert not any(edge.leaked for edge in lab.provider.network.edges.gates if sum(edge.leaked.values()))
        assert await next_step(lab) == "lift"
        assert await do(lab, "lift") == 303
        await until_all(lab.provider, S.ACTIVE)
        assert await next_step(lab) == "traffic"
        assert await do(lab, "traffic") == 303
        assert await do(lab, "deprovision") == 303
        await until_all(lab.provider, S.PENDING_REMOVE)
        assert await do(lab, "remove") == 303
        await until(lab.provider, lambda: not lab.provider.control.records)
        assert await next_step(lab) == ""
        assert "That was the whole life of a peering." in (await lab.client.get("/walkthrough")).text


def lab_pauses(lab: Served) -> set[str]:
    return {row.subject for row in lab.provider.unit.events(0, 10_000) if row.event == "paused"}


async def test_a_paused_connection_that_somebody_moves_waits_no_longer(tmp_path: Path) -> None:
    topology = provider_support.topology(times={"soak": 0})
    async with served(tmp_path, topology=topology) as lab:
        assert await do(lab, "start") == 303
        lab.provider.set(provider_support.AT_ONCE)
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until(lab.provider, lambda: len(lab_pauses(lab)) == 2)
        for record in list(lab.provider.control.records.values()):
            await lab.provider.operate(record, "deprovision")
        await until(lab.provider, lambda: not lab.provider.control.records)


async def test_to_end_it_ends_the_pause(tmp_path: Path) -> None:
    topology = provider_support.topology(times={"soak": 0})
    async with served(tmp_path, topology=topology) as lab:
        assert await do(lab, "start") == 303
        lab.provider.set(provider_support.AT_ONCE)
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until(lab.provider, lambda: len(lab_pauses(lab)) == 2)
        assert await do(lab, "stop") == 303
        await until_all(lab.provider, S.ACTIVE)


async def test_it_outlives_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        assert await do(lab, "start") == 303
        assert await do(lab, "policy") == 303
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        for record in list(lab.provider.control.records.values()):
            await lab.provider.operate(record, "approve")
        assert await next_step(lab) == "notify"
    async with served(tmp_path, settings=BY_HAND) as lab:
        assert await next_step(lab) == "notify"


@pytest.mark.parametrize("name", ["exchange", "route-server", "direct"])
async def test_each_kind_of_lab_has_its_steps(tmp_path: Path, name: str) -> None:
    topology = load(ROOT / "topologies" / f"{name}.yaml")
    async with provider_support.provider(f"sqlite:///{tmp_path}/s.db", lab=topology) as provider:
        steps = [step.id for step in walk_of(provider)]
        assert ("register" in steps) is (name == "route-server")
        assert len(steps) == len(set(steps)) and steps[0] == "policy" and steps[-1] == "remove"
