"""Every real router, on an exchange LAN and on Direct links, in both families, with every kind of session security.

A rehearsal is several cells at once: its sessions are IPv4 and IPv6, and a Direct one has a /31 and a /127 beside a /30
and a /126. What docs/interop.md says comes from here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.topology.kinds import KINDS, RunBy
from tests.lab_support import require_netns, require_program
from tests.topologies import build, document

PROGRAMS = {
    "bird": ("bird",),
    "frr": ("/usr/lib/frr/bgpd", "vtysh"),
    "gobgp": ("gobgpd", "gobgp"),
    "openbgpd": ("/usr/sbin/bgpd", "/usr/sbin/bgpctl"),
    "exabgp": (),
}
SECURITY: dict[str, dict[str, Any]] = {
    "plain": {},
    "md5": {"md5": "s3cret"},
    "gtsm": {"gtsm": True},
    "md5-gtsm": {"md5": "s3cret", "gtsm": True},
}


def test_no_router_is_left_out() -> None:
    assert PROGRAMS.keys() == {name for name, kind in KINDS.items() if kind.run_by is RunBy.DAEMON}


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("security", SECURITY)
@pytest.mark.parametrize("link", ["exchange", "direct"])
@pytest.mark.parametrize("kind", PROGRAMS)
async def test_both_connections_become_active_and_routes_pass(
    kind: str, link: str, security: str, tmp_path: Path
) -> None:
    require_netns()
    for program in PROGRAMS[kind]:
        require_program(program)
    found = document(link)
    found |= {"link": "netns", "times": {"soak": 0.5, "deadline": 60, "active": 0}}
    found["peers"][0]["router"] = kind
    found["peerings"][0] |= SECURITY[security]
    rehearsal = Rehearsal(build(found), LinkKind.NETNS, False, tmp_path / "capture.pcap")
    report = await rehearsal.run()
    assert (report.outcome, report.errors, rehearsal.ledger.shortfalls) == ("passed", (), [])
    assert all(ConnectionState.ACTIVE in connection.reached for connection in report.connections)
    assert found["peerings"][0]["expect"]["accepted"] > 0, "the topology says how many routes have to be accepted"
