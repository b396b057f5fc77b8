"""The same routes as routers print them; laid out as real BIRD, FRR, GoBGP, OpenBGPD do it, and by public examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from simulator.session.messages import Family
from simulator.tables.input_formats import InputFormat
from tests.tables.support import ADDRESSES, Sample

KINDS = {"SEQUENCE": 2, "SET": 1}


def _segments(sample: Sample) -> list[dict[str, Any]]:
    return [
        {"segment_type": segment.kind.value, "num": len(segment.asns), "asns": list(segment.asns)}
        for segment in sample.attributes.as_path
    ]


def _peer(sample: Sample) -> str:
    return str(ADDRESSES[sample.family])


def _by_family(samples: Iterable[Sample]) -> dict[Family, list[Sample]]:
    found: dict[Family, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.family, []).append(sample)
    return found


def gobgp(samples: Iterable[Sample]) -> bytes:
    """`gobgp global rib -j`, once for each family: one line each."""
    text = ""
    for routes in _by_family(samples).values():
        table: dict[str, list[dict[str, Any]]] = {}
        for sample in routes:
            attrs: list[dict[str, Any]] = [{"type": 1, "value": 0}, {"type": 2, "as_paths": _segments(sample)}]
            if sample.family is Family.IPV4:
                attrs.append({"type": 3, "nexthop": sample.hop})
            else:
                nlri = [{"prefix": sample.prefix}]
                attrs.append({"type": 14, "nexthop": sample.hop, "afi": 2, "safi": 1, "value": nlri})
            if sample.med is not None:
                attrs.append({"type": 4, "metric": sample.med})
            if sample.communities:
                attrs.append({"type": 8, "communities": list(sample.attributes.communities)})
            if sample.large:
                names = ("ASN", "LocalData1", "LocalData2")
                values = [dict(zip(names, value, strict=True)) for value in sample.attributes.large_communities]
                attrs.append({"type": 32, "value": values})
            table.setdefault(sample.prefix, []).append(
                {
                    "nlri": {"prefix": sample.prefix},
                    "age": 1795887335,
                    "best": True,
                    "attrs": attrs,
                    "stale": False,
                    "source-id": "10.0.0.2",
                    "neighbor-ip": _peer(sample),
                }
            )
        text += json.dumps(table, separators=(",", ":")) + "\n"
    return text.encode()


def openbgpd(samples: Iterable[Sample]) -> bytes:
    """`bgpctl -j show rib detail`: set in by tabs."""
    rib = []
    for sample in samples:
        told: dict[str, Any] = {
            "prefix": sample.prefix,
            "aspath": sample.path.replace("{", "{ ").replace("}", " }"),
            "exit_nexthop": sample.hop,
            "true_nexthop": sample.hop,
            "neighbor": {"remote_addr": _peer(sample), "bgp_id": "10.0.0.2"},
            "valid": True,
            "best": True,
            "source": "external",
            "origin": "IGP",
            "metric": sample.med or 0,
            "localpref": 100,
            "weight": 0,
            "last_update_sec": 3,
        }
        if sample.communities:
            told["communities"] = [c.replace("65535:65281", "NO_EXPORT") for c in sample.communities]
        if sample.large:
            told["large_communities"] = list(sample.large)
        rib.append(told)
    return (json.dumps({"rib": rib}, indent="\t") + "\n").encode()


def frr(samples: Iterable[Sample], detail: bool = True) -> bytes:
    """`show bgp ipv4 unicast [detail] json`, and the same of IPv6 behind it; of FRR 10 with `detail`."""
    text = ""
    for family, routes in _by_family(samples).items():
        text += f"router# show bgp {family.label.lower()} unicast {'detail ' if detail else ''}json\n"
        text += '{\n "vrfId": 0,\n "vrfName": "default",\n "tableVersion": 26,\n "routerId": "10.0.0.1",\n'
        text += ' "defaultLocPrf": 100,\n "localAS": 1136,\n "routes": { '
        entries = [f'"{sample.prefix}": {_frr_paths(sample, detail)}' for sample in routes]
        text += "\n,".join(entries) + " }  }\n"
    return text.encode()


def _frr_paths(sample: Sample, detail: bool) -> str:
    hop = {"ip": sample.hop, "afi": sample.family.label.lower(), "used": True}
    told: dict[str, Any] = {"valid": True, "origin": "IGP"}
    if sample.family is Family.IPV6:
        hop["scope"] = "global"
    if sample.med is not None:
        told["metric"] = sample.med
    path = sample.path.replace("1136 5089", "1136,5089")
    if not detail:
        told |= {"bestpath": True, "network": sample.prefix, "peerId": _peer(sample), "path": path, "nexthops": [hop]}
        return json.dumps([told])
    told |= {"aspath": {"string": path, "segments": [], "length": 1}, "bestpath": {"overall": True}, "nexthops": [hop]}
    told["peer"] = {"peerId": _peer(sample), "routerId": "10.0.0.2", "type": "external"}
    if sample.communities:
        words = " ".join(sample.communities).replace("65535:65281", "no-export")
        told["community"] = {"string": words, "list": [word.replace("no-export", "noExport") for word in words.split()]}
    if sample.large:
        told["largeCommunity"] = {"string": " ".join(sample.large), "list": list(sample.large)}
    return f'{{\n"prefix":"{sample.prefix}","version":10,"paths": {json.dumps([told])},"multiPathCount":1\n}} '


def eos(samples: Iterable[Sample]) -> bytes:
    """`show ip bgp detail | json`, and `show bgp ipv6 unicast detail | json` behind it."""
    text = ""
    for routes in _by_family(samples).values():
        entries: dict[str, Any] = {}
        for sample in routes:
            detail: dict[str, Any] = {
                "origin": "Igp",
                "communityList": list(sample.communities),
                "extCommunityList": [],
            }
            if sample.large:
                detail["largeCommunityList"] = list(sample.large)
            entries[sample.prefix] = {
                "address": sample.prefix.partition("/")[0],
                "maskLength": int(sample.prefix.partition("/")[2]),
                "bgpRoutePaths": [
                    {
                        "asPathEntry": {"asPathType": "External", "asPath": f"{sample.path} i"},
                        "nextHop": sample.hop,
                        "localPreference": 100,
                        "weight": 0,
                        "routeType": {"valid": True, "active": True},
                        "peerEntry": {"peerAddr": _peer(sample), "peerRouterId": "10.0.0.2"},
                        "routeDetail": detail,
                    }
                    | ({} if sample.med is None else {"med": sample.med})
                ],
            }
        vrf = {"vrf": "default", "routerId": "10.0.0.1", "asn": "1136", "bgpRouteEntries": entries}
        text += json.dumps({"vrfs": {"default": vrf}}, indent=4) + "\n"
    return text.encode()


def cisco_detail(samples: Iterable[Sample]) -> bytes:
    """IOS XE's `show bgp ipv4 unicast detail`."""
    text = "edge1#show bgp ipv4 unicast detail\r\n"
    for sample in samples:
        text += f"BGP routing table entry for {sample.prefix}, version 10\r\n"
        text += (
            "  Paths: (1 available, best #1, table default)\r\n  Advertised to update-groups:\r\n     1         \r\n"
        )
        text += f"  Refresh Epoch 1\r\n  {sample.path.replace('1136 5089', '1136,5089')}\r\n"
        metric = "" if sample.med is None else f"metric {sample.med}, "
        text += f"    {sample.hop} from {_peer(sample)} (10.0.0.2)\r\n"
        text += f"      Origin IGP, {metric}localpref 100, valid, external, best\r\n"
        if sample.communities:
            text += f"      Community: {' '.join(sample.communities).replace('65535:65281', 'no-export')}\r\n"
        if sample.large:
            text += f"      Large Community: {' '.join(sample.large)}\r\n"
        text += "      rx pathid: 0, tx pathid: 0x0\r\n      Updated on Nov 28 2026 10:00:00 UTC\r\n"
    return (text + "edge1#\r\n").encode()


def cisco(samples: Iterable[Sample]) -> bytes:
    """The table of `show bgp ipv4 unicast` and of `show bgp ipv6 unicast`, as FRR prints it."""
    text = ""
    for family, routes in _by_family(samples).items():
        text += (
            f"edge1# show bgp {family.label.lower()} unicast\nBGP table version is 26, local router ID is 10.0.0.1\n"
        )
        text += "Status codes:  s suppressed, d damped, h history, * valid, > best, = multipath,\n"
        text += "               i internal, r RIB-failure, S Stale, R Removed\n"
        text += "Origin codes:  i - IGP, e - EGP, ? - incomplete\n\n"
        text += "   Network          Next Hop            Metric LocPrf Weight Path\n"
        for sample in routes:
            prefix, hop = f"{sample.prefix:<17}", f"{sample.hop:<16}"
            if len(sample.prefix) > 16:
                prefix = f"{sample.prefix}\n{'':20}"
            if len(sample.hop) > 16:
                hop = f"{sample.hop}\n{'':36}"
            med = "" if sample.med is None else sample.med
            path = sample.path.replace("1136 5089", "1136,5089")
            text += f"*> {prefix}{hop}{med:>10}       {0:>7} {path}{' ' if path else ''}i\n"
        text += f"\nDisplayed  {len(routes)} routes and {len(routes)} total paths\n"
    return text.encode()


def junos(samples: Iterable[Sample]) -> bytes:
    """`show route protocol bgp detail`."""
    text = "admin@edge1> show route protocol bgp detail | no-more \n"
    for family, routes in _by_family(samples).items():
        table = "inet.0" if family is Family.IPV4 else "inet6.0"
        count = len(routes)
        text += f"\n{table}: {count} destinations, {count} routes ({count} active, 0 holddown, 0 hidden)\n"
        for sample in routes:
            text += f"{sample.prefix} (1 entry, 1 announced)\n        *BGP    Preference: 170/-101\n"
            text += "                Next hop type: Router, Next hop index: 600\n                Address: 0x9c5e0d4\n"
            text += f"                Source: {_peer(sample)}\n"
            text += f"                Next hop: {sample.hop} via ge-0/0/0.0, selected\n"
            text += "                State: <Active Ext>\n                Local AS:  1136 Peer AS:  1103\n"
            metric = "" if sample.med is None else f"\tMetric: {sample.med} "
            text += f"                Age: 5d 3:00:00 {metric}\n                Task: BGP_1103.192.0.2.1\n"
            text += f"                AS path: {sample.path} I \n"
            words = [c.replace("65535:65281", "no-export") for c in sample.communities] + [
                f"large:{c}" for c in sample.large
            ]
            if words:
                text += f"                Communities: {' '.join(words)}\n"
            text += "                Accepted\n                Localpref: 100\n                Router ID: 10.0.0.2\n"
    return (text + "\n{master}\nadmin@edge1> \n").encode()


OUTPUTS: dict[str, tuple[InputFormat, Callable[[Iterable[Sample]], bytes]]] = {
    "gobgp": (InputFormat.GOBGP, gobgp),
    "openbgpd": (InputFormat.OPENBGPD, openbgpd),
    "frr": (InputFormat.FRR, frr),
    "eos": (InputFormat.EOS, eos),
    "cisco-detail": (InputFormat.CISCO_DETAIL, cisco_detail),
    "junos": (InputFormat.JUNOS, junos),
}
"""Those that say all that is in a sample."""
