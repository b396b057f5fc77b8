"""What ExaBGP's API tells its helper, added up: the state of each neighbor, its reasons, and the routes both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.routers.base import RouterSession, SessionReport

UP = "ESTABLISHED"
UNICAST = frozenset(("ipv4 unicast", "ipv6 unicast"))

# Some words for its numbers: https://www.iana.org/assignments/bgp-parameters
_NOTIFICATIONS = {1: "Message Header Error", 2: "OPEN Message Error", 3: "UPDATE Message Error"}
_NOTIFICATIONS |= {4: "Hold Timer Expired", 5: "Finite State Machine Error", 6: "Cease"}


@dataclass(slots=True)
class _Heard:
    """What the API said of one neighbor."""

    state: str = "IDLE"
    """ExaBGP's own word."""
    since: float | None = None
    received: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    notification: str = ""
    """The last one since the session was up."""
    reason: str = ""

    def enter(self, state: str, when: float) -> None:
        if (state == UP) != (self.state == UP):
            self.since = when
        self.state = state


class Events:
    """The events of ExaBGP's API, added up by neighbor address."""

    def __init__(self) -> None:
        self._peers: dict[str, _Heard] = {}

    def peer(self, address: str) -> _Heard:
        return self._peers.setdefault(address, _Heard())

    def add(self, event: Mapping[str, Any]) -> None:
        """One event, in the order in which they came."""
        neighbor = event.get("neighbor")
        if not isinstance(neighbor, Mapping):
            return
        peer = self.peer(str(neighbor["address"]["peer"]))
        match event.get("type"):
            case "fsm":
                peer.enter(str(neighbor["state"]), float(event["time"]))
            case "state":
                self._changed(peer, neighbor, float(event["time"]))
            case "notification":
                peer.notification = _notification(neighbor)
            case "update":
                update = neighbor.get("message", {}).get("update", {})
                table = peer.received if neighbor.get("direction") == "receive" else peer.sent
                table -= set(_prefixes(update.get("withdraw", {})))
                table |= {
                    prefix
                    for family, hops in update.get("announce", {}).items()
                    for routes in hops.values()
                    for prefix in _prefixes({family: routes})
                }

    @staticmethod
    def _changed(peer: _Heard, neighbor: Mapping[str, Any], when: float) -> None:
        change = neighbor["state"]
        if change == "up":
            peer.enter(UP, when)
            peer.notification = peer.reason = ""
        elif change == "down":
            # It says so before it says that it is idle.
            peer.enter("IDLE", when)
            # A redial that fails has nothing to say and is not the reason.
            peer.reason = peer.notification or str(neighbor.get("reason", ""))
        else:
            return
        peer.received.clear()
        peer.sent.clear()

    def report(self, session: RouterSession) -> SessionReport:
        peer = self.peer(str(session.remote_address))
        up = peer.state == UP
        since = "" if peer.since is None else datetime.fromtimestamp(peer.since, UTC).isoformat()
        return SessionReport(
            session.name, peer.state, up, since, len(peer.received), len(peer.sent), "" if up else peer.reason
        )


def _notification(neighbor: Mapping[str, Any]) -> str:
    found = neighbor.get("notification", {})
    code, subcode = found.get("code"), found.get("subcode")
    how = "received" if neighbor.get("direction") == "receive" else "sent"
    words = " ".join(str(found.get("message", "")).split())
    name = _NOTIFICATIONS.get(code, "")
    return ": ".join(filter(None, (f"notification {how} ({code},{subcode}) {name}".rstrip(), words)))


def _prefixes(families: Mapping[str, Any]) -> Iterator[str]:
    for family, routes in families.items():
        if family in UNICAST:
            for route in routes:
                yield str(route["nlri"])
