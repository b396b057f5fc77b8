"""Path attributes, judged once for each distinct set that a peer sends, and decoded when somebody asks for them."""

from __future__ import annotations

from simulator.policy.verdict import Hits
from simulator.wire.path_attributes import PathAttributes


class AttributeSet:
    """One interned set of path attributes. Compared by identity: two equal sets of one session are one object.

    Never changed, but that `path` is decoded when it is first asked for: most of a table is judged by its outlines, and
    never looked at.
    """

    __slots__ = ("__weakref__", "_path", "hits", "raw")

    def __init__(self, path: PathAttributes | None, hits: Hits, raw: bytes = b"") -> None:
        """`path` may be left out of a set whose `raw` is a plain block."""
        self._path = path
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

    def but(self, hits: Hits) -> AttributeSet:
        """The same, judged by another policy."""
        return AttributeSet(self._path, hits, self.raw)
