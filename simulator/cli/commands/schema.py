"""`turnup schema`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class FileKind(StrEnum):
    """What has a schema."""

    topology = "topology"
    fault = "fault"
    scenario = "scenario"


def schema(
    of: Annotated[
        FileKind, typer.Argument(metavar="[topology|fault|scenario]", help="Which files' schema.")
    ] = FileKind.topology,
) -> None:
    """Print the topology files' JSON Schema, for editors that complete and check YAML; or that of fault files."""
    from pydantic import BaseModel

    model: type[BaseModel]
    if of is FileKind.fault:
        from simulator.faults.schema import RehearsedFault

        model = RehearsedFault
    elif of is FileKind.scenario:
        from simulator.scenarios.schema import ScenarioFile

        model = ScenarioFile
    else:
        from simulator.topology.schema import Topology

        model = Topology
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
    typer.echo(json.dumps(document, indent=2))
