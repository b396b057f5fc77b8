"""A running network: sessions that come while it runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine.log import Event, EventLog
from simulator.engine.network import Network
from simulator.peer.events import BgpStateChanged, cease
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.policy.max_prefix import MaxPrefix
from simulator.session.messages import Cease
from simulator.session.states import BgpState
from simulator.topology.plan import plans
from tests.patience import PATIENCE
from tests.topologies import build, document


class Up:
    """Set when a session of the given name is Established."""

    def __init__(self, log: EventLog, session: str) -> None:
        self.event = asyncio.Event()
        self._session = session
        log.subscribe(self._take)

    def _take(self, event: Event) -> None:
        match event:
            case BgpStateChanged(session, change) if session == self._session:
                if change.target is BgpState.ESTABLISHED:
                    self.event.set()
            case _:
                pass


@pytest.mark.parametrize("name", ["exchange", "direct"])
async def test_a_plan_alone_is_enough_to_provision_a_session_at_run_time(name: str) -> None:
    log = EventLog()
    async with Network(build(document(name)), LinkKind.LOOPBACK, log.append, record=False) as network:
        await network.peers.start(network.topology.peers[0])
        # As a request would make it: nothing of it is looked up in the topology's peerings.
        known = network.edges.plans.pop(0)
        plan = replace(known, peering="api", connection="api/1", profile="ixrs", max_prefix=MaxPrefix(7), rules={})
        await network.edges.admit(plan)
        assert network.edges.plans[-1] is plan
        up = Up(log, plan.id)
        network.edges.provision(plan)
        async with asyncio.timeout(PATIENCE):
            await up.event.wait()
        config = network.edges.config(plan)
        assert config.policy is not None
        assert (config.policy.profile, config.max_prefix) == ("ixrs", MaxPrefix(7))
        assert not network.edges.view(plan).gate_open
        network.edges.rule(plan, ConnectionState.ACTIVE, validated=True)
        assert network.edges.view(plan).gate_open
        await network.edges.deprovision(plan, cease(Cease.ADMINISTRATIVE_SHUTDOWN))
        assert not network.edges.is_provisioned(plan)


async def test_what_cannot_be_admitted_is_one_line() -> None:
    log = EventLog()
    async with Network(build(document("direct")), LinkKind.LOOPBACK, log.append, record=False) as network:
        plan = network.edges.plans[0]
        with pytest.raises(LabError, match="is planned already"):
            await network.edges.admit(plan)
        with pytest.raises(LabError, match=r"sea-edge-1 has no address 192\.0\.2\.77 here"):
            await network.edges.admit(replace(plan, id="other", edge_address=ip_address("192.0.2.77")))
        stranger = replace(plan, id="other", peer_address=ip_address("192.0.2.78"))
        await network.edges.admit(stranger)
        network.edges.provision(stranger)
        assert (
            network.edges.view(stranger).bgp_state is not BgpState.ESTABLISHED
        )  # nobody calls from there, as in the field


def test_a_plan_with_an_address_of_the_wrong_family_is_refused() -> None:
    plan = plans(build(document("direct")))[0]
    with pytest.raises(ValueError, match="2001:db8::1 is no IPv4 address"):
        replace(plan, peer_address=ip_address("2001:db8::1"))
