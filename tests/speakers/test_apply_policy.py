"""Another policy on a running session: routes leave and enter Loc-RIB through the gate, and the session stays up."""

from __future__ import annotations

import pytest

from simulator.gate import Direction
from simulator.peer.events import NotificationExchanged, PolicyApplied, RoutesAnnounced
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.max_prefix import CountedRoutes, MaxPrefix, MaxPrefixAction
from simulator.policy.policy import Policy
from simulator.policy.rules import PolicyContext
from simulator.session.messages import Family, Role
from tests.policy.support import irr_lists, vrps
from tests.speakers.support import (
    EDGE_AS,
    LAB_RULES,
    PEER4,
    PEER_AS,
    Ends,
    Scene,
    announcement,
    ask_again,
    deny,
    key,
    lift,
    policy,
    prefixes,
    scene,
    two_speakers,
)

GOOD, BAD = (
    {Family.IPV4: "41.0.0.0/24", Family.IPV6: "2a00::/48"},
    {Family.IPV4: "41.0.1.0/24", Family.IPV6: "2a00:0:1::/48"},
)


async def up(scene: Scene, family: Family) -> Ends:
    routes = announcement(family, prefixes(family, 3), 100)
    ends = await two_speakers(scene, family, theirs=[routes])
    await scene.established(ends.here, ends.there)
    await scene.holds(ends.here, 3)
    return ends


def by(ends: Ends, data: PolicyData) -> Policy:
    return policy(ends.here.config.peer_address).with_data(data)


@pytest.mark.parametrize("family", Family)
async def test_routes_leave_and_come_back(family: Family) -> None:
    async with scene() as here:
        ends = await up(here, family)
        lift(ends.here)
        taken = ends.edge.loc_rib
        assert taken.count("edge") == 3
        transitions = ends.here.view().established_transitions
        ends.here.apply_policy(by(ends, PolicyData(vrp=vrps((BAD[family], 9, 48 if family is Family.IPV6 else 24)))))
        assert taken.prefixes("edge")[family] == set(prefixes(family, 3)) - {key(BAD[family])}
        assert [hit.rule for hit in ends.here.adj_in.hits(family, key(BAD[family]))] == ["rpki-invalid"]
        ends.here.apply_policy(by(ends, PolicyData()))
        assert taken.count("edge") == 3
        assert [(e.refused, e.accepted) for e in here.of(PolicyApplied)] == [(1, 0), (0, 1)]
        view = ends.here.view()
        assert (view.established_transitions, view.leaked_in, view.accepted) == (transitions, 0, 3)


@pytest.mark.parametrize("family", Family)
async def test_while_denied_nothing_is_taken_and_the_lift_takes_what_the_new_policy_accepts(family: Family) -> None:
    async with scene() as here:
        ends = await up(here, family)
        nothing = PolicyData(irr=irr_lists(NN=[]))
        ends.here.apply_policy(by(ends, nothing))
        assert (ends.here.view().accepted, ends.here.view().rejected) == (0, 3)
        before = ends.here.gate.withheld[Direction.IN]
        ends.here.apply_policy(by(ends, PolicyData()))
        assert ends.edge.loc_rib.count("edge") == 0
        assert ends.here.gate.withheld[Direction.IN] == before + 3, "what would have been taken is counted"
        ends.here.apply_policy(by(ends, PolicyData(irr=irr_lists(NN=[{"prefix": GOOD[family]}]))))
        lift(ends.here)
        assert ends.edge.loc_rib.prefixes("edge")[family] == {key(GOOD[family])}
        deny(ends.here)
        assert ends.edge.loc_rib.count("edge") == 0 and ends.here.view().leaked_in == 0


async def test_attribute_sets_are_judged_again_for_what_comes_later_too() -> None:
    async with scene() as here:
        ends = await up(here, Family.IPV4)
        told = here.of(RoutesAnnounced)[0]
        ends.here.apply_policy(by(ends, PolicyData(irr=irr_lists(origins=[9]))))
        assert ends.here.view().rejected == 3
        assert told.attributes.hits == (), "what was told then stays as it was"
        ask_again(ends.here)
        await here.until(lambda: len(here.of(RoutesAnnounced)) > 1, "the peer announced again")
        assert [hit.rule for hit in here.of(RoutesAnnounced)[-1].attributes.hits] == ["irr-origin"]
        assert ends.here.view().rejected == 3


async def test_what_is_taken_is_as_the_import_policy_leaves_it() -> None:
    async with scene() as here:
        routes = announcement(Family.IPV4, prefixes(Family.IPV4, 2), 100, med=77)
        ends = await two_speakers(here, theirs=[routes])
        await here.holds(ends.here, 2)
        assert list(ends.here.taken()) == []
        lift(ends.here)
        taken = list(ends.here.taken())
        assert [(family, k) for family, k, _ in taken] == [(Family.IPV4, k) for k in prefixes(Family.IPV4, 2)]
        assert taken[0][2] is taken[1][2], "one attribute set is transformed once"
        assert (taken[0][2].med, taken[0][2].large_communities) == (0, ((EDGE_AS, 1, PEER_AS),))
        assert next(ends.here.adj_in.routes()).attributes.path.med == 77, "Adj-RIB-In has what was received"


async def test_our_role_is_in_the_open_and_marks_what_we_send() -> None:
    async with scene() as here:
        ours = announcement(Family.IPV4, prefixes(Family.IPV4, 1))
        options = {"role": Role.PEER}
        ends = await two_speakers(here, ours=[ours], edge=options, peer=options)
        await here.established(ends.here, ends.there)
        assert ends.here.view().peer_open is not None and ends.there.view().peer_open is not None
        assert ends.here.view().peer_open.capabilities.role is Role.PEER  # type: ignore[union-attr]
        lift(ends.here)
        await here.holds(ends.there, 1)
        assert next(ends.there.adj_in.routes()).attributes.path.otc == EDGE_AS


async def test_a_leak_is_seen_by_the_role() -> None:
    async with scene() as here:
        theirs = announcement(Family.IPV4, prefixes(Family.IPV4, 1), 100, otc=9)
        ends = await two_speakers(here, theirs=[theirs])
        await here.holds(ends.here, 1)
        (route,) = ends.here.adj_in.routes()
        assert [hit.rule for hit in route.hits] == ["otc"]
        context = PolicyContext(PEER_AS, str(ends.here.config.peer_address), EDGE_AS, role=Role.RS_CLIENT)
        ends.here.apply_policy(Policy("exchange", context, LAB_RULES))
        assert ends.here.view().rejected == 0


async def test_what_is_beyond_the_prefix_limit_stays_there() -> None:
    async with scene() as here:
        theirs = announcement(Family.IPV4, prefixes(Family.IPV4, 3), 100)
        ends = await two_speakers(here, theirs=[theirs], edge={"max_prefix": MaxPrefix(2, MaxPrefixAction.BLOCK)})
        await here.holds(ends.here, 3)
        blocked = {route.key: [hit.rule for hit in route.hits] for route in ends.here.adj_in.routes() if route.hits}
        assert list(blocked.values()) == [["max-prefix"]]
        for data in (PolicyData(irr=irr_lists(NN=[])), PolicyData()):
            ends.here.apply_policy(by(ends, data))
            for key_, rules in blocked.items():
                assert rules[0] in [hit.rule for hit in ends.here.adj_in.hits(Family.IPV4, key_)]
        assert ends.here.view().accepted == 2


async def test_a_limit_of_accepted_routes_is_looked_at_again() -> None:
    async with scene() as here:
        theirs = announcement(Family.IPV4, prefixes(Family.IPV4, 3), 100)
        nothing = policy(PEER4).with_data(PolicyData(irr=irr_lists(NN=[])))
        limit = MaxPrefix(2, MaxPrefixAction.CEASE, CountedRoutes.ACCEPTED)
        ends = await two_speakers(here, theirs=[theirs], edge={"max_prefix": limit, "policy": nothing})
        await here.holds(ends.here, 3)
        ends.here.apply_policy(by(ends, PolicyData()))
        await here.until(lambda: bool(here.of(NotificationExchanged, "edge")), "the session is closed")
        assert str(here.of(NotificationExchanged, "edge")[0].seen.notification).startswith("6/1")
