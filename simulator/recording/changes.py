"""What a replay has otherwise than the recording: another policy, other data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulator.policy.profiles import PROFILES
from simulator.topology.load import load
from simulator.topology.policy_choice import DataChoice
from simulator.topology.policy_files import KEYS as DATA_KEYS
from simulator.topology.schema import Topology

__all__ = ["DATA_KEYS", "NO_CHANGES", "Changes", "policy_named"]


@dataclass(frozen=True, slots=True)
class Changes:
    """Empty: everything as it was."""

    profile: str = ""
    """Of all sessions."""
    policy_of: Topology | None = None
    """The topology whose `policy` applies."""
    data: Mapping[str, Path | list[Path]] = field(default_factory=dict)
    """Files, by the key of `policy.data`."""

    def __bool__(self) -> bool:
        return bool(self.profile or self.policy_of is not None or self.data)

    def topology(self, topology: Topology) -> Topology:
        """The recorded topology with what is changed."""
        policy, peerings = topology.policy, topology.peerings
        if self.policy_of is not None:
            policy = self.policy_of.policy.model_copy(update={"data": policy.data})
            theirs = {peering.name: peering for peering in self.policy_of.peerings}
            peerings = [
                peering.model_copy(update={"profile": theirs[peering.name].profile})
                if peering.name in theirs
                else peering
                for peering in peerings
            ]
        if self.profile:
            peerings = [peering.model_copy(update={"profile": self.profile}) for peering in peerings]
        if self.data:
            policy = policy.model_copy(update={"data": DataChoice.model_validate(dict(self.data))})
        return topology.model_copy(update={"policy": policy, "peerings": peerings})


NO_CHANGES = Changes()


def policy_named(text: str) -> Changes:
    """Of a profile's name or a topology's path. Raises TopologyError."""
    if (name := text.casefold()) in PROFILES and not Path(text).is_file():
        return Changes(profile=name)
    return Changes(policy_of=load(Path(text), own_files=False))
