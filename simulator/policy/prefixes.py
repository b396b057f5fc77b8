"""Sets of prefixes that answer "which member covers this one?" fast enough for a full table."""

from __future__ import annotations

from collections.abc import Iterable

from netaddr import IPNetwork

from simulator.session.messages import Family


class PrefixSet:
    """An immutable set of prefixes with a label each. Lookups take prefix keys (length octet and prefix octets)."""

    def __init__(self, members: Iterable[tuple[str, str]]) -> None:
        """`members` are (prefix, label); raises netaddr's AddrFormatError for what is no prefix."""
        # By first octet. Enum keys would cost more than the lookup itself.
        self._ipv4: dict[int, list[tuple[int, int, str, str]]] = {}
        self._ipv6: dict[int, list[tuple[int, int, str, str]]] = {}
        for prefix, label in members:
            network = IPNetwork(prefix)
            table, bits = (self._ipv4, 32) if network.version == 4 else (self._ipv6, 128)
            entry = (network.prefixlen, int(network.network) >> (bits - network.prefixlen), str(network.cidr), label)
            first = int(network.first) >> (bits - 8)
            last = int(network.last) >> (bits - 8)
            for octet in range(first, last + 1):
                table.setdefault(octet, []).append(entry)

    def covering(self, family: Family, key: bytes) -> tuple[str, str] | None:
        """The member that covers this prefix, as (prefix, label); None where there is none."""
        length = key[0]
        table = self._ipv4 if family is Family.IPV4 else self._ipv6
        candidates = table.get(key[1] if length else 0)
        if candidates is None:
            return None
        octets = len(key) - 1
        value = int.from_bytes(key[1:], "big") >> (octets * 8 - length)
        for member_length, member, text, label in candidates:
            if member_length <= length and value >> (length - member_length) == member:
                return text, label
        return None
