"""BIRD's `show route all`: its versions, its peculiarities, and a real BIRD."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.places.process import find_program
from simulator.policy.data import vrp
from simulator.policy.data.policy_data import PolicyData
from simulator.tables.bird_text import read_bird
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.session_policies import SessionPolicies
from simulator.tables.table_entries import TableRoutes, Unreadable
from simulator.tables.tally import Judge
from simulator.wire import nlri
from tests.lab_support import eventually, require_program
from tests.tables.support import read_routes

BIRD2 = """BIRD 2.0.12 ready.
Access restricted
Table master4:
41.0.0.0/16          unicast [peer1 2026-11-22 from 192.0.2.7] * (100) [AS1136i]
\tvia 192.0.2.1 on eth0
\tType: BGP univ
\tBGP.origin: IGP
\tBGP.as_path: 1103 {1136 5089}
\tBGP.next_hop: 192.0.2.1
\tBGP.med: 5
\tBGP.local_pref: 100
\tBGP.atomic_aggr:
\tBGP.aggregator: 192.0.2.3 AS1136
\tBGP.community: (1103,1) (1103,2)
\t\t(1103,3)
\tBGP.large_community: (1103, 1, 2)
\tBGP.ext_community: (rt, 1103, 1) (generic, 0x43000000, 0x1)
\tBGP.otc: 1103
                     unicast [peer2 2026-11-22] (100) [AS1136?]
\tvia 192.0.2.2 on eth0
\tType: BGP univ
\tBGP.origin: Incomplete
\tBGP.as_path: 5089 1136
\tBGP.next_hop: 192.0.2.2
41.1.0.0/16          blackhole [static1 2026-11-22] * (200)
\tType: static univ

Table master6:
2a00:1000::/32       unicast [peer6 2026-11-22] * (100) [AS1103i]
\tvia fe80::1 on eth0
\tType: BGP univ
\tBGP.origin: IGP
\tBGP.as_path: 1103
\tBGP.next_hop: 2001:db8::1 fe80::1
"""

BIRD3 = """BIRD 3.0.1 ready.
2a00:1000::/32       unicast [upstream1 11:50:09.000] * (100) [AS1103i]
\tvia 2001:db8::1 on eth2
\tpreference: 500
\tigp_metric: 0
\tfrom: 2001:db8::1
\tsource: BGP
\tbgp_origin: IGP
\tbgp_path: 1103 1136
\tbgp_next_hop: 2001:db8::1
\tbgp_med: 7
\tbgp_local_pref: 500
\tbgp_community: (1103,5464) (1103,8339)
\t\t(1103,11077)
\tbgp_large_community: (1103, 0, 2000)
\tbgp_ext_community: (rt, 1103, 1)
\tbgp_aggregator: 192.0.2.3 AS1136
\tbgp_otc: 1103
\tInternal route handling values: 0L 0G 0S id 1
::/0                 recursive [ibgp1 11:50:09.000 from 2001:db8::7] * (100/?) [AS1103i]
\thostentry: via 2001:db8::7 table master6
\tfrom: 2001:db8::7
\tbgp_origin: IGP
\tbgp_path: 1103 5089
\tbgp_next_hop: 2001:db8::7
2a00:1001::/32       prohibited [static6 11:50:09.000] ! (200)
\tpreference: 200
\tsource: static
                     unicast [upstream2 11:50:09.000] (100) [AS1103i]
\tvia 2001:db8::3 on eth2
\tbgp_origin: IGP
\tbgp_path: 1103
\tInternal route handling values: 0L 0G 0S id 2
"""

BIRD1 = """BIRD 1.6.8 ready.
41.0.0.0/16        via 192.0.2.1 on eth0 [peer1 2026-11-22] * (100) [AS1136i]
\tType: BGP unicast univ
\tBGP.origin: IGP
\tBGP.as_path: 1103 1136
\tBGP.next_hop: 192.0.2.1
                   via 192.0.2.2 on eth0 [peer2 2026-11-22] (100) [AS1136i]
\tType: BGP unicast univ
\tBGP.origin: IGP
\tBGP.as_path: 5089 1136
\tBGP.next_hop: 192.0.2.2
"""


def test_bird_2() -> None:
    one, two, own, six = read_routes(read_bird((BIRD2.encode(),)))
    assert [nlri.text(route.family, route.keys[0]) for route in (one, two, own, six)] == [
        "41.0.0.0/16",
        "41.0.0.0/16",
        "41.1.0.0/16",
        "2a00:1000::/32",
    ]
    assert [route.best for route in (one, two, own, six)] == [True, False, True, True]
    path = one.path
    assert path.as_path_text == "1103 {1136 5089}"
    assert (path.origin, str(path.next_hop), path.med, path.local_pref, path.otc) == (0, "192.0.2.1", 5, 100, 1103)
    assert path.communities_text == ("1103:1", "1103:2", "1103:3")
    assert path.large_communities == ((1103, 1, 2),)
    assert [value.hex() for value in path.extended_communities] == ["0002044f00000001", "4300000000000001"]
    assert path.atomic_aggregate
    assert path.aggregator is not None
    assert path.aggregator[0] == 1136
    assert (two.path.origin, two.path.as_path_text) == (2, "5089 1136")
    assert (own.path.as_path, own.path.next_hop) == ((), None)
    assert (six.path.next_hop, six.path.link_local) == (IPv6Address("2001:db8::1"), IPv6Address("fe80::1"))


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x07", "\x7f", "\x9b31m", "\u202e"])
def test_what_cannot_be_read_is_told_in_one_harmless_line(hostile: str) -> None:
    text = f"41.0.0.0/16  unicast [p 1] * (100) [AS1136i]\n\tBGP.as_path: 1\n\tBGP.origin: {hostile}\n"
    (found,) = read_bird((text.encode(),))
    assert isinstance(found, Unreadable)
    assert str(found).isprintable()


@pytest.mark.parametrize(("mark", "origin"), [("i", 0), ("e", 1), ("?", 2)])
@pytest.mark.parametrize("blanks", ["\t", " " * 8])
def test_the_first_line_of_a_route_tells_its_origin_too(mark: str, origin: int, blanks: str) -> None:
    lines = "41.0.0.0/16  unicast [p 12:00] * (100) [AS1136%s]\n\tvia 192.0.2.1 on eth0\n\tBGP.as_path: 1103 1136\n"
    more = "\tBGP.community: (1103,1) (1103,2)\n\t\t(8075,8007)\n"
    (route,) = read_routes(read_bird(((lines % mark + more).replace("\t", blanks).encode(),)))
    assert (route.path.origin, route.path.communities_text) == (origin, ("1103:1", "1103:2", "8075:8007"))


def test_bird_3_has_other_names() -> None:
    route, inside, refused, other = read_routes(read_bird((BIRD3.encode(),)))
    assert route.path.as_path_text == "1103 1136"
    assert route.path.communities_text == ("1103:5464", "1103:8339", "1103:11077")
    assert (route.path.med, route.path.large_communities) == (7, ((1103, 0, 2000),))
    assert [value.hex() for value in route.path.extended_communities] == ["0002044f00000001"]
    assert (route.path.otc, route.path.aggregator) == (1103, (1136, IPv4Address("192.0.2.3")))
    assert (nlri.text(inside.family, inside.keys[0]), inside.path.as_path_text) == ("::/0", "1103 5089")
    assert (inside.best, refused.best, other.best) == (True, True, False), "! is chosen, and the kernel did not take it"
    assert [str(found.path.next_hop) for found in (inside, refused, other)] == ["2001:db8::7", "None", "2001:db8::3"]


def with_blanks(text: str, tab: str) -> str:
    return text.replace("\t", tab)


@pytest.mark.parametrize("tab", [" ", "    ", "        "])
@pytest.mark.parametrize("text", [BIRD1, BIRD2, BIRD3], ids=["1", "2", "3"])
def test_blanks_for_tabs_change_nothing(text: str, tab: str) -> None:
    found, pasted = (read_routes(read_bird((given.encode(),))) for given in (text, with_blanks(text, tab)))
    assert found == pasted


@pytest.mark.parametrize("text", [BIRD1, BIRD2, BIRD3], ids=["1", "2", "3"])
@given(data=st.data())
def test_no_line_of_an_attribute_is_lost_silently(text: str, data: st.DataObject) -> None:
    """A character of an attribute's name, or of what follows it, becomes another: read as it is there, or told."""
    lines = text.splitlines()
    at = data.draw(st.sampled_from([n for n, line in enumerate(lines) if "community" in line or "otc" in line] or [0]))
    if not at:
        return
    column = data.draw(st.integers(lines[at].lower().index("bgp") + 4, len(lines[at]) - 1))
    mark = data.draw(st.sampled_from("x=;*"))
    lines[at] = lines[at][:column] + mark + lines[at][column + 1 :]
    entries = list(read_bird(("\n".join(lines).encode(),)))
    whole = [entry for entry in read_bird((text.encode(),)) if isinstance(entry, TableRoutes)]
    assert len(entries) == len(whole)
    assert any(isinstance(entry, Unreadable) for entry in entries) or mark == "x", "x may be part of a name"


LONG = " ".join(str(4200000000 + n) for n in range(60))


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        (f"1103 {LONG} ...", "as-path-too-long"),
        (f"1103 {{{LONG} ...", "as-set"),
        ("1103 12076 ...", "as12076"),
        ("1103 1136 ...", ""),
        ("...", ""),
        (f"1103 {LONG}...", "as-path-too-long"),
    ],
)
def test_a_path_that_bird_cut_is_refused_by_what_is_there_or_unreadable(path: str, verdict: str) -> None:
    text = f"41.0.0.0/16  unicast [p1 1] * (100) [AS1136i]\n\tBGP.origin: IGP\n\tBGP.as_path: {path}\n"
    vrps = vrp.read(b'{"roas": [{"asn": 1, "prefix": "41.0.0.0/16", "maxLength": 16}]}')
    off = {"bogon-asn": False}
    judge = Judge(SessionPolicies("exchange", settings={**off}, peer_as=1103, data=PolicyData(vrp=vrps)).session)
    found = [hits for _, hits in judge.judge(read_bird((text.encode(),)))]
    assert (judge.tally.rejected, judge.tally.unreadable) == ((1, 0) if verdict else (0, 1))
    if verdict:
        ((fired,),) = (hits.values() for hits in found)
        assert verdict in {hit.rule for hit in fired}
        assert "rpki-invalid" not in {hit.rule for hit in fired}, "nobody knows the origin"
    else:
        assert "BIRD cut the AS path short" in str(judge.tally.named[0])


def test_bird_1_names_the_gateway_first() -> None:
    one, two = read_routes(read_bird((BIRD1.encode(),)))
    assert (one.path.as_path_text, str(one.path.next_hop)) == ("1103 1136", "192.0.2.1")
    assert (two.path.as_path_text, two.best) == ("5089 1136", False)


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        ("41.0.0.0/16  unicast [p 1] * (100) [AS1i]\n\tvia 192.0.2.1 on eth0\n", 1, "show route all"),
        ("Table x:\n41.0.0.1/16  blackhole [p 1] * (100)\n", 2, "host bits"),
        ("Table x:\n     blackhole [p 1] * (100)\n", 2, "without a prefix"),
        ("Table x:\nhello world\n", 2, "does not look like"),
        ("1.0.0.0/8  blackhole [p 1] (1)\n\tBGP.as_path: 1 x\n", 1, "is no ASN"),
        ("1.0.0.0/8  blackhole [p 1] (1)\n\tBGP.next_hop: here\n", 1, "is no next hop"),
        ("1.0.0.0/8  blackhole [p 1] (1)\n\tBGP.origin: God\n", 1, "is no origin"),
    ],
)
def test_what_cannot_be_read_has_its_line(text: str, number: int, words: str) -> None:
    (bad,) = read_bird((text.encode(),))
    assert isinstance(bad, Unreadable)
    assert bad.place.number == number
    assert words in bad.reason


# --- a real BIRD ---

CONFIG = """
router id 192.0.2.3;
timeformat route iso long;
protocol device {{ }}
protocol static own4 {{ ipv4; route 41.9.0.0/16 blackhole; }}
protocol static own6 {{
  ipv6;
  route 2a00:1000::/32 blackhole {{ bgp_path.prepend(1136); bgp_path.prepend(1103); bgp_community.add((1103,6)); }};
}}
template bgp edge {{
  local 127.0.0.1 port {port} as 1103; multihop; strict bind; ipv4 {{ import all; export none; }};
  connect delay time 1; error wait time 1, 2; connect retry time 1;
}}
protocol bgp p1 from edge {{ neighbor 127.0.0.11 port {port1} as 1136; }}
protocol bgp p2 from edge {{ neighbor 127.0.0.12 port {port2} as 5089; }}
"""
ROUTES1 = (
    "route 41.1.0.0/16 next-hop self as-path [ 286 ] ( 1299 2914 ) community [ 1136:1 no-export ] large-community"
    " [ 1136:1:2 ] med 5\n41.2.0.0/16\n"
)
ROUTES2 = "41.2.0.0/16\nroute 41.3.0.0/24 next-hop self as-path [ 12076 ]\n"


def free_port(host: str) -> int:
    with socket.socket() as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(*command: str, log: Path) -> Iterator[None]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield
        finally:
            process.terminate()


def ask(directory: Path, *question: str) -> str:
    command = [str(find_program("birdc")), "-s", str(directory / "bird.ctl"), *question]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout


@pytest.mark.router
async def test_a_real_bird_says_what_its_neighbors_announced(tmp_path: Path) -> None:
    require_program("bird")
    port, ports = free_port("127.0.0.1"), {"127.0.0.11": free_port("127.0.0.11"), "127.0.0.12": free_port("127.0.0.12")}
    (tmp_path / "bird.conf").write_text(CONFIG.format(port=port, port1=ports["127.0.0.11"], port2=ports["127.0.0.12"]))
    with contextlib.ExitStack() as stack:
        for host, asn, text in (("127.0.0.11", "1136", ROUTES1), ("127.0.0.12", "5089", ROUTES2)):
            (tmp_path / asn).write_text(text)
            edge = [sys.executable, "-m", "simulator", "edge", "--listen", f"{host}:{ports[host]}"]
            edge += ["--peer", "127.0.0.1"]
            edge += ["--peer-port", str(port), "--local-as", asn, "--peer-as", "1103", "--state", "Active"]
            stack.enter_context(running(*edge, "--announce", str(tmp_path / asn), log=tmp_path / f"{asn}.log"))
        bird = [str(find_program("bird")), "-f", "-c", str(tmp_path / "bird.conf"), "-s", str(tmp_path / "bird.ctl")]
        stack.enter_context(running(*bird, "-P", str(tmp_path / "bird.pid"), log=tmp_path / "bird.log"))

        async def told() -> str:
            return await asyncio.to_thread(ask, tmp_path, "show", "route", "all")

        text = await eventually(told, lambda text: text.count("[p1 ") == text.count("[p2 ") == 2, 60)
        short = ask(tmp_path, "show", "route")
    assert recognise((text.encode(),))[0] is InputFormat.BIRD
    routes = read_routes(READERS[InputFormat.BIRD]((text.encode(),)))
    found = {(nlri.text(r.family, r.keys[0]), r.path.as_path_text): r for r in routes}
    assert found.keys() == {
        ("41.1.0.0/16", "1136 286 {1299 2914}"),
        ("41.2.0.0/16", "1136"),
        ("41.2.0.0/16", "5089"),
        ("41.3.0.0/24", "5089 12076"),
        ("41.9.0.0/16", ""),
        ("2a00:1000::/32", "1103 1136"),
    }
    path = found["41.1.0.0/16", "1136 286 {1299 2914}"].path
    assert path.communities_text == ("1136:1", "65535:65281")
    assert (path.large_communities, path.med, str(path.next_hop)) == (((1136, 1, 2),), 5, "127.0.0.11")
    assert sum(route.best for route in routes) == 5, "one of two routes of 41.2.0.0/16 was not chosen"
    # Without `all` the attributes are missing, and that is said.
    entries = list(read_bird((short.encode(),)))
    assert sum(isinstance(entry, Unreadable) for entry in entries) == 4
    assert [entry.path.as_path for entry in entries if isinstance(entry, TableRoutes)] == [(), ()]
