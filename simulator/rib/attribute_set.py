"""Path attributes, decoded and judged once for each distinct set that a peer sends."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.policy.verdict import Hits
from simulator.wire.path_attributes import PathAttributes


@dataclass(slots=True, eq=False, weakref_slot=True)
class AttributeSet:
    """One interned set of path attributes. Compared by identity: two equal sets of one session are one object.

    Never changed. It is not frozen, because a frozen class takes three times as long to be made.
    """

    path: PathAttributes
    hits: Hits
    """The attribute rules that fired: any makes every route with this set a reject."""
    raw: bytes = b""
    """The octets that it was decoded from, MP attributes cut out, where they say what `path` says and nothing else and
    hold four-octet ASNs: only then may they be passed on. Otherwise empty."""
