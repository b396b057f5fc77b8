"""Labs that a test drives: the fixtures of the plugin, used as their users do."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from simulator.axis import AxisError
from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionState
from simulator.places.errors import LabError
from simulator.session.states import BgpState
from simulator.testing.diagnosis import LabAssertionError
from simulator.testing.driven import Driven, LoopThread
from simulator.testing.lab import Lab
from tests.lab_support import require_bird, require_netns
from tests.topologies import build, document
from tests.users_pytest import users_pytest

QUICK = {
    "times": {"soak": 0.2, "deadline": 10, "active": 0.2},
    "microsoft": {"announce": [{"prefixes": ["13.64.0.0/16", "2603:1000::/24"]}]},
}


@pytest.mark.topology("exchange", changes=QUICK)
async def test_a_test_that_awaits(lab: Any, peering: Any, edge: Any, router: Any) -> None:
    assert peering.connection_state == ConnectionState.NONE
    assert not lab.diagnosis
    await peering.turn_up()
    assert peering.connection_state == ConnectionState.ACTIVE
    assert lab.session().bgp_state == BgpState.ESTABLISHED
    await edge.accepts("203.0.113.0/24", as_path=[64496, 64500], communities=["64496:100"])
    await router.announces("203.0.113.0/24", "2001:db8::/32")
    await router.received("13.64.0.0/16")
    await lab.session(family="IPv4").has_counts(received=3, accepted=3, rejected=0, sent=1)
    lab.nothing_passed_before_active()
    await peering.deny("a test")
    await edge.withholds("203.0.113.0/24")
    await router.lacks("13.64.0.0/16")
    assert peering.connection_state == ConnectionState.VALIDATING


@pytest.mark.topology("exchange", changes=QUICK)
def test_a_test_that_does_not(lab: Any, peering: Any, edge: Any, router: Any) -> None:
    peering.notify()
    lab.session().reaches(BgpState.ESTABLISHED)
    peering.reaches(ConnectionState.ACTIVE)
    edge.accepts("192.0.2.0/24")
    edge.lacks("10.0.0.0/8")
    peering.deprovision()
    peering.remove()
    peering.reaches(ConnectionState.NONE)
    router.lacks("13.64.0.0/16")
    lab.nothing_passed_before_active()


LEAK = {"peer": {"announce": [{"prefixes": ["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32"]}]}, **QUICK}


@pytest.mark.topology("exchange", changes=LEAK)
async def test_a_failure_says_what_was_seen_the_rule_the_remedy_and_what_happened(peering: Any, edge: Any) -> None:
    await peering.turn_up()
    await edge.rejects("10.0.0.0/8", rule="bogon-prefix")
    with pytest.raises(LabAssertionError) as failure:
        await edge.accepts("10.0.0.0/8", within=0.2)
    words = str(failure.value)
    first, *rest = words.splitlines()
    assert first.startswith(
        "accepts: 10.0.0.0/8 of contoso-ashburn/ash-edge-1/ipv4: after 0.2 s: 10.0.0.0/8 is refused by"
    )
    assert "bogon-prefix" in first
    text = "\n".join(rest)
    for part in (
        "connection Active, BGP Established, gate open",
        "to mend it",
        "RFC",
        "last of the connection, UTC:",
        "last of BGP, UTC:",
        "--turnup-report",
    ):
        assert part in text
    inside = [each.path for each in failure.traceback if "/simulator/" in str(each.path)]
    assert len(inside) == 1, "where in turnup it was raised helps nobody"


@pytest.mark.topology("exchange", changes={"peer": {"asn-state": "Pending"}, **QUICK})
async def test_what_microsoft_refuses_says_so(peering: Any) -> None:
    with pytest.raises(TransitionRefusedError, match="Approved"):
        await peering.request()


@pytest.mark.topology("exchange", changes=QUICK)
async def test_there_is_nothing_to_wait_for(peering: Any) -> None:
    await peering.request()
    await peering.reject("no capacity")
    with pytest.raises(LabAssertionError, match="nothing more comes by itself"):
        await peering.reaches(ConnectionState.ACTIVE, within=3600)


@pytest.mark.topology("exchange", changes={"peer": {"router": "bird"}, "link": "netns", **QUICK})
@pytest.mark.privileged
async def test_a_fault_is_put_in_and_named_and_bird_killed_is_seen(lab: Any, peering: Any) -> None:
    require_bird()
    lab.fault("wrong-remote-as")
    await peering.notify()
    await peering.reaches(ConnectionState.PROVISIONING_FAILED)
    assert (lab.diagnosis.first.cause, lab.diagnosis.first.side) == ("remote-as-wrong", "peer")
    with pytest.raises(LabError, match="the lab is up already"):
        lab.fault("wrong-remote-as")


@pytest.mark.topology("exchange", changes=QUICK)
async def test_a_fault_comes_and_goes_while_the_lab_runs(lab: Any, peering: Any, edge: Any, router: Any) -> None:
    await peering.turn_up()
    await router.fault("bogons")
    await edge.rejects("10.1.0.0/16", rule="bogon-prefix")
    await router.mend()
    await edge.lacks("10.1.0.0/16")
    with pytest.raises(LabError, match="nothing to mend"):
        await router.mend("bogons")
    with pytest.raises(LabError, match="not while a lab runs"):
        await router.fault("md5-missing-at-peer")


@pytest.mark.topology("exchange", changes={"peer": {"router": "bird"}, "link": "netns", **QUICK})
@pytest.mark.privileged
def test_a_router_is_killed_and_the_peering_stays_what_it_was(lab: Any, peering: Any, router: Any) -> None:
    require_bird()
    peering.turn_up()
    lab.traffic_passes("contoso", "ash-edge-1")
    router.kill()
    lab.session().reaches(BgpState.ACTIVE)
    assert peering.connection_state == ConnectionState.ACTIVE
    lab.nothing_passed_before_active()
    with pytest.raises(LabAssertionError, match=r"no router is there to talk to .*has ended"):
        lab.session().reaches(BgpState.ESTABLISHED, within=3600)
    router.restart()
    lab.session().reaches(BgpState.ESTABLISHED)


@pytest.mark.topology("exchange", changes=QUICK, scope="module")
class TestOneLabForAModule:
    """Whichever comes first turns it up: workers share the tests out among them."""

    labs: ClassVar[set[str]] = set()

    def test_one(self, lab: Any, peering: Any, topology: Any) -> None:
        self.labs.add(str(id(topology)))
        if peering.connection_state is ConnectionState.NONE:
            peering.turn_up()
        assert len(self.labs) == 1
        lab.nothing_passed_before_active()

    async def test_other(self, peering: Any, edge: Any, topology: Any) -> None:
        self.labs.add(str(id(topology)))
        if peering.connection_state is ConnectionState.NONE:
            await peering.turn_up()
        assert len(self.labs) == 1
        await edge.accepts("192.0.2.0/24")


@pytest.mark.parametrize("name", ["lag-flap", "route-server-own-as", "no-such-fault"])
def test_a_fault_that_does_not_fit_is_one_line(name: str) -> None:
    with pytest.raises(LabError) as error:
        Lab(build(document())).fault(name)
    assert "\n" not in str(error.value)


def test_what_is_waited_for_is_of_the_axis() -> None:
    lab = Lab(build(document()))
    for given in (BgpState.ACTIVE, "Active", None):
        with pytest.raises(AxisError, match="a peering reaches a ConnectionState"):
            asyncio.run(lab.peering().reaches(given))  # type: ignore[arg-type]
    for other in (ConnectionState.ACTIVE, "Established"):
        with pytest.raises(AxisError, match="a session reaches a BgpState"):
            asyncio.run(lab.session().reaches(other))  # type: ignore[arg-type]


@pytest.mark.topology("exchange", changes=QUICK)
def test_the_axes_are_not_compared(lab: Any, peering: Any) -> None:
    with pytest.raises(AxisError):
        _ = peering.connection_state == BgpState.ACTIVE
    with pytest.raises(AxisError):
        _ = lab.session().bgp_state == "Active"


def test_names_that_are_not_there_say_what_is() -> None:
    lab = Lab(build(document()))
    for ask in (lab.peering, lab.edge, lab.router):
        with pytest.raises(LookupError, match="there are: "):
            ask("nobody")


def test_a_lab_leaves_nothing_behind_and_its_report(tmp_path: Path) -> None:
    thread = LoopThread()
    lab = Driven(Lab(build({**document(), **QUICK}), tmp_path / "report"), thread, awaits=False)
    lab.turn_up()
    lab.stop()
    thread.close()
    assert {"report.html", "report.json", "events.jsonl", "wire.pcap"} <= {
        each.name for each in (tmp_path / "report").iterdir()
    }


@pytest.mark.topology("exchange", changes=QUICK)
async def test_routes_come_and_go_on_sessions_that_stay(lab: Any, peering: Any, router: Any) -> None:
    await peering.turn_up()
    edge = lab.edge()
    await router.announce("route 198.18.0.0/24 next-hop self as-path [ 64500 ]")
    await edge.rejects("198.18.0.0/24", rule="bogon-prefix")
    await router.withdraw("192.0.2.0/24", "198.18.0.0/24")
    await edge.lacks("192.0.2.0/24", "198.18.0.0/24")
    await edge.accepts("198.51.100.0/24")
    assert lab.session().bgp_state == BgpState.ESTABLISHED
    await lab.session().expects(established_times=1)


@pytest.mark.topology("exchange", changes=QUICK)
async def test_a_session_that_nobody_asked_for_is_not_waited_for(lab: Any) -> None:
    with pytest.raises(LabAssertionError, match=r"nothing more comes by itself .* the peer requests the peering"):
        await lab.session().reaches(BgpState.ESTABLISHED, within=3600)


@pytest.mark.topology("exchange", changes={**QUICK, "link": "netns"})
@pytest.mark.privileged
def test_the_beginning_of_a_faults_name_does(lab: Any, peering: Any) -> None:
    require_netns()
    lab.fault("md5-missing")
    peering.notify()
    peering.reaches(ConnectionState.PROVISIONING_FAILED)
    assert (lab.diagnosis.first.cause, lab.diagnosis.first.side) == ("md5-missing", "peer")


@pytest.mark.topology("exchange", changes=QUICK)
async def test_what_the_peer_changes_while_it_is_active(lab: Any, peering: Any, router: Any) -> None:
    await peering.turn_up()
    await router.restart()
    await lab.session().saw_notification("6/2")
    await peering.change_max_prefixes(ipv4=5000)
    await peering.reaches(ConnectionState.ACTIVE)
    await peering.change_md5("another-key")
    await peering.reaches(ConnectionState.ACTIVE)


@pytest.mark.topology("route-server", changes={"times": QUICK["times"]})
async def test_a_customer_is_registered(lab: Any, edge: Any) -> None:
    await lab.turn_up()
    await edge.rejects("192.0.2.192/26", rule="registered-origin")
    for name in ("example-ix-1", "example-ix-2"):
        await lab.register_asn(64505, name)
    await edge.accepts("192.0.2.192/26")


@pytest.mark.privileged
@pytest.mark.topology("exchange", changes={**QUICK, "link": "netns"})
async def test_packets_pass_while_the_policy_is_lifted(lab: Any, peering: Any) -> None:
    require_netns()
    await lab.no_traffic_passes()
    await peering.turn_up()
    await lab.traffic_passes("contoso", "ash-edge-1")
    await peering.deny()
    await lab.no_traffic_passes("contoso")


_FORGETFUL = """
import pytest
pytestmark = pytest.mark.topology("exchange", changes={"times": {"soak": 0.1, "deadline": 5}})
async def test_forgotten(lab, peering): peering.turn_up()
async def test_asserted(peering): assert peering.request()
async def test_awaited(peering): await peering.request()
def test_no_async(peering): peering.request()
async def test_fixture(router): await router.start()
"""


def test_an_async_test_needs_no_settings_and_a_forgotten_await_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_FORGETFUL)
    done = users_pytest(tmp_path, "-o", "asyncio_mode=strict")
    assert "2 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    for name in ("turn_up", "request"):
        words = f"peering.{name}(…) was not awaited, so nothing was done: write `await peering.{name}(…)`"
        assert words in done.stdout.replace("\n", " ")


_ENDING = f"""
import pytest
pytestmark = pytest.mark.topology("exchange", changes={QUICK})
def test_fails(peering):
    peering.request()
    assert False, "mine"
def test_passes(peering):
    peering.request()
    with pytest.raises(AssertionError):
        peering.expects(0, connection_state="Active")
async def test_expects(peering):
    await peering.request()
    await peering.expects(0, connection_state="Active")
def test_skips(peering):
    peering.request()
    pytest.skip("not here")
def test_interrupted(peering):
    peering.request()
    raise KeyboardInterrupt
"""


def test_the_report_of_a_lab_says_how_its_test_ended(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_ENDING)
    done = users_pytest(tmp_path, "--turnup-report", "reports")
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout + done.stderr
    found = {path.parent.name: json.loads(path.read_text()) for path in tmp_path.glob("reports/*/report.json")}
    expected = (
        "failed",
        "test_expects: connection-state: Active of contoso-ashburn/ash-edge-1: nothing more comes by itself",
    )
    ended = {name.rpartition("test_")[2]: (each["outcome"], *each["errors"]) for name, each in found.items()}
    assert tuple(word[: len(whole)] for word, whole in zip(ended.pop("expects"), expected, strict=True)) == expected
    assert ended == {
        "fails": ("failed", "test_fails: mine"),
        "passes": ("passed",),
        "skips": ("passed",),
        "interrupted": ("failed", "test_interrupted: interrupted"),
    }


@pytest.mark.topology("exchange", changes=QUICK)
def test_a_word_that_there_is_not_says_what_is_meant(lab: Any, peering: Any) -> None:
    with pytest.raises(ValueError, match="there is no step 'revalidat': did you mean 'revalidate'"):
        peering.act("revalidat")
    with pytest.raises(ValueError, match=r"there is no step 'nonsense' .there are: request"):
        peering.act("nonsense")
    with pytest.raises(ValueError, match="gaet: there is no such key: did you mean 'gate'"):
        lab.session().expects(gaet="open")


@pytest.mark.topology("exchange", changes=QUICK)
def test_traffic_is_not_waited_for_without_hosts(lab: Any, peering: Any) -> None:
    peering.turn_up()
    with pytest.raises(LabAssertionError, match="nothing to wait for: there are no hosts in this lab"):
        lab.traffic_passes(within=3600)
