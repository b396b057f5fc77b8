"""The registries that filters take their bogons from, and the networks that buy transit from nobody.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), IANA IPv6 Address Space, RFC 5735;
IANA Special-Purpose AS Numbers (RFC 7249) and AS Numbers; as of 2025-10-09. Documentation space is apart, because labs
use it.
"""

from __future__ import annotations

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
    ("100::/8", "reserved by IETF, RFC 4291"),
    ("100::/64", "discard only, RFC 6666"),
    ("100:0:0:1::/64", "dummy prefix, RFC 9780"),
    ("200::/7", "deprecated NSAP mapping, RFC 4048"),
    ("400::/6", "reserved by IETF, RFC 4291"),
    ("800::/5", "reserved by IETF, RFC 4291"),
    ("1000::/4", "reserved by IETF, RFC 4291"),
    ("2001::/23", "IETF protocol assignments, RFC 2928"),
    ("2001::/32", "Teredo, RFC 4380"),
    ("2001:2::/48", "benchmarking, RFC 5180"),
    ("2001:10::/28", "deprecated ORCHID, RFC 4843"),
    ("2002::/16", "6to4, RFC 3056"),
    ("3ffe::/16", "former 6bone, RFC 3701"),
    ("4000::/3", "reserved by IETF, RFC 4291"),
    ("5f00::/16", "segment routing SIDs, RFC 9602"),
    ("6000::/3", "reserved by IETF, RFC 4291"),
    ("8000::/3", "reserved by IETF, RFC 4291"),
    ("a000::/3", "reserved by IETF, RFC 4291"),
    ("c000::/3", "reserved by IETF, RFC 4291"),
    ("e000::/4", "reserved by IETF, RFC 4291"),
    ("f000::/5", "reserved by IETF, RFC 4291"),
    ("f800::/6", "reserved by IETF, RFC 4291"),
    ("fc00::/7", "unique local, RFC 4193"),
    ("fe00::/9", "reserved by IETF, RFC 4291"),
    ("fe80::/10", "link local, RFC 4291"),
    ("fec0::/10", "deprecated site local, RFC 3879"),
    ("ff00::/8", "multicast, RFC 4291"),
)

REACHABLE: tuple[tuple[str, str], ...] = (
    ("192.0.0.9/32", "Port Control Protocol anycast, RFC 7723"),
    ("192.0.0.10/32", "TURN anycast, RFC 8155"),
    ("64:ff9b::/96", "IPv4-IPv6 translation, RFC 6052"),
    ("2001:1::1/128", "Port Control Protocol anycast, RFC 7723"),
    ("2001:1::2/128", "TURN anycast, RFC 8155"),
    ("2001:1::3/128", "DNS-SD SRP anycast, RFC 9665"),
    ("2001:3::/32", "AMT, RFC 7450"),
    ("2001:4:112::/48", "AS112, RFC 7535"),
    ("2001:20::/28", "ORCHIDv2, RFC 7343"),
    ("2001:30::/28", "drone remote identification, RFC 9374"),
)
"""Inside MARTIANS and yet globally reachable by the same registries: a longer match takes them out again."""

DOCUMENTATION: tuple[tuple[str, str], ...] = (
    ("192.0.2.0/24", "documentation, RFC 5737"),
    ("198.51.100.0/24", "documentation, RFC 5737"),
    ("203.0.113.0/24", "documentation, RFC 5737"),
    ("2001:db8::/32", "documentation, RFC 3849"),
    ("3fff::/20", "documentation, RFC 9637"),
)

PRIVATE_ASNS: tuple[tuple[range, str], ...] = (
    (range(64512, 65535), "private use, RFC 6996"),
    (range(4200000000, 4294967295), "private use, RFC 6996"),
)

BOGON_ASNS: tuple[tuple[range, str], ...] = (
    (range(1), "AS 0, RFC 7607"),
    (range(23456, 23457), "AS_TRANS, RFC 6793"),
    (range(65535, 65536), "reserved, RFC 7300"),
    (range(65552, 131072), "reserved, IANA"),
    (range(4294967295, 4294967296), "reserved, RFC 7300"),
    *PRIVATE_ASNS,
)

DOCUMENTATION_ASNS: tuple[tuple[range, str], ...] = (
    (range(64496, 64512), "documentation, RFC 5398"),
    (range(65536, 65552), "documentation, RFC 5398"),
)

TRANSIT_FREE_ASNS: tuple[int, ...] = (
    *(174, 701, 1299, 2914, 3257, 3320, 3356, 3491, 5511, 6453, 6461, 6762, 6830, 7018, 12956),
)
"""Networks that reach everybody without paying for transit: one of them behind a peer is a leak. No registry lists
them. These are in at least two of three public lists: the NLNOG BGP filter guide's "known transit networks" (alone with
4134), arouteserver's default `transit_free`, and jwbensley's Tier-1-Analysis (alone with 6939), as of
2025-12. A topology can name others."""
