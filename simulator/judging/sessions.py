"""From what a user says of the policy, and from a topology, to the policies of sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar

from simulator.judging.options import JudgingOptions, SessionOptions, TopologyFaultsError
from simulator.policy.data import irr, registered, vrp
from simulator.policy.data.irr import IrrLists
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.registered import RegisteredPrefixes
from simulator.policy.data.vrp import VrpTable
from simulator.policy.policy import check_settings
from simulator.policy.profiles import RuleSettings
from simulator.session.messages import Family
from simulator.tables.session_policies import SessionPolicies, read_settings
from simulator.topology.as8075 import known_prefixes
from simulator.topology.files import LARGEST_DATA, FileReadError, read_octets

T = TypeVar("T")
_DEFAULT = "exchange"
"""The profile that judges where neither option nor topology names one."""


def sessions(
    judging: JudgingOptions, peering: SessionOptions, peer_as: int | None, warn: Callable[[str], None]
) -> SessionPolicies:
    """The policies that the options ask for. `peer_as` is the ASN that the options give, which wins over a topology's.

    `warn` gets what is left out of a data file.

    Raises ValueError: PolicyError is one, and so is TopologyFaultsError.
    """
    rules: RuleSettings = {}
    if peering.topology is None:
        if peering.peer is not None:
            raise ValueError("--peer names a peer of a topology: --topology is missing")
        base = SessionPolicies(judging.profile or _DEFAULT, own=known_prefixes())
    else:
        from simulator.judging.topologies import of_topology  # reading a topology takes longer than all the rest

        base, rules = of_topology(peering.topology, peering.peer, judging.profile, warn)
    made = replace(
        base,
        settings=settings(judging, base.profile, rules),
        peer_as=peer_as if peer_as is not None else base.peer_as,
        addresses={**base.addresses, **_addresses(peering.addresses)},
        lan=lans(judging) or base.lan,
        data=data(judging, base.data, warn),
    )
    for family in Family:
        made.session(None, family)  # so that a parameter that makes no sense is an error now
    return made


def settings(judging: JudgingOptions, profile: str, rules: RuleSettings) -> dict[str, Any]:
    """`rules` with what the options switch and set on top. Raises PolicyError."""
    found = read_settings(profile, judging.rules, rules, allow_documentation=judging.documentation)
    check_settings(profile, found)
    return found


def lans(judging: JudgingOptions) -> tuple[str, ...]:
    """Raises ValueError."""
    for text in judging.lan:
        try:
            ip_network(text)
        except ValueError as error:
            raise ValueError(f"--lan {text}: {error}") from None
    return judging.lan


def data(judging: JudgingOptions, base: PolicyData, warn: Callable[[str], None]) -> PolicyData:
    """`base` with the files that the options name in its place; several of a kind add up. ValueError names the file.

    `warn` gets what is left out of a file.
    """
    given = {
        "vrp": _read(judging.vrp, vrp.read, VrpTable.joined, warn),
        "irr": _read(judging.irr, irr.read, IrrLists.joined, warn),
        "registered_prefixes": _read(
            judging.registered_prefixes, registered.read_prefixes, RegisteredPrefixes.joined, warn
        ),
        "registered_asns": _read(judging.registered_asns, registered.read_asns, _both, warn),
    }
    changes: Mapping[str, Any] = {key: value for key, value in given.items() if value is not None}
    return replace(base, **changes)


def address(text: str, option: str) -> IPv4Address | IPv6Address:
    """Raises ValueError."""
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"{option} '{text}' is no IPv4 or IPv6 address") from None


def _both(one: frozenset[int], other: frozenset[int]) -> frozenset[int]:
    return one | other


def _addresses(texts: tuple[str, ...]) -> dict[Family, IPv4Address | IPv6Address]:
    found: dict[Family, IPv4Address | IPv6Address] = {}
    for text in texts:
        given = address(text, "--peer-address")
        family = Family.IPV4 if given.version == 4 else Family.IPV6
        if family in found:
            raise ValueError(f"--peer-address is given twice for {family.label}")
        found[family] = given
    return found


def _read(
    paths: Sequence[Path], reader: Callable[[bytes], T], join: Callable[[T, T], T], warn: Callable[[str], None]
) -> T | None:
    """What the files hold together; None for no files."""
    return reduce(join, (_read_one(path, reader, warn) for path in paths)) if paths else None


def _read_one(path: Path, reader: Callable[[bytes], T], warn: Callable[[str], None]) -> T:
    try:
        found = reader(read_octets(path, LARGEST_DATA))
    except FileReadError as error:
        raise ValueError(f"{path}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if isinstance(found, VrpTable) and found.left_out.count:
        warn(f"{path}: {found.left_out}")
    return found


def faults(error: ValueError) -> list[str]:
    """What is wrong, one line each: a topology has several faults."""
    return list(error.faults) if isinstance(error, TopologyFaultsError) else [str(error)]


def peer_asn(peering: SessionOptions) -> int | None:
    """The ASN that the options give. Raises ValueError."""
    return asn(peering.peer_as, "--peer-as") if peering.peer_as else None


def asn(text: str, option: str) -> int:
    """`64496` or `AS64496`. Raises ValueError."""
    digits = text.strip().upper().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10 or not 1 <= int(digits) <= 4294967295:
        raise ValueError(f"{option} '{text}' is no ASN (1 to 4294967295)")
    return int(digits)
