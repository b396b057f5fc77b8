"""What has to hold of the policy: its profiles, its rules, and the data that they judge by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.policy.data.reading import DataError
from simulator.policy.policy import PROFILES, PolicyError, check_settings
from simulator.policy.rules import RULES
from simulator.topology.policy_files import files_of, read_file
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import Topology
from simulator.topology.suggest import asn_meant, did_you_mean

_READ_HERE = 4_000_000
"""Octets: a longer data file takes seconds to read, and is read once, when the lab starts."""


def _profiles(topology: Topology) -> Iterator[tuple[Path, str]]:
    """Every profile that is in force, and where the file names it."""
    if topology.policy.profile is not None:
        yield ("policy", "profile"), topology.policy.profile
    for index, peering in enumerate(topology.peerings):
        yield ("peerings", index, "profile"), topology.profile(peering)


def _meant(name: str, setting: bool | dict[str, Any], rules: set[str]) -> tuple[Path, str]:
    """Where a rule's setting is wrong, and what may have been meant."""
    where: Path = ("policy", "rules", name)
    if name not in rules:
        return where, did_you_mean(name, rules)
    for parameter, value in setting.items() if isinstance(setting, dict) else ():
        known = RULES[name].parameters
        if parameter not in known:
            return (*where, parameter), did_you_mean(parameter, known)
        for each in value if isinstance(value, list) else [value]:
            if (meant := asn_meant(str(getattr(each, "text", each)))) is not None:
                return (*where, parameter), f": did you mean {meant}?"
    return where, ""


def policy_problems(topology: Topology) -> Iterator[Problem]:
    """Profiles and rules that there are not, and data that they cannot judge by."""
    profiles: list[str] = []
    for where, profile in _profiles(topology):
        try:
            check_settings(profile, {})
        except PolicyError as error:
            yield Problem(where, f"{error}{did_you_mean(profile, PROFILES)}")
            return
        if profile not in profiles:
            profiles.append(profile)
    data = topology.policy.data
    for name, setting in topology.policy.rules.items():
        # A rule that only some of the profiles have is switched in those: a topology may mix kinds of peerings.
        having = [profile for profile in profiles if name in PROFILES[profile]]
        try:
            for profile in having or profiles:
                check_settings(profile, {name: setting})
        except PolicyError as error:
            where, hint = _meant(name, setting, {rule for profile in profiles for rule in PROFILES[profile]})
            yield Problem(where, f"{error}{hint}")
            continue
        needs = RULES[name].needs
        if setting is not False and needs and getattr(data, needs.replace("-", "_")) is None:
            text = f"rule '{name}' has nothing to judge by: name its data as policy.data.{needs}"
            yield Problem(("policy", "rules", name), text)
    for key, path in files_of(data):
        try:
            if not path.exists() or path.stat().st_size <= _READ_HERE:
                read_file(key, path)
        except DataError as error:
            yield Problem(("policy", "data", key), f"{path}: {error}")
        except OSError as error:
            yield Problem(("policy", "data", key), f"{path}: it cannot be read: {error.strerror}")
