"""Our sessions with Microsoft, with the bird.conf that runs in production."""

import pytest

from simulator.connection.states import ConnectionState
from simulator.session.states import BgpState

pytestmark = pytest.mark.topology("lab.yaml")


async def test_the_session_comes_up_denied_and_is_lifted(lab, peering, edge, router):
    await peering.request()
    await peering.approve()
    await peering.notify()
    await lab.session().reaches(BgpState.ESTABLISHED)
    await peering.reaches(ConnectionState.ACTIVE)
    lab.nothing_passed_before_active()
    await edge.accepts("192.0.2.0/24", as_path=[64496])
    await edge.accepts("198.51.100.0/24", communities=["64496:100"])
    await router.received("13.64.0.0/11")


async def test_nothing_of_our_upstream_goes_to_microsoft(peering, edge):
    await peering.turn_up()
    await edge.accepts("192.0.2.0/24")
    await edge.lacks("41.0.0.0/16")


def test_what_we_announce_is_accepted(peering, edge, lab):
    peering.turn_up()
    for prefix in ("192.0.2.0/24", "198.51.100.0/24"):
        edge.accepts(prefix)
    lab.session().has_counts(received=2, accepted=2, rejected=0)


def test_the_policy_says_the_same_without_a_lab(turnup_policy):
    policy = turnup_policy(topology="lab.yaml")
    policy.accepts("192.0.2.0/24")
    policy.rejects("41.0.0.0/16", as_path="64496 174 64501", rule="transit-free-asn")
