"""What OpenBGPD's user types to mend a cause, where `simulator.routers.openbgpd.config` has no line for it."""

from __future__ import annotations

from simulator.routers.wording import Wording

_ALLOW = "allow to {edge} prefix {each}"

DIALECT = Wording(
    "openbgpd",
    show="bgpctl show neighbor {edge}",
    sent="bgpctl show rib out neighbor {edge}",
    apply="bgpctl reload",
    clear="bgpctl neighbor {edge} clear",
    picks={"family-missing": r"announce IPv[46] unicast"},
    says={
        "shut-down": "bgpctl neighbor {edge} up",
        "not-listening": "rcctl start bgpd    (or systemctl start openbgpd), without a `listen on` of another address "
        "than {peer}",
        "hangs": "systemctl restart openbgpd",
        "passive": "take the line `passive` out of neighbor {edge}",
        "source-address": "neighbor {edge} {\n\tlocal-address {peer}\n}",
        "capabilities-missing": "neighbor {edge} {\n\tannounce capabilities yes\n}",
        "asn4-missing": "neighbor {edge} {\n\tannounce as-4byte yes\n}",
        "refresh-missing": "neighbor {edge} {\n\tannounce refresh yes\n}",
        "role": "neighbor {edge} {\n\tannounce policy no\n}",
        "md5-not-agreed": "take the line `tcp md5sig` out of neighbor {edge}",
        "gtsm-at-peer": "neighbor {edge} {\n\tttl-security no\n}",
        "bfd": "OpenBGPD has no BFD of its own: take what ends the session out of what watches it",
        "policy-required": _ALLOW,
        "import-policy-required": "allow from {edge}",
        "export-policy": f"the last rules of bgpd.conf:\n{_ALLOW}",
        "network-not-in-rib": "network {each}",
        "nothing-to-announce": f"network {{each}}\n{_ALLOW}",
        "import-policy": "the last rule of bgpd.conf:\nallow from {edge}",
        "next-hop": "match to {edge} set nexthop {peer}",
        "link-local-next-hop": "match to {edge} set nexthop {peer}",
        "first-as": "neighbor {edge} {\n\tlocal-as {asn}\n\ttransparent-as no\n}",
        "as-path-too-long": "match to {edge} set prepend-self 0    (and take `set prepend-self` out of the rules)",
        "bogon-asn": "the last rules of bgpd.conf:\ndeny to {edge} AS { 64512 - 65534, 4200000000 - 4294967294 }",
        "as-set": "neighbor {edge} {\n\treject as-set yes\n}",
        "too-many-communities": "match to {edge} set { community delete *:* large-community delete *:*:* }",
        "maps-community-missing": "match to {edge} prefix {each} set community 8075:{community}",
        "prefix-too-long": "network {aggregates}\nthe last rules of bgpd.conf:\nallow to {edge} prefix {aggregates}\n"
        "deny to {edge} {inet} prefixlen > {length}",
        "all-prepended": "take `prepend-neighbor` out of the rules for neighbor {edge}",
        "from-microsoft": "the last rules of bgpd.conf:\ndeny to {edge} AS {remote_as}",
        "*": "the last rules of bgpd.conf:\ndeny to {edge} prefix {each}",
    },
)
