"""MRT records (RFC 6396, RFC 8050): their framing, read and written, and their numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final, NamedTuple

HEADER: Final = struct.Struct("!LHHL")
"""Timestamp, type, subtype, length of what follows."""
LARGEST: Final = 64 * 1024 * 1024
"""A longer record is taken for damage: a RIB record of 65,535 paths of 1 KB each is no longer."""


class MrtType(IntEnum):
    """Record types that are read or written here (RFC 6396 §4)."""

    TABLE_DUMP = 12
    TABLE_DUMP_V2 = 13
    BGP4MP = 16
    BGP4MP_ET = 17


KNOWN_KINDS: Final = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 32, 33, 48, 49}
"""Every type that IANA ever assigned: anything else in a header means that this is no MRT record."""


class TableDumpSubtype(IntEnum):
    """Subtypes of TABLE_DUMP_V2 (RFC 6396 §4.3, RFC 8050 §4)."""

    PEER_INDEX_TABLE = 1
    RIB_IPV4_UNICAST = 2
    RIB_IPV6_UNICAST = 4
    RIB_IPV4_UNICAST_ADDPATH = 8
    RIB_IPV6_UNICAST_ADDPATH = 10


class Bgp4mpSubtype(IntEnum):
    """Subtypes of BGP4MP (RFC 6396 §4.4, RFC 8050 §3)."""

    STATE_CHANGE = 0
    MESSAGE = 1
    MESSAGE_AS4 = 4
    STATE_CHANGE_AS4 = 5
    MESSAGE_LOCAL = 6
    MESSAGE_AS4_LOCAL = 7
    MESSAGE_ADDPATH = 8
    MESSAGE_AS4_ADDPATH = 9
    MESSAGE_LOCAL_ADDPATH = 10
    MESSAGE_AS4_LOCAL_ADDPATH = 11


class Record(NamedTuple):
    """One record, its body undecoded. BGP4MP_ET's microseconds are in `time` and cut from the body."""

    number: int
    """Counted from 1."""
    time: float
    kind: int
    subtype: int
    body: bytes


class MrtError(ValueError):
    """The octets are no MRT records from here on: nothing after this can be read."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"record {number}: {reason}")
        self.number = number
        self.reason = reason


def records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Cut a stream into records. MrtError where it stops being one."""
    buffer, at, number = b"", 0, 0
    for chunk in chunks:
        buffer = buffer[at:] + chunk
        at = 0
        while len(buffer) - at >= HEADER.size:
            seconds, kind, subtype, size = HEADER.unpack_from(buffer, at)
            if kind not in KNOWN_KINDS or size > LARGEST:
                what = f"type {kind}" if kind not in KNOWN_KINDS else f"a length of {size}"
                raise MrtError(number + 1, f"{what} is no MRT record: the file is damaged here, or is not MRT")
            start = at + HEADER.size
            if start + size > len(buffer):
                break
            at, number = start + size, number + 1
            if kind == MrtType.BGP4MP_ET and size >= 4:
                micros = int.from_bytes(buffer[start : start + 4], "big")
                yield Record(number, seconds + micros / 1e6, MrtType.BGP4MP, subtype, buffer[start + 4 : at])
            else:
                yield Record(number, float(seconds), kind, subtype, buffer[start:at])
    if at < len(buffer):
        raise MrtError(number + 1, "the file ends inside this record")


def pack_record(when: float, kind: MrtType, subtype: int, body: bytes) -> bytes:
    """A whole record. `when`: seconds since the epoch, of which BGP4MP_ET keeps the microseconds (RFC 6396 §3)."""
    if kind is MrtType.BGP4MP_ET:
        micros = round(when * 1_000_000)
        when = float(micros // 1_000_000)
        body = (micros % 1_000_000).to_bytes(4, "big") + body
    return HEADER.pack(seconds(when), kind, subtype, len(body)) + body


def seconds(when: float) -> int:
    """For a timestamp of four octets: a time outside of its range becomes the nearest one inside."""
    return min(max(int(when), 0), 0xFFFFFFFF)


def two_octets(value: int) -> bytes:
    """ValueError for a number that does not fit."""
    try:
        return value.to_bytes(2, "big")
    except OverflowError:
        raise ValueError(f"{value} does not fit MRT's two octets") from None


def looks_like(head: bytes) -> bool:
    """Whether a file that starts so can be MRT."""
    if len(head) < HEADER.size:
        return False
    _, kind, subtype, size = HEADER.unpack_from(head)
    return kind in KNOWN_KINDS and subtype < 64 and size <= LARGEST
