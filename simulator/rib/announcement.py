"""Routes to announce, before any session."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.session.messages import Family
from simulator.wire.path_attributes import PathAttributes


@dataclass(frozen=True, slots=True)
class Announcement:
    """Routes to announce: one attribute set, its prefixes.

    The export side completes AS_PATH, and NEXT_HOP when it is missing.
    """

    family: Family
    attributes: PathAttributes
    keys: tuple[bytes, ...]
