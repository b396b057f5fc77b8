"""The outline of a block of path attributes: what nearly every rule looks at, read without decoding the rest."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import plain_blocks

Outline = tuple[tuple[int, ...], int, bytes]
"""Of a block without a fault whose AS_PATH is one sequence: its ASNs; how many communities it has, of which none is
extended or large; the attributes but AS_PATH and COMMUNITIES, as octets, with 0 in the place of a MED behind NEXT_HOP:
no rule looks at that, and it may be another one in each set. A named tuple takes longer than all the rest.
"""
_PATH: Final = b"\x40\x02"
_LONG_PATH: Final = b"\x50\x02\x00"
"""FRR gives AS_PATH the extended length whether it needs it or not."""
_COMMUNITIES: Final = b"\xc0\x08"
_ORIGIN: Final = b"\x40\x01\x01"
_NEXT_HOP: Final = b"\x40\x03\x04"
_MED: Final = b"\x80\x04\x04"
_SOME_MED: Final = _MED + bytes(4)
_SEQUENCE: Final = 2
_ASNS: Final = tuple(struct.Struct(f"!{count}L").unpack_from for count in range(64))
_MOST = 4096
"""As many different `others` are remembered for a kind of session."""


class Outlines:
    """Of the blocks of one kind of session with four-octet ASNs, beside the NLRI field."""

    def __init__(self, addresses: SessionAddresses) -> None:
        self._blocks = plain_blocks(True, True, True, addresses)
        self._sound: set[bytes] = set()
        """What was found to be sound beside AS_PATH and COMMUNITIES."""

    def of(self, raw: bytes) -> Outline | None:
        """None: the block has something wrong or rare in it, or is not laid out as nearly all are.

        That is ORIGIN, AS_PATH, others that have come before, COMMUNITIES.
        """
        if raw[4:6] == _PATH:
            at = 7
        elif raw[4:7] == _LONG_PATH:
            at = 8
        else:
            return None
        if len(raw) < at + 6 or raw[at] != _SEQUENCE:
            return None
        count = raw[at + 1]
        end = at + 2 + (count << 2)
        if raw[at - 1] != end - at or not count or end > len(raw):
            return None
        asns = _ASNS[count](raw, at + 2)
        if 0 in asns:
            return None
        rest = raw[end:]
        communities, start = 0, rest.find(_COMMUNITIES)
        if start >= 0:  # or within another attribute: then nothing that ends there was ever found to be sound
            size = len(rest) - start - 3
            if size < 4 or size & 3 or rest[start + 2] != size:
                return None
            communities, rest = size >> 2, rest[:start]
        if len(rest) >= 14 and rest[7:10] == _MED and rest[:3] == _NEXT_HOP and raw[:3] == _ORIGIN:
            rest = rest[:7] + _SOME_MED + rest[14:]
        others = raw[:4] + rest
        if others not in self._sound and not self._finds_sound(raw, others, communities):
            return None
        return asns, communities, others

    def _finds_sound(self, raw: bytes, others: bytes, communities: int) -> bool:
        found = self._blocks.scan(raw)
        if found is None or ("communities" in found) != bool(communities):
            return False
        if len(self._sound) >= _MOST:
            self._sound.clear()
        self._sound.add(others)
        return True


outlines: Final = lru_cache(maxsize=1024)(Outlines)
"""One for each kind of session: they remember what they found to be sound."""
