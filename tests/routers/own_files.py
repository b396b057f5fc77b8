"""Configuration files as members of exchanges write them: one router each, the same two sessions and three prefixes.

The router is 206.126.239.200 and 2001:504:0:2:0:6:4496:1 in AS64496; Microsoft's edge is 206.126.236.17 and
2001:504:0:2::8075:1. Each announces 192.0.2.0/24, 198.51.100.0/24 and 2001:db8::/32, and each would write somewhere on
its machine: `{mark}` is in the name of every file of that kind.
"""

from __future__ import annotations

FILES: dict[str, tuple[str, str, dict[str, str]]] = {}
"""Name → (router kind, text, what it includes by name)."""

FILES["bird, a classic with functions and templates"] = (
    "bird",
    """
log "/var/log/{mark}.log" {
	debug, trace,
	info, remote, warning, error,
	auth, fatal, bug
};
log syslog all; router id 206.126.239.200; debug protocols { states };
mrtdump "/var/log/{mark}.mrt"; mrtdump protocols { states, messages };
timeformat protocol iso long;

define MYAS = 64496;
define OWN4 = [ 192.0.2.0/24, 198.51.100.0/24 ];
define OWN6 = [ 2001:db8::/32 ];
define BOGONS4 = [ 0.0.0.0/8+, 10.0.0.0/8+, 127.0.0.0/8+, 0.0.0.0/0{25,32} ];

function is_martian4() { return net ~ BOGONS4; }
function path_is_sane() {
	if bgp_path.len > 64 then return false;
	if bgp_path ~ [= * 12076 * =] then return false;
	return true;
}
filter ms_in4 { if is_martian4() || !path_is_sane() then reject; bgp_local_pref = 200; accept; }
filter ms_in6 { if net.len > 48 || ! path_is_sane() then reject; accept; }

protocol device { scan time 10; }
protocol direct { ipv4; ipv6; interface "-dummy*", "eth*", "lo"; }
protocol kernel { scan time 20; learn; ipv4 { import none; export where source = RTS_BGP; }; }
protocol kernel { ipv6 { export where source = RTS_BGP; }; }
protocol static own4 { ipv4; route 192.0.2.0/24 blackhole; route 198.51.100.0/24 unreachable; }
protocol static own6 { ipv6; route 2001:db8::/32 reject; }

template bgp MICROSOFT { local as MYAS; hold time 90; connect delay time 1; error wait time 1, 5; }
include "{mark}-*.conf";
""",
    {
        "{mark}-v4.conf": """
protocol bgp ms4 from MICROSOFT {
	neighbor 206.126.236.17 as 8075;
	ipv4 { import limit 2000 action block; import filter ms_in4; export where net ~ OWN4; next hop self; };
}
""",
        "{mark}-v6.conf": """
protocol bgp ms6 from MICROSOFT {
	neighbor 2001:504:0:2::8075:1 as 8075; source address 2001:504:0:2:0:6:4496:1;
	ipv6 { import limit 500 action block; import filter ms_in6; export where net ~ OWN6; next hop self; };
}
""",
    },
)

FILES["bird, tables and pipes of its own"] = (
    "bird",
    """
router id 206.126.239.200; log "/root/{mark}.log" all; log stderr all;
ipv4 table t_ms4;
ipv6 table t_ms6;
protocol device {}
protocol static { ipv4 { table t_ms4; }; route 192.0.2.0/24 blackhole; route 198.51.100.0/24 blackhole; }
protocol static { ipv6 { table t_ms6; }; route 2001:db8::/32 blackhole; }
protocol pipe { table master4; peer table t_ms4; import none; export none; }
/* one protocol a family, the
   session's own interface named */
protocol bgp ms4 {
  description "Microsoft, 206.126.236.17"; interface "ens19";
  local 206.126.239.200 as 64496; neighbor 206.126.236.17 as 8075; direct;
  ipv4 { table t_ms4; import all; export where proto ~ "static*"; };
}
protocol bgp ms6 {
  local 2001:504:0:2:0:6:4496:1 as 64496; neighbor 2001:504:0:2::8075:1 as 8075; direct;
  ipv6 { table t_ms6; import all; export where source = RTS_STATIC; };
}
""",
    {},
)

FILES["frr, peer groups and route maps"] = (
    "frr",
    """frr version 8.4.4
frr defaults traditional
hostname edge1
log file /var/log/{mark}.log
log syslog informational
service integrated-vtysh-config
!
ip route 192.0.2.0/24 Null0
ip route 198.51.100.0/24 blackhole 250
ipv6 route 2001:db8::/32 blackhole
!
interface ens19
 description IX
 ip address 206.126.239.200/22
exit
!
interface eth7
 ip address 198.18.0.2/30
 ip ospf area 0
exit
!
router ospf
 ospf router-id 206.126.239.200
exit
!
router bgp 64496
 bgp router-id 206.126.239.200
 bgp log-neighbor-changes
 no bgp default ipv4-unicast
 neighbor MS peer-group
 neighbor MS remote-as 8075
 neighbor MS description Microsoft
 neighbor MS timers connect 1
 neighbor MS update-source ens19
 neighbor MS bfd
 neighbor 206.126.236.17 peer-group MS
 neighbor 2001:504:0:2::8075:1 peer-group MS
 !
 address-family ipv4 unicast
  network 192.0.2.0/24
  redistribute static route-map STATIC
  neighbor MS activate
  neighbor MS soft-reconfiguration inbound
  neighbor MS maximum-prefix 2000
  neighbor MS route-map MS-IN in
  neighbor MS route-map MS-OUT out
 exit-address-family
 !
 address-family ipv6 unicast
  network 2001:db8::/32
  neighbor MS activate
  neighbor MS route-map MS-IN in
  neighbor MS route-map MS-OUT6 out
 exit-address-family
exit
!
ip prefix-list OWN seq 5 permit 192.0.2.0/24
ip prefix-list OWN seq 10 permit 198.51.100.0/24
ipv6 prefix-list OWN6 seq 5 permit 2001:db8::/32
bgp as-path access-list NEVER seq 5 permit _12076_
!
route-map STATIC permit 10
 match ip address prefix-list OWN
exit
!
route-map MS-IN deny 5
 match as-path NEVER
exit
!
route-map MS-IN permit 10
 set local-preference 200
exit
!
route-map MS-OUT permit 10
 match ip address prefix-list OWN
exit
!
route-map MS-OUT6 permit 10
 match ipv6 address prefix-list OWN6
exit
!
bfd
 profile ix
  detect-multiplier 3
 exit
 !
exit
!
line vty
 exec-timeout 0 0
exit
!
end
""",
    {},
)

FILES["frr, datacenter defaults with rpki and snmp"] = (
    "frr",
    """frr defaults datacenter
hostname edge2
log file /home/{mark}.log debugging
agentx
rpki
 rpki polling_period 300
 rpki cache 198.18.0.9 3323 preference 1
exit
!
ip route 192.0.2.0/24 blackhole
ip route 198.51.100.0/24 blackhole
ipv6 route 2001:db8::/32 blackhole
!
router bgp 64496
 bgp router-id 206.126.239.200
 no bgp ebgp-requires-policy
 bgp suppress-fib-pending
 neighbor 206.126.236.17 remote-as external
 neighbor 2001:504:0:2::8075:1 remote-as 8075
 address-family ipv4 unicast
  redistribute static
  no neighbor 2001:504:0:2::8075:1 activate
  neighbor 206.126.236.17 filter-list MINE out
  neighbor 206.126.236.17 route-map RPKI in
 exit-address-family
 address-family ipv6 unicast
  redistribute static
  neighbor 2001:504:0:2::8075:1 activate
  neighbor 2001:504:0:2::8075:1 filter-list MINE out
 exit-address-family
exit
bgp as-path access-list MINE permit ^$
route-map RPKI deny 5
 match rpki invalid
exit
route-map RPKI permit 10
exit
""",
    {},
)

FILES["openbgpd, groups, sets and macros"] = (
    "openbgpd",
    """# macros
ASN="64496"
ms4="206.126.236.17"
ms6="2001:504:0:2::8075:1"
AS $ASN
router-id 206.126.239.200
socket "/var/run/{mark}.sock"
socket "/run/{mark}.rsock" restricted
dump table-v2 "/var/log/{mark}-%H%M.mrt" 7200
dump updates in "/home/{mark}-updates-%H%M.mrt" 300
fib-update no
prefix-set mynetworks {
	192.0.2.0/24
	198.51.100.0/24
	2001:db8::/32
}
prefix-set bogons { 0.0.0.0/8 or-longer, 10.0.0.0/8 or-longer, fc00::/7 or-longer }
network prefix-set mynetworks set large-community local-as:1:1
group "microsoft" {
	remote-as 8075
	max-prefix 2000 restart 30
	neighbor $ms4 {
		descr "ms-v4"
	}
	neighbor $ms6 {
		descr "ms-v6"
		announce IPv4 none
		announce IPv6 unicast
	}
}
deny from any
deny to any
allow from group "microsoft" set localpref 200
deny from any prefix-set bogons
deny from any AS 12076
allow to group "microsoft" prefix-set mynetworks large-community local-as:1:1
include "{mark}-more.conf"
""",
    {"{mark}-more.conf": "match to group microsoft set nexthop self\n"},
)

FILES["gobgp, toml"] = (
    "gobgp",
    """[global.config]
  as = 64496
  router-id = "206.126.239.200"
[[mrt-dump]]
  [mrt-dump.config]
    dump-type = "updates"
    file-name = "/var/log/{mark}.mrt"
[[neighbors]]
  [neighbors.config]
    peer-as = 8075
    neighbor-address = "206.126.236.17"
  [neighbors.timers.config]
    connect-retry = 1
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.prefix-limit.config]
      max-prefixes = 2000
[[neighbors]]
  [neighbors.config]
    peer-as = 8075
    neighbor-address = "2001:504:0:2::8075:1"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
""",
    {},
)

FILES["gobgp, yaml"] = (
    "gobgp",
    """global:
  config:
    as: 64496
    router-id: 206.126.239.200
mrt-dump:
  - config: {dump-type: updates, file-name: /root/{mark}.mrt}
neighbors:
  - config: {peer-as: 8075, neighbor-address: 206.126.236.17}
    afi-safis:
      - config: {afi-safi-name: ipv4-unicast}
  - config: {peer-as: 8075, neighbor-address: "2001:504:0:2::8075:1"}
    afi-safis:
      - config: {afi-safi-name: ipv6-unicast}
""",
    {},
)

FILES["exabgp, a template and a helper"] = (
    "exabgp",
    """process watch {
	run /usr/bin/tee /var/log/{mark}.log /home/{mark}.log;
	encoder json;
}
template {
	neighbor microsoft {
		router-id 206.126.239.200;
		local-as 64496;
		peer-as 8075;
		hold-time 90;
		capability { asn4 enable; route-refresh enable; }
		api { processes [ watch ]; neighbor-changes; receive { parsed; update; } }
	}
}
neighbor 206.126.236.17 {
	inherit microsoft;
	local-address 206.126.239.200;
	family { ipv4 unicast; }
	static {
		route 192.0.2.0/24 next-hop self;
		route 198.51.100.0/24 next-hop self;
	}
}
neighbor 2001:504:0:2::8075:1 {
	inherit microsoft;
	local-address 2001:504:0:2:0:6:4496:1;
	family { ipv6 unicast; }
	static {
		route 2001:db8::/32 next-hop self;
	}
}
""",
    {},
)
