"""What a topology says of the lifted policy: its rules, their data, and what AS8075 changes in routes."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field

from simulator.topology.values import Asn, DataFile, Model, Profile, Rules


class DataChoice(Model):
    """Files that the rules look things up in. They are read again when they change."""

    vrp: DataFile | None = Field(default=None, description="validated ROA payloads: rpki-client's or Routinator's JSON")
    irr: DataFile | list[DataFile] | None = Field(
        default=None,
        description="output of `bgpq4 -j`; a list called AS64496 (`-l AS64496`) is for that peer, others are for all",
    )
    registered_prefixes: DataFile | list[IPv4Network | IPv6Network] | None = Field(
        default=None, description="the peering's registered prefixes: a list, or a file of JSON or lines"
    )
    registered_asns: DataFile | list[Asn] | None = Field(
        default=None, description="the peering's registered ASNs: a list, or a file of JSON or lines"
    )
    peeringdb: DataFile | None = Field(
        default=None, description="PeeringDB's net JSON: its prefix counts stand in for max-prefixes that are not given"
    )


class ImportChoice(Model):
    """What AS8075 does to the routes that it takes. Microsoft publishes that it overwrites MED, not with what."""

    med: Annotated[int, Field(ge=0, le=4294967295)] | None = Field(
        default=0, description="what MULTI_EXIT_DISC is overwritten with; null leaves it"
    )
    local_pref: Annotated[int, Field(ge=0, le=4294967295)] = Field(default=100, description="LOCAL_PREF")
    informational: bool = Field(default=True, description="add the large community 8075:1:<the peer's ASN>")


class PolicyChoice(Model):
    """The lifted policy: its profile, rules switched off or parametrised by id, and the data that they use."""

    profile: Profile | None = Field(
        default=None, description="where omitted: `exchange` for Exchange peerings, `direct` for Direct ones"
    )
    rules: Rules = Field(
        default={}, description="by id: false switches a rule off, true on; a mapping sets its parameters"
    )
    data: DataChoice = Field(default=DataChoice(), description="the files that rules look things up in")
    import_: ImportChoice = Field(default=ImportChoice(), description="what AS8075 changes in the routes that it takes")
