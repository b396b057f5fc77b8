"""Exports and routers' files as people have them, small."""

from __future__ import annotations

from typing import Any

MINE = 64499
LAN_4, LAN_6 = "206.126.236.0/22", "2001:504:0:2::/64"


def netixlan(asn: int, ipv4: str | None, ipv6: str | None, ix: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": asn % 1000,
        "net_id": asn,
        "ix_id": ix,
        "ixlan_id": ix,
        "name": f"Exchange {ix}: Main",
        "speed": 100000,
        "asn": asn,
        "ipaddr4": ipv4,
        "ipaddr6": ipv6,
        "is_rs_peer": False,
        "operational": True,
        "status": "ok",
        **more,
    }


def net(asn: int, name: str, kind: str) -> dict[str, Any]:
    return {"id": asn, "asn": asn, "name": name, "info_type": kind, "info_prefixes4": 10, "status": "ok"}


def peeringdb() -> dict[str, Any]:
    """The tables of one exchange, as several answers of the API in one file."""
    ports = [
        netixlan(8075, "206.126.236.17", "2001:504:0:2::8075:1"),
        netixlan(8075, "206.126.236.148", None),
        netixlan(MINE, "206.126.239.200", "2001:504:0:2:0:6:4499:1"),
        netixlan(64510, "206.126.236.250", None),
        netixlan(64501, "206.126.236.30", None),
    ]
    return {
        "ix": {"data": [{"id": 1, "name": "Sample-IX", "city": "Ashburn", "country": "US", "proto_unicast": True}]},
        "ixlan": {"data": [{"id": 1, "ix_id": 1, "rs_asn": None, "arp_sponge": None, "mtu": 1500}]},
        "ixpfx": {
            "data": [
                {"id": 1, "ixlan_id": 1, "protocol": "IPv4", "prefix": LAN_4},
                {"id": 2, "ixlan_id": 1, "protocol": "IPv6", "prefix": LAN_6},
            ]
        },
        "net": {"data": [net(8075, "Microsoft", "Content"), net(64510, "Sample-IX RS", "Route Server")]},
        "netixlan": {"data": ports},
    }


def peeringdb_deep() -> dict[str, Any]:
    """The answer of /api/ixlan/1?depth=2 with the ports inside, where a prefix does not name its ixlan."""
    tables = peeringdb()
    row = dict(tables["ixlan"]["data"][0])
    row["ixpfx_set"] = [
        {"id": each["id"], "protocol": each["protocol"], "prefix": each["prefix"]} for each in tables["ixpfx"]["data"]
    ]
    row["net_set"] = [
        {"id": 1, "asn": 1, "info_type": "", "netixlan_set": tables["netixlan"]["data"]},
        *tables["net"]["data"],
    ]
    row["ix"] = tables["ix"]["data"][0]
    return {"data": [row], "meta": {}}


def ixf(version: str = "1.0") -> dict[str, Any]:
    """A member export with a peering VLAN and another one."""
    served: dict[str, Any] = {"services": [{"type": "ixrouteserver", "os": "BIRD"}]}
    if version == "0.6":
        served = {"service_type": "ixrouteserver"}

    def member(asn: int, ipv4: str, ipv6: str | None = None, vlan: int = 100, **half: Any) -> dict[str, Any]:
        entry: dict[str, Any] = {"vlan_id": vlan, "ipv4": {"address": ipv4, "routeserver": True, **half}}
        if ipv6 is not None:
            entry["ipv6"] = {"address": ipv6}
        connections = [{"ixp_id": 7, "state": "active", "if_list": [{"if_speed": 10000}], "vlan_list": [entry]}]
        return {"asnum": asn, "member_type": "peering", "name": f"AS{asn}", "connection_list": connections}

    def plan(prefix: str) -> dict[str, Any]:
        address, _, length = prefix.partition("/")
        return {"prefix": address, "mask_length": int(length)}

    return {
        "version": version,
        "timestamp": "2026-11-01T00:00:00Z",
        "ixp_list": [
            {
                "ixp_id": 7,
                "ixf_id": 7,
                "shortname": "S-IX",
                "name": "Sample-IX",
                "peeringdb_id": 1,
                "switch": [{"id": 1, "city": "Ashburn"}],
                "vlan": [
                    {"id": 100, "name": "Peering", "ipv4": plan(LAN_4), "ipv6": plan(LAN_6)},
                    {"id": 200, "name": "Closed", "ipv4": plan("198.51.100.0/24")},
                ],
            }
        ],
        "member_list": [
            member(8075, "206.126.236.17", "2001:504:0:2::8075:1"),
            member(8075, "206.126.236.148"),
            member(MINE, "206.126.239.200", "2001:504:0:2:0:6:4499:1"),
            member(64510, "206.126.236.250", **served),
            member(64501, "198.51.100.9", vlan=200),
        ],
    }


BIRD = """\
log syslog all;
router id 206.126.239.200;
define MYAS = 64499;
protocol device { }
protocol direct { interface "ens*"; ipv4; ipv6; }
protocol static own4 { ipv4; route 41.10.0.0/16 blackhole; }
protocol static own6 { ipv6; route 2c0f:f123::/32 blackhole; }
filter ms_out { if source = RTS_STATIC then accept; reject; }
template bgp microsoft {
  local as MYAS;
  hold time 60;
}
protocol bgp ms1 from microsoft {
  neighbor 206.126.236.17 as 8075; source address 206.126.239.200; password "k3y";
  ipv4 { import all; export filter ms_out; };
}
protocol bgp ms2 from microsoft {
  neighbor 206.126.236.148 as 8075; source address 206.126.239.200; password "k3y";
  ipv4 { import all; export filter ms_out; };
}
protocol bgp ms1v6 from microsoft {
  neighbor 2001:504:0:2::8075:1 as 8075; source address 2001:504:0:2:0:6:4499:1; password "k3y";
  ipv6 { import all; export filter ms_out; };
}
protocol bgp transit { local as MYAS; neighbor 206.126.236.9 as 6939; ipv4 { import none; export none; }; }
"""
FRR = """\
frr defaults traditional
ip route 41.10.0.0/16 Null0
ipv6 route 2c0f:f123::/32 Null0
!
interface ens19
 ip address 206.126.239.200/22
 ipv6 address 2001:504:0:2:0:6:4499:1/64
!
bgp as-path access-list OWN permit ^$
route-map OWN permit 10
 match as-path OWN
!
router bgp 64499
 bgp router-id 206.126.239.200
 no bgp ebgp-requires-policy
 neighbor MS peer-group
 neighbor MS remote-as 8075
 neighbor MS password k3y
 neighbor 206.126.236.17 peer-group MS
 neighbor 206.126.236.148 peer-group MS
 neighbor 2001:504:0:2::8075:1 peer-group MS
 neighbor 206.126.236.9 remote-as 6939
 !
 address-family ipv4 unicast
  network 41.10.0.0/16
  neighbor MS route-map OWN out
  no neighbor 2001:504:0:2::8075:1 activate
 exit-address-family
 !
 address-family ipv6 unicast
  network 2c0f:f123::/32
  neighbor 2001:504:0:2::8075:1 activate
  neighbor MS route-map OWN out
 exit-address-family
"""
OPENBGPD = """\
AS 64499
router-id 206.126.239.200
prefix-set mine { 41.10.0.0/16, 2c0f:f123::/32 }
network 41.10.0.0/16
network 2c0f:f123::/32
group "microsoft" {
	remote-as 8075
	tcp md5sig password k3y
	neighbor 206.126.236.17 { local-address 206.126.239.200 }
	neighbor 206.126.236.148 { local-address 206.126.239.200 }
	neighbor 2001:504:0:2::8075:1 { local-address 2001:504:0:2:0:6:4499:1 }
}
allow from group "microsoft"
allow to group "microsoft" prefix-set mine
"""
GOBGP = """\
[global.config]
  as = 64499
  router-id = "206.126.239.200"
""" + "".join(
    f"""
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{edge}"
    peer-as = 8075
    auth-password = "k3y"
  [neighbors.transport.config]
    local-address = "{local}"
"""
    for edge, local in (
        ("206.126.236.17", "206.126.239.200"),
        ("206.126.236.148", "206.126.239.200"),
        ("2001:504:0:2::8075:1", "2001:504:0:2:0:6:4499:1"),
    )
)
EXABGP = "".join(
    f"""\
neighbor {edge} {{
    router-id 206.126.239.200;
    local-address {local};
    local-as 64499;
    peer-as 8075;
    md5-password "k3y";
    capability {{ route-refresh; }}
    family {{ {family} unicast; }}
    static {{ route {prefix} next-hop self; }}
}}
"""
    for edge, local, family, prefix in (
        ("206.126.236.17", "206.126.239.200", "ipv4", "41.10.0.0/16"),
        ("206.126.236.148", "206.126.239.200", "ipv4", "41.10.0.0/16"),
        ("2001:504:0:2::8075:1", "2001:504:0:2:0:6:4499:1", "ipv6", "2c0f:f123::/32"),
    )
)
ROUTERS = {"bird": BIRD, "frr": FRR, "openbgpd": OPENBGPD, "gobgp": GOBGP, "exabgp": EXABGP}
"""Kind of router → a file with one and the same three sessions."""
