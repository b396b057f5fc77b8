"""What a remedy is about, and who writes it in the words of the router at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class About:
    """What only the evidence of one session tells."""

    name: str = ""
    """The router's own name for the session."""
    prefixes: tuple[str, ...] = ()
    """The prefixes in question; those to be announced where empty."""
    limit: int | None = None
    """How many prefixes it should take."""
    export: str = ""
    """The name of the export policy that it has."""
    values: tuple[str, ...] = ()
    """What was seen in the routes in question: next hops, AS numbers, MEDs, communities."""
    community: str = "8007"
    """The second half of a Peering Service community (Microsoft: MAPS)."""


class Mender(Protocol):
    """One session's router: what its user types."""

    @property
    def language(self) -> str:
        """The router's kind."""

    def remedy(self, cause: str, about: About) -> str:
        """What mends a cause or a rule of the policy (`*`: announce it not); empty: it has no words of its own."""

    def look(self, about: About) -> str:
        """The command that shows all that the router knows of the session; empty where it has no such command."""
