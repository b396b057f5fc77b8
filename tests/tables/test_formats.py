"""Every format gives the same verdicts for the same routes, is recognised by its content, and survives anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.policy.data import irr
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.registered import RegisteredPrefixes
from simulator.policy.data.vrp import VrpTable
from simulator.policy.prefixes import PrefixSet
from simulator.policy.profiles import PROFILES
from simulator.session.messages import Family
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.session_policies import SessionPolicies
from simulator.tables.table_entries import Announcer, Skipped, TableRoutes, Unreadable
from simulator.tables.tally import Judge
from simulator.tables.text_lines import LONGEST, numbered_lines
from simulator.wire import nlri
from tests.tables.router_outputs import OUTPUTS
from tests.tables.support import FILES, SAMPLES, SESSIONS, Sample, by_prefix, exabgp, mrt_rib, verdicts

Build = Callable[[Sequence[Sample]], bytes]
ALL = FILES | OUTPUTS
EVERY = pytest.mark.parametrize(("format_", "build"), ALL.values(), ids=ALL)


def chopped(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@EVERY
def test_the_same_routes_get_the_same_verdicts(format_: InputFormat, build: Build) -> None:
    found, tally = verdicts(READERS[format_]((build(SAMPLES),)))
    assert found == {sample.prefix: sample.rules for sample in SAMPLES}
    assert (tally.accepted, tally.rejected, tally.unreadable) == (3, len(SAMPLES) - 3, 0)
    assert tally.by_family == {Family.IPV4: [2, 8], Family.IPV6: [1, 3]}
    assert tally.rules["prefix-too-long"].count == 2
    assert tally.rules["as12076"].examples == ["41.7.0.0/16 (1103 12076)"]


@EVERY
def test_the_attributes_are_read_in_full(format_: InputFormat, build: Build) -> None:
    found = by_prefix(READERS[format_]((build(SAMPLES),)))
    for sample in SAMPLES:
        path = found[sample.prefix]
        assert path.as_path == sample.attributes.as_path
        assert path.next_hop == sample.attributes.next_hop
        assert path.communities == sample.attributes.communities
        assert path.large_communities == sample.attributes.large_communities
        assert path.med == sample.med


@EVERY
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_the_format_is_recognised_and_nothing_is_lost(format_: InputFormat, build: Build, size: int) -> None:
    data = build(SAMPLES)
    found, chunks = recognise(chopped(data, size))
    assert found is format_
    assert b"".join(chunks) == data


@EVERY
@pytest.mark.parametrize("size", [1, 13])
def test_it_does_not_matter_how_the_chunks_fall(format_: InputFormat, build: Build, size: int) -> None:
    assert by_prefix(READERS[format_](chopped(build(SAMPLES), size))) == by_prefix(READERS[format_]((build(SAMPLES),)))


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("# my prefixes\n\n20.0.0.0/16\n", InputFormat.EXABGP),
        ("2a00::/32 # mine\n", InputFormat.EXABGP),
        ("announce route 41.0.0.0/16 next-hop self\n", InputFormat.EXABGP),
        ('{"prefix": "41.0.0.0/16"}\n', InputFormat.JSON),
        ("41.0.0.0/16          blackhole [static1 12:00:00] * (200)\n", InputFormat.BIRD),
        ("1007-41.0.0.0/16    via 192.0.2.1 on eth0 [p1 2026-11-22] * (100) [AS1i]\n", InputFormat.BIRD),
        ("BIRD 3.0.1 ready.\nAccess restricted\nTable master4:\n", InputFormat.BIRD),
        ("", None),
        ("\n\n# nothing\n", None),
        ("all is well\n", None),
    ],
)
def test_formats_are_told_from_the_first_lines(text: str, format_: InputFormat | None) -> None:
    assert recognise((text.encode(),))[0] is format_


@given(st.binary(max_size=400), st.sampled_from(list(InputFormat)))
def test_no_reader_raises_on_anything(data: bytes, format_: InputFormat) -> None:
    for entry in READERS[format_]((data,)):
        assert isinstance(entry, TableRoutes | Unreadable | Skipped)
    recognise((data,))


@given(st.text(max_size=200), st.sampled_from([format_ for format_ in InputFormat if format_ is not InputFormat.MRT]))
def test_no_reader_of_text_raises_on_any_text(text: str, format_: InputFormat) -> None:
    for entry in READERS[format_]((text.encode("utf-8", "surrogatepass"),)):
        assert isinstance(entry, TableRoutes | Unreadable | Skipped)


@EVERY
@given(data=st.data())
def test_damage_anywhere_is_told_and_never_raised(format_: InputFormat, build: Build, data: st.DataObject) -> None:
    octets = bytearray(build(SAMPLES))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(octets)))
    _, tally = verdicts(READERS[format_]((bytes(octets[:cut]),)))
    assert tally.routes <= 200


# --- lines ---


def test_malformed_lines_are_counted_and_named_with_their_number() -> None:
    data = b"41.0.0.0/16\n# fine\nnonsense\n\nroute 41.1.0.0/16\n20.2.0.0/16\n"
    _, tally = verdicts(READERS[InputFormat.EXABGP]((data,)))
    assert (tally.routes, tally.unreadable) == (2, 2)
    assert [entry.place.number for entry in tally.named] == [3, 5]
    assert "there is no next-hop" in str(tally.named[1])
    assert str(tally.named[1]).startswith("line 5: ")


def test_only_some_are_named_and_all_are_counted() -> None:
    _, tally = verdicts(READERS[InputFormat.JSON]((b'{"prefix": "41.0.0.0/16"}\n' + b"{\n" * 500,)))
    assert (tally.unreadable, len(tally.named)) == (500, 10)


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    chunks = (b"x" * 65536 for _ in range(100))
    ((number, text),) = numbered_lines(chunks)
    assert (number, len(text)) == (1, LONGEST)


def test_lines_end_in_every_way() -> None:
    assert list(numbered_lines((b"a\r\nb\n\n", b"c"))) == [(1, "a"), (2, "b"), (3, ""), (4, "c")]


# --- whose session it is ---


def test_a_table_as_another_as_would_announce_it() -> None:
    samples = [
        Sample("41.0.0.0/16", "1103 (65001 65002) 1136"),
        Sample("41.1.0.0/16", ""),
        Sample("10.0.0.0/8", "1103"),
    ]
    judge = Judge(
        SessionPolicies("exchange", peer_as=1136, addresses={Family.IPV4: SESSIONS.addresses[Family.IPV4]}).session,
        1136,
    )
    found = {}
    for routes, hits in judge.judge(READERS[InputFormat.BIRD]((FILES["bird"][1](samples),))):
        for key in routes.keys:
            found[nlri.text(routes.family, key)] = (routes.path.as_path_text, [hit.rule for hit in hits.get(key, ())])
    assert found == {
        "41.0.0.0/16": ("1136 1103 1136", []),
        "41.1.0.0/16": ("1136", []),
        "10.0.0.0/8": ("1136 1103", ["bogon-prefix"]),
    }


def test_next_hops_are_not_judged_while_nobody_knows_the_peer_s_address() -> None:
    found, tally = verdicts(
        READERS[InputFormat.JSON]((FILES["json"][1](SAMPLES),)), SessionPolicies("exchange", peer_as=1103)
    )
    assert tally.unjudged["next-hop"] == "the peer's address is not given"
    assert "next-hop" not in {rule for rules in found.values() for rule in rules}


def test_an_mrt_table_names_its_peers_so_that_everything_is_judged() -> None:
    found, tally = verdicts(READERS[InputFormat.MRT]((mrt_rib(SAMPLES),)), SessionPolicies("exchange"))
    assert found == {sample.prefix: sample.rules for sample in SAMPLES}
    assert not {"next-hop", "first-as"} & tally.unjudged.keys()


def test_behind_a_route_server_next_hops_are_addresses_of_the_lan() -> None:
    lan = SessionPolicies("ixrs", lan=("192.0.2.0/24", "2001:db8::/64"))
    found, tally = verdicts(READERS[InputFormat.EXABGP]((exabgp(SAMPLES) + b"41.9.0.0/16\n",)), lan)
    assert found["41.8.0.0/16"] == ()
    assert found["41.9.0.0/16"] == ("as-path-empty",), "a route without a next hop gets one on the LAN"
    assert "next-hop" not in tally.unjudged


@pytest.mark.parametrize("profile", PROFILES)
def test_every_rule_of_a_profile_judges_is_off_or_says_what_it_lacks(profile: str) -> None:
    """But for those that have nothing to say on such a session, which no data would change."""
    bare = SessionPolicies(profile)
    for family in Family:
        session = bare.session(None, family)
        silent = PROFILES[profile].keys() - session.policy.judging - session.unjudged.keys()
        off = {rule for rule in silent if bare.settings.get(rule, PROFILES[profile][rule]) is False}
        assert silent - off <= {"link-local-next-hop", "otc"}
    full = SessionPolicies(
        profile,
        peer_as=1103,
        addresses=SESSIONS.addresses,
        lan=("192.0.2.0/24", "2001:db8::/64"),
        data=everything_known(),
        own=PrefixSet([("13.64.0.0/11", "")]),
    )
    assert all(not full.session(None, family).unjudged for family in Family)


def everything_known() -> PolicyData:
    lists = irr.read(b'{"p": [{"prefix": "41.0.0.0/16", "exact": true}], "a": [1103]}')
    return PolicyData(VrpTable(), lists, RegisteredPrefixes(()), frozenset())


def test_a_policy_is_made_once_for_each_announcer_and_family() -> None:
    made: list[tuple[Announcer | None, Family]] = []

    def session(announcer: Announcer | None, family: Family):  # type: ignore[no-untyped-def]
        made.append((announcer, family))
        return SESSIONS.session(announcer, family)

    for _ in Judge(session).judge(READERS[InputFormat.MRT]((mrt_rib(SAMPLES) * 3,))):
        pass
    assert len(made) == len(set(made)) == 2
