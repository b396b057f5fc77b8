"""What mends a cause in the languages of routers that the lab does not run, where their writers have no line for it.

Written from the vendors' documentation, as the writers are; not run here.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.routers.wording import Wording


def _cisco(kind: str, family: str, more: Mapping[str, str], deny: str = "seq 5 ") -> Wording:
    """IOS and EOS, which differ by a few words; `family` is how they open an address family."""
    neighbor, inner = "router bgp {asn}\n ", f"router bgp {{asn}}\n {family}\n  "
    allow = "{word} prefix-list TO-MICROSOFT-{v} seq {n} permit {each}\n"
    says = {
        "shut-down": f"{neighbor}no neighbor {{edge}} shutdown",
        "not-listening": f"{neighbor}neighbor {{edge}} remote-as {{remote_as}}",
        "hangs": "clear ip bgp {edge}" if kind == "ios" else "clear ip bgp neighbor {edge}",
        "source-address": f"{neighbor}no neighbor {{edge}} update-source",
        "role": f"{neighbor}no neighbor {{edge}} local-role" if kind == "eos" else "IOS has no BGP role: update it",
        "md5-not-agreed": f"{neighbor}no neighbor {{edge}} password",
        "bfd": f"{neighbor}no neighbor {{edge}} {'bfd' if kind == 'eos' else 'fall-over bfd'}",
        "policy-required": f"{allow}route-map TO-MICROSOFT-{{v}} permit 10\n match {{word}} address prefix-list "
        f"TO-MICROSOFT-{{v}}\n{inner}neighbor {{edge}} route-map TO-MICROSOFT-{{v}} out",
        "import-policy-required": f"route-map FROM-MICROSOFT-{{v}} permit 30\n{inner}neighbor {{edge}} route-map "
        "FROM-MICROSOFT-{v} in",
        "export-policy": f"{allow}route-map TO-MICROSOFT-{{v}} permit 1\n match {{word}} address prefix-list "
        "TO-MICROSOFT-{v}",
        "import-policy": "route-map FROM-MICROSOFT-{v} permit 30",
        "link-local-next-hop": "route-map TO-MICROSOFT-{v} permit 10\n set ipv6 next-hop {peer}",
        "first-as": f"{neighbor}no neighbor {{edge}} local-as",
        "as-path-too-long": "route-map TO-MICROSOFT-{v} permit 10\n no set as-path prepend",
        "bogon-asn": f"{inner}neighbor {{edge}} remove-private-as all",
        "as-set": f"{inner}no aggregate-address {{prefix}} as-set\n  aggregate-address {{prefix}} summary-only",
        "too-many-communities": f"{inner}no neighbor {{edge}} send-community",
        "maps-community-missing": "route-map TO-MICROSOFT-{v} permit 10\n set community 8075:{community} additive",
        "prefix-too-long": f"{inner}aggregate-address {{aggregates}} summary-only",
        "*": f"{{word}} prefix-list NOT-TO-MICROSOFT-{{v}} {deny}permit {{each}}\nroute-map TO-MICROSOFT-{{v}} deny 1\n"
        " match {word} address prefix-list NOT-TO-MICROSOFT-{v}",
    }
    return Wording(
        kind,
        show="show bgp {afi} unicast neighbors {edge}" if kind == "ios" else "show {word} bgp neighbors {edge}",
        sent="show bgp {afi} unicast neighbors {edge} advertised-routes"
        if kind == "ios"
        else "show {word} bgp neighbors {edge} advertised-routes",
        clear="clear bgp {afi} unicast {edge}" if kind == "ios" else "clear {word} bgp neighbor {edge}",
        picks={"family-missing": r"neighbor \S+ activate", "next-hop": r"next-hop-self"},
        says={**says, **more},
    )


_IOS = _cisco(
    "ios",
    "address-family {afi}",
    {
        "passive": "router bgp {asn}\n neighbor {edge} transport connection-mode active",
        "asn4-missing": "IOS has four-octet AS numbers from 12.0(32)S12 and 12.4(24)T on: update it",
        "refresh-missing": "router bgp {asn}\n no neighbor {edge} dont-capability-negotiate",
        "gtsm-at-peer": "router bgp {asn}\n no neighbor {edge} ttl-security hops 1",
    },
)
_EOS = _cisco(
    "eos",
    "address-family {afi}",
    {
        "passive": "router bgp {asn}\n no neighbor {edge} passive",
        "asn4-missing": "router bgp {asn}\n default neighbor {edge} as4",
        "refresh-missing": "router bgp {asn}\n default neighbor {edge} route-refresh",
        "gtsm-at-peer": "router bgp {asn}\n no neighbor {edge} ttl maximum-hops",
        "next-hop": "router bgp {asn}\n neighbor {edge} next-hop-self",
    },
)

_XR = "router bgp {asn}\n neighbor {edge}\n  "
_XR_FAMILY = f"{_XR}address-family {{afi}} unicast\n   "
_XR_OUT = "route-policy TO-MICROSOFT-{v}\n  "
_IOSXR = Wording(
    "iosxr",
    show="show bgp neighbors {edge}",
    sent="show bgp {afi} unicast neighbors {edge} advertised-routes",
    apply="commit",
    clear="clear bgp {afi} unicast {edge}",
    picks={"next-hop": r"next-hop-self", "family-missing": r"^  address-family|^   route-policy"},
    says={
        "shut-down": f"{_XR}no shutdown",
        "not-listening": f"{_XR}remote-as {{remote_as}}",
        "hangs": "clear bgp {afi} unicast {edge}",
        "source-address": f"{_XR}no update-source",
        "passive": f"{_XR}no session-open-mode",
        "asn4-missing": f"{_XR}no capability suppress 4-byte-as",
        "refresh-missing": f"{_XR}no capability suppress all",
        "role": "IOS XR has no BGP role: update it",
        "md5-not-agreed": f"{_XR}no password",
        "gtsm-at-peer": f"{_XR}no ttl-security",
        "bfd": f"{_XR}no bfd fast-detect",
        "policy-required": "route-policy TO-MICROSOFT-{v}\n  if destination in ({prefixes}) then\n    pass\n  endif\n"
        f"end-policy\n{_XR_FAMILY}route-policy TO-MICROSOFT-{{v}} out",
        "import-policy-required": f"route-policy FROM-MICROSOFT-{{v}}\n  pass\nend-policy\n{_XR_FAMILY}route-policy "
        "FROM-MICROSOFT-{v} in",
        "export-policy": f"{_XR_OUT}if destination in ({{prefixes}}) then\n    done\n  endif\nend-policy",
        "import-policy": "route-policy FROM-MICROSOFT-{v}\n  pass\nend-policy",
        "link-local-next-hop": f"{_XR_OUT}set next-hop {{peer}}\nend-policy",
        "first-as": f"{_XR}no local-as",
        "as-path-too-long": "take `prepend as-path` out of route-policy TO-MICROSOFT-{v}",
        "bogon-asn": f"{_XR_FAMILY}remove-private-AS entire-aspath",
        "as-set": "router bgp {asn}\n address-family {afi} unicast\n  no aggregate-address {prefix}\n"
        "  aggregate-address {prefix} summary-only",
        "too-many-communities": f"{_XR_OUT}delete community all\n  delete large-community all\nend-policy",
        "maps-community-missing": f"{_XR_OUT}set community (8075:{{community}}) additive\nend-policy",
        "prefix-too-long": "router bgp {asn}\n address-family {afi} unicast\n"
        "  aggregate-address {aggregates} summary-only",
        "*": f"{_XR_OUT}if destination in ({{prefixes}}) then\n    drop\n  endif\nend-policy",
    },
)

_JUNOS_NEIGHBOR = "set protocols bgp group MICROSOFT-{v} neighbor {edge} "
_TERM = "set policy-options policy-statement TO-MICROSOFT-{v} term "
_FIRST = "insert policy-options policy-statement TO-MICROSOFT-{v} term NEVER before term OWN-{v}-1"
_JUNOS = Wording(
    "junos",
    show="show bgp neighbor {edge}",
    sent="show route advertising-protocol bgp {edge}",
    apply="commit",
    clear="clear bgp neighbor {edge}",
    picks={"family-missing": r"^\s+family inet6? \{|^\s+unicast", "next-hop": r"next-hop self"},
    says={
        "shut-down": "delete protocols bgp group MICROSOFT-{v} neighbor {edge} shutdown\n"
        "activate protocols bgp group MICROSOFT-{v} neighbor {edge}",
        "not-listening": f"{_JUNOS_NEIGHBOR}peer-as {{remote_as}}",
        "hangs": "restart routing",
        "passive": "delete protocols bgp group MICROSOFT-{v} neighbor {edge} passive",
        "asn4-missing": "delete protocols bgp disable-4byte-as",
        "refresh-missing": "Junos always offers route refresh: update it",
        "role": "Junos has no BGP role: update it",
        "md5-not-agreed": "delete protocols bgp group MICROSOFT-{v} neighbor {edge} authentication-key",
        "gtsm-at-peer": "delete protocols bgp group MICROSOFT-{v} neighbor {edge} ttl\n"
        "delete firewall family {inet} filter MICROSOFT-GTSM-{v}",
        "bfd": "delete protocols bgp group MICROSOFT-{v} neighbor {edge} bfd-liveness-detection",
        "policy-required": f"{_TERM}OWN from route-filter {{each}} exact\n{_TERM}OWN then accept\n"
        f"{_JUNOS_NEIGHBOR}export TO-MICROSOFT-{{v}}",
        "import-policy-required": "delete protocols bgp group MICROSOFT-{v} neighbor {edge} import",
        "export-policy": f"{_TERM}OWN-{{v}}-1 from route-filter {{each}} exact\n{_TERM}OWN-{{v}}-1 then accept",
        "import-policy": "set policy-options policy-statement FROM-MICROSOFT-{v} term first-as then accept",
        "link-local-next-hop": f"{_TERM}OWN-{{v}}-1 then next-hop {{peer}}",
        "first-as": "delete protocols bgp group MICROSOFT-{v} neighbor {edge} local-as",
        "as-path-too-long": "delete policy-options policy-statement TO-MICROSOFT-{v} term OWN-{v}-1 then "
        "as-path-prepend",
        "bogon-asn": f"{_JUNOS_NEIGHBOR}remove-private all",
        "as-set": "delete routing-options aggregate route {prefix} as-path\n"
        "set routing-options static route {prefix} discard",
        "too-many-communities": 'set policy-options community ANY members "*:*"\n'
        f"{_TERM}OWN-{{v}}-1 then community delete ANY",
        "maps-community-missing": "set policy-options community MAPS members 8075:{community}\n"
        f"{_TERM}OWN-{{v}}-1 then community add MAPS",
        "prefix-too-long": "set routing-options static route {aggregates} discard\n"
        f"{_TERM}OWN-{{v}}-1 from route-filter {{aggregates}} exact\n"
        "delete policy-options policy-statement TO-MICROSOFT-{v} term OWN-{v}-1 from route-filter {each} exact",
        "*": f"{_TERM}NEVER from route-filter {{each}} exact\n{_TERM}NEVER then reject\n{_FIRST}",
    },
)

_ROS = "/routing/bgp/connection/set [find remote.address={edge}] "
_ROS_OUT = '/routing/filter/rule/add chain=to-microsoft-{v_} place-before=0 rule="'
_ROS_ACCEPT = f'{_ROS_OUT}if (dst == {{each}}) {{ accept }}"'
_ROUTEROS = Wording(
    "routeros",
    show="/routing/bgp/session/print detail where remote.address={edge}",
    sent="/routing/bgp/advertisements/print where dst={prefix}",
    clear="/routing/bgp/session/reset [find remote.address={edge}]",
    says={
        "shut-down": "/routing/bgp/connection/enable [find remote.address={edge}]",
        "not-listening": f"{_ROS}listen=yes connect=yes disabled=no",
        "hangs": "/system/reboot",
        "passive": f"{_ROS}connect=yes listen=yes",
        "asn4-missing": "RouterOS always offers four-octet AS numbers: update it",
        "refresh-missing": "RouterOS always offers route refresh: update it",
        "role": f"{_ROS}local.role=ebgp",
        "md5-not-agreed": f"{_ROS}!tcp-md5-key",
        "gtsm-at-peer": f"{_ROS}!remote.ttl",
        "bfd": f"{_ROS}use-bfd=no",
        "family-missing": f"{_ROS}address-families={{word}}",
        "policy-required": f"{_ROS}output.filter-chain=to-microsoft-{{v_}}\n{_ROS_ACCEPT}",
        "import-policy-required": f"{_ROS}input.filter=from-microsoft-{{v_}}",
        "export-policy": _ROS_ACCEPT,
        "network-not-in-rib": "/{word}/route/add blackhole dst-address={each}",
        "nothing-to-announce": "/{word}/route/add blackhole dst-address={each}\n"
        "/{word}/firewall/address-list/add list=microsoft-own-{v_} address={each}",
        "import-policy": '/routing/filter/rule/add chain=from-microsoft-{v_} rule="accept"',
        "next-hop": f"{_ROS}nexthop-choice=force-self",
        "link-local-next-hop": f"{_ROS}nexthop-choice=force-self local.address={{peer}}",
        "first-as": f"{_ROS}as={{asn}} local.role=ebgp",
        "as-path-too-long": "take `set bgp-path-prepend` out of the rules of chain to-microsoft-{v_}; which they are "
        "says: /routing/filter/rule/print where chain=to-microsoft-{v_}",
        "bogon-asn": f"{_ROS}output.remove-private-as=yes",
        "as-set": f'{_ROS_OUT}if (dst == {{each}}) {{ reject }}"',
        "too-many-communities": f'{_ROS_OUT}delete bgp-communities; delete bgp-large-communities"',
        "maps-community-missing": f'{_ROS_OUT}append bgp-communities 8075:{{community}}"',
        "prefix-too-long": "/{word}/route/add blackhole dst-address={aggregates}\n"
        "/{word}/firewall/address-list/add list=microsoft-own-{v_} address={aggregates}\n"
        f'{_ROS_OUT}if (dst == {{aggregates}}) {{ accept }}"\n{_ROS_OUT}if (dst-len > {{length}}) {{ reject }}"',
        "*": f'{_ROS_OUT}if (dst == {{each}}) {{ reject }}"',
    },
)

_VYOS = "protocols bgp neighbor {edge} "
_VYOS_FAMILY = f"{_VYOS}address-family {{afi}}-unicast "
_MAP = "set policy route-map TO-MICROSOFT-{v} rule "
_VYOS_ALLOW = (
    "set policy {list} TO-MICROSOFT-{v} rule {n} action permit&"
    "set policy {list} TO-MICROSOFT-{v} rule {n} prefix {each}\n"
)
_VYOS_DIALECT = Wording(
    "vyos",
    show="show bgp neighbors {edge}",
    sent="show bgp {afi} neighbors {edge} advertised-routes",
    apply="commit",
    clear="reset bgp {edge}",
    picks={"next-hop": r"nexthop-self", "family-missing": r"address-family"},
    says={
        "shut-down": f"delete {_VYOS}shutdown",
        "not-listening": "restart bgp",
        "hangs": "restart bgp",
        "passive": f"delete {_VYOS}passive",
        "asn4-missing": f"delete {_VYOS}disable-capability-negotiation",
        "refresh-missing": f"delete {_VYOS}disable-capability-negotiation",
        "role": f"delete {_VYOS}local-role",
        "md5-not-agreed": f"delete {_VYOS}password",
        "gtsm-at-peer": f"delete {_VYOS}ttl-security",
        "bfd": f"delete {_VYOS}bfd",
        "policy-required": f"{_VYOS_ALLOW}{_MAP}10 action permit\n{_MAP}10 match {{word}} address prefix-list "
        f"TO-MICROSOFT-{{v}}\nset {_VYOS_FAMILY}route-map export TO-MICROSOFT-{{v}}",
        "import-policy-required": "set policy route-map FROM-MICROSOFT-{v} rule 30 action permit\n"
        f"set {_VYOS_FAMILY}route-map import FROM-MICROSOFT-{{v}}",
        "export-policy": f"{_VYOS_ALLOW}{_MAP}1 action permit\n{_MAP}1 match {{word}} address prefix-list "
        "TO-MICROSOFT-{v}",
        "import-policy": "set policy route-map FROM-MICROSOFT-{v} rule 30 action permit",
        "link-local-next-hop": f"{_MAP}10 set ipv6-next-hop global {{peer}}",
        "first-as": f"delete {_VYOS}local-as",
        "as-path-too-long": "delete policy route-map TO-MICROSOFT-{v} rule 10 set as-path prepend",
        "bogon-asn": f"set {_VYOS_FAMILY}remove-private-as all",
        "as-set": "delete protocols bgp address-family {afi}-unicast aggregate-address {prefix} as-set",
        "too-many-communities": f"{_MAP}10 set community none\n{_MAP}10 set large-community none",
        "maps-community-missing": f"{_MAP}10 set community add 8075:{{community}}",
        "prefix-too-long": "set protocols bgp address-family {afi}-unicast aggregate-address {aggregates} summary-only",
        "*": "set policy {list} NOT-TO-MICROSOFT-{v} rule {n} action permit&"
        "set policy {list} NOT-TO-MICROSOFT-{v} rule {n} prefix {each}\n"
        f"{_MAP}1 action deny\n{_MAP}1 match {{word}} address prefix-list NOT-TO-MICROSOFT-{{v}}",
    },
)

DIALECTS = {each.language: each for each in (_JUNOS, _IOSXR, _IOS, _EOS, _ROUTEROS, _VYOS_DIALECT)}
