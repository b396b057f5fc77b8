"""A block of path attributes, cut into attributes (RFC 4271 §4.3). It is the only place that walks over one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

EXTENDED_LENGTH: Final = 0x10
"""The flag of an attribute whose length field has two octets."""


def cut(block: bytes) -> tuple[list[bytes], bytes]:
    """The attributes, each with its header, and the octets of the first one that is not whole (nothing: all are)."""
    attributes: list[bytes] = []
    at, total = 0, len(block)
    last = total - 2
    while at < last:
        start = at
        at += 3 + block[start + 2]
        if block[start] & EXTENDED_LENGTH:
            at = start + 4 + int.from_bytes(block[start + 2 : start + 4], "big")
        if at > total:
            return attributes, block[start:]
        attributes.append(block[start:at])
    return attributes, block[at:] if at < total else b""


def value_of(attribute: bytes) -> bytes:
    """The value of a whole attribute."""
    return attribute[4:] if attribute[0] & EXTENDED_LENGTH else attribute[3:]


def walk(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(flags, code, value) in order, up to the first attribute that is not whole."""
    for attribute in cut(block)[0]:
        yield attribute[0], attribute[1], value_of(attribute)
