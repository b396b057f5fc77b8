"""What the lab says that it waits for, and when it says it again."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from simulator.engine.external_waits import Wait, wait_of
from simulator.peer.events import NeighborConfig
from simulator.places.endpoint import Endpoint
from simulator.session.states import BgpState
from tests.diagnosis.test_catalogue import DOWN, HEALTHY, seen

CONFIG = NeighborConfig(
    id="c/ipv4",
    local_as=8075,
    router_id="192.0.2.75",
    local_address=ip_address("192.0.2.75"),
    peer_address=ip_address("192.0.2.1"),
    peer_as=64496,
    local=Endpoint(ip_address("192.0.2.75"), 179),
    remote=Endpoint(ip_address("192.0.2.1"), 179),
)
CALLS = "waits for TCP: 192.0.2.75:179 waits for a call from 192.0.2.1, and calls 192.0.2.1:179"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, CALLS),
        ({"bgp_state": BgpState.IDLE}, CALLS),
        ({"last_error": "Connection refused"}, f"{CALLS} (last: Connection refused)"),
        ({"peer_closed_early": "reset by peer", "last_error": "x"}, f"{CALLS} (last: reset by peer)"),
        ({"notifications": (seen(6, 5), seen(2, 2))}, f"{CALLS} (last: 2/2 OPEN Message Error: Bad Peer AS)"),
        ({"bgp_state": BgpState.OPEN_SENT}, "waits for OPEN: TCP is up, and the router has not sent its OPEN"),
        (
            {"bgp_state": BgpState.OPEN_CONFIRM},
            "waits for KEEPALIVE: its OPEN is accepted, and its answer to ours is due",
        ),
        ({"bgp_state": BgpState.ESTABLISHED}, "waits for routes: Established, and nothing is announced yet"),
        (
            {"bgp_state": BgpState.ESTABLISHED, "received": 4, "rejected": 4},
            "waits for routes: Established, and the policy refuses all 4 that are announced",
        ),
    ],
)
def test_each_stage_has_its_words(changes: dict[str, Any], words: str) -> None:
    assert str(wait_of(replace(DOWN, **changes), CONFIG)) == words


def test_nothing_is_missing_once_a_route_would_be_accepted() -> None:
    assert wait_of(HEALTHY, CONFIG) == Wait("")
    assert str(Wait("")) == "has routes that would be accepted: nothing is missing"


def test_a_router_that_only_calls_is_not_called() -> None:
    assert str(wait_of(DOWN, replace(CONFIG, remote=None))) == CALLS.split(", and")[0]


def test_it_is_said_again_only_when_it_is_news() -> None:
    refused = Wait("TCP", "refused")
    assert refused.is_news_after(None)
    assert refused.is_news_after(Wait("TCP"))
    assert refused.is_news_after(Wait("OPEN", "refused"))
    assert not refused.is_news_after(refused)
    assert not Wait("TCP").is_news_after(refused), "a new attempt is under way"
