"""Tables as routers and terminals really print them: brief, wrapped, cut short, two in a file, with what is around."""

from __future__ import annotations

import json

import pytest

from simulator.policy.profiles import PROFILES
from simulator.tables.cisco_detail import read_cisco_detail
from simulator.tables.cisco_table import read_cisco_table
from simulator.tables.frr_json import read_frr
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.json_documents import read_json
from simulator.tables.junos_text import read_junos
from simulator.tables.missing_attributes import COMMUNITIES, LOOKS, OTC
from simulator.tables.openbgpd_json import read_openbgpd
from simulator.tables.session_policies import SessionPolicies
from simulator.tables.table_entries import Skipped, TableReader, TableRoutes, Unreadable
from simulator.tables.unsupported_formats import UnsupportedFormat
from simulator.wire import nlri
from tests.tables.router_outputs import cisco, frr, openbgpd
from tests.tables.support import ADDRESSES, SAMPLES, Sample, by_prefix, read_routes, verdicts


def rows(reader: TableReader, text: str) -> list[tuple[str, str, str, int, bool]]:
    """(prefix, AS path, next hop, origin, whether it was chosen) of every route; fails for anything unreadable."""
    return [
        (nlri.text(entry.family, key), entry.path.as_path_text, str(entry.path.next_hop), entry.path.origin, entry.best)
        for entry in read_routes(reader((text.encode(),)))
        for key in entry.keys
    ]


def unreadable(reader: TableReader, text: str) -> list[str]:
    return [str(entry) for entry in reader((text.encode(),)) if isinstance(entry, Unreadable)]


# --- tables without communities: what cannot be judged is said ---


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        (InputFormat.CISCO, cisco(SAMPLES)),
        (InputFormat.FRR, frr(SAMPLES, detail=False)),
        (InputFormat.OPENBGPD, openbgpd([Sample(s.prefix, s.path, s.rules, next_hop=s.next_hop) for s in SAMPLES])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_brief_table_is_judged_but_for_what_it_does_not_say(format_: InputFormat, data: bytes) -> None:
    assert recognise((data,))[0] is format_
    found, tally = verdicts(READERS[format_]((data,)))
    assert found == {sample.prefix: sample.rules for sample in SAMPLES}
    assert {"otc", "too-many-communities"} <= set(tally.unjudged)
    assert "give " in tally.unjudged["too-many-communities"]


def test_a_rule_that_looks_at_what_is_not_said_refuses_nothing() -> None:
    """`maps-community-missing` fires on what has no communities: here nobody knows."""
    sessions = SessionPolicies("peering-service", peer_as=1103, addresses=ADDRESSES)
    data = frr(SAMPLES[:1], detail=False)
    found, tally = verdicts(READERS[InputFormat.FRR]((data,)), sessions)
    assert found == {"41.0.0.0/16": ()}
    assert "maps-community-missing" in tally.unjudged
    found, tally = verdicts(READERS[InputFormat.FRR]((frr(SAMPLES[:1]),)), sessions)
    assert found == {"41.0.0.0/16": ("maps-community-missing",)}
    assert "maps-community-missing" not in tally.unjudged


def test_a_table_that_shows_the_link_local_next_hop_alone_refuses_nothing_for_it() -> None:
    """As FRR does where the peer sent both (RFC 2545 §3): the global one is in no column."""
    sample = next(s for s in SAMPLES if ":" in s.prefix and not s.rules)
    data = cisco([Sample(sample.prefix, sample.path, next_hop="fe80::2")])
    found, tally = verdicts(READERS[InputFormat.CISCO]((data,)))
    assert found == {sample.prefix: ()}
    assert {"next-hop", "link-local-next-hop"} <= set(tally.unjudged)


def test_rules_that_look_at_a_lacking_attribute_are_rules() -> None:
    assert set(LOOKS) <= {rule for profile in PROFILES.values() for rule in profile}


def test_openbgpd_s_detail_is_told_by_any_route_that_has_more_than_the_brief_one() -> None:
    brief = read_routes(read_openbgpd((openbgpd([Sample("41.0.0.0/16", "1103")] * 3),)))
    assert {entry.lacks.attributes for entry in brief} == {COMMUNITIES | OTC}
    detail = read_routes(read_openbgpd((openbgpd([Sample("41.0.0.0/16", "1103")] * 3 + [*SAMPLES[:1]]),)))
    assert {entry.lacks.attributes for entry in detail} == {frozenset()}


# --- show bgp ---

RUBBED = " --More-- " + "\x08" * 9 + " " * 8 + "\x08" * 8
IOS = """\
edge1>show ip bgp
BGP table version is 22, local router ID is 203.0.113.9
Status codes: s suppressed, d damped, h history, * valid, > best, i - internal,
              r RIB-failure, S Stale, m multipath, b backup-path, f RT-Filter,
              x best-external, a additional-path, c RIB-compressed,
              t secondary path, L long-lived-stale,
Origin codes: i - IGP, e - EGP, ? - incomplete
RPKI validation codes: V valid, I invalid, N Not found

     Network          Next Hop            Metric LocPrf Weight Path
 *>   192.0.2.0        198.51.100.1             0             0 64496 64500 i
 * i                   198.51.100.2           100    100      0 64497 64500 64501 e
 r>i  10.0.0.0         198.51.100.2    4294967295    100  50000 64500 ?
V*>   198.51.100.128/25
                       198.51.100.1                           0 64496 {64501,64502} ?
 *>   203.0.113.0/24   0.0.0.0                  0         32768 i
edge1>"""


def test_the_table_of_ios() -> None:
    text = IOS.replace(" *>   203", RUBBED + " *>   203").replace("\n", "\r\n")
    assert rows(read_cisco_table, text) == [
        ("192.0.2.0/24", "64496 64500", "198.51.100.1", 0, True),
        ("192.0.2.0/24", "64497 64500 64501", "198.51.100.2", 1, False),
        ("10.0.0.0/8", "64500", "198.51.100.2", 2, True),
        ("198.51.100.128/25", "64496 {64501 64502}", "198.51.100.1", 2, True),
        ("203.0.113.0/24", "", "None", 0, True),
    ]


XR = """\
RP/0/RP0/CPU0:edge1#show bgp ipv6 unicast
Sat Nov 28 17:36:10.123 UTC
BGP router identifier 203.0.113.9, local AS number 64510
BGP generic scan interval 60 secs
Non-stop routing is enabled
BGP table state: Active
Table ID: 0xe0800000   RD version: 33
BGP main routing table version 33
BGP NSR Initial initsync version 7 (Reached)
BGP scan interval 60 secs

Status codes: s suppressed, d damped, h history, * valid, > best
              i - internal, r RIB-failure, S stale, N Nexthop-discard
Origin codes: i - IGP, e - EGP, ? - incomplete
   Network            Next Hop            Metric LocPrf Weight Path
*> fc00::/7           2001:db8::1                            0 64496 i
*>i2001:db8:1234:5678::/64
                      2001:db8:1111:2222:3333:4444:5555:6666
                                               0    100      0 64497 64500 i
* i                   2001:db8::2              0    100      0 64498 64500 i

Processed 2 prefixes, 3 paths
RP/0/RP0/CPU0:edge1#"""


def test_the_table_of_ios_xr_with_lines_that_are_too_long() -> None:
    assert rows(read_cisco_table, XR) == [
        ("fc00::/7", "64496", "2001:db8::1", 0, True),
        ("2001:db8:1234:5678::/64", "64497 64500", "2001:db8:1111:2222:3333:4444:5555:6666", 0, True),
        ("2001:db8:1234:5678::/64", "64498 64500", "2001:db8::2", 0, False),
    ]


def test_what_ios_xr_announces_has_another_table() -> None:
    text = (
        "Network            Next Hop        From            AS Path\n"
        "192.0.2.0/24       198.51.100.9    198.51.100.1    64510 64496 64500i\n"
        "203.0.113.0/24     198.51.100.9    Local           64510?\n"
    )
    assert rows(read_cisco_table, text) == [
        ("192.0.2.0/24", "64510 64496 64500", "198.51.100.9", 0, True),
        ("203.0.113.0/24", "64510", "198.51.100.9", 2, True),
    ]


def test_the_table_of_eos() -> None:
    text = (
        "BGP routing table information for VRF default\nRouter identifier 203.0.113.9, local AS number 64510\n"
        "Route status codes: s - suppressed contributor, * - valid, > - active, E - ECMP head, e - ECMP\n"
        "                    S - Stale, c - Contributing to ECMP, b - backup, L - labeled-unicast\n"
        "Origin codes: i - IGP, e - EGP, ? - incomplete\n"
        "AS Path Attributes: Or-ID - Originator ID, C-LST - Cluster List, LL Nexthop - Link Local Nexthop\n\n"
        "          Network                Next Hop              Metric  AIGP       LocPref Weight  Path\n"
        " * >      192.0.2.0/24           198.51.100.1          0       -          100     0       64496 64500 i\n"
        " *  E     192.0.2.0/24           198.51.100.2          -       -          100     0       1.10 64500 ?\n"
        " * >      203.0.113.0/24         -                     -       -          -       0       i\n"
    )
    assert rows(read_cisco_table, text) == [
        ("192.0.2.0/24", "64496 64500", "198.51.100.1", 0, True),
        ("192.0.2.0/24", "65546 64500", "198.51.100.2", 2, False),
        ("203.0.113.0/24", "", "None", 0, True),
    ]


TITLES = "   Network          Next Hop            Metric LocPrf Weight Path\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TITLES + "*> 192.0.2.0/24     198.51.100.1             0             0 64496 645", "cut short"),
        (TITLES + "*> 192.0.2.0/24\n", "no next hop"),
        (TITLES + "*> 192.0.2.0/33     198.51.100.1             0             0 64496 i\n", "192.0.2.0/33"),
        (TITLES + "*> 192.0.2.1/24     198.51.100.1             0             0 64496 i\n", "host bits"),
        (TITLES + "*> 192.0.2.0/24     198.51.100.1             0             0 64496 99999999999 i\n", "too large"),
        (TITLES + "*> garbage          198.51.100.1             0             0 64496 i\n", "no route of the table"),
        (TITLES + "% BGP is fine\nsomething else 192.0.2.0/24\n", "no route of the table"),
        ("*> 192.0.2.0/24     198.51.100.1             0             0 64496 i\n" + TITLES, "before the titles"),
    ],
)
def test_what_makes_no_sense_in_a_table_has_its_line(text: str, words: str) -> None:
    (bad,) = unreadable(read_cisco_table, text)
    assert words in bad
    assert bad.startswith("line ")


def test_every_line_of_a_table_is_a_route_or_unreadable() -> None:
    """Whatever octet of a route's line is damaged: it is judged or told, never gone."""
    lines = [line for line in cisco(SAMPLES[:6]).decode().splitlines() if line]
    (where,) = (at for at, line in enumerate(lines) if line.startswith("*> 41.1."))
    for at in range(len(lines[where])):
        for other in "x#9:/ >":
            damaged = [*lines]
            damaged[where] = lines[where][:at] + other + lines[where][at + 1 :]
            entries = list(read_cisco_table((("\n".join(damaged) + "\n").encode(),)))
            routes = sum(len(entry.keys) for entry in entries if isinstance(entry, TableRoutes))
            assert routes + sum(isinstance(entry, Unreadable) for entry in entries) >= 6, damaged[where]


# --- show bgp detail ---

DETAIL = """\
edge1#show bgp ipv4 unicast detail
BGP routing table entry for 192.0.2.0/24, version 10
  Paths: (2 available, best #2, table default)
  Advertised to update-groups:
     1
  Refresh Epoch 1
  64497 64500
    198.51.100.2 from 198.51.100.2 (203.0.113.2)
      Origin IGP, localpref 100, valid, external
      Community: 64497:100 6553701
      unknown transitive attribute: flag 0xE0 type 0x23 length 0x4
        value 0000 FBF1
      rx pathid: 0, tx pathid: 0
      Updated on Nov 28 2026 10:00:00 UTC
  Refresh Epoch 1
  64496 64500, (aggregated by 64500 192.0.2.200), (received & used)
    198.51.100.1 (metric 20) from 198.51.100.1 (203.0.113.1)
      Origin incomplete, metric 7, localpref 100, valid, external, atomic-aggregate, best
      Community: 64496:100 64496:101 64496:102 64496:103 64496:104 64496:105
        64496:106 no-export
      Extended Community: RT:64496:1 SoO:64496:2
      Large Community: 64496:1:2
      rx pathid: 0, tx pathid: 0x0
BGP routing table entry for 203.0.113.0/24, version 11
  Paths: (1 available, best #1, table default)
  Not advertised to any peer
  Refresh Epoch 1
  Local
    0.0.0.0 from 0.0.0.0 (203.0.113.9)
      Origin IGP, metric 0, localpref 100, weight 32768, valid, sourced, local, best
"""


def test_the_details_of_ios() -> None:
    first, second, own = read_routes(read_cisco_detail((DETAIL.encode(),)))
    assert first.path.otc == 64497
    assert not first.lacks.attributes
    assert first.path.communities == (64497 << 16 | 100, 6553701)
    assert (second.best, second.path.med, second.path.origin, second.path.local_pref) == (True, 7, 2, 100)
    assert len(second.path.communities) == 8
    assert second.path.extended_communities == (bytes.fromhex("0002fbf000000001"), bytes.fromhex("0003fbf000000002"))
    assert second.path.large_communities == ((64496, 1, 2),)
    assert str(second.path.aggregator) == "(64500, IPv4Address('192.0.2.200'))"
    assert second.path.atomic_aggregate
    assert second.lacks.attributes == OTC
    assert str(second.announcer) == "AS0 at 198.51.100.1"
    assert (own.path.as_path, own.path.next_hop, own.announcer) == ((), None, None)


def test_the_details_of_nx_os_and_of_ios_xr() -> None:
    text = (
        "BGP routing table information for VRF default, address family IPv4 Unicast\n"
        "BGP routing table entry for 192.0.2.0/24, version 3446\nPaths: (1 available, best #1)\n"
        "Flags: (0x8000002) (high32 00000000) on xmit-list, is not in urib, is not in HW\n\n  Advertised path-id 1\n"
        "  Path type: external, path is valid, is best path, no labeled nexthop, in rib\n"
        "  AS-Path: 1.10 64500 , path sourced external to AS\n"
        "    198.51.100.1 (metric 0) from 198.51.100.1 (203.0.113.1)\n"
        "      Origin IGP, MED 5, localpref 100, weight 0\n"
        "      Community: 64496:100 \n\n  Path-id 1 advertised to peers:\n"
        "    198.51.100.2       198.51.100.3\n"
        "BGP routing table entry for 203.0.113.0/24\nVersions:\n  Process           bRIB/RIB   SendTblVer\n"
        "  Speaker                 1234         1234\n    Flags: 0x00001001+0x00000000;\n"
        "Last Modified: Nov 28 10:00:00.000 for 07:36:10\nPaths: (1 available, best #1)\n"
        "  Advertised to update-groups (with more than one peer):\n    0.2\n  Path #1: Received by speaker 0\n"
        "  Flags: 0x4000000001060005, import: 0x020\n  64496 64500 {64501,64502}, (received & used)\n"
        "    198.51.100.1 from 198.51.100.1 (203.0.113.1)\n"
        "      Origin EGP, localpref 100, valid, external, best, group-best\n"
        "      Received Path ID 0, Local Path ID 1, version 1234\n      Extended community: RT:64496:1\n"
        "      Origin-AS validity: (disabled)\n"
    )
    assert rows(read_cisco_detail, text) == [
        ("192.0.2.0/24", "65546 64500", "198.51.100.1", 0, True),
        ("203.0.113.0/24", "64496 64500 {64501 64502}", "198.51.100.1", 1, True),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("BGP routing table entry for 192.0.2.0/24\n", "no path below"),
        ("BGP routing table entry for 192.0.2.0/24\n  64496\n", "next hop is missing"),
        (
            "BGP routing table entry for 192.0.2.0/24\n  64496\n    198.51.100.1 from 198.51.100.1 (1.1.1.1)\n",
            "origin is missing",
        ),
        (DETAIL + "whatever this is\n", "makes no sense"),
    ],
)
def test_what_makes_no_sense_in_details_has_its_line(text: str, words: str) -> None:
    (bad,) = unreadable(read_cisco_detail, text)
    assert words in bad


# --- Junos ---

JUNOS = """\
admin@edge1> show route protocol bgp

inet.0: 5 destinations, 6 routes (5 active, 0 holddown, 0 hidden)
+ = Active Route, - = Last Active, * = Both

192.0.2.0/24       *[BGP/170] 1w2d 03:04:05, MED 10, localpref 100, from 198.51.100.1
                      AS path: 64496 64500 I, validation-state: unverified
                    >  to 198.51.100.1 via ge-0/0/0.0
                    [BGP/170] 3d 03:04:05, localpref 100
                      AS path: 64497 64500 {64501 64502} ?, validation-state: unverified
                    >  to 198.51.100.2 via ge-0/0/1.0
203.0.113.0/24     *[Static/5] 1w2d 03:04:05
                      Discard
---(more)---
inet6.0: 1 destinations, 1 routes (1 active, 0 holddown, 0 hidden)
+ = Active Route, - = Last Active, * = Both

2001:db8:1234:5678::/64
                   *[BGP/170] 1w2d 03:04:05, localpref 100
                      AS path: 64496 E, validation-state: unverified
                    >  to 2001:db8::1 via ge-0/0/0.0

{master}
admin@edge1> """


def test_the_table_of_junos() -> None:
    entries = list(read_junos((JUNOS.encode(),)))
    assert [entry for entry in entries if isinstance(entry, Skipped)] == [Skipped("routes of other protocols than BGP")]
    assert rows(lambda chunks: (e for e in read_junos(chunks) if not isinstance(e, Skipped)), JUNOS) == [
        ("192.0.2.0/24", "64496 64500", "198.51.100.1", 0, True),
        ("192.0.2.0/24", "64497 64500 {64501 64502}", "198.51.100.2", 2, False),
        ("2001:db8:1234:5678::/64", "64496", "2001:db8::1", 1, True),
    ]


def test_what_junos_receives_and_announces() -> None:
    text = (
        "admin@edge1> show route receive-protocol bgp 198.51.100.1\n\n"
        "inet.0: 5 destinations, 6 routes (5 active, 0 holddown, 0 hidden)\n"
        "  Prefix\t\t  Nexthop\t       MED     Lclpref    AS path\n"
        "* 192.0.2.0/24            198.51.100.1         10                 64496 64500 I\n"
        "  203.0.113.0/24          198.51.100.1                 100        64496 64501 ?\n\n"
        "inet6.0: 1 destinations, 1 routes (1 active, 0 holddown, 0 hidden)\n"
        "  Prefix\t\t  Nexthop\t       MED     Lclpref    AS path\n"
        "* 2001:db8:1234:5678:9abc::/80\n"
        "                          2001:db8::1                             64496 I\n"
        "admin@edge1> show route advertising-protocol bgp 198.51.100.1\n"
        "inet.0: 1 destinations, 1 routes (1 active, 0 holddown, 0 hidden)\n"
        "  Prefix\t\t  Nexthop\t       MED     Lclpref    AS path\n"
        "* 192.0.2.0/24            Self                                    [64510] 64496 I\n"
    )
    assert rows(read_junos, text) == [
        ("192.0.2.0/24", "64496 64500", "198.51.100.1", 0, True),
        ("203.0.113.0/24", "64496 64501", "198.51.100.1", 2, False),
        ("2001:db8:1234:5678:9abc::/80", "64496", "2001:db8::1", 0, True),
        ("192.0.2.0/24", "64510 64496", "None", 0, True),
    ]


def test_attributes_that_junos_does_not_know_and_paths_that_it_puts_together() -> None:
    text = (
        "inet.0: 1 destinations, 1 routes (1 active, 0 holddown, 0 hidden)\n192.0.2.0/24 (1 entry, 1 announced)\n"
        "        *BGP    Preference: 170/-101\n                Source: 198.51.100.1\n"
        "                Next hop: 198.51.100.1 via ge-0/0/0.0, selected\n"
        "                AS path: 64496 64500 I Aggregator: 64500 192.0.2.200\n"
        "                AS path: Recorded\n                Unrecognized Attributes: 7 bytes\n"
        "                Attr flags 0xe0 code 0x23: 00 00 fb f1\n"
        "                Communities: 64496:100 large:64496:1:2 target:64496:1 origin:64496:2 unknown iana 80\n"
    )
    (route,) = read_routes(read_junos((text.encode(),)))
    assert route.path.otc == 64497
    assert route.path.large_communities == ((64496, 1, 2),)
    assert route.path.extended_communities[:2] == (bytes.fromhex("0002fbf000000001"), bytes.fromhex("0003fbf000000002"))
    assert str(route.path.aggregator) == "(64500, IPv4Address('192.0.2.200'))"


def test_a_route_of_junos_that_is_cut_short_has_its_line() -> None:
    assert unreadable(read_junos, JUNOS[: JUNOS.index("                      AS path")]) == [
        "line 6: 192.0.2.0/24: the route is cut short, its AS path is missing"
    ]


# --- JSON ---


def test_json_is_read_however_it_is_set() -> None:
    routes = [{"prefix": s.prefix, "as-path": s.path, "communities": list(s.communities)} for s in SAMPLES]
    texts = {
        "lines": "".join(json.dumps(route) + "\n" for route in routes),
        "pretty": "".join(json.dumps(route, indent=2) + "\n" for route in routes),
        "array": json.dumps(routes),
        "pretty array": json.dumps(routes, indent=4),
        "document": json.dumps({"version": 1, "routes": routes, "count": len(routes)}, indent=2),
    }
    wanted = by_prefix(read_json((texts["lines"].encode(),)))
    assert len(wanted) == len(SAMPLES)
    for what, text in texts.items():
        assert recognise((text.encode(),))[0] is InputFormat.JSON, what
        assert by_prefix(read_json((text.encode(),))) == wanted, what


@pytest.mark.parametrize("size", [1, 50, 100_000])
def test_a_document_that_ends_early_is_told_with_its_line(size: int) -> None:
    data = frr(SAMPLES)
    data = data[: data.index(b'"41.7.0.0/16"')]
    _, tally = verdicts(read_frr(data[at : at + size] for at in range(0, len(data), size)))
    assert (tally.routes, tally.unreadable) == (8, 1)
    assert "cut short" in tally.named[0].reason


def test_a_broken_value_is_told_and_the_next_one_read() -> None:
    data = frr(SAMPLES).replace(b'"origin": "IGP"', b'"origin": IGP', 1)
    _, tally = verdicts(read_frr((data,)))
    assert (tally.routes, tally.unreadable) == (len(SAMPLES) - 1, 1)


def test_lines_between_documents_are_prompts_or_told() -> None:
    data = b"% Unknown thing\n" + frr(SAMPLES) + b"router# exit\n"
    _, tally = verdicts(read_frr((data,)))
    assert (tally.routes, [str(entry) for entry in tally.named]) == (
        len(SAMPLES),
        ["line 1: no JSON: '% Unknown thing'"],
    )


def test_brackets_without_end_are_no_danger() -> None:
    for text in ("[" * 200_000, '{"a":' * 200_000, '{"routes": {"41.0.0.0/16": ' + "[" * 200_000, '"' * 99_999):
        for format_ in (InputFormat.FRR, InputFormat.GOBGP, InputFormat.OPENBGPD, InputFormat.EOS, InputFormat.JSON):
            assert all(isinstance(entry, Unreadable) for entry in READERS[format_]((text.encode(),)))


# --- what is not read ---


@pytest.mark.parametrize(
    ("text", "what", "instead"),
    [
        ('<rpc-reply xmlns:junos="x">\n<route-information>\n', "Junos's XML", "show route … detail"),
        ('{\n    "route-information" : [\n', "Junos's JSON", "show route … detail"),
        ("<!DOCTYPE html>\n<html>", "a web page", "the router itself"),
        ("TABLE_DUMP2|1|B|192.0.2.1|64496|192.0.2.0/24|64496|IGP\n", "bgpdump", "the MRT file"),
        ("   Network              Next Hop             AS_PATH              Age        Attrs\n", "GoBGP's text", "-j"),
        ("flags: * = Valid, > = Selected, I = via IBGP, A = Announced,\n", "OpenBGPD's text", "bgpctl -j"),
        (
            "\nBGP routing table entry for 192.0.2.0/24\n    64496\n"
            "    Nexthop 192.0.2.1 (via 192.0.2.1) Neighbor 192.0.2.1\n",
            "OpenBGPD's text",
            "bgpctl -j",
        ),
        ("router bgp 64496\n neighbor 192.0.2.1 remote-as 8075\n", "a configuration", "the table"),
        ("route:          192.0.2.0/24\norigin: AS64496\n", "RPSL", "one prefix a line"),
        ("name,prefix\nx,41.0.0.0/16\n", "CSV", "one prefix a line"),
        ("Neighbor        V         AS   MsgRcvd   MsgSent   TblVer\n", "a list of neighbors", "the routes"),
        ("inet.0: x\nA V Destination        P Prf   Metric 1   Metric 2  Next hop        AS path\n", "terse", "detail"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_what_to_give_instead(text: str, what: str, instead: str) -> None:
    found, _ = recognise((text.encode(),))
    assert isinstance(found, UnsupportedFormat)
    assert what in str(found)
    assert instead in str(found)
