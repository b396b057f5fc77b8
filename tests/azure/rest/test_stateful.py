"""Anything, in any order, through HTTP: no answer of 5xx, no step that the table lacks, no gate that is open too early.

`TURNUP_STATEFUL=200` runs that many lives of a lab instead of a few.
"""

from __future__ import annotations

import asyncio
import functools
import os
import tempfile
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulator.azure.model.peering import PeeringResource
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.rows import resource_of
from simulator.azure.provider.settings import Settings
from simulator.azure.store.store import Store
from simulator.connection.states import ConnectionState, Flow
from simulator.connection.table import INDEX
from simulator.engine.log import ConnectionMoved, Event
from simulator.engine.verbs import VERBS
from simulator.places.link import LinkKind
from simulator.serving.server import application
from simulator.topology.schema import Topology
from tests.topologies import build, mixed

T = TypeVar("T")
Json = dict[str, Any]

LIVES = int(os.environ.get("TURNUP_STATEFUL", "8"))
VERSION = {"api-version": "2025-05-01"}
ROOT = "/subscriptions/lab"
ASNS = {"contoso": 64496, "fabrikam": 64497}
READ_ONLY: Json = {"connectionState": "Active", "errorMessage": "injected", "microsoftTrackingId": "injected"}
VOLATILE = {"systemData", "connectionState", "errorMessage", "bgpSession", "provisionedBandwidthInMbps"}
"""What moves without the client. (A Direct connection's bgpSession appears with its approval.)"""


@functools.cache
def _lab() -> Topology:
    """Two peers at an exchange with two edges, and a circuit. Everything is as quick as the machine."""
    found = mixed()
    second = {**found["peers"][0], "name": "fabrikam", "asn": 64497, "ipv4": "206.126.239.201"}
    second["ipv6"] = "2001:504:0:2:0:6:4497:1"
    found["peers"].append(second)
    found["times"] = {"soak": 0.01, "deadline": 0.2}
    return build(found)


ADDRESS4 = st.sampled_from(["206.126.239.200", "206.126.239.201", "206.126.239.250", " 206.126.239.200/32 "])
ADDRESS6 = st.sampled_from([None, "2001:504:0:2:0:6:4496:1", "2001:504:0:2:0:6:4497:1"])
EDGE4 = st.sampled_from([None, None, None, "206.126.236.17", "206.126.236.148"])
GUIDS = st.sampled_from([None, *(f"00000000-0000-0000-0000-00000000000{number}" for number in range(6))])
LIMIT = st.sampled_from([None, None, 1000, 2, 2**40])
KEY = st.sampled_from([None, None, None, "first-key", "second-key", "k" * 81])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
UNKNOWN = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=2), max_leaves=3
)
TAGS = st.none() | st.dictionaries(TEXT, TEXT, max_size=2)
NAMED_TAGS = st.none() | st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>%&\\?/"), min_size=1, max_size=8),
    TEXT,
    max_size=2,
)
"""Tags with names that a resource may have."""
NAMES = st.sampled_from(["one", "two"])
GROUPS = st.sampled_from(["rg", "rg", "RG", "rg2"])
FAULTS: dict[str, Any] = {
    "peerSessionIPv4Address": ["bad", "192.0.2.1", "::1", 7],
    "peerSessionIPv6Address": ["206.126.239.200", "::1"],
    "microsoftSessionIPv4Address": ["206.126.236.99"],
    "sessionPrefixV4": ["198.51.100.8/30", "198.51.100.0/24", "x"],
    "maxPrefixesAdvertisedV4": [0, "many", 1.5, True],
    "md5AuthenticationKey": [7, []],
    "connectionIdentifier": ["no GUID", 5],
    "peeringDBFacilityId": [2, 0, -1, 10**30, None],
    "bandwidthInMbps": [-1, "x"],
    "sessionAddressProvider": ["Nobody", "Microsoft"],
    "peerAsn": [None, {"id": f"{ROOT}/resourceGroups/rg/providers/Microsoft.Peering/peerings/one"}, {"id": "x"}],
    "connections": [[], None, {}],
    "directPeeringType": ["IxRs", "Voice", "Other"],
    "peeringLocation": [None, "Seattle"],
    "kind": ["Direct", "Other", None],
    "sku": [None, {}, {"name": 7}],
    "tags": [{"a": 1}, []],
}
"""A field and what may not, or not here, stand in it."""


def _exchange_connection(draw: st.DrawFn) -> Json:
    session = {
        "peerSessionIPv4Address": draw(ADDRESS4),
        "peerSessionIPv6Address": draw(ADDRESS6),
        "microsoftSessionIPv4Address": draw(EDGE4),
        "maxPrefixesAdvertisedV4": draw(LIMIT),
        "md5AuthenticationKey": draw(KEY),
        "sessionStateV4": "Established",
    }
    return {"peeringDBFacilityId": 1, "bgpSession": session}


def _direct_connection(draw: st.DrawFn) -> Json:
    session = {
        "sessionPrefixV4": "198.51.100.4/30",
        "sessionPrefixV6": draw(st.sampled_from([None, "2001:db8:2::/127"])),
    }
    return {
        "peeringDBFacilityId": 99999,
        "bgpSession": session,
        "bandwidthInMbps": draw(st.sampled_from([10000, 20000, 5])),
        "sessionAddressProvider": draw(st.sampled_from(["Peer", None])),
        "useForPeeringService": draw(st.booleans()),
    }


def _spoil(value: Any, field: str, fault: Any) -> Any:
    if isinstance(value, dict):
        return {key: fault if key == field else _spoil(each, field, fault) for key, each in value.items()}
    return [_spoil(each, field, fault) for each in value] if isinstance(value, list) else value


@st.composite
def peerings(draw: st.DrawFn) -> Json:
    """A document with a mark of its own in every object; one in four has a fault."""
    flavour = draw(st.sampled_from([None, None, None, None, "Edge", "IxRs"]))
    kind = "Exchange" if flavour is None else "Direct"
    make = _direct_connection if flavour == "Edge" else _exchange_connection
    connections = [make(draw) for _ in range(draw(st.sampled_from([1, 1, 2])))]
    mark = draw(UNKNOWN)
    for connection in connections:
        connection |= {**READ_ONLY, "connectionIdentifier": draw(GUIDS), "mark": mark}
        connection["bgpSession"]["mark"] = mark
    peer_asn = draw(st.sampled_from(["contoso", "contoso", "fabrikam"]))
    inner: Json = {
        "peerAsn": {"id": f"{ROOT}/providers/Microsoft.Peering/peerAsns/{peer_asn}"},
        "connections": connections,
        "mark": mark,
    }
    if flavour is not None:
        inner["directPeeringType"] = flavour
    properties = {"peeringLocation": "Ashburn", kind.lower(): inner, "provisioningState": "injected", "mark": mark}
    document: Json = {
        "sku": {"name": f"Basic_{kind}_Free", "mark": mark},
        "kind": kind,
        "location": "eastus",
        "tags": draw(TAGS),
        "mark": mark,
        "properties": properties,
    }
    if draw(st.integers(0, 3)) == 0:
        field = draw(st.sampled_from(sorted(FAULTS)))
        document = _spoil(document, field, draw(st.sampled_from(FAULTS[field])))
    return document


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
        await self._client.aclose()
        states = {name: found.state.value for name, found in self.provider.control.records.items()}
        resources = dict(self.provider.unit.resources)
        # Closing sessions moves no connection: what the store has then is what was there before.
        await self.provider.__aexit__(None, None, None)
        assert {each.id: each.state for each in self._store.connections()} == states
        assert {each.id.lower(): resource_of(each) for each in self._store.resources()} == resources
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

    @initialize(name=st.sampled_from([*ASNS]))
    def begin(self, name: str) -> None:
        """With one of the two PeerAsns."""
        self.put_asn(name, None)
        self._do(asyncio.sleep(0.01))

    @rule(name=st.sampled_from([*ASNS]), mark=UNKNOWN)
    def put_asn(self, name: str, mark: Any) -> None:
        path = f"{ROOT}/providers/Microsoft.Peering/peerAsns/{name}"
        body = {"properties": {"peerAsn": ASNS[name], "validationState": "Failed", "mark": mark}, "mark": mark}
        answer = self._call("PUT", path, body, (200, 201)).json()
        assert answer["properties"]["mark"] == mark
        assert answer["properties"]["validationState"] in ("Pending", "Approved", "Failed")

    @rule(name=st.sampled_from([*ASNS, "nobody", "nobody"]))
    def delete_asn(self, name: str) -> None:
        used = any(name in each.request.peer_asn for each in self.provider.unit.all(PeeringResource))
        path = f"{ROOT}/providers/Microsoft.Peering/peerAsns/{name}"
        self._call("DELETE", path, wanted=(409,) if used else (200, 204))

    @rule(group=GROUPS, name=NAMES, body=peerings())
    def put_peering(self, group: str, name: str, body: Json) -> None:
        path = self._path(group, name)
        known = path.lower() in self.provider.peerings.records
        before = self.provider.found(path.lower(), PeeringResource)
        answer = self._call("PUT", path, body)
        if answer.status_code >= 400:
            assert self.provider.found(path.lower(), PeeringResource) in (before, None), (
                "refused, and yet something changed"
            )
            return
        assert answer.status_code == (200 if known else 201)
        self._marks[path.lower()] = body["mark"]

    @rule(group=GROUPS, name=NAMES)
    def put_back(self, group: str, name: str) -> None:
        """What a client that knows nothing of the document does: it sends back what it got."""
        path = self._path(group, name)
        there = self.provider.peerings.records.get(path.lower())
        got = self._call("GET", path)
        if got.status_code == 200:
            again = self._call("PUT", path, got.json())
            if self.provider.peerings.records.get(path.lower()) is not there:
                self._marks[path.lower()] = got.json()["mark"]
                return  # its removal came in between
            if again.status_code == 409:
                assert "PendingRemove" in got.text, again.text
                return  # one of its connections is on its way out
            assert again.status_code == 200, again.text
            assert _steady(again.json()) == _steady(got.json())

    @rule(group=GROUPS, name=NAMES, tags=NAMED_TAGS)
    def patch(self, group: str, name: str, tags: Any) -> None:
        path = self._path(group, name)
        there = path.lower() in self.provider.peerings.records
        answer = self._call("PATCH", path, {"tags": tags}, (400 if tags is None else 200, 404) if there else (404,))
        if answer.status_code == 200:
            assert answer.json()["tags"] == tags

    @rule(group=GROUPS, name=NAMES)
    def delete(self, group: str, name: str) -> None:
        path = self._path(group, name)
        there = path.lower() in self.provider.peerings.records
        self._call("DELETE", path, wanted=(200, 204, 409) if there else (204,))

    # --- Microsoft ---

    @rule(name=NAMES, action=st.sampled_from([*VERBS]), message=st.sampled_from(["", "why", "a\nb"]))
    def act(self, name: str, action: str, message: str) -> None:
        self._call("POST", f"/lab/v1/peerings/{name}/{action}", {"message": message}, (200, 404, 409, 422))

    @rule(number=st.integers(0, 7), action=st.sampled_from([*VERBS]))
    def act_on_one(self, number: int, action: str) -> None:
        if names := sorted(self.provider.control.records):
            self._call("POST", f"/lab/v1/connections/{names[number % len(names)]}/{action}", wanted=(200, 404, 409))

    @rule(name=st.sampled_from([*ASNS]), verdict=st.sampled_from(["approve", "reject"]))
    def decide(self, name: str, verdict: str) -> None:
        self._call("POST", f"/lab/v1/asns/lab/{name}/{verdict}", wanted=(200, 404, 409))

    @rule(
        delay=st.sampled_from(["peering_review", "notification", "provisioning", "validation", "removal"]),
        seconds=st.sampled_from([0, 0, 0, None]),
        allowed=st.booleans(),
        mesh=st.booleans(),
    )
    def change_settings(self, delay: str, seconds: float | None, allowed: bool, mesh: bool) -> None:
        body = {delay: seconds, "allow_md5_updates": allowed, "allow_max_prefix_updates": allowed, "mesh": mesh}
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
            step = event.transition
            assert self._states.get(event.connection, ConnectionState.NONE) is step.source
            self._states[event.connection] = step.target
            rows = (INDEX.get((step.source, step.event, flow)) for flow in Flow)
            assert any(row is not None and row.target is step.target for row in rows), step
        self._moved.clear()

    @invariant()
    def a_gate_is_open_only_where_active_and_validated(self) -> None:
        network = self.provider.network
        for record in self.provider.control.records.values():
            for plan in record.plans:
                if network.edges.is_provisioned(plan):
                    allowed = record.state is ConnectionState.ACTIVE and plan.id in record.validated
                    assert network.edges.view(plan).gate_open is allowed
        assert not any(count for gate in network.edges.gates for count in gate.leaked.values())

    @invariant()
    def the_documents_are_as_they_were_written(self) -> None:
        before = set(self.provider.peerings.records)
        listed = self._call("GET", f"{ROOT}/providers/Microsoft.Peering/peerings", wanted=(200,)).json()["value"]
        # One that is being removed may go while the answer is on its way.
        assert set(self.provider.peerings.records) <= {each["id"].lower() for each in listed} <= before
        for each in listed:
            mark, properties = self._marks[each["id"].lower()], each["properties"]
            inner = properties.get("exchange") or properties.get("direct")
            named = [found for found in inner["connections"] if found["connectionState"] != "PendingRemove"]
            marked = [each, each["sku"], properties, inner, *named]
            marked += [found["bgpSession"] for found in named if "bgpSession" in found]
            assert [found.get("mark", "no mark") for found in marked] == [mark] * len(marked), each
            assert properties["provisioningState"] == "Succeeded" and "injected" not in str(_without_marks(each))


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_marks(each) for key, each in value.items() if key not in ("mark", "tags")}
    return [_without_marks(each) for each in value] if isinstance(value, list) else value


TestSurface = Surface.TestCase
# Without shrinking: time is a part of every life, and a second one would not be the same.
TestSurface.settings = settings(
    max_examples=LIVES,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
