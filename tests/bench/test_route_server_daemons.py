"""The daemons of P4: their filters refuse what turnup's policy refuses, and their own parsers take them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bench import route_server_daemons as daemons
from simulator.bench.helpers.clients import refused
from simulator.places.process import find_program
from simulator.policy.profiles import PROFILES
from simulator.policy.rules import PolicyContext
from simulator.rib.route_server.policy import ClientPolicy
from simulator.routers.frr.file import BGPD as FRR_BGPD
from simulator.routers.openbgpd.file import BGPD as OPENBGPD_BGPD
from simulator.session.messages import Family
from simulator.wire.attribute_codec import decode
from simulator.wire.checked_attributes import NlriLocation
from simulator.wire.nlri import split
from simulator.wire.update import split_update
from tests.lab_support import require_program


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**32 - 1)))
def test_a_range_of_asns_in_digits(one: int, other: int, asked: list[int]) -> None:
    first, last = sorted((one, other))
    expressions = list(daemons.in_digits(first, last))
    for number in {*asked, first, last, max(first - 1, 0), last + 1, first + (last - first) // 2}:
        found = sum(re.fullmatch(each, str(number)) is not None for each in expressions)
        assert found == (first <= number <= last), number


@pytest.mark.parametrize("index", [0, 99])
def test_what_the_clients_announce_in_vain_is_refused_by_the_policy(index: int) -> None:
    address, asn = daemons.clients(100)[index]
    context = PolicyContext(asn, str(address), daemons.RS_AS, lan=(daemons.LAN,))
    policy = ClientPolicy(context)
    rules = []
    for message in refused(asn, address, index):
        parts = split_update(message[19:])
        path = decode(parts.attributes, asn4=True, reach=NlriLocation.NLRI_FIELD)
        keys = list(split(parts.announced, Family.IPV4))
        hits = [
            *policy.judge_attributes(path),
            *(h for hs in policy.judge_prefixes(Family.IPV4, keys, path).values() for h in hs),
        ]
        rules.append({hit.rule for hit in hits})
    assert all(rules), "each is refused"
    assert set.union(*rules) == {
        "bogon-prefix",
        "bogon-asn",
        "transit-free-asn",
        "first-as",
        "next-hop",
        "prefix-too-long",
    }


def test_every_rule_about_a_prefix_or_a_path_is_known_here() -> None:
    """A rule that is added has to be added to the daemons' filters, or be told as missing."""
    known = {
        *("prefix-too-long", "prefix-too-short", "default-route", "bogon-prefix", "exchange-lan"),
        *("bogon-asn", "as-path-too-long", "as-path-empty", "first-as", "next-hop", "as-path-loop"),
        *("transit-free-asn", "otc", "too-many-communities"),
    }
    only_ipv6_or_data = {"link-local-next-hop", "as-set", "rpki-invalid", "rpki-unknown", "irr-prefix", "irr-origin"}
    not_here = {"microsoft-prefix", "as12076"}
    assert PROFILES["exchange"].keys() == known | only_ipv6_or_data | not_here


@pytest.mark.router
@pytest.mark.parametrize(
    ("program", "name", "arguments"),
    [
        ("bird", "BIRD", ["-p", "-c"]),
        (FRR_BGPD.path, "FRR", ["--skip_runas", "-C", "-f"]),
        (OPENBGPD_BGPD.path, "OpenBGPD", ["-n", "-f"]),
    ],
)
def test_its_own_parser_takes_it(tmp_path: Path, program: str, name: str, arguments: list[str]) -> None:
    require_program(program)
    file = tmp_path / "own.conf"
    file.touch(mode=0o600)
    file.write_text(daemons.DAEMONS[name][1](3))
    done = subprocess.run(
        [str(find_program(program)), *arguments, str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert not re.search(r"line \d+", told), told
