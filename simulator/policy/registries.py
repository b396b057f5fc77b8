"""The special-purpose registries that filters treat as bogons.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), RFC 5735; IANA Special-Purpose AS
Numbers (RFC 7607, 6793, 5398, 6996, 7300). Documentation space is a class of its own because labs use it.
"""

from __future__ import annotations

AS_OF = "2025-08"

MARTIANS: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network, RFC 791"),
    ("10.0.0.0/8", "private use, RFC 1918"),
    ("100.64.0.0/10", "shared address space, RFC 6598"),
    ("127.0.0.0/8", "loopback, RFC 1122"),
    ("169.254.0.0/16", "link local, RFC 3927"),
    ("172.16.0.0/12", "private use, RFC 1918"),
    ("192.0.0.0/24", "IETF protocol assignments, RFC 6890"),
    ("192.88.99.0/24", "deprecated 6to4 relay anycast, RFC 7526"),
    ("192.168.0.0/16", "private use, RFC 1918"),
    ("198.18.0.0/15", "benchmarking, RFC 2544"),
    ("224.0.0.0/3", "multicast and reserved, RFC 5771 and RFC 1112"),
    ("::/8", "unspecified, loopback and embedded IPv4, RFC 4291"),
    ("64:ff9b:1::/48", "IPv4-IPv6 translation, RFC 8215"),
    ("100::/64", "discard only, RFC 6666"),
    ("2001::/23", "IETF protocol assignments, RFC 2928"),
    ("2002::/16", "6to4, RFC 3056"),
    ("3ffe::/16", "former 6bone, RFC 3701"),
    ("5f00::/16", "segment routing SIDs, RFC 9602"),
    ("fc00::/7", "unique local, RFC 4193"),
    ("fe80::/10", "link local, RFC 4291"),
    ("fec0::/10", "deprecated site local, RFC 3879"),
    ("ff00::/8", "multicast, RFC 4291"),
)

DOCUMENTATION: tuple[tuple[str, str], ...] = (
    ("192.0.2.0/24", "documentation, RFC 5737"),
    ("198.51.100.0/24", "documentation, RFC 5737"),
    ("203.0.113.0/24", "documentation, RFC 5737"),
    ("2001:db8::/32", "documentation, RFC 3849"),
    ("3fff::/20", "documentation, RFC 9637"),
)

BOGON_ASNS: tuple[tuple[range, str], ...] = (
    (range(1), "AS 0, RFC 7607"),
    (range(23456, 23457), "AS_TRANS, RFC 6793"),
    (range(64512, 65535), "private use, RFC 6996"),
    (range(65535, 65536), "reserved, RFC 7300"),
    (range(65552, 131072), "reserved, IANA"),
    (range(4200000000, 4294967295), "private use, RFC 6996"),
    (range(4294967295, 4294967296), "reserved, RFC 7300"),
)

DOCUMENTATION_ASNS: tuple[tuple[range, str], ...] = (
    (range(64496, 64512), "documentation, RFC 5398"),
    (range(65536, 65552), "documentation, RFC 5398"),
)
