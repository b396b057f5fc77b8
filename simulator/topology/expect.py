"""What a topology expects of a rehearsal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from simulator.topology.values import CheckName, Model


def _warnings(given: object) -> object:
    words: dict[object, list[str] | None] = {"any": None, "none": []}
    if given is None or isinstance(given, list):
        return given
    if not isinstance(given, str) or given not in words:
        raise ValueError("any, none, or a list of checks' ids is wanted")
    return words[given]


Warnings = Annotated[
    list[str] | None,
    BeforeValidator(_warnings),
    WithJsonSchema({"anyOf": [{"enum": ["any", "none"]}, {"type": "array", "items": {"type": "string"}}]}),
]


class Expect(Model):
    """What the rehearsal must come to; anything else fails it."""

    state: Literal["Active", "ProvisioningFailed"] = Field(
        default="Active", description="the state that each connection must reach"
    )
    failing_checks: list[CheckName] = Field(
        default=[], description="checks that must end in failure, by id: S1, or R3.bogon-prefix"
    )
    accepted: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="routes accepted on each IPv4 session"
    )
    accepted_ipv6: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="routes accepted on each IPv6 session"
    )
    rejected: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="routes that the policy rejects, on all sessions of each connection together"
    )
    warnings: Warnings = Field(
        default=None, description="checks that may warn without failing the rehearsal: any, none, or these ids"
    )
    """None: any."""

    def permits(self, warning: str) -> bool:
        """Whether a check may warn; one that is to fail may."""
        return self.warnings is None or warning in (*self.warnings, *self.failing_checks)
