"""What one measurement gives, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OURS = "turnup"
"""The name of turnup among those that are compared."""


class BenchError(Exception):
    """A measurement that came to no end, or whose result is wrong: one line."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement of one contender."""

    values: Mapping[str, float]
    """Quantity → value, in the unit of the figure that shows it."""
    cpu: float = 0.0
    """CPU seconds, user and system, of what was measured."""
    foreign: float = 0.0
    """Cores that all other processes of the machine used meanwhile."""
    disturbed: bool = False
    """Others used so much of the CPU that the times say nothing."""
    agreed: int = -1
    """What everybody has to have in common, such as the routes accepted; -1 where there is no such thing."""
    leaked: int = 0
    """Routes that passed a gate before the connection was Active."""
    note: str = ""
    """What a reader has to know of it."""


@dataclass(slots=True)
class Series:
    """All measurements of one contender."""

    readings: list[Reading] = field(default_factory=list)
    problem: str = ""
    """Why it is missing (not installed) or has failed."""
    failed: bool = False

    @property
    def clean(self) -> list[Reading]:
        """Those without disturbance."""
        return [reading for reading in self.readings if not reading.disturbed]

    @property
    def counted(self) -> list[Reading]:
        """The clean ones, or all where there is no clean one."""
        return self.clean or self.readings

    def median(self, quantity: str) -> float | None:
        """None where nothing was measured. Of two the greater one."""
        values = sorted(self.values(quantity))
        return values[len(values) // 2] if values else None

    def values(self, quantity: str) -> list[float]:
        """Of the readings that count."""
        return [reading.values[quantity] for reading in self.counted if quantity in reading.values]
