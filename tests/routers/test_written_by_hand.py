"""Files that a person wrote by hand, each with one mistake: the remedy, pasted as it is printed, heals the file."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from simulator.diagnosis.about import About
from simulator.diagnosis.router_answer import Setting
from simulator.report.model import Report
from simulator.routers.own_file import bindings, statements_of
from simulator.routers.registry import ROUTERS
from simulator.views.diagnosis import diagnosis
from tests.routers.test_frr_filters import EDGES, OWN, pasted
from tests.routers.test_frr_filters import lab as frr_lab
from tests.routers.test_remedies import agreed, of
from tests.routers.test_users_files import rehearse, require

BIRD = """\
router id 10.0.0.1;
protocol device {}
protocol static own4 { ipv4; route 192.0.2.0/24 blackhole; }
protocol static own6 { ipv6; route 2001:db8::/32 blackhole; }
filter take { if bgp_path ~ [= * 12076 * =] then reject; accept; }
filter give { if source = RTS_STATIC then accept; reject; }
template bgp microsoft { local as 64496; neighbor as 8075; }
protocol bgp ms4 from microsoft {
  neighbor 206.126.236.17;
  ipv4 { import filter take; export filter give; };
}
protocol bgp ms6 from microsoft {
  neighbor 2001:504:0:2::8075:1;
  ipv6 { import filter take; export filter give; };
}
"""
FRR = """\
ip route 192.0.2.0/24 blackhole
ipv6 route 2001:db8::/32 blackhole
!
router bgp 64496
 bgp router-id 10.0.0.1
 no bgp default ipv4-unicast
 neighbor 206.126.236.17 remote-as 8075
 neighbor 2001:504:0:2::8075:1 remote-as 8075
 !
 address-family ipv4 unicast
  network 192.0.2.0/24
  neighbor 206.126.236.17 activate
  neighbor 206.126.236.17 route-map IN in
  neighbor 206.126.236.17 route-map OUT out
 exit-address-family
 !
 address-family ipv6 unicast
  network 2001:db8::/32
  neighbor 2001:504:0:2::8075:1 activate
  neighbor 2001:504:0:2::8075:1 route-map IN in
  neighbor 2001:504:0:2::8075:1 route-map OUT out
 exit-address-family
!
bgp as-path access-list OURS seq 5 permit ^$
route-map IN permit 10
!
route-map OUT permit 10
 match as-path OURS
!
"""
OPENBGPD = """\
AS 64496
router-id 10.0.0.1
network 192.0.2.0/24
network 2001:db8::/32
group "microsoft" {
\tremote-as 8075
\tneighbor 206.126.236.17 {
\t\tdescr "v4"
\t}
\tneighbor 2001:504:0:2::8075:1 {
\t\tdescr "v6"
\t}
}
allow from group "microsoft"
allow to group "microsoft" prefix { 192.0.2.0/24 2001:db8::/32 }
"""
EXABGP = "".join(
    f"""\
neighbor {edge} {{
\tdescription "v{v}";
\trouter-id 10.0.0.1;
\tlocal-address {peer};
\tlocal-as 64496;
\tpeer-as 8075;
\tcapability {{
\t\troute-refresh enable;
\t}}
\tfamily {{
\t\tipv{v} unicast;
\t}}
\tstatic {{
\t\troute {own} next-hop self;
\t}}
}}
"""
    for v, edge, peer, own in (
        ("4", EDGES["4"], "206.126.239.200", OWN["4"]),
        ("6", EDGES["6"], "2001:504:0:2:0:6:4496:1", OWN["6"]),
    )
)
FILES = {"bird": BIRD, "frr": FRR, "openbgpd": OPENBGPD, "exabgp": EXABGP}
_GIVE = "ipv4 { import filter take; export filter give; };"
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "bird, import and export exchanged": (
        "bird",
        _GIVE,
        "ipv4 { import filter give; export filter take; };",
        "import-policy",
    ),
    "bird, the other family": ("bird", _GIVE, "ipv6 { import all; export none; };", "family-missing"),
    "bird, no capabilities": ("bird", _GIVE, f"{_GIVE}\n  capabilities off;", "capabilities-missing"),
    "bird, no route refresh": ("bird", _GIVE, f"{_GIVE}\n  enable route refresh off;", "refresh-missing"),
    "bird, prepended in a block": ("bird", "then accept;", "then { bgp_path.prepend(64999); accept; }", "bogon-asn"),
    "frr, default route": (
        "frr",
        "neighbor 206.126.236.17 activate\n",
        "neighbor 206.126.236.17 activate\n  neighbor 206.126.236.17 default-originate\n",
        "default-route",
    ),
    "frr, no capabilities": (
        "frr",
        " neighbor 206.126.236.17 remote-as 8075\n",
        " neighbor 206.126.236.17 remote-as 8075\n neighbor 206.126.236.17 dont-capability-negotiate\n",
        "capabilities-missing",
    ),
    "frr, wrong mask": ("frr", "network 192.0.2.0/24", "network 192.0.2.0/25", "network-not-in-rib"),
    "frr, what comes is filtered as what goes": (
        "frr",
        "neighbor 206.126.236.17 route-map IN in",
        "neighbor 206.126.236.17 route-map OUT in",
        "import-policy",
    ),
    "openbgpd, no four-octet AS numbers": (
        "openbgpd",
        '\t\tdescr "v4"\n',
        "\t\tannounce as-4byte no\n",
        "asn4-missing",
    ),
    "openbgpd, prepended": (
        "openbgpd",
        "2001:db8::/32 }\n",
        "2001:db8::/32 } set prepend-self 60\n",
        "as-path-too-long",
    ),
    "exabgp, waits to be called": ("exabgp", '\tdescription "v4";\n', "\tpassive true;\n", "passive"),
    "exabgp, a link-local next hop": (
        "exabgp",
        "2001:db8::/32 next-hop self",
        "2001:db8::/32 next-hop fe80::1",
        "link-local-next-hop",
    ),
}
"""By name: the router, what stands there in place of what, and the cause that has to be named."""


def lab(directory: Path, kind: str, text: str) -> Path:
    """A lab with the file as its peer's router; every check is strict."""
    file = frr_lab(directory, text)
    (directory / "frr.conf").rename(directory / "router.conf")
    file.write_text(file.read_text().replace("kind: frr", f"kind: {kind}").replace("frr.conf", "router.conf"))
    return file


def told(report: Report) -> tuple[list[str], list[str]]:
    """The causes, and their remedies."""
    (connection,) = report.connections
    found = diagnosis(connection.id, connection.checks)
    return [each.id for each in found], [each.remedy for each in found]


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("name", MISTAKES)
async def test_the_one_mistake_is_named_alone_and_its_remedy_heals_the_file(name: str, tmp_path: Path) -> None:
    kind, old, new, cause = MISTAKES[name]
    require(kind)
    assert FILES[kind].count(old) == 1, "the mistake is at one place"
    file = lab(tmp_path, kind, FILES[kind].replace(old, new))
    report, _ = await rehearse(file, deadline=8)
    causes, remedies = told(report)
    assert causes == [cause], remedies
    pasted(*remedies)
    report, _ = await rehearse(file)
    assert (report.outcome, report.errors, told(report)) == ("passed", (), ([], [])), remedies


LIMITS = {
    "bird": ("ipv4 { ", "ipv4 { export limit 1 action disable; "),
    "frr": (
        "neighbor 206.126.236.17 activate\n",
        "neighbor 206.126.236.17 activate\n  neighbor 206.126.236.17 maximum-prefix-out 1\n",
    ),
    "openbgpd": ('\t\tdescr "v4"\n', '\t\tdescr "v4"\n\t\tmax-prefix 1 out\n'),
}


@pytest.mark.parametrize("kind", LIMITS)
def test_a_limit_of_what_is_sent_is_no_other_statement_and_is_taken_out(kind: str, tmp_path: Path) -> None:
    own, path = ROUTERS[kind].own_file, tmp_path / "router.conf"
    assert own is not None
    before = FILES[kind]
    path.write_text(before.replace(*LIMITS[kind], 1))
    said = statements_of(own, path, EDGES["4"])
    assert said[Setting.SENT_LIMIT].value == "1"
    assert Setting.PREFIX_LIMIT not in said and "limit" not in said.get(Setting.EXPORT, said[Setting.SENT_LIMIT]).value
    config = agreed()
    session = replace(config.sessions[0], remote_address=ip_address(EDGES["4"]))
    edit = of(kind, replace(config, file=path, sessions=(session,))).edit("sent-limit", About())
    assert edit is not None and edit.new.split() == before.split()


@pytest.mark.parametrize("address", EDGES.values())
def test_an_interface_that_frr_binds_an_address_to_is_that_interface(address: str, tmp_path: Path) -> None:
    own, path = ROUTERS["frr"].own_file, tmp_path / "frr.conf"
    assert own is not None
    lines = [f" neighbor {address} interface bond0", " neighbor ens19 interface remote-as 8075"]
    path.write_text("\n".join(["router bgp 64496", *lines, ""]))
    assert [each.name for each in bindings(own, path)] == ["bond0", "ens19"]
