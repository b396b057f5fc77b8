"""Packets dropped in a node's network namespace, by the kernel's nftables. Everything goes with the namespace."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.nftables.expressions import genex, verdict
from pyroute2.nftables.main import NFTables

from simulator.lab.netns import NetnsPlace
from simulator.places.endpoint import BGP_PORT
from simulator.places.errors import LabError

_INET: Final = 1
"""nftables' family of both IPv4 and IPv6."""
_L4_PROTOCOL: Final = 16
"""NFT_META_L4PROTO."""
_TRANSPORT: Final = 2
"""NFT_PAYLOAD_TRANSPORT_HEADER."""
_NETWORK_FAMILY: Final = 15
"""NFT_META_NFPROTO."""
_RANDOM: Final = 24
"""NFT_META_PRANDOM."""
_EQUAL, _LESS = 0, 2
"""NFT_CMP_EQ, NFT_CMP_LT."""
_PROTOCOLS: Final = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58}
_NFPROTO: Final = {"IPv4": 2, "IPv6": 10}
_DROP, _SOURCE, _TARGET = 0, 0, 2
_ECHO: Final = {"icmp": 8, "icmp6": 128}


def drop(place: NetnsPlace, what: str, family: str, table: str = "turnup") -> None:
    """Drop what of a family arrives at a node (`out`: leaves it). Raises LabError where the kernel cannot.

    `bgp`: TCP from or to port 179; `tcp`: all TCP; `icmp`: echo requests; `out`: BGP that it sends.
    """
    hook = "output" if what == "out" else "input"
    rules: list[list[Any]] = []
    if what == "icmp":
        protocol = "icmp" if family == "IPv4" else "icmp6"
        rules.append([*_meta(_L4_PROTOCOL, _PROTOCOLS[protocol]), *_payload(0, bytes([_ECHO[protocol]]))])
    elif what == "tcp":
        rules.append(_meta(_L4_PROTOCOL, _PROTOCOLS["tcp"]))
    else:
        port = BGP_PORT.to_bytes(2, "big")
        rules += [[*_meta(_L4_PROTOCOL, _PROTOCOLS["tcp"]), *_payload(at, port)] for at in (_SOURCE, _TARGET)]
    try:
        place.run(lambda: _install(table, hook, [[*_meta(_NETWORK_FAMILY, _NFPROTO[family]), *rule] for rule in rules]))
    except (NetlinkError, OSError) as error:
        raise LabError(
            f"packets cannot be dropped at {place.name}: {error} (a kernel with nf_tables is needed)"
        ) from error


def lose(place: NetnsPlace, percent: int, family: str, table: str = "turnup") -> None:
    """Lose so many of the packets of a family that arrive at a node, at random: TCP, UDP and echoes, no question who
    has an address. Raises LabError as `drop` does."""
    below = bytes([round(256 * percent / 100)])  # of an octet by chance
    chance = [genex("meta", {"key": _RANDOM, "dreg": 1}), _compare(below, _LESS)]
    echo = "icmp" if family == "IPv4" else "icmp6"
    what = [_meta(_L4_PROTOCOL, _PROTOCOLS[each]) for each in ("tcp", "udp")]
    what.append([*_meta(_L4_PROTOCOL, _PROTOCOLS[echo]), *_payload(0, bytes([_ECHO[echo]]))])
    rules = [[*_meta(_NETWORK_FAMILY, _NFPROTO[family]), *each, *chance] for each in what]
    try:
        place.run(lambda: _install(table, "input", rules))
    except (NetlinkError, OSError) as error:
        raise LabError(
            f"packets cannot be lost at {place.name}: {error} (a kernel with nf_tables is needed)"
        ) from error


def undrop(place: NetnsPlace, table: str) -> None:
    """Take a table away, with all that `drop` put into it. Raises LabError."""

    def remove() -> None:
        with NFTables(nfgen_family=_INET) as nft:
            nft.table("del", name=table)

    try:
        place.run(remove)
    except (NetlinkError, OSError) as error:
        raise LabError(f"packets are still dropped at {place.name}: {error}") from error


def _install(table: str, hook: str, rules: list[list[Any]]) -> None:
    with NFTables(nfgen_family=_INET) as nft:
        nft.table("add", name=table)
        nft.chain("add", table=table, name=hook, hook=hook, type="filter", priority=0, policy=1)
        add = partial(nft.rule, "add")
        for rule in rules:
            add(table=table, chain=hook, expressions=([*rule, *verdict(code=_DROP)],))


def _meta(key: int, value: int) -> list[Any]:
    return [genex("meta", {"key": key, "dreg": 1}), _compare(bytes([value]))]


def _payload(offset: int, value: bytes) -> list[Any]:
    load = {"dreg": 1, "base": _TRANSPORT, "offset": offset, "len": len(value)}
    return [genex("payload", load), _compare(value)]


def _compare(value: bytes, how: int = _EQUAL) -> Any:
    return genex("cmp", {"sreg": 1, "op": how, "data": {"attrs": [("NFTA_DATA_VALUE", value)]}})
