"""What ExaBGP's user types to mend a cause, where `simulator.routers.exabgp.config` has no line for it."""

from __future__ import annotations

from simulator.routers.wording import Wording

_ROUTE = "neighbor {edge} {\n\tstatic {\n\t\troute {each} next-hop {peer};\n\t}\n}"
_OUT = "take the route {each} out of neighbor {edge}"

DIALECT = Wording(
    "exabgp",
    show="exabgpcli show neighbor {edge} extensive",
    sent="exabgpcli show adj-rib out",
    apply="systemctl reload exabgp",
    clear="systemctl restart exabgp",
    picks={"family-missing": r"family \{"},
    says={
        "shut-down": "exabgpcli restart",
        "not-listening": "systemctl start exabgp    (ExaBGP calls: it needs no port of its own)",
        "hangs": "systemctl restart exabgp",
        "passive": "neighbor {edge} {\n\tpassive false;\n}",
        "asn4-missing": "neighbor {edge} {\n\tcapability {\n\t\tasn4 enable;\n\t}\n}",
        "refresh-missing": "neighbor {edge} {\n\tcapability {\n\t\troute-refresh enable;\n\t}\n}",
        "role": "take the role out of `capability` of neighbor {edge}",
        "md5-not-agreed": "take the line `md5-password` out of neighbor {edge}",
        "gtsm-at-peer": "take the line `incoming-ttl` out of neighbor {edge}",
        "bfd": "ExaBGP has no BFD of its own: take what ends the session out of what watches it",
        "peer-limit": "ExaBGP has no prefix limit: raise it to {limit} in what reads its API",
        "policy-required": _ROUTE,
        "import-policy-required": "ExaBGP has no import policy: let what reads its API take Microsoft's routes",
        "export-policy": _ROUTE,
        "network-not-in-rib": _ROUTE,
        "nothing-to-announce": _ROUTE,
        "import-policy": "ExaBGP has no import policy: let what reads its API take Microsoft's routes",
        "next-hop": _ROUTE,
        "link-local-next-hop": _ROUTE,
        "first-as": "take `as-path` out of the route {each} of neighbor {edge}: ExaBGP then puts AS{asn} there",
        "as-path-too-long": "take the repeated AS{asn} out of `as-path` of the route {each} of neighbor {edge}",
        "bogon-asn": "take the private ASNs out of `as-path` of the route {each} of neighbor {edge}",
        "as-set": "take the AS_SET, in parentheses, out of `as-path` of the route {each} of neighbor {edge}",
        "too-many-communities": "take `community` and `large-community` out of the route {each} of neighbor {edge}",
        "maps-community-missing": "neighbor {edge} {\n\tstatic {\n\t\troute {each} next-hop {peer} community [ "
        "8075:{community} ];\n\t}\n}",
        "prefix-too-long": f"{_OUT}\n{_ROUTE.replace('each', 'aggregates')}",
        "*": _OUT,
    },
)
