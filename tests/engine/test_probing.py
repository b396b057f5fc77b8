"""What a TCP handshake with the router tells, where the edge has a key and where it has none."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from simulator.diagnosis.evidence import TcpEnd
from simulator.engine import router_evidence
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.topology.plan import plans
from tests.topologies import shipped

PLAN = plans(shipped("exchange"))[0]


def network(key: str | None, kind: LinkKind = LinkKind.NETNS) -> Any:
    place = SimpleNamespace(host=lambda address: address)
    return SimpleNamespace(
        kind=kind, edges=SimpleNamespace(key_of=lambda plan: key), site=SimpleNamespace(place=lambda name: place)
    )


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """How the router answers without a signature, and with one."""

    def set_(plain: str, signed: str) -> None:
        async def tcp_port(*given: Any) -> str:
            assert given[1:4] == (PLAN.edge_address, PLAN.peer_address, 179)
            return signed if given[5] is not None else plain

        monkeypatch.setattr(router_evidence, "tcp_port", tcp_port)

    return set_


@pytest.mark.parametrize(
    ("key", "plain", "signed", "end"),
    [
        (None, "refused", "open", TcpEnd.REFUSED),
        (None, "unreachable", "open", TcpEnd.UNREACHABLE),
        (None, "open", "filtered", TcpEnd.OPENS),
        ("secret", "filtered", "open", TcpEnd.OPENS),
        ("secret", "open", "filtered", TcpEnd.OPENS),
        ("secret", "refused", "filtered", TcpEnd.REFUSED),
        ("secret", "filtered", "filtered", TcpEnd.SILENT),
    ],
)
async def test_a_router_answers_who_signs_as_it_does(
    key: str | None, plain: str, signed: str, end: TcpEnd, answers: Callable[[str, str], None]
) -> None:
    answers(plain, signed)
    assert await router_evidence.probe(network(key), PLAN) is end


async def test_where_nothing_can_be_tried_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async def tcp_port(*_: Any) -> str:
        raise LabError("no such address")

    monkeypatch.setattr(router_evidence, "tcp_port", tcp_port)
    assert await router_evidence.probe(network("secret"), PLAN) is None
    assert await router_evidence.probe(network(None, LinkKind.LOOPBACK), PLAN) is None
