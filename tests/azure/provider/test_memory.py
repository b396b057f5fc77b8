"""Nothing of a deleted peering stays but its rows in the store."""

from __future__ import annotations

import gc
import itertools
import os
from pathlib import Path

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import PeeringRecord
from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.gate import Gate
from simulator.session.session import BgpSession
from simulator.speakers.neighbor import Neighbor
from simulator.topology.plan import SessionPlan
from tests.azure.provider import support

KINDS = (Neighbor, BgpSession, Gate, SessionPlan, ConnectionRecord, PeeringRecord)


def living() -> dict[str, int]:
    gc.collect()
    found = [type(each) for each in gc.get_objects() if isinstance(each, KINDS)]
    return {kind.__name__: found.count(kind) for kind in KINDS}


async def play(running: Provider, number: int) -> set[int]:
    """One peering from its request to its end, with addresses that no session had before; where its edges listened."""
    key = f"{support.PEERING_ID}{number}"
    addresses = {"ipv4": f"206.126.239.{number}", "ipv6": f"2001:504:0:2::{number}"}
    wanted = support.request(support.connection(f"of {number}", **addresses))
    running.put_peering(support.peering(wanted, key))
    plans = [plan for record in support.records(running) for plan in record.plans]
    await support.until_all(running, ConnectionState.VALIDATING)
    await support.until(running, lambda: all(map(running.network.edges.is_provisioned, plans)))
    ports = {running.network.edges.config(plan).local.port for plan in plans}
    running.delete_peering(key.lower())
    await support.until(running, lambda: not running.control.records)
    await support.until(running, lambda: not any(map(running.network.edges.knows, plans)))
    return ports


async def test_nothing_of_a_deleted_peering_stays(tmp_path: Path) -> None:
    async with support.provider(f"sqlite:///{tmp_path}/store.db") as running:
        await support.approved_asn(running)
        numbers = itertools.count(20)
        await play(running, next(numbers))
        before = living()
        for number in itertools.islice(numbers, 5):
            await play(running, number)
        assert living() == before
        assert support.leaks(running) == 0


async def test_a_port_of_a_deleted_session_is_used_again(tmp_path: Path) -> None:
    """On IPv6 loopback each session has a socket of its own, on the ports that the topology gives to them."""
    lab, first = support.topology(), 20000 + os.getpid() % 1000 * 10
    lab = lab.model_copy(update={"microsoft": lab.microsoft.model_copy(update={"port": first})})
    ports: list[set[int]] = []
    async with support.provider(f"sqlite:///{tmp_path}/store.db", lab=lab) as running:
        await support.approved_asn(running)
        for number in (20, 21, 22):
            ports.append({port for port in await play(running, number) if port != first})
    assert ports == [{first + 2, first + 3}] * 3
