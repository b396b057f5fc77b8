from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.report.packets import checksum, mac, mss, parse_address


def slow_checksum(data: bytes) -> int:
    """RFC 1071 §4.1, word by word."""
    total = 0
    for index in range(0, len(data), 2):
        total += int.from_bytes(data[index : index + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(st.binary(min_size=1, max_size=200).filter(any))
def test_the_fast_checksum_is_the_rfcs(data: bytes) -> None:
    assert checksum(data) == slow_checksum(data)


def test_addresses() -> None:
    assert str(parse_address("fe80::1%eth0")) == "fe80::1"
    assert str(parse_address("::ffff:192.0.2.1")) == "192.0.2.1"
    assert parse_address("router.example") is None
    assert parse_address("") is None


def test_macs_are_local_unicast_and_steady() -> None:
    first, second = parse_address("192.0.2.1"), parse_address("2001:db8::1")
    assert first is not None and second is not None
    assert mac(first) == mac(first) != mac(second)
    assert mac(first)[0] == 0x02
    assert (mss(first), mss(second)) == (1460, 1440)
