"""What a format does not say of a route, and which rules cannot judge because of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

COMMUNITIES: Final = frozenset({"communities", "extended_communities", "large_communities"})
OTC: Final = frozenset({"otc"})
NEXT_HOP: Final = frozenset({"next_hop"})

LOOKS: Final[dict[str, frozenset[str]]] = {
    "otc": OTC,
    "too-many-communities": COMMUNITIES,
    "maps-community-missing": frozenset({"communities"}),
    "next-hop": NEXT_HOP,
    "link-local-next-hop": frozenset({"next_hop", "link_local"}),
}
"""Rule → the attributes that it looks at, except the AS path, which every format has. Other rules look at none."""


@dataclass(frozen=True, slots=True)
class MissingAttributes:
    """What one kind of output leaves out; the same object for all of its routes."""

    attributes: frozenset[str] = frozenset()
    """Names of fields of PathAttributes."""
    why: str = ""
    """What leaves it out, and what to give instead."""
    rules: frozenset[str] = field(init=False)
    """Those that cannot judge."""

    def __post_init__(self) -> None:
        found = frozenset(rule for rule, looks in LOOKS.items() if looks & self.attributes)
        object.__setattr__(self, "rules", found)


NOTHING: Final = MissingAttributes()
