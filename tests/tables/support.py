"""The same routes in every format that is read."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from simulator.mrt.bgp4mp import pack_message
from simulator.mrt.table_dump_v2 import RibEntry, rib_dump
from simulator.policy.verdict import Hits
from simulator.session.messages import Family
from simulator.tables import notation
from simulator.tables.input_formats import InputFormat
from simulator.tables.session_policies import SessionPolicies
from simulator.tables.table_entries import Announcer, TableEntry, TableRoutes, Unreadable
from simulator.tables.tally import Judge, Tally
from simulator.wire import nlri
from simulator.wire.attribute_codec import PathAttributes, encode
from simulator.wire.update import pack_announcements

PEER4 = Announcer(1103, IPv4Address("192.0.2.1"), IPv4Address("192.0.2.1"))
PEER6 = Announcer(1103, ip_address("2001:db8::1"), IPv4Address("192.0.2.1"))
US4 = Announcer(8075, IPv4Address("192.0.2.9"))
US6 = Announcer(8075, ip_address("2001:db8::9"))
ADDRESSES = {Family.IPV4: PEER4.address, Family.IPV6: PEER6.address}


@dataclass(frozen=True, slots=True)
class Sample:
    """One route, and the rules that must refuse it."""

    prefix: str
    path: str
    rules: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    large: tuple[str, ...] = ()
    next_hop: str = ""
    med: int | None = None

    @property
    def family(self) -> Family:
        return nlri.key(self.prefix)[0]

    @property
    def key(self) -> bytes:
        return nlri.key(self.prefix)[1]

    @property
    def hop(self) -> str:
        return self.next_hop or str(ADDRESSES[self.family])

    @property
    def attributes(self) -> PathAttributes:
        return PathAttributes(
            as_path=notation.as_path(self.path),
            next_hop=ip_address(self.hop),
            med=self.med,
            communities=tuple(map(notation.community, self.communities)),
            large_communities=tuple(map(notation.large_community, self.large)),
        )


SAMPLES = (
    Sample("41.0.0.0/16", "1103 1136", communities=("1103:100", "65535:65281"), med=10),
    Sample("41.1.0.0/16", "1103 4200000", large=("1103:1:2", "1103:3:4")),
    Sample("41.2.0.0/25", "1103", ("prefix-too-long",)),
    Sample("10.0.0.0/8", "1103", ("bogon-prefix",)),
    Sample("41.3.0.0/16", "1103 64512 1136", ("bogon-asn",)),
    Sample("41.4.0.0/16", "1136 1103", ("first-as",)),
    Sample("41.5.0.0/16", "1103 {1136 5089}", ("as-set",)),
    Sample("41.6.0.0/16", "1103 8075", ("as-path-loop",)),
    Sample("41.7.0.0/16", "1103 12076", ("as12076",)),
    Sample("41.8.0.0/16", "1103", ("next-hop",), next_hop="192.0.2.2"),
    Sample("2a00:1000::/32", "1103 1136"),
    Sample("2a00:1001::/49", "1103", ("prefix-too-long",)),
    Sample("fc00::/16", "1103", ("bogon-prefix",)),
    Sample("2a00:1002::/32", "1103", ("next-hop",), next_hop="2001:db8::2"),
)
SESSIONS = SessionPolicies("exchange", peer_as=1103, addresses=ADDRESSES)


def exabgp(samples: Iterable[Sample]) -> bytes:
    lines = []
    for sample in samples:
        sequence, _, members = sample.path.partition("{")
        path = f"[ {sequence} ]" + (f" ( {members.removesuffix('}')} )" if members else "")
        line = f"route {sample.prefix} next-hop {sample.hop} as-path {path}"
        line += f" community [ {' '.join(sample.communities)} ]" if sample.communities else ""
        line += f" large-community [ {' '.join(sample.large)} ]" if sample.large else ""
        line += f" med {sample.med}" if sample.med is not None else ""
        lines.append(line)
    return "".join(f"{line}\n" for line in lines).encode()


def json_lines(samples: Iterable[Sample]) -> bytes:
    return "".join(
        json.dumps(
            {
                "prefix": sample.prefix,
                "as-path": sample.path,
                "communities": list(sample.communities),
                "large_communities": list(sample.large),
                "nextHop": sample.hop,
                "med": sample.med,
            }
        )
        + "\n"
        for sample in samples
    ).encode()


def bird(samples: Iterable[Sample]) -> bytes:
    text = "BIRD 2.0.12 ready.\nTable master4:\n"
    for sample in samples:
        text += f"{sample.prefix:<20} unicast [peer1 2026-11-22 04:07:55] * (100) [AS1136i]\n"
        text += f"\tvia {sample.hop} on eth0\n\tType: BGP univ\n\tBGP.origin: IGP\n"
        text += f"\tBGP.as_path: {sample.path}\n\tBGP.next_hop: {sample.hop}\n"
        text += f"\tBGP.med: {sample.med}\n" if sample.med is not None else ""
        text += "\tBGP.local_pref: 100\n"
        if sample.communities:
            text += f"\tBGP.community: {' '.join('(' + c.replace(':', ',') + ')' for c in sample.communities)}\n"
        if sample.large:
            text += f"\tBGP.large_community: {' '.join('(' + c.replace(':', ', ') + ')' for c in sample.large)}\n"
    return text.encode()


def mrt_rib(samples: Sequence[Sample]) -> bytes:
    tables = [
        (peer, [RibEntry(s.family, s.key, s.attributes, 1.0) for s in samples if s.family is family])
        for peer, family in ((PEER4, Family.IPV4), (PEER6, Family.IPV6))
    ]
    return b"".join(rib_dump(2.0, IPv4Address("192.0.2.9"), "test", tables))


def update_of(sample: Sample, *, asn4: bool = True) -> bytes:
    block = encode(sample.attributes, asn4=asn4)
    hop = ip_address(sample.hop).packed
    ((octets, _),) = pack_announcements(sample.family, block, hop, (sample.key,), 4096)
    return octets


def mrt_updates(samples: Iterable[Sample], *, asn4: bool = True, extended_time: bool = True) -> bytes:
    return b"".join(
        pack_message(
            1.5,
            PEER4 if sample.family is Family.IPV4 else PEER6,
            US4 if sample.family is Family.IPV4 else US6,
            update_of(sample, asn4=asn4),
            asn4=asn4,
            extended_time=extended_time,
        )
        for sample in samples
    )


def table_dump(samples: Iterable[Sample], *, asn4: bool = False) -> bytes:
    """TABLE_DUMP as Quagga wrote it: ASNs of two octets with AS4_PATH behind, MP_REACH_NLRI with all of its parts."""
    found = b""
    for sequence, sample in enumerate(samples):
        family, address = sample.family, ADDRESSES[sample.family]
        attributes = encode(sample.attributes, asn4=asn4)
        if family is Family.IPV6:
            reach = b"\0\2\1\x10" + ip_address(sample.hop).packed + b"\0" + sample.key
            attributes += bytes((0x80, 14, len(reach))) + reach
        prefix = sample.key[1:].ljust(family.max_length // 8, b"\0")
        body = struct.pack("!HH", 0, sequence & 0xFFFF) + prefix + bytes((sample.key[0], 1)) + struct.pack("!L", 1)
        body += address.packed + struct.pack("!LH" if asn4 else "!HH", 1103, len(attributes)) + attributes
        subtype = (1 if family is Family.IPV4 else 2) + (2 if asn4 else 0)
        found += struct.pack("!LHHL", 1, 12, subtype, len(body)) + body
    return found


def table_dump_as4(samples: Iterable[Sample]) -> bytes:
    return table_dump(samples, asn4=True)


FILES = {
    "mrt-rib": (InputFormat.MRT, mrt_rib),
    "mrt-table-dump": (InputFormat.MRT, table_dump),
    "mrt-table-dump-4": (InputFormat.MRT, table_dump_as4),
    "mrt-updates": (InputFormat.MRT, mrt_updates),
    "exabgp": (InputFormat.EXABGP, exabgp),
    "bird": (InputFormat.BIRD, bird),
    "json": (InputFormat.JSON, json_lines),
}


def read_routes(entries: Iterable[TableEntry]) -> list[TableRoutes]:
    """The routes in the order of the file; fails when anything is unreadable."""
    found = []
    for entry in entries:
        assert not isinstance(entry, Unreadable), entry
        if isinstance(entry, TableRoutes):
            found.append(entry)
    return sorted(found, key=lambda entry: entry.place.number if entry.place is not None else 0)


def by_prefix(entries: Iterable[TableEntry]) -> dict[str, PathAttributes]:
    return {nlri.text(entry.family, key): entry.path for entry in read_routes(entries) for key in entry.keys}


def verdicts(
    entries: Iterable[TableEntry], sessions: SessionPolicies = SESSIONS
) -> tuple[dict[str, tuple[str, ...]], Tally]:
    """Prefix → the rules that fired, and the counts."""
    judge = Judge(sessions.session)
    found: dict[str, tuple[str, ...]] = {}
    for routes, hits in judge.judge(entries):
        for key in routes.keys:
            fired: Hits = hits.get(key, ())
            found[nlri.text(routes.family, key)] = tuple(hit.rule for hit in fired)
    return found, judge.tally
