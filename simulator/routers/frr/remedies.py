"""What FRR's user types to mend a cause, where `simulator.routers.frr.config` has no line for it."""

from __future__ import annotations

from simulator.routers.wording import Wording

_NEIGHBOR = "router bgp {asn}\n "
_FAMILY = "router bgp {asn}\n address-family {afi} unicast\n  "
_ALLOW = "{word} prefix-list TO-MICROSOFT-{v} seq {n} permit {each}\n"

DIALECT = Wording(
    "frr",
    show="vtysh -c 'show bgp neighbors {edge}'",
    sent="vtysh -c 'show bgp {afi} unicast neighbors {edge} advertised-routes'",
    apply="systemctl reload frr",
    clear="vtysh -c 'clear bgp {edge}'",
    picks={"family-missing": r"neighbor \S+ activate", "next-hop": r"next-hop-self"},
    says={
        "shut-down": f"{_NEIGHBOR}no neighbor {{edge}} shutdown",
        "not-listening": "bgpd=yes in /etc/frr/daemons, then: systemctl restart frr",
        "hangs": "systemctl restart frr",
        "passive": f"{_NEIGHBOR}no neighbor {{edge}} passive",
        "asn4-missing": f"{_NEIGHBOR}no neighbor {{edge}} dont-capability-negotiate",
        "capabilities-missing": f"{_NEIGHBOR}no neighbor {{edge}} dont-capability-negotiate",
        "refresh-missing": f"{_NEIGHBOR}no neighbor {{edge}} dont-capability-negotiate",
        "role": f"{_NEIGHBOR}no neighbor {{edge}} local-role",
        "md5-not-agreed": f"{_NEIGHBOR}no neighbor {{edge}} password",
        "gtsm-at-peer": f"{_NEIGHBOR}no neighbor {{edge}} ttl-security hops 1",
        "bfd": f"{_NEIGHBOR}no neighbor {{edge}} bfd",
        "policy-required": f"{_ALLOW}route-map TO-MICROSOFT-{{v}} permit 10\n match {{word}} address prefix-list "
        f"TO-MICROSOFT-{{v}}\n{_FAMILY}neighbor {{edge}} route-map TO-MICROSOFT-{{v}} out",
        "import-policy-required": f"route-map FROM-MICROSOFT-{{v}} permit 10\n{_FAMILY}neighbor {{edge}} route-map "
        "FROM-MICROSOFT-{v} in",
        "export-policy": f"{_ALLOW}route-map {{export}} permit 1\n match {{word}} address prefix-list "
        "TO-MICROSOFT-{v}",
        "network-not-in-rib": "{word} route {each} blackhole",
        "nothing-to-announce": f"{{word}} route {{each}} blackhole\n{_FAMILY}network {{each}}",
        "import-policy": "the inbound route-map or prefix-list of neighbor {edge} has to permit Microsoft's routes; "
        "which it refuses says: vtysh -c 'show bgp {afi} unicast neighbors {edge} filtered-routes'    "
        "(with soft-reconfiguration inbound)",
        "next-hop.there": "take `set {word} next-hop` out of route-map {export}: next-hop-self is there already",
        "link-local-next-hop": "route-map {export} permit 1\n set ipv6 next-hop global {peer}",
        "first-as": "router bgp {asn}\n no neighbor {edge} local-as\n address-family {afi} unicast\n"
        "  no neighbor {edge} route-server-client",
        "as-path-too-long": "route-map {export} permit 10\n no set as-path prepend",
        "bogon-asn": f"{_FAMILY}neighbor {{edge}} remove-private-AS all",
        "as-set": f"{_FAMILY}no aggregate-address {{prefix}} as-set\n  aggregate-address {{prefix}} summary-only",
        "too-many-communities": "route-map {export} permit 10\n set community none\n set large-community none",
        "maps-community-missing": "route-map {export} permit 10\n set community 8075:{community} additive",
        "prefix-too-long": f"{{word}} route {{aggregates}} blackhole\n{_FAMILY}network {{aggregates}}\n"
        "  aggregate-address {aggregates} summary-only",
        "all-prepended": "take AS{remote_as} out of `set as-path prepend` of route-map {export}",
        "from-microsoft": "bgp as-path access-list FROM-MICROSOFT permit _{remote_as}_\nroute-map {export} deny 1\n"
        " match as-path FROM-MICROSOFT",
        "*": "{word} prefix-list NOT-TO-MICROSOFT seq {n} permit {each}\nroute-map {export} deny 1\n"
        " match {word} address prefix-list NOT-TO-MICROSOFT",
    },
)
