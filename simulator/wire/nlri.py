"""Prefixes as keys: one length octet and ceil(length / 8) octets with no stray bits (RFC 4271 §4.3, RFC 4760 §5).

A key is canonical, so it is a dict key and wire NLRI at once. ExaBGP decodes NLRI at a fiftieth of this rate.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from simulator.session.messages import ErrorCode, Family, Notification
from simulator.wire.framing import ProtocolError

_IPV4: Final = Family.IPV4
# Octets of a key by prefix length; an index beyond the end is a prefix length beyond the family's maximum.
_SIZES_V4: Final = tuple(1 + (bits + 7) // 8 for bits in range(33))
_SIZES_V6: Final = tuple(1 + (bits + 7) // 8 for bits in range(129))
# The bits of the last octet that lie beyond the prefix length (none for /0, whose last octet is the length itself).
_STRAY: Final = tuple((0xFF >> (bits % 8)) if bits % 8 else 0 for bits in range(129))
# Lengths of whole octets, which IPv4 has too.
_WHOLE: Final = frozenset({8, 16, 24, 32})


_DECIMAL: Final = {str(number): number for number in range(256)}
"""The parts of an IPv4 prefix as nearly everybody writes it; ipaddress takes ten times as long to read one."""


def _fault(data: bytes, family: Family, offset: int) -> ProtocolError:
    notification = Notification(ErrorCode.UPDATE_MESSAGE, 10)
    bits = data[offset]
    if bits > family.max_length:
        return ProtocolError(notification, f"an {family.label} prefix length of {bits} is beyond {family.max_length}")
    return ProtocolError(notification, f"the last {family.label} prefix (/{bits}) is cut short")


def split(data: bytes, family: Family) -> list[bytes]:
    """Cut an NLRI field into keys. ProtocolError 3/10 on a bad length or a truncated prefix (RFC 7606 §5.3)."""
    sizes = _SIZES_V4 if family is _IPV4 else _SIZES_V6
    total = len(data)
    size = sizes[data[0]] if data and data[0] in _WHOLE else 0
    if size and not total % size and data[::size] == data[:1] * (total // size):  # all of one length, as most are
        return [data[at : at + size] for at in range(0, total, size)]
    stray = _STRAY
    keys: list[bytes] = []
    append = keys.append
    offset = start = 0
    try:
        while offset < total:
            start = offset
            bits = data[start]
            offset = start + sizes[bits]
            key = data[start:offset]
            if bits & 7 and key[-1] & stray[bits]:
                key = key[:-1] + bytes((key[-1] & ~stray[bits],))
            append(key)
    except IndexError:
        raise _fault(data, family, start) from None
    if offset != total:
        raise _fault(data, family, start)
    return keys


def count(data: bytes, family: Family) -> int:
    """How many prefixes an NLRI field holds. ProtocolError 3/10 like `split`."""
    sizes = _SIZES_V4 if family is _IPV4 else _SIZES_V6
    offset = start = found = 0
    total = len(data)
    try:
        while offset < total:
            start = offset
            offset += sizes[data[offset]]
            found += 1
    except IndexError:
        raise _fault(data, family, start) from None
    if offset != total:
        raise _fault(data, family, start)
    return found


def key(prefix: str) -> tuple[Family, bytes]:
    """Parse `192.0.2.0/24` or `2001:db8::/32`. ValueError with a reason; host bits are never dropped silently."""
    try:
        dotted, _, length_text = prefix.partition("/")
        first, second, third, fourth = dotted.split(".")
        number = _DECIMAL[first] << 24 | _DECIMAL[second] << 16 | _DECIMAL[third] << 8 | _DECIMAL[fourth]
        size = _DECIMAL[length_text]
    except (KeyError, ValueError):
        pass
    else:
        if size <= 32 and not number & (0xFFFFFFFF >> size):
            return _IPV4, bytes((size,)) + number.to_bytes(4, "big")[: (size + 7) // 8]
    address, slash, bits = prefix.partition("/")
    if not slash or not (bits.isascii() and bits.isdigit()) or "%" in address:
        raise ValueError(f"{prefix!r} is not a prefix: write it as address/length")
    try:
        network: IPv4Network | IPv6Network = ip_network(prefix, strict=False)
    except ValueError:
        raise ValueError(f"{prefix!r} is not an IPv4 or IPv6 prefix") from None
    # Compared as text-free addresses: ip_network(strict=True) refuses too, but does not say what would be right.
    if ip_network(f"{address}/{network.max_prefixlen}").network_address != network.network_address:
        raise ValueError(f"{prefix!r} has host bits set: did you mean {network}?")
    length_ = network.prefixlen
    family = Family.IPV4 if network.version == 4 else Family.IPV6
    return family, bytes((length_,)) + network.network_address.packed[: (length_ + 7) // 8]


def text(family: Family, key: bytes) -> str:
    """The canonical text of a key: dotted IPv4, or compressed lower-case IPv6 (RFC 5952)."""
    if family is _IPV4:
        octets = key[1:].ljust(4, b"\0")
        return f"{octets[0]}.{octets[1]}.{octets[2]}.{octets[3]}/{key[0]}"
    return f"{IPv6Address(key[1:].ljust(16, bytes(1)))}/{key[0]}"


def length(key: bytes) -> int:
    """The prefix length in bits."""
    return key[0]
