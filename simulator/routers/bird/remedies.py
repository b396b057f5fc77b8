"""What BIRD's user types to mend a cause, where `simulator.routers.bird.config` has no line for it."""

from __future__ import annotations

from simulator.routers.wording import Wording

_ALLOW = "filter {export}, first of all:\nif net ~ [ {prefixes} ] then accept;"
_DENY = "the export filter of protocol {name}, channel {afi}, first of all:\nif net ~ [ {prefixes} ] then reject;"

DIALECT = Wording(
    "bird",
    show="birdc show protocols all {name}",
    sent="birdc show route noexport {name}",
    apply="birdc configure",
    clear="birdc restart {name}",
    picks={
        "family-missing": r"^\tipv[46] \{|^\t\t(import|export) filter",
        "next-hop": r"next hop self",
        "policy-required": r"export filter",
        "import-policy-required": r"import filter",
    },
    says={
        "shut-down": "birdc enable {name}",
        "not-listening": "systemctl start bird\nbirdc enable {name}",
        "hangs": "systemctl restart bird",
        "passive": "protocol bgp {name} {\n\tpassive off;\n}",
        "capabilities-missing": "protocol bgp {name} {\n\tcapabilities on;\n}",
        "asn4-missing": "protocol bgp {name} {\n\tenable as4 on;\n}",
        "refresh-missing": "protocol bgp {name} {\n\tenable route refresh on;\n}",
        "role": "take the line `local role` out of protocol bgp {name}",
        "md5-not-agreed": "take the line `password` out of protocol bgp {name}",
        "gtsm-at-peer": "protocol bgp {name} {\n\tttl security off;\n}",
        "bfd": "protocol bgp {name} {\n\tbfd off;\n}",
        "export-policy": _ALLOW,
        "network-not-in-rib": "protocol static {\n\t{afi};\n\troute {each} unreachable;\n}",
        "nothing-to-announce": "protocol static {\n\t{afi};\n\troute {each} unreachable;\n}",
        "import-policy": "the import filter of protocol {name}, channel {afi}, has to accept Microsoft's routes; "
        "which it refuses says: birdc show route filtered protocol {name}    (with `import keep filtered on`)",
        "next-hop.there": "take `bgp_next_hop` out of the export filter of protocol {name}, channel {afi}: "
        "`next hop self` is there already",
        "link-local-next-hop": "protocol bgp {name} {\n\tipv6 {\n\t\tnext hop address {peer};\n\t};\n}",
        "first-as": "protocol bgp {name} {\n\tlocal {peer} as {asn};\n\trs client off;\n}",
        "as-path-too-long": "take `bgp_path.prepend` out of the export filter of protocol {name}, channel {afi}",
        "bogon-asn": "the export filter of protocol {name}, channel {afi}, before it accepts:\n"
        "bgp_path.delete([ 64512..65534, 4200000000..4294967294 ]);",
        "as-set": "the export filter of protocol {name}, channel {afi}, first of all:\nif bgp_path ~ [= * {* *} * =] "
        "then reject;",
        "too-many-communities": "the export filter of protocol {name}, channel {afi}, before it accepts:\n"
        "bgp_community.empty; bgp_large_community.empty; bgp_ext_community.empty;",
        "maps-community-missing": "the export filter of protocol {name}, channel {afi}, before it accepts:\n"
        "bgp_community.add((8075, {community}));",
        "prefix-too-long": "protocol static {\n\t{afi};\n\troute {aggregates} unreachable;\n}\n"
        "and the export filter of protocol {name}, channel {afi}, first of all:\nif net.len > {length} then reject;",
        "all-prepended": "take `bgp_path.prepend({remote_as})` out of the export filter of protocol {name}, "
        "channel {afi}",
        "from-microsoft": "the export filter of protocol {name}, channel {afi}, first of all:\n"
        "if bgp_path ~ [= * {remote_as} * =] then reject;",
        "*": _DENY,
    },
)
