"""BIRD, FRR and OpenBGPD as route servers that judge by the rules of `ClientPolicy`, each in its own language.

What a language cannot say is left out, which is to its advantage: BIRD 2 has no expression for an AS_SET; FRR 8.4 and
OpenBGPD none for OTC without roles, and FRR none for the length of a path and the number of communities. FRR matches
ASNs by regular expression, because its AS path lists have nothing else. The loop check is built into both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address

from simulator.bench.bird_filter import CONDITIONS
from simulator.policy.registries import (
    BOGON_ASNS,
    DOCUMENTATION,
    DOCUMENTATION_ASNS,
    MARTIANS,
    REACHABLE,
    TRANSIT_FREE_ASNS,
)
from simulator.policy.rules import RULES
from simulator.routers.bird.adapter import Bird
from simulator.routers.frr.adapter import Frr
from simulator.routers.openbgpd.adapter import Openbgpd

RS_AS = 9033
FIRST_AS = 24000
LAN = "10.99.0.0/16"
SERVER, FIRST = "10.99.0.1", "10.99.1.1"
_CLIENT = ("first-as", "next-hop")
"""Rules that are another one for each client."""
_NOT_HERE = ("microsoft-prefix", "as12076")
_OURS = {
    "exchange-lan": f"net ~ [ {LAN}+ ]",
    "as-path-loop": f"bgp_path ~ [ {RS_AS} ]",
    "otc": "defined(bgp_otc)",
}
_REACHABLE = {prefix for prefix, _ in REACHABLE}
BOGONS = [p for p, _ in (*MARTIANS, *DOCUMENTATION) if ":" not in p and p not in _REACHABLE] + [LAN]
BLOCKS = [block for block, _ in BOGON_ASNS + DOCUMENTATION_ASNS]
LONGEST = int(str(RULES["prefix-too-long"].parameters["ipv4"]))
SHORTEST = int(str(RULES["prefix-too-short"].parameters["ipv4"]))
PATH_LENGTH = int(str(RULES["as-path-too-long"].parameters["limit"]))
COMMUNITIES = int(str(RULES["too-many-communities"].parameters["limit"]))

Clients = Sequence[tuple[IPv4Address, int]]


def clients(count: int) -> Clients:
    """Address and ASN of each."""
    return [(IPv4Address(FIRST) + n, FIRST_AS + n) for n in range(count)]


def bird(count: int) -> str:
    rules = {name: condition("") for name, condition in CONDITIONS.items() if name not in _CLIENT + _NOT_HERE}
    common = "\n".join(f"    if {text} then return false; # {name}" for name, text in (rules | _OURS).items())
    protocols = "\n".join(
        f"""
filter from_{n} {{
    if bgp_path.first != {asn} then reject; # first-as
    if bgp_next_hop != {address} then reject; # next-hop
    if acceptable() then accept;
    reject;
}}
protocol bgp client_{n} {{
    local {SERVER} as {RS_AS};
    neighbor {address} as {asn};
    rs client;
    passive on;
    hold time 240;
    ipv4 {{ import filter from_{n}; export all; }};
}}"""
        for n, (address, asn) in enumerate(clients(count))
    )
    function = f"function acceptable() {{\n{common}\n    return true;\n}}"
    return f"router id {SERVER};\nprotocol device {{}}\n{function}\n{protocols}\n"


def frr(count: int) -> str:
    """One route-map a client: the next hop is its own; the first AS is enforced for each neighbor."""
    lines = [
        f"ip prefix-list REFUSED seq 5 permit 0.0.0.0/0 ge {LONGEST + 1}",
        f"ip prefix-list REFUSED seq 10 permit 0.0.0.0/0 le {SHORTEST - 1}",
    ]
    for number, prefix in enumerate(BOGONS, 3):
        lines.append(f"ip prefix-list REFUSED seq {5 * number} permit {prefix} le 32")
    asns = [expression for block in BLOCKS for expression in in_digits(block[0], block[-1])]
    asns += map(str, TRANSIT_FREE_ASNS)
    lines.append("bgp as-path access-list REFUSED seq 5 permit ^$")
    lines.append(f"bgp as-path access-list REFUSED seq 10 permit _({'|'.join(asns)})_")
    for n, (address, _) in enumerate(clients(count)):
        lines += [
            *(f"route-map FROM-{n} deny 10", " match ip address prefix-list REFUSED"),
            *(f"route-map FROM-{n} deny 20", " match as-path REFUSED"),
            *(f"route-map FROM-{n} permit 30", f" match ip next-hop address {address}"),
        ]
    lines += [f"router bgp {RS_AS}", f" bgp router-id {SERVER}", " no bgp ebgp-requires-policy"]
    lines.append(" no bgp default ipv4-unicast")
    for address, asn in clients(count):
        lines += [
            f" neighbor {address} remote-as {asn}",
            f" neighbor {address} passive",
            f" neighbor {address} enforce-first-as",
            f" neighbor {address} timers 80 240",
            f" neighbor {address} advertisement-interval 0",
        ]
    lines.append(" address-family ipv4 unicast")
    for n, (address, _) in enumerate(clients(count)):
        lines += [f"  neighbor {address} activate", f"  neighbor {address} route-server-client"]
        lines.append(f"  neighbor {address} route-map FROM-{n} in")
    return "\n".join(["frr defaults traditional", *lines, " exit-address-family"]) + "\n"


def in_digits(first: int, last: int) -> Iterator[str]:
    """Regular expressions that together match the decimal numbers from `first` to `last`."""
    while first <= last:
        free = 0  # how many of the last digits may be anything
        while (
            free < len(str(first)) - 1
            and first % 10 ** (free + 1) == 0
            and first + 10 ** (free + 1) - 1 <= last
            and len(str(first + 10 ** (free + 1) - 1)) == len(str(first))
        ):
            free += 1
        head, step = first // 10**free, 10**free
        same = min(9 - head % 10, (last - first + 1) // step - 1) if last - first + 1 >= step else 0
        digit = f"[{head % 10}-{head % 10 + same}]" if same else str(head % 10)
        yield f"{head // 10 or ''}{digit}" + "[0-9]" * free
        first += (same + 1) * step


def openbgpd(count: int) -> str:
    """Rules that end the evaluation (`quick`) first, as a route server's generator writes them.

    The first AS is a rule, too: `enforce neighbor-as` ends the session.
    """
    lines = [f"AS {RS_AS}", f"router-id {SERVER}", "holdtime 240", "fib-update no", "transparent-as yes"]
    lines.append(f"listen on {SERVER}")
    lines += ["prefix-set bogons {", *(f"\t{prefix} or-longer" for prefix in BOGONS), "}"]
    lines.append(f"as-set transit-free {{ {' '.join(map(str, TRANSIT_FREE_ASNS))} }}")
    for address, asn in clients(count):
        lines += [f"neighbor {address} {{", f"\tremote-as {asn}", "\tpassive", "\tenforce neighbor-as no", "}"]
    denied = [
        "prefix-set bogons",
        f"inet prefixlen > {LONGEST}",
        f"inet prefixlen < {SHORTEST}",
        *(f"AS {block[0]} - {block[-1]}" if len(block) > 1 else f"AS {block[0]}" for block in BLOCKS),
        "AS as-set transit-free",
        f"max-as-len {PATH_LENGTH}",
        f"max-communities {COMMUNITIES}",
    ]
    lines += (f"deny quick from any {what}" for what in denied)
    return "\n".join([*lines, "allow from any peer-as neighbor-as nexthop neighbor", "allow to any"]) + "\n"


DAEMONS: dict[str, tuple[Callable[[], Bird | Frr | Openbgpd], Callable[[int], str]]] = {
    "BIRD": (Bird, bird),
    "FRR": (Frr, frr),
    "OpenBGPD": (Openbgpd, openbgpd),
}
