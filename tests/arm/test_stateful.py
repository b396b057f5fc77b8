"""Anything, in any order, through HTTP: no answer of 5xx, no step that the table lacks, no gate that is open too early.

`TURNUP_STATEFUL=200` runs that many lives of a lab instead of a few.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simulator.connection.states import ConnectionState
from simulator.connection.table import INDEX
from simulator.lab.link import LinkKind
from simulator.lab.topology import Topology
from simulator.provisioning.log import ConnectionMoved, Event
from simulator.provisioning.provider.provider import Provider
from simulator.provisioning.provider.settings import Settings
from simulator.provisioning.store.store import Store
from simulator.serving.lab_api import ACTIONS
from simulator.serving.server import application
from tests.topologies import build, mixed

T = TypeVar("T")
Json = dict[str, Any]

LIVES = int(os.environ.get("TURNUP_STATEFUL", "8"))
VERSION = {"api-version": "2025-05-01"}
ROOT = "/subscriptions/lab"
ASNS = {"contoso": 64496, "fabrikam": 64497}
READ_ONLY: Json = {"connectionState": "Active", "errorMessage": "injected", "microsoftTrackingId": "injected"}
VOLATILE = ("systemData", "connectionState", "errorMessage", "sessionStateV4", "sessionStateV6", "bgpSession")
VOLATILE += ("provisionedBandwidthInMbps",)
"""What moves without the client. (A Direct connection's bgpSession appears with its approval.)"""


def _lab() -> Topology:
    """Two peers at an exchange with two edges, and a circuit. Everything is as quick as the machine."""
    found = mixed()
    second = {**found["peers"][0], "name": "fabrikam", "asn": 64497, "ipv4": "206.126.239.201"}
    second["ipv6"] = "2001:504:0:2:0:6:4497:1"
    found["peers"].append(second)
    found["times"] = {"soak": 0.01, "deadline": 0.2}
    return build(found)


ADDRESS4 = st.sampled_from(["206.126.239.200", "206.126.239.201", "206.126.239.250", " 206.126.239.200/32 ", "bad", None])
ADDRESS6 = st.sampled_from(["2001:504:0:2:0:6:4496:1", "2001:504:0:2:0:6:4497:1", "::1", None])
EDGE4 = st.sampled_from([None, None, None, "206.126.236.17", "206.126.236.148", "206.126.236.99"])
GUIDS = st.sampled_from([None, *(f"00000000-0000-0000-0000-00000000000{number}" for number in range(4)), "no GUID"])
LIMIT = st.sampled_from([None, None, 1000, 2, 0, 2**40, "many"])
KEY = st.sampled_from([None, None, None, "first-key", "second-key", "k" * 81])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
UNKNOWN = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=2), max_leaves=3)
TAGS = st.none() | st.dictionaries(TEXT, TEXT, max_size=2)
NAMES = st.sampled_from(["one", "two"])
GROUPS = st.sampled_from(["rg", "RG", "rg2"])


def _exchange_connection(draw: st.DrawFn) -> Json:
    session = {
        "peerSessionIPv4Address": draw(ADDRESS4),
        "peerSessionIPv6Address": draw(ADDRESS6),
        "microsoftSessionIPv4Address": draw(EDGE4),
        "maxPrefixesAdvertisedV4": draw(LIMIT),
        "md5AuthenticationKey": draw(KEY),
        "sessionStateV4": "Established",
    }
    return {"peeringDBFacilityId": draw(st.sampled_from([1, 1, 1, 1, 2, 0, 10**30])), "bgpSession": session}


def _direct_connection(draw: st.DrawFn) -> Json:
    prefix = draw(st.sampled_from(["198.51.100.4/30", "198.51.100.4/30", "198.51.100.8/30", "198.51.100.0/24", None]))
    provider = draw(st.sampled_from(["Peer", "Peer", "Microsoft", None]))
    session = {"sessionPrefixV4": prefix, "sessionPrefixV6": draw(st.sampled_from([None, "2001:db8:2::/127"]))}
    bandwidth = draw(st.sampled_from([10000, 20000, 5, -1]))
    return {
        "peeringDBFacilityId": 99999,
        "bgpSession": session,
        "bandwidthInMbps": bandwidth,
        "sessionAddressProvider": provider,
        "useForPeeringService": draw(st.booleans()),
    }


@st.composite
def peerings(draw: st.DrawFn) -> Json:
    """A document: mostly a good one, with a mark of its own in every object."""
    kind = draw(st.sampled_from(["Exchange", "Exchange", "Exchange", "Direct", "Other"]))
    flavour = draw(st.sampled_from(["Edge", "Edge", "IxRs", "Voice", None])) if kind == "Direct" else None
    make = _direct_connection if kind == "Direct" and flavour != "IxRs" else _exchange_connection
    connections = [make(draw) for _ in range(draw(st.integers(1, 2)))]
    mark = draw(UNKNOWN)
    for connection in connections:
        connection |= {**READ_ONLY, "connectionIdentifier": draw(GUIDS), "mark": mark}
        connection["bgpSession"]["mark"] = mark
    peer_asn = draw(st.sampled_from([*ASNS, *ASNS, "nobody"]))
    inner: Json = {
        "peerAsn": {"id": f"{ROOT}/providers/Microsoft.Peering/peerAsns/{peer_asn}"},
        "connections": connections,
        "mark": mark,
    }
    if flavour is not None:
        inner["directPeeringType"] = flavour
    return {
        "sku": {"name": f"Basic_{kind}_Free", "mark": mark},
        "kind": kind,
        "location": "eastus",
        "tags": draw(TAGS),
        "mark": mark,
        "properties": {
            "peeringLocation": "Ashburn",
            kind.lower(): inner,
            "provisioningState": "injected",
            "mark": mark,
        },
    }


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(each) for key, each in value.items() if key not in VOLATILE}
    return [_steady(each) for each in value] if isinstance(value, list) else value


class Surface(RuleBasedStateMachine):
    """A lab behind HTTP. Between two requests its event loop stands still."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._directory = tempfile.TemporaryDirectory(prefix="turnup-stateful-")
        self._url = f"sqlite:///{self._directory.name}/store.db"
        self._marks: dict[str, Any] = {}
        self._moved: list[ConnectionMoved] = []
        self._states: dict[str, ConnectionState] = {}
        self._stray: list[dict[str, Any]] = []
        self._do(self._start())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _start(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: self._stray.append(context))
        self._store = Store.open(self._url)
        self.provider = Provider(_lab(), LinkKind.LOOPBACK, self._store, Settings(removal=0))
        self.provider.log.subscribe(self._take)
        await self.provider.__aenter__()
        transport = httpx.ASGITransport(application(self.provider))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", params=VERSION)

    def _take(self, event: Event) -> None:
        if isinstance(event, ConnectionMoved):
            self._moved.append(event)

    def teardown(self) -> None:
        try:
            self._do(self._stop())
        finally:
            self._runner.close()
            self._directory.cleanup()

    async def _stop(self) -> None:
        states = {name: found.state.value for name, found in self.provider.control.records.items()}
        resources = dict(self.provider.books.resources)
        await self._client.aclose()
        # Closing sessions moves no connection: what the store has then is what was there before.
        await self.provider.__aexit__(None, None, None)
        assert {each.id: each.state for each in self._store.connections()} == states
        assert {each.key: each for each in self._store.resources()} == resources
        self._store.close()

    def _call(self, verb: str, path: str, body: Any = None, wanted: tuple[int, ...] = ()) -> httpx.Response:
        async def call() -> httpx.Response:
            answer = await self._client.request(verb, path, json=body)
            await asyncio.sleep(0)
            return answer

        answer = self._do(call())
        assert answer.status_code < 500, (verb, path, answer.text)
        assert not wanted or answer.status_code in wanted, (verb, path, answer.status_code, answer.text)
        if answer.status_code >= 400 and not path.startswith("/lab"):
            error = answer.json()["error"]
            assert error["code"] and error["message"] and "\n" not in error["message"]
        return answer

    def _path(self, group: str, name: str) -> str:
        return f"{ROOT}/resourceGroups/{group}/providers/Microsoft.Peering/peerings/{name}"

    # --- the client ---

    @rule(name=st.sampled_from([*ASNS]), mark=UNKNOWN)
    def put_asn(self, name: str, mark: Any) -> None:
        path = f"{ROOT}/providers/Microsoft.Peering/peerAsns/{name}"
        body = {"properties": {"peerAsn": ASNS[name], "validationState": "Failed", "mark": mark}, "mark": mark}
        answer = self._call("PUT", path, body, (200, 201)).json()
        assert answer["properties"]["mark"] == mark
        assert answer["properties"]["validationState"] in ("Pending", "Approved", "Failed")

    @rule(name=st.sampled_from([*ASNS]))
    def delete_asn(self, name: str) -> None:
        used = any(name in each.status.get("peerAsn", "") for each in self.provider.books.resources.values())
        path = f"{ROOT}/providers/Microsoft.Peering/peerAsns/{name}"
        self._call("DELETE", path, wanted=(409,) if used else (200, 204))

    @rule(group=GROUPS, name=NAMES, body=peerings())
    def put_peering(self, group: str, name: str, body: Json) -> None:
        path = self._path(group, name)
        known = path.lower() in self.provider.peerings.records
        before = list(self._moved), dict(self.provider.books.resources)
        answer = self._call("PUT", path, body)
        if answer.status_code >= 400:
            assert (self._moved, self.provider.books.resources) == before, "refused, and yet something changed"
            return
        assert answer.status_code == (200 if known else 201)
        self._marks[path.lower()] = body["mark"]

    @rule(group=GROUPS, name=NAMES)
    def put_back(self, group: str, name: str) -> None:
        """What a client that knows nothing of the document does: it sends back what it got."""
        path = self._path(group, name)
        got = self._call("GET", path)
        if got.status_code == 200:
            again = self._call("PUT", path, got.json(), (200,))
            assert _steady(again.json()) == _steady(got.json())

    @rule(group=GROUPS, name=NAMES, tags=TAGS)
    def patch(self, group: str, name: str, tags: Any) -> None:
        path = self._path(group, name)
        there = path.lower() in self.provider.peerings.records
        answer = self._call("PATCH", path, {"tags": tags}, ((400,) if tags is None else (200,)) if there else (404,))
        if answer.status_code == 200:
            assert answer.json()["tags"] == tags

    @rule(group=GROUPS, name=NAMES)
    def delete(self, group: str, name: str) -> None:
        path = self._path(group, name)
        there = path.lower() in self.provider.peerings.records
        self._call("DELETE", path, wanted=(200, 409) if there else (204,))

    # --- Microsoft ---

    @rule(name=NAMES, action=st.sampled_from([*ACTIONS]), message=st.sampled_from(["", "why", "a\nb"]))
    def act(self, name: str, action: str, message: str) -> None:
        self._call("POST", f"/lab/v1/peerings/{name}/{action}", {"message": message}, (200, 404, 409, 422))

    @precondition(lambda self: self.provider.control.records)
    @rule(data=st.data(), action=st.sampled_from([*ACTIONS]))
    def act_on_one(self, data: st.DataObject, action: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.provider.control.records)))
        self._call("POST", f"/lab/v1/connections/{name}/{action}", wanted=(200, 409))

    @rule(name=st.sampled_from([*ASNS]), verdict=st.sampled_from(["approve", "reject"]))
    def decide(self, name: str, verdict: str) -> None:
        self._call("POST", f"/lab/v1/asns/lab/{name}/{verdict}", wanted=(200, 404, 409))

    @rule(
        delay=st.sampled_from(["peering_review", "notification", "removal"]),
        seconds=st.sampled_from([0, 0, 0, None]),
        allowed=st.booleans(),
        mesh=st.booleans(),
    )
    def change_settings(self, delay: str, seconds: float | None, allowed: bool, mesh: bool) -> None:
        body = {delay: seconds, "allow_md5_and_max_prefix_updates": allowed, "mesh": mesh}
        self._call("PATCH", "/lab/v1/settings", body, (200,))

    @rule(seconds=st.sampled_from([0.02, 0.1, 0.3]))
    def wait(self, seconds: float) -> None:
        self._do(asyncio.sleep(seconds))

    # --- what always holds ---

    @invariant()
    def nothing_failed(self) -> None:
        assert not self.provider.failure.done(), self.provider.failure
        assert self._stray == []

    @invariant()
    def every_step_is_in_the_table(self) -> None:
        for event in self._moved:
            step, flow = event.transition, None
            assert self._states.get(event.connection, ConnectionState.NONE) is step.source
            self._states[event.connection] = step.target
            flows = [key[2] for key, row in INDEX.items() if key[:2] == (step.source, step.event) and row.target is step.target]
            record = self.provider.control.records.get(event.connection)
            flow = record.flow if record is not None else None
            assert flows and (flow is None or flow in flows or step.target is ConnectionState.NONE), step
        self._moved.clear()

    @invariant()
    def a_gate_is_open_only_where_active_and_validated(self) -> None:
        network = self.provider.network
        for record in self.provider.control.records.values():
            for plan in record.plans:
                if network.is_provisioned(plan):
                    allowed = record.state is ConnectionState.ACTIVE and plan.id in record.validated
                    assert network.view(plan).gate_open is allowed
        assert not any(count for gate in network.gates for count in gate.leaked.values())

    @invariant()
    def the_documents_are_as_they_were_written(self) -> None:
        listed = self._call("GET", f"{ROOT}/providers/Microsoft.Peering/peerings", wanted=(200,)).json()["value"]
        assert {each["id"].lower() for each in listed} == set(self.provider.peerings.records)
        for each in listed:
            mark, properties = self._marks[each["id"].lower()], each["properties"]
            inner = properties.get("exchange") or properties.get("direct")
            marked = [each, each["sku"], properties, inner, *inner["connections"]]
            marked += [found["bgpSession"] for found in inner["connections"] if "bgpSession" in found]
            assert [found["mark"] for found in marked] == [mark] * len(marked)
            assert properties["provisioningState"] == "Succeeded" and "injected" not in str(_without_marks(each))


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_marks(each) for key, each in value.items() if key not in ("mark", "tags")}
    return [_without_marks(each) for each in value] if isinstance(value, list) else value


TestSurface = Surface.TestCase
TestSurface.settings = settings(
    max_examples=LIVES, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
