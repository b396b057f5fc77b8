"""What a router kind can do is one line: the checks, the registries and the commands read it there."""

from __future__ import annotations

import pytest

from simulator.routers.configs.registry import FORMATS
from simulator.routers.registry import ROUTERS
from simulator.topology.kinds import KINDS, LANGUAGES, Kind, RouteServerRole, RunBy
from simulator.topology.load import TopologyError, parse

_TOPOLOGY = """
name: kinds
link: {link}
exchange: {{name: IX, lan: {{ipv4: 192.0.2.0/24}}}}
edges: [{{name: edge, ipv4: 192.0.2.1}}]
peers: [{{name: peer, ipv4: 192.0.2.2, asn: 64496, router: {router}}}]
customers: [{customer}]
peerings: [{{name: p, kind: {kind}, peer: peer, families: [IPv4]}}]
"""
_CUSTOMER = "{{name: behind, ipv4: 192.0.2.3, asn: 64497, router: {router}}}"


def faults(router: str, *, link: str = "loopback", kind: str = "Exchange", customer: str = "") -> str:
    behind = _CUSTOMER.format(router=customer) if customer else ""
    try:
        parse(_TOPOLOGY.format(router=router, link=link, kind=kind, customer=behind))
    except TopologyError as error:
        return str(error)
    return ""


def test_every_kind_has_an_adapter_and_every_language_a_writer() -> None:
    assert list(KINDS) == list(ROUTERS)
    assert list(LANGUAGES) == list(FORMATS)
    assert [ROUTERS[name]().kind for name in KINDS] == list(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_the_checks_read_the_table(name: str) -> None:
    kind = KINDS[name]
    served = "IxRs" if kind.route_server is RouteServerRole.ALWAYS else "Exchange"
    assert ("needs real addresses" in faults(name, kind=served)) == (not kind.on_loopback)
    assert ("has peerings of kind IxRs" in faults(name)) == (kind.route_server is RouteServerRole.ALWAYS)
    assert ("give it `router: route-server`" in faults(name, kind="IxRs")) == (kind.route_server is RouteServerRole.NO)
    behind = faults("route-server", kind="IxRs", customer=name)
    assert ("for a customer" in behind) == (not kind.may_be_customer)
    refused = faults(f"{{kind: {name}, config: nowhere.conf}}", link="auto")
    assert ("there is no file" in refused) == (kind.run_by is RunBy.DAEMON)


def test_a_new_kind_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"there are: {', '.join(KINDS)}" in faults("dummy")
    monkeypatch.setitem(KINDS, "dummy", Kind(RunBy.TURNUP, on_loopback=True))
    assert faults("dummy") == "" == faults("dummy", kind="IxRs", customer="dummy")
