"""What `@pytest.mark.topology(...)` asks for, and the lab that it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulator.scenarios.lab_file import topology_of
from simulator.scenarios.model import Variant
from simulator.scenarios.schema import FAMILIES, ROUTERS, SECURITIES
from simulator.topology.document import read
from simulator.topology.schema import Topology
from simulator.topology.suggest import listed

SCOPES: Final = ("function", "module")
_VALUES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("router", ROUTERS),
    ("family", FAMILIES),
    ("security", SECURITIES),
    ("scope", SCOPES),
)


@dataclass(frozen=True, slots=True)
class AskedLab:
    """The lab of a test."""

    topology: Any = "exchange"
    """The name of a shipped topology, a path beside the test's file, or the topology itself as a mapping."""
    router: str | None = None
    family: str | None = None
    security: str | None = None
    changes: Any = None
    scope: str = "function"

    @classmethod
    def of(cls, given: tuple[Any, ...], named: dict[str, Any]) -> AskedLab:
        """Of a marker's arguments. Raises ValueError, in one line."""
        known = ("topology", "router", "family", "security", "changes", "scope")
        if unknown := [name for name in named if name not in known]:
            raise ValueError(f"the marker topology has no {unknown[0]!r} (there are: {', '.join(known)})")
        if len(given) > 1:
            raise ValueError("the marker topology has one argument without a name: the topology")
        made = cls(**dict(zip(("topology",), given, strict=False)), **named)
        for name, values in _VALUES:
            value = getattr(made, name)
            if value is not None and value not in values:
                raise ValueError(f"{name}={value!r}: the marker topology takes {listed(values)} here")
        return made

    def load(self, beside: Path, router: str | None) -> Topology:
        """`beside`: the test's file; `router`: the kind that stands in for the topology's. Raises TopologyError."""
        given = self.topology
        if isinstance(given, str) and given.endswith((".yaml", ".yml")) and not (beside.parent / given).is_file():
            given = given.rsplit(".", 1)[0]  # the name of a shipped one, as its file is called
        chosen = {"router": router or self.router, "family": self.family, "security": self.security}
        variant = Variant(tuple((key, value) for key, value in chosen.items() if value is not None))
        changes = self.changes or {}
        document = read(json.dumps({"topology": given, "changes": changes}))
        return topology_of(given, changes, variant, document, beside)
