"""The causal table both ways, the smallest set that explains everything, and the words that mend it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.diagnosis.catalogue import LIFTED, rejected_routes
from simulator.diagnosis.cause_row import CauseRow
from simulator.diagnosis.causes import BY_ID, CAUSES
from simulator.diagnosis.check_ids import ORDER, CheckId
from simulator.diagnosis.evidence import LanAnswer, PeerTable, RejectedRoutes, SessionEvidence, Sibling, TcpEnd
from simulator.diagnosis.fact import ABNORMAL, ROOTS, Fact, SessionFacts
from simulator.diagnosis.facts import facts_of
from simulator.diagnosis.refusals import REFUSALS
from simulator.diagnosis.remedies import REMEDIES, RULES, mend
from simulator.diagnosis.router_answer import PeerTrouble, RouterAnswer, Setting, Statement
from simulator.diagnosis.solve import Symptoms, allowed, candidates, diagnose, merged, smallest
from simulator.policy.rules import RULES as POLICY_RULES
from simulator.session.messages import AS_TRANS, Capabilities, Family
from simulator.session.states import BgpState
from simulator.views.check import Cause, Side
from simulator.views.diagnosis import diagnosis
from simulator.views.session import SessionView
from tests.diagnosis.test_catalogue import DOWN, HEALTHY, PEER_OPEN, evidence, failing, lifted, observe, run, seen

BY_CONNECTION = {Fact.ONE_EDGE, Fact.NO_NETEM}
"""SessionFacts of the whole connection, which no session shows."""


def facts(*found: Fact) -> SessionFacts:
    return SessionFacts({fact: [fact.value] for fact in found})


@pytest.mark.parametrize("row", CAUSES, ids=lambda row: row.id)
def test_a_cause_is_told_by_its_facts_and_by_nothing_else(row: CauseRow) -> None:
    told = [facts(fact, *row.needs) for fact in row.told_by if fact not in row.contradicted]
    assert all(allowed(row, each) for each in told)
    assert allowed(row, facts(*row.needs)) is row.possible
    for fact in row.contradicted:
        assert not allowed(row, facts(*row.told_by, *row.needs, fact))
    for fact in row.unless:
        assert row.possible and not allowed(row, facts(*row.needs, fact))
        assert not row.told_by or allowed(row, facts(*row.told_by, *row.needs, fact))
    for missing in row.needs:
        assert not allowed(row, facts(*row.told_by, *(need for need in row.needs if need is not missing)))


def test_every_fact_that_asks_for_a_cause_has_one() -> None:
    told = {fact for row in CAUSES for fact in row.told_by}
    assert set(ABNORMAL) <= told
    assert {Fact[name] for name in REFUSALS.values()} <= told


def test_every_check_that_can_fail_has_a_cause_that_explains_it() -> None:
    explained = {check for row in CAUSES for check in row.explains}
    assert {check for check in CheckId if check is not CheckId.R3} <= explained


def test_every_row_explains_something_is_mended_and_has_an_id_of_its_own() -> None:
    assert len(BY_ID) == len(CAUSES)
    assert set(REMEDIES) == set(BY_ID)
    assert all(row.explains and row.source for row in CAUSES)
    assert {row.side for row in CAUSES} <= set(Side)
    assert set(RULES) - {"*"} <= set(POLICY_RULES)
    assert list(ORDER) == list(CheckId)


symptoms = st.builds(
    Symptoms,
    st.frozensets(st.sampled_from([c for c in CheckId if c is not CheckId.R3]), max_size=4),
    st.frozensets(st.sampled_from(sorted(ABNORMAL, key=lambda fact: fact.name)), max_size=4),
)


def _explained(rows: Any, wanted: Symptoms) -> set[Any]:
    return {
        symptom
        for row in rows
        for symptom in (wanted.checks & set(row.explains)) | (wanted.facts & {*row.told_by, *row.accounts})
    }


@given(symptoms, st.frozensets(st.sampled_from(list(Fact)), max_size=4))
def test_the_diagnosis_is_the_smallest_set_that_explains_all_that_can_be_explained(
    wanted: Symptoms, others: frozenset[Fact]
) -> None:
    known = facts(*wanted.facts, *others)
    rows = candidates(known)
    chosen = smallest(wanted, rows, known)
    everything = _explained(rows, wanted)
    assert _explained(chosen, wanted) == everything
    assert chosen == smallest(wanted, reversed(rows), known), "the order of the rows does not matter"
    if 0 < len(chosen) <= 3:
        assert not any(_explained(few, wanted) == everything for few in combinations(rows, len(chosen) - 1))


V6 = replace(DOWN, id="c/ipv6", family=Family.IPV6, peer_address=IPv6Address("2001:db8::1"))
SHUT = RouterAnswer("Idle", "Admin. shutdown", shut_down=True)
KEEPS_BACK = RouterAnswer(
    troubles=((PeerTrouble.KEPT_BACK, "it keeps back 198.51.100.0/24"),), withheld=("198.51.100.0/24",)
)
SENDS = RouterAnswer(statements={Setting.SENT_LIMIT: Statement("1", "bgpd.conf", 9, "max-prefix 1 out")})


def of_four_octets(offers: Capabilities) -> SessionView:
    """Down, since the OPEN of a peer with an AS of four octets has AS_TRANS in its place (RFC 6793 §9)."""
    return replace(DOWN, peer_as=213151, peer_open=replace(PEER_OPEN, asn=AS_TRANS, capabilities=offers))


ENDED = replace(DOWN, peer_open=PEER_OPEN, established_transitions=1, last_error="TCP connection closed")
MISTAKES: list[tuple[str, SessionEvidence, str]] = [
    ("shut down", evidence(DOWN, answer=SHUT), "shut-down"),
    ("no such session", evidence(DOWN, answer=RouterAnswer("absent", configured=False)), "session-missing"),
    ("wrong remote AS", evidence(DOWN, answer=RouterAnswer(remote_as=8076)), "remote-as-wrong"),
    ("wrong local AS", evidence(replace(HEALTHY, peer_open=replace(PEER_OPEN, asn=1))), "local-as-wrong"),
    ("wrong source, down", evidence(DOWN, answer=RouterAnswer(source="192.0.2.9")), "source-address"),
    ("wrong source, up", evidence(answer=RouterAnswer(source="192.0.2.9")), "source-address"),
    ("no key", evidence(replace(DOWN, md5=True), answer=RouterAnswer(md5=False)), "md5-missing"),
    ("a key", evidence(DOWN, answer=RouterAnswer(md5=True)), "md5-not-agreed"),
    ("another key", evidence(replace(DOWN, md5=True), peer_counters={"TCPMD5Failure": 1}), "md5"),
    ("GTSM here", evidence(replace(DOWN, gtsm=True), tcp_counters={"TCPMinTTLDrop": 1}), "gtsm"),
    (
        "refused in words, and RSTs that the kernel sends with another TTL",
        evidence(replace(DOWN, gtsm=True, notifications=(seen(2, 2),)), tcp_counters={"TCPMinTTLDrop": 24}),
        "remote-as-wrong",
    ),
    ("GTSM there", evidence(DOWN, peer_counters={"TCPMinTTLDrop": 1}), "gtsm-at-peer"),
    ("no family", evidence(DOWN, answer=RouterAnswer(family=False)), "family-missing"),
    ("refused", evidence(DOWN, answer=RouterAnswer(), probe=TcpEnd.REFUSED), "not-listening"),
    ("silent", evidence(DOWN, answer=RouterAnswer(), probe=TcpEnd.SILENT), "filtered"),
    ("limit hit", evidence(DOWN, answer=RouterAnswer(limit_hit=True, shut_down=True)), "peer-limit"),
    ("limit low", evidence(answer=RouterAnswer(prefix_limit=0)), "peer-limit"),
    ("limit near", evidence(answer=RouterAnswer(prefix_limit=1)), "peer-limit-near"),
    (
        "no import policy",
        evidence(answer=RouterAnswer(no_import_policy=True, prefix_limit=9)),
        "import-policy-required",
    ),
    (
        "no export policy",
        evidence(replace(HEALTHY, received=0, accepted=0), answer=RouterAnswer(no_export_policy=True)),
        "policy-required",
    ),
    (
        "interface",
        evidence(DOWN, answer=RouterAnswer(shut_down=True, troubles=((PeerTrouble.INTERFACE_NAME, "eth9"),))),
        "interface-name",
    ),
    ("no echo", evidence(lan=LanAnswer(frozenset({"a"}), False)), "icmp-filtered"),
    ("hold time", evidence(replace(HEALTHY, peer_open=replace(PEER_OPEN, hold_time=3))), "hold-time-short"),
    (
        "all too long",
        evidence(
            replace(HEALTHY, accepted=0, rejected=3),
            rejected=(RejectedRoutes("prefix-too-long", "RFC 7454", "too long", 3, ("192.0.2.0/25",), all=True),),
        ),
        "prefix-too-long",
    ),
    ("another member's", evidence(DOWN, lan=LanAnswer(frozenset({"a"}), True, foreign=True)), "address-of-another"),
    ("came up again and again", evidence(replace(HEALTHY, established_transitions=2)), "went-down"),
    ("ended, and came again too late", evidence(was_up=True, soaked=False), "went-down"),
    ("ended without a word", evidence(ENDED), "went-down"),
    ("was up, and ended without a word", evidence(replace(ENDED, established_transitions=0), was_up=True), "went-down"),
    ("ended, and nothing listens", evidence(ENDED, probe=TcpEnd.REFUSED), "not-listening"),
    ("ended with a word", evidence(replace(ENDED, notifications=(seen(6, 2),))), "shut-down"),
    ("up here alone", evidence(answer=RouterAnswer("Idle", established=False)), "not-heard"),
    ("never originated", evidence(unheard=("198.51.100.0/24",)), "prefix-missing"),
    ("kept back", evidence(unheard=("198.51.100.0/24",), answer=KEEPS_BACK), "export-policy"),
    (
        "its own limit of what it sends",
        evidence(replace(DOWN, notifications=(seen(6, 10),)), answer=SENDS),
        "sent-limit",
    ),
    (
        "its own limit of what it sends, as BIRD tells it",
        evidence(replace(DOWN, notifications=(seen(6, 4),)), answer=replace(SENDS, limit_hit=True)),
        "sent-limit",
    ),
    (
        "its own limit of what it sends, on a session that stays up",
        evidence(
            replace(HEALTHY, received=1, accepted=1),
            unheard=("198.51.100.0/24",),
            answer=replace(KEEPS_BACK, statements=SENDS.statements),
        ),
        "sent-limit",
    ),
    (
        "its own limit of what it sends, which leaves room",
        evidence(
            unheard=("198.51.100.0/24",),
            answer=replace(KEEPS_BACK, statements={Setting.SENT_LIMIT: Statement("4", "frr.conf", 9, "")}),
        ),
        "export-policy",
    ),
    (
        "no capabilities, and an AS of four octets",
        evidence(of_four_octets(Capabilities(frozenset({Family.IPV4}), False, False, False, False))),
        "capabilities-missing",
    ),
    (
        "no four-octet AS numbers, and an AS of four octets",
        evidence(of_four_octets(Capabilities(frozenset({Family.IPV4}), asn4=False))),
        "asn4-missing",
    ),
    (
        "four-octet AS numbers, and another AS",
        evidence(of_four_octets(Capabilities(frozenset({Family.IPV4})))),
        "local-as-wrong",
    ),
    (
        "four-octet AS numbers switched off, and a router that fails by it",
        evidence(
            replace(DOWN, notifications=(seen(6, 0),)),
            answer=RouterAnswer(statements={Setting.AS4: Statement("disable", "exabgp.conf", 9, "asn4 disable;")}),
        ),
        "asn4-missing",
    ),
    (
        "another key, on the socket alone that calls",
        evidence(
            replace(DOWN, md5=True),
            tcp_counters={"TCPMD5Failure": 7},
            peer_counters={"TCPMD5Unexpected": 18},
            answer=RouterAnswer(md5_differs=True),
        ),
        "md5",
    ),
    (
        "waits to be called, and listens nowhere",
        evidence(
            DOWN,
            probe=TcpEnd.REFUSED,
            answer=RouterAnswer(statements={Setting.PASSIVE: Statement("", "exabgp.conf", 4, "passive true;")}),
        ),
        "passive",
    ),
    ("ended, and it does not say why", evidence(replace(DOWN, notifications=(seen(6, 0),))), "refused"),
    (
        "a private AS stands first",
        evidence(
            replace(HEALTHY, accepted=0, rejected=3),
            rejected=(
                RejectedRoutes(
                    *("first-as", "RFC 4271", "not the peer's", 3, ("192.0.2.0/24",)),
                    all=True,
                    values=("64999",),
                    always_with=frozenset({"bogon-asn"}),
                ),
                RejectedRoutes(
                    *("bogon-asn", "RFC 6996", "no AS of the Internet", 3, ("192.0.2.0/24",)),
                    all=True,
                    values=("64999",),
                    always_with=frozenset({"first-as"}),
                ),
            ),
        ),
        "bogon-asn",
    ),
    (
        "BFD, though it limits nothing",
        evidence(replace(DOWN, notifications=(seen(6, 10),)), answer=RouterAnswer()),
        "bfd",
    ),
]


@pytest.mark.parametrize(("name", "session", "cause"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_one_mistake_is_named_first_and_alone(name: str, session: SessionEvidence, cause: str) -> None:
    found = diagnosis("c", run(observe(session)).values())
    assert [each.id for each in found] == [cause]
    assert found[0].remedy
    assert found[0].sessions == ("c/ipv4",)
    assert found[0].check in found[0].explains
    assert found[0].warns is not any(result.stops for result in run(observe(session)).values())


@pytest.mark.parametrize("one", MISTAKES, ids=[case[0] for case in MISTAKES])
@pytest.mark.parametrize(
    ("view", "changes", "other"),
    [
        (V6, {"answer": SHUT}, "shut-down"),
        (replace(V6, notifications=(seen(2, 2),)), {}, "remote-as-wrong"),
        (replace(V6, md5=True), {"tcp_counters": {"TCPMD5NotFound": 2}, "answer": RouterAnswer()}, "md5-missing"),
    ],
    ids=["shut down", "remote AS", "MD5"],
)
def test_two_mistakes_on_two_sessions_are_both_named(
    one: tuple[str, SessionEvidence, str], view: Any, changes: dict[str, Any], other: str
) -> None:
    _, session, cause = one
    found = diagnosis("c", run(observe(session, evidence(view, **changes))).values())
    assert {each.id for each in found} == {cause, other}


def test_a_cause_of_two_sessions_lists_its_checks_as_they_ran() -> None:
    counters = {"TCPMinTTLDrop": 1}
    up_to_open = replace(DOWN, gtsm=True, bgp_state=BgpState.OPEN_SENT)
    sessions = (evidence(up_to_open, tcp_counters=counters), evidence(replace(V6, gtsm=True), tcp_counters=counters))
    results = run(observe(*sessions))
    assert results["T1"].causes[0].explains == ("T1", "S1", "T3")
    (found,) = diagnosis("c", results.values())
    assert (found.check, found.explains) == ("T1", ("T1", "S1", "T3"))


def test_two_mistakes_on_one_session_are_both_named() -> None:
    answer = RouterAnswer(remote_as=8076, md5=True)
    assert [each.id for each in diagnosis("c", run(observe(evidence(DOWN, answer=answer))).values())] == [
        "md5-not-agreed",
        "remote-as-wrong",
    ]


def test_a_healthy_session_that_tells_everything_has_no_cause() -> None:
    answer = RouterAnswer(
        state="Established",
        local_as=64496,
        remote_as=8075,
        source="206.126.239.200",
        md5=False,
        gtsm=False,
        hold_time=90,
        family=True,
        prefix_limit=2000,
    )
    session = evidence(answer=answer, prefixes=frozenset({"a"}))
    results = run(observe(session, siblings=(Sibling("other", Family.IPV4, frozenset({"a"})),)))
    assert failing(results) == []
    assert diagnosis("c", results.values()) == ()


def test_a_prefix_on_one_of_two_sessions_is_a_warning_that_names_it() -> None:
    session = evidence(prefixes=frozenset({"203.0.113.0/24"}))
    both = frozenset({"203.0.113.0/24", "198.51.100.0/24"})
    (found,) = diagnosis("c", run(observe(session, siblings=(Sibling("e2", Family.IPV4, both),))).values())
    assert (found.id, found.check, found.warns) == ("one-session-only", "R9", True)
    assert "198.51.100.0/24" in found.text


def test_the_line_of_the_users_own_file_is_the_evidence() -> None:
    said = {Setting.SOURCE: Statement("192.0.2.9", "frr.conf", 24, " neighbor X update-source 192.0.2.9")}
    session = evidence(answer=RouterAnswer(source="192.0.2.9", statements=said))
    assert any("frr.conf:24" in line for line in facts_of(session, observe()).evidence(Fact.CONFIGURED_SOURCE))


def test_a_tie_is_told_as_one_with_what_tells_it_apart() -> None:
    session = evidence(replace(DOWN, md5=True, gtsm=True))
    (found,) = diagnosis("c", run(observe(session)).values())
    assert found.text.startswith("either ")
    assert "this tells them apart: nstat" in found.text


def test_a_family_in_the_open_is_no_fault_of_a_router_that_refuses() -> None:
    bare = replace(PEER_OPEN, capabilities=Capabilities(frozenset(), False, False, False, False))
    session = evidence(replace(DOWN, peer_open=bare, notifications=(seen(6, 5),)))
    assert [each.id for each in diagnosis("c", run(observe(session)).values())] == ["not-configured"]


def test_a_rule_that_rejects_routes_of_two_sessions_is_one_cause() -> None:
    rejected = [
        RejectedRoutes("prefix-too-long", "RFC 7454", "too long", 1, (prefix,))
        for prefix in ("192.0.2.0/25", "2001:db8::/64")
    ]
    sessions = (
        evidence(rejected=tuple(rejected[:1])),
        evidence(replace(HEALTHY, id="c/ipv6"), rejected=tuple(rejected[1:])),
    )
    (found,) = diagnosis("c", rejected_routes(observe(*sessions)))
    assert (found.sessions, found.check) == (("c/ipv4", "c/ipv6"), "R3.prefix-too-long")
    assert [line.partition("(")[2] for line in found.evidence] == ["192.0.2.0/25)", "2001:db8::/64)"]


def test_what_is_typed_for_two_sessions_stands_together_and_is_taken_once() -> None:
    one = Cause("hold-time", "x", "f:1\n- 3\n+ 90\nbirdc configure", sessions=("a",), remedy_language="bird")
    other = replace(one, remedy="f:9\n- 3\n+ 90\nbirdc configure", sessions=("b",))
    assert merged([one, other])[0].remedy == "f:1\n- 3\n+ 90\nf:9\n- 3\n+ 90\nbirdc configure"
    blocks = replace(one, remedy="a {\n\tx;\n}"), replace(one, remedy="b {\n\tx;\n}")
    assert merged(blocks)[0].remedy == "a {\n\tx;\n}\nb {\n\tx;\n}"
    plain = replace(one, remedy="do this", remedy_language=""), replace(one, remedy="do that", remedy_language="")
    assert merged(plain)[0].remedy == "do this"


def test_another_key_in_the_users_file_is_told_with_its_line_and_without_the_key() -> None:
    statement = Statement("geheim", "bird.conf", 7, "")
    answer = RouterAnswer(md5=True, md5_differs=True, statements={Setting.MD5: statement})
    found = facts_of(evidence(replace(DOWN, md5=True), answer=answer), observe())
    assert found.has(Fact.MD5_DIFFERS)
    assert "bird.conf:7" in found.evidence(Fact.MD5_DIFFERS)[0] and "geheim" not in repr(found.found)
    assert not facts_of(evidence(replace(DOWN, md5=True), answer=replace(answer, md5_differs=False)), observe()).has(
        Fact.MD5_DIFFERS
    )


def test_a_rule_that_follows_from_another_is_no_mistake_of_its_own() -> None:
    def entry(rule: str, *beside: str) -> RejectedRoutes:
        return RejectedRoutes(rule, "", rule, 1, ("13.64.0.0/11",), always_with=frozenset(beside))

    both = (entry("microsoft-prefix", "as-path-loop"), entry("as-path-loop", "microsoft-prefix"))
    results = rejected_routes(observe(evidence(rejected=both)))
    assert [each.id for each in diagnosis("c", results)] == ["microsoft-prefix"]
    assert all(result.causes for result in results), "each warning has the cause"
    apart = (entry("microsoft-prefix"), entry("as-path-loop"))
    found = diagnosis("c", rejected_routes(observe(evidence(rejected=apart))))
    assert {each.id for each in found} == {"microsoft-prefix", "as-path-loop"}, "of other routes"
    two = (entry("prefix-too-long", "next-hop"), entry("next-hop", "prefix-too-long"))
    found = diagnosis("c", rejected_routes(observe(evidence(rejected=two))))
    assert {each.id for each in found} == {"prefix-too-long", "next-hop"}, "neither follows from the other"


def test_prefixes_on_one_of_two_sessions_are_seen_from_either() -> None:
    one, both = frozenset({"203.0.113.0/24"}), frozenset({"203.0.113.0/24", "198.51.100.0/24"})
    for mine, theirs in ((one, both), (both, one)):
        session = evidence(prefixes=mine)
        (found,) = diagnosis("c", run(observe(session, siblings=(Sibling("e2", Family.IPV4, theirs),))).values())
        assert (found.id, "198.51.100.0/24" in found.text) == ("one-session-only", True)
    silent = run(observe(evidence(prefixes=both), siblings=(Sibling("e2", Family.IPV4, frozenset()),)))
    assert diagnosis("c", silent.values()) == (), "of a session that announces nothing, its own connection tells"


def test_an_open_without_capabilities_is_one_cause() -> None:
    bare = replace(PEER_OPEN, capabilities=Capabilities(frozenset({Family.IPV4}), False, False, False, False))
    found = diagnosis("c", run(observe(evidence(replace(HEALTHY, peer_open=bare)))).values())
    assert [each.id for each in found] == ["capabilities-missing"]


def test_routes_of_its_own_that_a_router_lists_are_none_of_ours() -> None:
    from simulator.diagnosis.evidence import PeerTable

    table = PeerTable(frozenset({"192.0.2.0/24"}))
    assert not evidence(peer_table=table, announced=frozenset({"13.64.0.0/11"})).held_there
    assert evidence(peer_table=table, announced=frozenset({"192.0.2.0/24"})).held_there


@pytest.mark.parametrize(("established", "failed"), [(False, ["S5"]), (True, []), (None, [])])
def test_a_session_that_is_up_at_one_end_only_is_not_up(established: bool | None, failed: list[str]) -> None:
    answer = RouterAnswer("OpenConfirm", "", established=established, gtsm=True)
    session = evidence(answer=answer, peer_counters={"TCPMinTTLDrop": 7})
    results = run(observe(session, final=True))
    assert [each for each in failing(results) if each.startswith("S")] == failed
    if failed:
        assert "OpenConfirm at the router" in results["S5"].evidence[0]
        assert [cause.id for cause in results["S5"].causes] == ["gtsm-at-peer"]
        assert not session.is_up


def test_a_prefix_that_is_announced_and_rejected_is_no_prefix_on_one_session_only() -> None:
    one, both = frozenset({"203.0.113.0/24"}), frozenset({"203.0.113.0/24", "198.51.100.0/24"})
    away = frozenset({"198.51.100.0/24"})
    mine = evidence(prefixes=one, turned_away=away)
    assert diagnosis("c", run(observe(mine, siblings=(Sibling("e2", Family.IPV4, both),))).values()) == ()
    theirs = Sibling("e2", Family.IPV4, one, away)
    assert diagnosis("c", run(observe(evidence(prefixes=both), siblings=(theirs,))).values()) == ()


def test_who_announces_nothing_acceptable_is_not_compared() -> None:
    both = Sibling("e2", Family.IPV4, frozenset({"203.0.113.0/24", "198.51.100.0/24"}))
    result = run(observe(evidence(prefixes=frozenset()), siblings=(both,)))["R9"]
    assert result.causes == ()


def test_the_session_that_has_the_prefix_is_not_told_to_announce_it() -> None:
    text, language = mend("one-session-only", evidence())
    assert text.startswith("announce on every session") and language == ""


def test_what_does_not_come_is_named_by_why_it_does_not_come() -> None:
    """R4 of a session that announces other prefixes: the prefix is in the words, and in the remedy."""
    (missing,) = diagnosis("c", run(observe(evidence(unheard=("198.51.100.0/24",)))).values())
    assert (missing.check, missing.warns) == ("R4", True)
    assert "198.51.100.0/24" in missing.text
    (kept,) = diagnosis("c", run(observe(evidence(unheard=("198.51.100.0/24",), answer=KEEPS_BACK))).values())
    assert (kept.check, kept.warns) == ("R4", True)
    assert "the router originates 198.51.100.0/24, and its export policy" in kept.text


def test_while_another_edges_table_is_awaited_nobody_knows_what_does_not_come() -> None:
    """It may come there: then it is on one of two sessions only, which who is judged last tells."""
    for session in (
        evidence(unheard=("198.51.100.0/24",)),
        evidence(unheard=("198.51.100.0/24",), answer=KEEPS_BACK),
    ):
        assert diagnosis("c", run(observe(session, awaited=frozenset({Family.IPV4}))).values()) == ()
        (told,) = diagnosis("c", run(observe(session, awaited=frozenset({Family.IPV6}))).values())
        assert told.check == "R4"


def test_a_prefix_that_nobody_says_that_it_is_to_come_may_be_kept_back() -> None:
    results = run(observe(evidence(answer=KEEPS_BACK)))
    assert failing(results) == [] and diagnosis("c", results.values()) == ()


def test_what_does_not_come_at_all_is_not_told_as_a_part() -> None:
    silent = replace(HEALTHY, received=0, accepted=0)
    for answer in (None, KEEPS_BACK):
        results = run(observe(evidence(silent, unheard=("198.51.100.0/24",), answer=answer)))
        assert "R4" not in results and failing(results) == ["R1"]


def test_what_comes_on_another_edge_is_a_prefix_on_one_session_only() -> None:
    both = Sibling("e2", Family.IPV4, frozenset({"203.0.113.0/24", "198.51.100.0/24"}))
    for answer in (None, KEEPS_BACK):
        session = evidence(prefixes=frozenset({"203.0.113.0/24"}), unheard=("198.51.100.0/24",), answer=answer)
        (found,) = diagnosis("c", run(observe(session, siblings=(both,))).values())
        assert (found.id, found.check) == ("one-session-only", "R9")


def test_a_network_without_a_route_is_why_a_prefix_is_missing() -> None:
    answer = RouterAnswer(troubles=((PeerTrouble.NETWORK_NOT_IN_RIB, "no route to 198.51.100.0/24"),))
    (found,) = diagnosis("c", run(observe(evidence(unheard=("198.51.100.0/24",), answer=answer))).values())
    assert (found.id, found.check, found.warns) == ("network-not-in-rib", "R4", True)


TO_THE_OTHER = Sibling(
    "e2/ipv4",
    Family.IPV4,
    frozenset({"203.0.113.0/24"}),
    frozenset({"198.51.100.0/24"}),
    {"198.51.100.0/24": str(HEALTHY.local_address)},
)
"""Another edge gets a prefix whose next hop is this edge: a router never sends that one here."""


@pytest.mark.parametrize("answer", [None, KEEPS_BACK, RouterAnswer(troubles=((PeerTrouble.EXPORT_POLICY, "out"),))])
def test_a_next_hop_that_is_our_edge_is_why_it_gets_nothing(answer: RouterAnswer | None) -> None:
    session = evidence(replace(HEALTHY, received=0, accepted=0), unheard=("198.51.100.0/24",), answer=answer)
    found = diagnosis("c", run(observe(session, siblings=(TO_THE_OTHER,))).values())
    assert [each.id for each in found] == ["next-hop"]
    assert f"198.51.100.0/24 ({HEALTHY.local_address})" in found[0].text
    elsewhere = replace(TO_THE_OTHER, next_hops={"198.51.100.0/24": "206.126.236.99"})
    found = diagnosis("c", run(observe(session, siblings=(elsewhere,))).values())
    assert "next-hop" not in [each.id for each in found], "a next hop that is nobody's edge says nothing of this one"
    others = replace(session, view=HEALTHY, prefixes=frozenset({"203.0.113.0/24"}))
    assert diagnosis("c", run(observe(others, siblings=(TO_THE_OTHER,))).values()) == (), "R3 of the other edge tells"


def test_a_peering_that_is_taken_back_is_told_as_that_and_blocks() -> None:
    results = run(replace(observe(), sessions=(), taken_back="the peer deleted the peering"))
    (cause,) = results["C2"].causes
    assert (cause.id, cause.side, results["C2"].stops) == ("taken-back", Side.REQUESTER, True)
    assert "the peer deleted the peering" in cause.text
    assert "C2" not in run(observe())


def test_one_line_that_mends_two_sessions_is_one_cause() -> None:
    shown = "router.conf:3\n- as 1\n+ as 2"
    one = Cause("local-as-wrong", "a", shown, Side.PEER, ("s1",), ("S1",), ("x",), "gobgp", 1)
    other = replace(one, text="b", sessions=("s2",), explains=("T1",), evidence=("y",))
    (found,) = merged((one, other))
    assert (found.sessions, found.explains, found.evidence) == (("s1", "s2"), ("S1", "T1"), ("x", "y"))


def test_a_next_hop_hides_no_other_prefix_that_comes_on_one_session_only() -> None:
    theirs = frozenset({"203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"})
    session = evidence(prefixes=frozenset({"203.0.113.0/24"}))
    sibling = Sibling("e2/ipv4", Family.IPV4, theirs, frozenset(), TO_THE_OTHER.next_hops)
    results = run(observe(session, siblings=(sibling,)))
    assert len(results["R9"].evidence) == 2
    found = {each.id: each for each in diagnosis("c", results.values())}
    assert found.keys() == {"next-hop", "one-session-only"}
    assert "198.51.100.0/24" in found["next-hop"].text
    assert "192.0.2.0/24" in found["one-session-only"].text and "198.51.100.0/24" not in found["one-session-only"].text
    alone = run(observe(session, siblings=(replace(sibling, prefixes=theirs - {"192.0.2.0/24"}),)))
    assert [each.id for each in diagnosis("c", alone.values())] == ["next-hop"]


MAY_HIDE = {
    Fact.WENT_DOWN: "it says that the session went down: what ended it says why",
    Fact.CAME_AGAIN: "as before",
    Fact.HALF_UP: "the router's end is down: what it says of that comes first",
    Fact.NOBODY_ANSWERS: "what is reached in spite of it, or answers for another address, is the better reason",
    Fact.TCP_OPENS: "what TCP says is a consequence of what the router, the key or the OPEN says",
    Fact.TCP_REFUSED: "as before",
    Fact.TCP_REJECTED: "as before",
    Fact.TCP_SILENT: "as before",
    Fact.CLOSED_EARLY: "as before",
    Fact.STUCK: "as before",
    Fact.OTHER_UP: "it is said of a router that cannot be asked: what is known of the session comes first",
    Fact.NONE_CAME_YET: "it is said of a link that loses packets, which is a fact of its own",
    Fact.NOTHING_TO_ANNOUNCE: "it says what the router has: what keeps routes back may be the whole of it",
    Fact.EXPORT_POLICY: "as before",
    Fact.IMPORT_POLICY: "as before",
    Fact.ROUTES_MISSING_THERE: "it says that routes did not arrive: limits and policies say why",
    Fact.PACKETS_LOST: "it says that packets did not arrive: where they went, or what they lacked, says why",
    Fact.LATE: "it says that the time ran out: what kept the session back says why",
    Fact.NEAR_OUR_LIMIT: "beyond the limit is more than near it",
}
"""Facts that say what is seen at the end of a chain: another cause of the same check may be the whole of it."""


@pytest.mark.parametrize("one", CAUSES, ids=lambda row: row.id)
def test_no_cause_hides_another_one_that_explains_the_same_check(one: CauseRow) -> None:
    """Of every two facts: both causes are named, unless the table says how one follows from the other."""
    for other in CAUSES[CAUSES.index(one) + 1 :]:
        for first, second in product(one.told_by, other.told_by):
            known = facts(*{first, second, *one.needs, *other.needs})
            follows = second in (*one.told_by, *one.accounts) or first in (*other.told_by, *other.accounts)
            if follows or {first, second} & MAY_HIDE.keys() or not (allowed(one, known) and allowed(other, known)):
                continue
            for check in set(one.explains) & set(other.explains):
                named = {each.id for each in diagnose(evidence(DOWN), {str(check): True}, known, ())}
                assert {one.id, other.id} <= named, (first.name, second.name, check)


def test_what_one_cause_may_hide_is_no_root() -> None:
    assert not MAY_HIDE.keys() & (ROOTS | set(ABNORMAL)) and not ROOTS & set(ABNORMAL)
    assert {fact for row in CAUSES for fact in row.told_by} >= ROOTS | MAY_HIDE.keys()


# --- a session that comes up too late ---


LATE: dict[str, Any] = {"soaked": False, "settled": False, "up_for": 0.7}


def test_a_session_that_came_up_too_late_for_its_soak_says_so_and_nothing_else() -> None:
    results = run(observe(evidence(**LATE)))
    assert failing(results) == ["S5"]
    assert "Established for 0.7 s, not for the soak of 2 s yet" in " ".join(results["S5"].evidence)
    (cause,) = results["S5"].causes
    assert (cause.id, cause.side) == ("late", Side.PEER)
    assert "for 0.7 s only; the soak is 2 s" in cause.text
    assert "have it validated again" in cause.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"soaked": True},
        {"up_for": None},
        {"view": replace(HEALTHY, established_transitions=2)},
        {"view": replace(HEALTHY, notifications=(seen(6, 4),))},
        {"view": replace(HEALTHY, established_transitions=1), "was_up": True},
        {"view": replace(DOWN, established_transitions=1)},
    ],
)
def test_one_that_fell_or_is_down_or_was_told_why_is_not_late(changes: dict[str, Any]) -> None:
    session = evidence(**{**LATE, **changes})
    assert Fact.LATE not in facts_of(session, observe(session)).found


def test_a_link_that_loses_packets_explains_a_late_session() -> None:
    lan = LanAnswer(frozenset({"02:00:00:00:00:03"}), True, rtt=0.2, whole="", lost=5)
    results = run(observe(evidence(lan=lan, **LATE)))
    assert [cause.id for cause in results["S5"].causes] == ["lossy-link"]


LOSSY = LanAnswer(frozenset({"02:00:00:00:00:03"}), True, rtt=0.2, whole="", lost=5)


def test_a_link_that_loses_packets_explains_that_nothing_came_yet() -> None:
    silent = replace(HEALTHY, received=0, accepted=0, end_of_rib=False)
    results = run(observe(evidence(lan=LOSSY, view=silent)))
    assert [cause.id for cause in results["R1"].causes] == ["lossy-link"]


def test_a_router_that_says_that_it_has_no_routes_is_named_beside_the_link() -> None:
    silent = replace(HEALTHY, received=0, accepted=0, end_of_rib=True)
    results = run(observe(evidence(lan=LOSSY, view=silent)))
    assert [cause.id for cause in results["R1"].causes] == ["lossy-link", "no-export"]


def test_a_link_that_lost_packets_before_the_lift_explains_what_does_not_arrive_after_it() -> None:
    missing = replace(lifted(), peer_table=PeerTable(), lan=None)

    def causes(session: SessionEvidence) -> list[str]:
        return [each.id for each in run(observe(session), LIFTED)["A1"].causes]

    assert causes(missing) == ["import-policy"]
    assert causes(replace(missing, lost_before=5)) == ["lossy-link"]
    assert not failing(run(observe(replace(lifted(), lan=None, lost_before=5)), LIFTED)), "of itself it is no failure"
