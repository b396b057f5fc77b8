"""The one walk over a block of path attributes."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.attribute_block import EXTENDED_LENGTH, cut, value_of, walk
from tests.test_architecture import MODULES, name

WITNESSES = ("lab/streams.py", "packets/messages.py")
"""They read packets without the codec, so that their verdict on a leak is a second opinion."""


def attribute(flags: int, code: int, value: bytes) -> bytes:
    size = len(value).to_bytes(2 if flags & EXTENDED_LENGTH else 1, "big")
    return bytes((flags, code)) + size + value


attributes = st.lists(
    st.builds(attribute, st.sampled_from((0x40, 0x50, 0xC0, 0xD0, 0xFF)), st.integers(0, 255), st.binary(max_size=255)),
    max_size=8,
)


@given(attributes)
def test_whole_attributes_are_cut_at_their_borders(found: list[bytes]) -> None:
    assert cut(b"".join(found)) == (found, b"")
    assert [attribute(*parts) for parts in walk(b"".join(found))] == found


@given(attributes, st.binary(min_size=1, max_size=300), st.data())
def test_what_is_not_whole_is_the_rest(found: list[bytes], value: bytes, data: st.DataObject) -> None:
    last = attribute(0x50 if len(value) > 255 else data.draw(st.sampled_from((0x40, 0x50))), 2, value)
    short = last[: data.draw(st.integers(1, len(last) - 1))]
    assert cut(b"".join([*found, short])) == (found, short)
    assert len(list(walk(b"".join([*found, short])))) == len(found)


def test_nothing_is_lost_of_any_octets() -> None:
    draw = random.Random(1)
    for _ in range(2000):
        block = draw.randbytes(draw.randrange(40))
        whole, rest = cut(block)
        assert b"".join(whole) + rest == block
        assert all(value_of(one) == one[len(one) - len(value_of(one)) :] for one in whole)


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_no_other_module_walks_over_attributes(module: Path) -> None:
    """A walk needs the flag of the long length, which one module defines (and the witnesses, each for itself)."""
    if name(module) in ("wire/attribute_block.py", *WITNESSES):
        return
    defined = {
        node.id
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert not {found for found in defined if "EXTENDED_LENGTH" in found}
