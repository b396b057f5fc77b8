"""What GoBGP's user types to mend a cause, where `simulator.routers.gobgp.config` has no line for it."""

from __future__ import annotations

from simulator.routers.wording import Wording

_ALLOW = (
    "gobgp policy prefix add to-microsoft-{v} {each}\ngobgp policy neighbor add microsoft {edge}\n"
    "gobgp policy statement microsoft-own-{v} add condition prefix to-microsoft-{v}\n"
    "gobgp policy statement microsoft-own-{v} add condition neighbor microsoft\n"
    "gobgp policy statement microsoft-own-{v} add action accept\n"
    "gobgp policy add microsoft-own-{v} microsoft-own-{v}\ngobgp global policy export add microsoft-own-{v}"
)
_DENY = _ALLOW.replace("to-microsoft", "not-to-microsoft").replace("own", "never").replace("accept", "reject")


def _statement(action: str) -> str:
    return (
        "gobgp policy neighbor add microsoft {edge}\n"
        "gobgp policy statement to-microsoft add condition neighbor microsoft\n"
        f"gobgp policy statement to-microsoft add action {action}\n"
        "gobgp policy add to-microsoft to-microsoft\ngobgp global policy export add to-microsoft"
    )


DIALECT = Wording(
    "gobgp",
    show="gobgp neighbor {edge}",
    sent="gobgp neighbor {edge} adj-out",
    apply="systemctl reload gobgpd",
    clear="gobgp neighbor {edge} reset",
    of="# of neighbor {edge}",
    picks={"family-missing": r"\[\[neighbors.afi-safis\]\]|\[neighbors.afi-safis.config\]|afi-safi-name"},
    says={
        "shut-down": "gobgp neighbor {edge} enable",
        "not-listening": "systemctl start gobgpd    ([global.config] port = 179)",
        "hangs": "systemctl restart gobgpd",
        "passive": "[[neighbors]]\n  [neighbors.transport.config]\n    passive-mode = false",
        "asn4-missing": "GoBGP always offers four-octet AS numbers: update it",
        "refresh-missing": "GoBGP always offers route refresh: update it",
        "role": "GoBGP has no BGP role before 3.20: take the role out of [neighbors.config] of {edge}",
        "md5-not-agreed": "take the line `auth-password` out of [neighbors.config] of {edge}",
        "gtsm-at-peer": "[[neighbors]]\n  [neighbors.ttl-security.config]\n    enabled = false",
        "bfd": "GoBGP has no BFD of its own: take what ends the session out of what watches it",
        "policy-required": _ALLOW,
        "import-policy-required": '[global.apply-policy.config]\n  default-import-policy = "accept-route"',
        "export-policy": _ALLOW,
        "network-not-in-rib": "gobgp global rib add {each} -a {afi}",
        "nothing-to-announce": "gobgp global rib add {each} -a {afi}",
        "import-policy": '[global.apply-policy.config]\n  default-import-policy = "accept-route"',
        "next-hop": _statement("next-hop self"),
        "link-local-next-hop": _statement("next-hop {peer}"),
        "first-as": "[[neighbors]]\n  [neighbors.config]\n    local-as = {asn}\n  [neighbors.route-server.config]\n"
        "    route-server-client = false",
        "as-path-too-long": "take set-as-path-prepend out of the export policy of neighbor {edge}; which it is says: "
        "gobgp policy",
        "bogon-asn": '[[neighbors]]\n  [neighbors.config]\n    remove-private-as = "all"',
        "as-set": "gobgp global rib del {each} -a {afi}\ngobgp global rib add {each} -a {afi}",
        "too-many-communities": _statement("community replace none").replace(" none", ""),
        "maps-community-missing": _statement("community add 8075:{community}"),
        "prefix-too-long": "gobgp global rib del {each} -a {afi}\ngobgp global rib add {aggregates} -a {afi}",
        "*": _DENY,
    },
)
