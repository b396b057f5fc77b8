"""Which checks a rehearsal runs, as a topology says it."""

from __future__ import annotations

from pydantic import Field

from simulator.topology.values import CheckName, DataFile, Model


class CheckChoice(Model):
    """The checks that run. D1 and D2 always do: they show that nothing passed under DENY ALL."""

    only: list[CheckName] = Field(
        default=[], description="these alone, with those that they rest on; `R3` for every rule's; all where omitted"
    )
    exclude: list[CheckName] = Field(default=[], description="not these")
    strict: list[CheckName] = Field(default=[], description="these block where they would warn")
    file: DataFile | None = Field(
        default=None, description="a Python file with checks of your own in `CHECKS`; it is run"
    )
