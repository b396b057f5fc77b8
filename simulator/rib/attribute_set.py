"""Path attributes, judged once for each distinct set that a peer sends, and decoded when somebody asks for them."""

from __future__ import annotations

from struct import unpack_from

from simulator.policy.verdict import Hits
from simulator.wire.path_attributes import PathAttributes

_LARGE, _LONG_LARGE = b"\xc0\x20", b"\xd0\x20"
"""How LARGE_COMMUNITIES begins in a plain block (RFC 8092 §3)."""


class AttributeSet:
    """One interned set of path attributes. Compared by identity: two equal sets of one session are one object.

    Never changed, but that `path` is decoded when it is first asked for: most of a table is judged by its outlines, and
    never looked at.
    """

    __slots__ = ("__weakref__", "_count", "_path", "hits", "raw")

    def __init__(self, path: PathAttributes | None, hits: Hits, raw: bytes = b"", count: int = 0) -> None:
        """`path` may be left out of a set whose `raw` is a plain block with an outline, of `count` communities."""
        self._path = path
        self._count = count
        self.hits = hits
        """The attribute rules that fired: any makes every route with this set a reject."""
        self.raw = raw
        """The octets that it was decoded from, MP attributes cut out, where they say what `path` says and nothing else
        and hold four-octet ASNs: only then may they be passed on. Otherwise empty."""

    @property
    def path(self) -> PathAttributes:
        if self._path is None:
            from simulator.wire.attribute_codec import decode_plain  # slow to import, for those who read no UPDATE

            self._path = decode_plain(self.raw)
        return self._path

    @property
    def communities(self) -> tuple[int, ...]:
        """`path.communities`, without decoding the rest: they stand at the end of a block with an outline."""
        if self._path is not None:
            return self._path.communities
        return unpack_from(f"!{self._count}L", self.raw, len(self.raw) - 4 * self._count) if self._count else ()

    @property
    def large_communities(self) -> tuple[tuple[int, int, int], ...]:
        """`path.large_communities`, of which most blocks show at once that they have none."""
        if self._path is None and _LARGE not in self.raw and _LONG_LARGE not in self.raw:
            return ()
        return self.path.large_communities

    def but(self, hits: Hits) -> AttributeSet:
        """The same, judged by another policy."""
        return AttributeSet(self._path, hits, self.raw, self._count)
