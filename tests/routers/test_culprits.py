"""The lines of a user's own file that make its routes what they are: found by what was seen in the routes."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.routers.culprits import culprits
from simulator.routers.registry import ROUTERS

BIRD = """\
define OTHER = 3356;
function paint() {
    bgp_path.prepend(OTHER);
    bgp_med = 50;
}
filter transit { bgp_path.prepend(174); accept; }
filter out {
    paint();
    if net.type = NET_IP4 then bgp_next_hop = 192.0.2.9;
    # bgp_path.prepend(3356);
    bgp_community.add((8075, 100));
    accept;
}
"""
FRR = """\
route-map OUT permit 10
 set as-path prepend 64496 3356 64496
 set ip next-hop 192.0.2.9
 set metric 50
 set community 8075:100 additive
exit
route-map TRANSIT permit 10
 set metric 50
exit
"""
OPENBGPD = """\
match to group "ms" set { prepend-self 60 }
match to group "ms" set nexthop 192.0.2.9
match to group "ms" set { community 8075:100 community 64496:1 }
match to group "ms" set metric 50
"""
GOBGP = """\
[policy-definitions.statements.actions.bgp-actions]
  set-next-hop = "192.0.2.9"
  set-med = "50"
[policy-definitions.statements.actions.bgp-actions.set-as-path-prepend]
  as = "3356"
  repeat-n = 2
"""
EXABGP = """\
route 198.51.100.0/24 next-hop 192.0.2.9 as-path [ 3356 64500 ] med 50 community [ 8075:100 64496:1 ];
"""

CASES = [
    ("bird", BIRD, "prepended", "3356", "out", ["-     bgp_path.prepend(OTHER);"]),
    ("bird", BIRD, "prepended", "174", "out", ["- filter transit { bgp_path.prepend(174); accept; }",
                                               "+ filter transit { accept; }"]),
    ("openbgpd", 'allow to group "ms" prefix-set own set prepend-self 60\n', "prepended", "64496", "",
     ['- allow to group "ms" prefix-set own set prepend-self 60', '+ allow to group "ms" prefix-set own']),
    ("frr", "route-map OUT permit 10\n set as-path prepend last-as 9\n", "prepended", "64496", "OUT",
     ["-  set as-path prepend last-as 9"]),
    ("bird", BIRD, "next-hop", "192.0.2.9", "out", ["-     if net.type = NET_IP4 then bgp_next_hop = 192.0.2.9;",
                                                    "+     if net.type = NET_IP4 then { }"]),
    ("bird", BIRD, "med-sent", "50", "out", ["-     bgp_med = 50;"]),
    ("bird", BIRD, "communities-stripped", "8075:100", "out", ["-     bgp_community.add((8075, 100));"]),
    ("frr", FRR, "prepended", "3356", "OUT", ["-  set as-path prepend 64496 3356 64496"]),
    ("frr", FRR, "next-hop", "192.0.2.9", "OUT", ["-  set ip next-hop 192.0.2.9"]),
    ("frr", FRR, "med-sent", "50", "OUT", ["-  set metric 50"]),
    ("frr", FRR, "communities-stripped", "8075:100", "OUT", ["-  set community 8075:100 additive"]),
    ("openbgpd", OPENBGPD, "prepended", "64496", "", ['- match to group "ms" set { prepend-self 60 }']),
    ("openbgpd", OPENBGPD, "next-hop", "192.0.2.9", "", ['- match to group "ms" set nexthop 192.0.2.9']),
    ("openbgpd", OPENBGPD, "communities-stripped", "8075:100", "",
     ['- match to group "ms" set { community 8075:100 community 64496:1 }',
      '+ match to group "ms" set { community 64496:1 }']),
    ("openbgpd", OPENBGPD, "med-sent", "50", "", ['- match to group "ms" set metric 50']),
    ("gobgp", GOBGP, "next-hop", "192.0.2.9", "", ['-   set-next-hop = "192.0.2.9"', '+   set-next-hop = "self"']),
    ("gobgp", GOBGP, "prepended", "3356", "",
     ["- [policy-definitions.statements.actions.bgp-actions.set-as-path-prepend]", '-   as = "3356"',
      "-   repeat-n = 2"]),
    ("gobgp", GOBGP, "med-sent", "50", "", ['-   set-med = "50"']),
    ("exabgp", EXABGP, "next-hop", "192.0.2.9", "", [f"- {EXABGP.strip()}",
                                                     f"+ {EXABGP.strip().replace('192.0.2.9', 'self')}"]),
    ("exabgp", EXABGP, "prepended", "3356", "", [f"- {EXABGP.strip()}",
                                                 f"+ {EXABGP.strip().replace(' as-path [ 3356 64500 ]', '')}"]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "cause", "value", "export", "shown"), CASES)
def test_the_line_that_sets_what_was_seen(
    language: str, text: str, cause: str, value: str, export: str, shown: list[str], tmp_path: Path
) -> None:
    own, path = ROUTERS[language].own_file, tmp_path / "router.conf"
    assert own is not None
    path.write_text(text)
    found = culprits(language, own, path, cause, (value,), export)
    assert found is not None
    assert found.shown().splitlines()[1:] == shown


@pytest.mark.parametrize("language", ["bird", "frr", "openbgpd", "gobgp", "exabgp"])
def test_what_was_not_seen_is_left_alone(language: str, tmp_path: Path) -> None:
    texts = {"bird": BIRD, "frr": FRR, "openbgpd": OPENBGPD, "gobgp": GOBGP, "exabgp": EXABGP}
    own, path = ROUTERS[language].own_file, tmp_path / "router.conf"
    assert own is not None
    path.write_text(texts[language])
    for cause, value in (("next-hop", "192.0.2.99"), ("med-sent", "51"), ("communities-stripped", "8075:1000")):
        assert culprits(language, own, path, cause, (value,), "") is None
    assert culprits(language, own, path, "next-hop", (), "") is None
