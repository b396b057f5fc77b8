"""Recorded sessions: what a peer was told, as JSON lines, and what it gave back; the peer is played again from them.

A recording is a folder with two files. `input.jsonl` begins with how the session is set up; then comes one line for
each input of `BgpPeer`, with its time in seconds since the first one. `effects.jsonl` has one line for each effect,
with the number of the input that it follows from, and at last what the session looks like.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from simulator.connection.states import ConnectionState
from simulator.peer.events import NeighborConfig
from simulator.peer.peer import BgpPeer
from simulator.peer.stream import KernelQueue, Stream
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.policy.policy import Policy
from simulator.policy.rules import PolicyContext
from simulator.rib.adj_out import Images
from simulator.rib.announcement import Announcement
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.loc import LocRib
from simulator.session.config import SessionTimes
from simulator.session.fsm import Channel
from simulator.session.messages import Family, Notification
from simulator.wire import nlri
from simulator.wire.attribute_codec import encode
from simulator.wire.path_attributes import PathAttributes

MICROSOFT = 8075
ROUTER_ID = "10.255.0.2"
RECORDINGS = Path(__file__).parent
_WHOLE = 256
"""Longer octets are written as their length and a hash."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a recorded session of an edge is configured."""

    session: str
    local: str
    peer: str
    peer_as: int
    announce: tuple[str, ...]

    def config(self, **options: Any) -> NeighborConfig:
        local, peer = ip_address(self.local), ip_address(self.peer)
        return NeighborConfig(
            id=self.session,
            local_as=MICROSOFT,
            router_id=ROUTER_ID,
            local_address=local,
            peer_address=peer,
            peer_as=self.peer_as,
            local=Endpoint(local, BGP_PORT),
            remote=Endpoint(peer, BGP_PORT),
            policy=Policy("exchange", PolicyContext(self.peer_as, self.peer)),
            times=SessionTimes(connect_retry=1),
            **options,
        )

    def images(self) -> Images:
        keys: dict[Family, list[bytes]] = {}
        for prefix in self.announce:
            family, key = nlri.key(prefix)
            keys.setdefault(family, []).append(key)
        return Images([Announcement(family, PathAttributes(), tuple(found)) for family, found in keys.items()])


def no_jitter() -> float:
    return 0.5


# --- as JSON ---


def plain(value: Any) -> Any:
    """Events, effects and views as JSON."""
    match value:
        case Stream():
            return value.number
        case bytes() | memoryview():
            octets = bytes(value)
            whole = len(octets) <= _WHOLE
            return octets.hex() if whole else f"{len(octets)} octets, sha256 {sha256(octets).hexdigest()[:16]}"
        case AttributeSet():
            return {"path": encode(value.path, asn4=True).hex(), "hits": [hit.rule for hit in value.hits]}
        case bool() | None:
            return value
        case int():
            return int(value)
        case Enum():
            return value.name
        case IPv4Address() | IPv6Address():
            return str(value)
        case tuple() if hasattr(value, "_asdict"):
            return {name: plain(each) for name, each in value._asdict().items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case set() | frozenset():
            return sorted(plain(each) for each in value)
        case Mapping():
            return {str(plain(name)): plain(each) for name, each in value.items()}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def effect_line(number: int, effect: object) -> str:
    return json.dumps({"input": number, "effect": type(effect).__name__, "is": plain(effect)})


def octets_line(number: int, octets: bytes | memoryview) -> str:
    return json.dumps({"input": number, "effect": "octets", "is": plain(octets)})


def view_line(peer: BgpPeer) -> str:
    return json.dumps({"view": plain(peer.view())})


# --- played again ---


class Player:
    """Gives a peer the inputs of a recording."""

    def __init__(self, setup: Setup) -> None:
        self.peer = BgpPeer(setup.config(), LocRib(), setup.images(), jitter=no_jitter)
        self._streams: dict[int, Stream] = {}

    def effects(self, inputs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        for number, each in enumerate(inputs, 1):
            octets = self._tell(each["input"], each["now"], each)
            if octets:
                yield octets_line(number, octets)
            while self.peer.effects:
                yield effect_line(number, self.peer.effects.popleft())
        yield view_line(self.peer)

    def _tell(self, kind: str, now: float, given: Mapping[str, Any]) -> bytes | memoryview:
        peer, stream = self.peer, self._streams.get(given.get("stream", 0), Stream(Channel.ACCEPTED))
        match kind:
            case "start":
                peer.start(now)
            case "stop":
                peer.stop(Notification(given["code"], given["subcode"], b"", given["communication"]), now)
            case "rule":
                kernel = {self._streams[int(at)]: KernelQueue(*held) for at, held in given["kernel"].items()}
                state = ConnectionState(given["state"])
                peer.rule(state, session_validated=given["validated"], now=now, kernel=kernel)
            case "timer":
                peer.timer(now)
            case "connected":
                made = Stream(Channel(given["channel"]), ip_address(given["local"]))
                peer.connected(made, now)
                self._streams[made.number] = made
            case "receive":
                peer.receive(stream, bytes.fromhex(given["octets"]), now)
            case "disconnected":
                peer.disconnected(stream, given["why"], now)
            case "dial_failed":
                peer.dial_failed(given["why"], now)
            case "reset_done":
                peer.reset_done(stream, now)
            case "gone":
                peer.gone(stream)
            case "to_send":
                return peer.to_send(stream, now)
            case "sent":
                peer.sent(stream, given["count"], now)
            case _:
                raise ValueError(f"no input of a peer: {kind}")
        return b""


def read(folder: Path) -> tuple[Setup, list[dict[str, Any]], list[str]]:
    """A recording: its set-up, its inputs and the lines of its effects."""
    first, *inputs = map(json.loads, (folder / "input.jsonl").read_text(encoding="utf-8").splitlines())
    setup = Setup(**{**first, "announce": tuple(first["announce"])})
    return setup, inputs, (folder / "effects.jsonl").read_text(encoding="utf-8").splitlines()


def recordings() -> list[Path]:
    return sorted(path.parent for path in RECORDINGS.glob("*/input.jsonl"))


def rewrite(folder: Path) -> None:
    """Write the effects anew, as the peer gives them now."""
    setup, inputs, _ = read(folder)
    lines = Player(setup).effects(inputs)
    (folder / "effects.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
