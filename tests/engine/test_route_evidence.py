"""What a peer's routes tell: which of them come and go."""

from __future__ import annotations

from typing import Any

from simulator.engine.log import Event, EventLog
from simulator.engine.route_evidence import flaps
from simulator.peer.events import RoutesAnnounced, RoutesWithdrawn
from simulator.session.messages import Family
from simulator.wire import nlri

ONE, OTHER = (nlri.key(prefix)[1] for prefix in ("192.0.2.0/24", "198.51.100.0/24"))


def there(time: float, *keys: bytes) -> Event:
    attributes: Any = None
    return RoutesAnnounced("s", time, Family.IPV4, keys, attributes, len(keys))


def gone(time: float, *keys: bytes) -> Event:
    return RoutesWithdrawn("s", time, Family.IPV4, keys)


def log_of(*events: Event) -> EventLog:
    log = EventLog()
    for event in events:
        log.append(event)
    return log


def test_a_prefix_that_goes_twice_and_comes_again_flaps() -> None:
    log = log_of(there(1, ONE, OTHER), gone(2, ONE), there(3, ONE), gone(4, ONE, OTHER), there(5, ONE))
    assert flaps(log, 0) == {"s": {"192.0.2.0/24": 2}}
    assert not flaps(log, 3)["s"], "once since then"


def test_what_goes_once_or_never_does_not() -> None:
    assert flaps(log_of(there(1, ONE)), 0) == {}
    assert not flaps(log_of(there(1, ONE), gone(2, ONE), there(3, ONE)), 0)["s"]
    assert not flaps(log_of(gone(1, ONE), gone(2, ONE)), 0)["s"], "it never came again"
