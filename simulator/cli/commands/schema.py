"""`turnup schema`."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the topology files' JSON Schema, for editors that complete and check YAML."""
    from simulator.topology.schema import Topology

    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Topology.model_json_schema(by_alias=True)}
    typer.echo(json.dumps(document, indent=2))
