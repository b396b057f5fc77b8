"""Every real router on Direct links: a /31 and a /127, a /30 and a /126, with every kind of session security."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.lab.link import LinkKind
from simulator.provisioning.rehearsal import Rehearsal
from simulator.routers.registry import ROUTERS
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
    assert PROGRAMS.keys() == ROUTERS.keys() - {"simulated"}


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("security", SECURITY)
@pytest.mark.parametrize("kind", PROGRAMS)
async def test_both_connections_become_active_and_routes_pass(kind: str, security: str, tmp_path: Path) -> None:
    require_netns()
    for program in PROGRAMS[kind]:
        require_program(program)
    found = document("direct")
    found |= {"link": "netns", "times": {"soak": 0.5, "deadline": 60, "active": 0}}
    found["peers"][0]["router"] = kind
    found["peerings"][0] |= SECURITY[security]
    report = await Rehearsal(build(found), LinkKind.NETNS, False, tmp_path / "capture.pcap").run()
    assert report.outcome == "passed", report.errors
