"""Tables as files, for `turnup policy check` beside bgpdump: one peer's routes, equal attributes far from each other.

    python -m simulator.bench.table_files table-dump-v2 rib.mrt --routes 1200000 --sets 150000
    python -m simulator.bench.table_files bgp4mp updates.mrt --routes 1000000 --sets 150000
    python -m simulator.bench.table_files bird table.txt --routes 1000000 --sets 125000
    python -m simulator.bench.table_files json table.jsonl --routes 800000 --sets 100000

The same counts and seed give the same octets. One set in 25 and one prefix in 50 is for some rule to refuse.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Final

from simulator.mrt.bgp4mp import pack_message
from simulator.mrt.table_dump_v2 import MrtPeer, peer_index, rib_attributes, rib_record, rib_row
from simulator.session.messages import Family
from simulator.tables.json_lines import route_json
from simulator.tables.looking_glass import attribute_lines
from simulator.wire import nlri
from simulator.wire.attribute_codec import encode
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind
from simulator.wire.update import pack_announcements

PEER: Final = MrtPeer(9002, IPv4Address("198.51.100.2"), IPv4Address("198.51.100.2"))
_LOCAL: Final = MrtPeer(8075, IPv4Address("198.51.100.1"), IPv4Address("198.51.100.1"))
_WHEN: Final = 1_750_000_000.0
_FIRST: Final = (41, 154, 105, 197, *range(77, 96), 176, 178, 185, 188, 193, 194, 195, 202, 203, 210, 211, 212, 213)
"""First octets of the /24s."""
_SPACES: Final = (IPv4Network("100.64.0.0/10"), IPv4Network("20.16.0.0/12"))
"""Shared address space, and some of Microsoft's."""
MOST: Final = 65536 * len(_FIRST)
"""Routes that a feed can have."""

FeedRow = tuple[bytes, PathAttributes]
"""A prefix as `wire.nlri` has it, and its attributes; the same object where they are equal."""
FeedWriter = Callable[[Sequence[FeedRow]], Iterator[bytes]]


def routes(count: int, sets: int, seed: int = 8075) -> list[FeedRow]:
    """`count` different prefixes, most of them /24, in an order of no kind. ValueError for more than `MOST`."""
    if not 0 < sets <= count <= MOST:
        raise ValueError(f"a feed has at most {MOST} routes, and no more attribute sets than routes")
    rng = random.Random(seed)
    paths = [_path(rng) for _ in range(sets)]
    numbers = list(range(count))
    rng.shuffle(numbers)
    return [(_key(number), paths[at % sets]) for at, number in enumerate(numbers)]


def _key(number: int) -> bytes:
    high, low = _FIRST[number >> 16], number & 0xFFFF
    if number % 100 == 0 and number // 100 < 8192:
        space = _SPACES[number // 100 % 2]
        return bytes((24,)) + (int(space.network_address) + (number // 200 << 8)).to_bytes(4, "big")[:3]
    network = bytes((high, low >> 8, low & 0xFF))
    return bytes((25,)) + network + b"\x80" if number % 100 == 50 else bytes((24,)) + network


def _path(rng: random.Random) -> PathAttributes:
    asns = [PEER.asn, *(rng.randrange(13000, 23000) for _ in range(rng.randrange(1, 6)))]
    communities = [PEER.asn << 16 | rng.randrange(1, 5000) for _ in range(rng.randrange(5))]
    match rng.randrange(75):
        case 0:
            asns.append(64512)
        case 1:
            asns.insert(1, 3356)
        case 2:
            communities = [PEER.asn << 16 | number for number in range(101)]
    path = (AsSegment(SegmentKind.SEQUENCE, tuple(asns)),)
    return PathAttributes(
        as_path=path, next_hop=PEER.address, med=rng.choice([None, 0, 10]), communities=tuple(communities)
    )


def table_dump_v2(rows: Sequence[FeedRow]) -> Iterator[bytes]:
    """A RIB as collectors write it (RFC 6396 §4.3), of one peer."""
    yield peer_index(_WHEN, IPv4Address("192.0.2.1"), "feed", [PEER])
    made: dict[int, bytes] = {}
    for number, (key, path) in enumerate(rows):
        row = made.get(id(path))
        if row is None:
            row = made[id(path)] = rib_row(0, _WHEN, rib_attributes(Family.IPV4, path))
        yield rib_record(_WHEN, number, Family.IPV4, key, (row,))


def bgp4mp(rows: Sequence[FeedRow]) -> Iterator[bytes]:
    """A recorded session (RFC 6396 §4.4): each route in an UPDATE of its own."""
    made: dict[int, bytes] = {}
    for key, path in rows:
        raw = made.get(id(path))
        if raw is None:
            raw = made[id(path)] = encode(path, asn4=True)
        for octets, _ in pack_announcements(Family.IPV4, raw, PEER.address.packed, (key,), 4096):
            yield pack_message(_WHEN, PEER, _LOCAL, octets, extended_time=False)


def bird(rows: Sequence[FeedRow]) -> Iterator[bytes]:
    """What BIRD 2 answers to `show route all`."""
    yield b"BIRD 2.0.12 ready.\nTable master4:\n"
    made: dict[int, tuple[str, bytes]] = {}
    for key, path in rows:
        found = made.get(id(path))
        if found is None:
            lines = [f"\tvia {path.next_hop} on eth0", "\tType: BGP univ"]
            lines += [f"\tBGP.{name}: {value}" for name, value in attribute_lines(path)]
            lines.append("\tBGP.local_pref: 100")
            mark = f"[peer1 2025-11-22] * (100) [AS{path.origin_as}i]"
            found = made[id(path)] = mark, "".join(f"{line}\n" for line in lines).encode()
        yield f"{nlri.text(Family.IPV4, key):<20} unicast {found[0]}\n".encode() + found[1]


def json_lines(rows: Sequence[FeedRow]) -> Iterator[bytes]:
    """One object a line, under the names that `turnup routes --json` uses."""
    made: dict[int, str] = {}
    for key, path in rows:
        rest = made.get(id(path))
        if rest is None:
            common: dict[str, Any] = {"peer": str(PEER.address), "peerAs": PEER.asn, **route_json(path)}
            rest = made[id(path)] = json.dumps(common)[1:]
        yield f'{{"event": "route", "prefix": "{nlri.text(Family.IPV4, key)}", {rest}\n'.encode()


FEEDS: Final[Mapping[str, FeedWriter]] = {
    "table-dump-v2": table_dump_v2,
    "bgp4mp": bgp4mp,
    "bird": bird,
    "json": json_lines,
}
"""The formats."""


def write(file: Path, kind: str, count: int, sets: int, seed: int = 8075) -> None:
    """Write a feed. KeyError for an unknown format, ValueError for counts that do not fit."""
    made = FEEDS[kind](routes(count, sets, seed))
    with file.open("wb") as out:
        out.writelines(made)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a routing table as a file.")
    parser.add_argument("kind", choices=FEEDS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--routes", type=int, default=100_000)
    parser.add_argument("--sets", type=int, help="attribute sets (default: one for eight routes)")
    parser.add_argument("--seed", type=int, default=8075)
    given = parser.parse_args()
    try:
        write(given.file, given.kind, given.routes, given.sets or max(given.routes // 8, 1), given.seed)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
