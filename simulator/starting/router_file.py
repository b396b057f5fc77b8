"""What a router's own file says of its sessions with Microsoft, read as preflight reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Final

from simulator.addresses import IpAddress, IpNetwork
from simulator.diagnosis.router_answer import Setting, Statement
from simulator.routers.own_file import INTERFACE, VRF, OwnFile, bindings, neighbors_of, sources, statements_of
from simulator.routers.registry import ROUTERS
from simulator.starting.facts import MICROSOFT, RouterFacts, StartError

LANGUAGES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("frr", re.compile(r"^router bgp \d+", re.MULTILINE)),
    ("gobgp", re.compile(r"^\s*\[\[?(?:neighbors|global)\b|^\s*\"?neighbor-address\"?\s*[=:]|neighbor-address", re.M)),
    ("exabgp", re.compile(r"^\s*(?:neighbor|template)\s+[\w.:-]*\s*\{[\s\S]*\bpeer-as\b", re.MULTILINE)),
    ("bird", re.compile(r"^\s*(?:protocol|template)\s+bgp\b", re.MULTILINE)),
    ("openbgpd", re.compile(r"^\s*AS\s+\$?[\w.]+|^\s*neighbor\s+\$?[\w.:/]+\s*\{[\s\S]*\bremote-as\b", re.MULTILINE)),
)
"""Kind of router → what its files have, and those before it do not."""
_ADDRESSES: Final = re.compile(r"^\s*ip(?:v6)? address (\S+/\d+)", re.MULTILINE)
"""FRR's file gives interfaces their addresses too."""


def language(text: str) -> str | None:
    """The kind of router that a configuration file is for; None: for no router that the lab runs."""
    return next((kind for kind, pattern in LANGUAGES if pattern.search(text)), None)


def read(path: Path, kind: str) -> RouterFacts:
    """Raises StartError where the file has no session with Microsoft."""
    own = ROUTERS[kind].own_file
    if own is None:  # no such router is in LANGUAGES
        raise StartError(f"{path}: {kind} has no file of its own")
    found = {address: statements_of(own, path, address) for address in neighbors_of(own, path)}
    ours = {address: said for address, said in found.items() if _asn(said.get(Setting.REMOTE_AS)) == MICROSOFT}
    if not ours:
        others = sorted({asn for said in found.values() if (asn := _asn(said.get(Setting.REMOTE_AS)))})
        have = f"its sessions are with {', '.join(f'AS{asn}' for asn in others)}" if others else "it has no session"
        raise StartError(f"{path}: no session with AS{MICROSOFT} is in this file for {kind}: {have}")
    microsoft = tuple(each for each in map(_address, ours) if each is not None)
    near = list(_interfaces(own, path, microsoft))
    called = [_address(said[Setting.SOURCE].value) for said in ours.values() if Setting.SOURCE in said]
    said = next(iter(ours.values()))
    names = [(each.what, each.name) for each in bindings(own, path, ours) if each.name != "lo"]
    bound = {wanted: [name for what, name in names if what == wanted] for wanted in (INTERFACE, VRF)}
    texts = list(sources(own, path))
    return RouterFacts(
        kind=kind,
        file=path,
        single=len(texts) == 1 and not re.search(r"^\s*include\b", texts[0][1], re.MULTILINE),
        asn=_asn(said.get(Setting.LOCAL_AS)),
        microsoft=microsoft,
        addresses=tuple(dict.fromkeys([*(each for each in called if each is not None), *(each for each, _ in near)])),
        lan=tuple(dict.fromkeys(network for _, network in near)),
        router_id=said[Setting.ROUTER_ID].value if Setting.ROUTER_ID in said else "",
        md5=said[Setting.MD5].value.strip("\"'") if Setting.MD5 in said else "",
        gtsm=Setting.GTSM in said,
        hold_time=_number(said.get(Setting.HOLD_TIME)),
        interface=next((name for name in bound[INTERFACE] if "*" not in name), ""),
        vrf=next(iter(bound[VRF]), ""),
    )


def _interfaces(own: OwnFile, path: Path, microsoft: tuple[IpAddress, ...]) -> Iterator[tuple[IpAddress, IpNetwork]]:
    """The addresses that the file itself gives interfaces on whose networks Microsoft is."""
    for _, text in sources(own, path):
        for hit in _ADDRESSES.finditer(own.blank(text)):
            try:
                found = ip_interface(hit[1])
            except ValueError:
                continue
            if any(address in found.network for address in microsoft):
                yield found.ip, found.network


def _address(written: str) -> IpAddress | None:
    try:
        return ip_address(written.strip('"').partition("%")[0])
    except ValueError:
        return None


def _asn(said: Statement | None) -> int | None:
    """In either notation (RFC 5396)."""
    found = re.fullmatch(r"(?:(\d+)\.)?(\d+)", said.value.strip("\"'")) if said is not None else None
    return (int(found[1] or 0) << 16) + int(found[2]) if found is not None else None


def _number(said: Statement | None) -> int | None:
    return int(said.value) if said is not None and said.value.isdecimal() else None
