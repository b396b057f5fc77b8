"""Any JSON at any field: a PUT is refused with an ARM error that names a field, or reads back as what was sent.

`TURNUP_DOCUMENTS=2000` sends that many documents instead of some hundreds.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import tempfile
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from simulator.azure.rest import documents
from simulator.azure.rest.peerings import guid
from tests.azure.rest.plain import GROUP, ROOT, PlainLab, direct_body, exchange_body, plain_lab, route_server_body
from tests.topologies import mixed

MANY = int(os.environ.get("TURNUP_DOCUMENTS", "200"))
SERVICE = {
    "location": "eastus",
    "properties": {"peeringServiceLocation": "Ashburn", "logAnalyticsWorkspaceProperties": {"workspaceID": "x"}},
}
CONTACT = {"role": "Noc", "email": "noc@contoso.example", "phone": "+1"}
PEER_ASN = {"properties": {"peerAsn": 64496, "peerName": "Contoso", "peerContactDetail": [CONTACT]}}
TEST = {"properties": {"sourceAgent": "x", "destination": "192.0.2.1", "destinationPort": 443}}
KINDS: dict[str, tuple[str, Any, type[BaseModel]]] = {
    "peerAsns": (f"{ROOT}/peerAsns", PEER_ASN, documents.PeerAsnDocument),
    "Exchange": (f"{GROUP}/peerings", exchange_body(), documents.PeeringDocument),
    "IxRs": (f"{GROUP}/peerings", route_server_body(), documents.PeeringDocument),
    "Direct": (f"{GROUP}/peerings", direct_body(), documents.PeeringDocument),
    "peeringServices": (f"{GROUP}/peeringServices", SERVICE, documents.ServiceDocument),
    "prefixes": (
        f"{GROUP}/peeringServices/s/prefixes",
        {"properties": {"prefix": "192.0.2.0/24", "peeringServicePrefixKey": "key"}},
        documents.ServicePrefixDocument,
    ),
    "tests": (f"{GROUP}/peeringServices/s/connectionMonitorTests", TEST, documents.MonitorTestDocument),
}
"""Where it is PUT, a document that is taken, and its model."""


def fields(model: type[BaseModel], body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every field that the model has, whether the document has it or not."""
    for name, field in model.model_fields.items():
        here = (*way, name)
        yield here
        inner = next(_models(field.annotation), None)
        found = body.get(name)
        if inner is None:
            continue
        if isinstance(found, list):
            for number, each in enumerate(found):
                yield (*here, number)
                yield from fields(inner, each, (*here, number))
        elif isinstance(found, dict):
            yield from fields(inner, found, here)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def at(document: Any, way: tuple[Any, ...]) -> Any:
    """What stands there; None for nothing."""
    for step in way:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def put_in(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(document)
    inner = at(made, way[:-1])
    inner[way[-1]] = value
    return made


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NUMBERS: list[Any] = [0, 1, -1, 7, 65536, 2**31 - 1, 2**31, 2**63, 10**30, 1.0, 0.5, 1e300, True, False]
WORDS = [
    *("", " ", "x", "..", "null", "0", "1", "true", "x" * 257, "x" * 60_000, "é" * 90, "{}", "{text}", "%s", "\n"),
    *(
        "Exchange",
        "Direct",
        "IxRs",
        "Cdn",
        "Voice",
        "Microsoft",
        "Peer",
        "TCP",
        "Noc",
        "Ashburn",
        "Seattle",
        "East US",
    ),
    *("Basic_Exchange_Free", "Premium_Direct_Free", "Basic_Direct_Free", "206.126.239.201", " 206.126.239.201/32 "),
    *("206.126.236.0/22", "198.51.100.4/30", "198.51.100.5/30", "0.0.0.0", "::", "ff02::1", "2001:db8:2::/127"),
    *("CE4953340E944E5181648116D6CD284D", "206.126.239.200", "206.126.236.17", "2001:504:0:2:0:6:4497:1"),
]
LEAF = st.none() | st.sampled_from([*NUMBERS, *WORDS]) | TEXT
ANYTHING = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | TEXT, inner, max_size=3),
    max_leaves=5,
)


class Bench:
    """A lab in an event loop of its own, which stands still between two requests."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._directory = tempfile.TemporaryDirectory(prefix="turnup-documents-")
        self._lab = plain_lab(Path(self._directory.name), mixed())
        self.lab: PlainLab = self._runner.run(self._lab.__aenter__())
        self._runner.run(self._begin())

    async def _begin(self) -> None:
        await self.lab.asn()
        await self.lab.put(f"{GROUP}/peeringServices/s", SERVICE)

    def close(self) -> None:
        with contextlib.ExitStack() as ending:
            ending.callback(self._directory.cleanup)
            ending.callback(self._runner.close)
            self._runner.run(self._lab.__aexit__(None, None, None))

    def sent(self, path: str, body: Any) -> tuple[int, Any, Any]:
        """Status, body, and what is read back; the resource is gone afterwards."""
        return self._runner.run(self._sent(path, body))

    async def _sent(self, path: str, body: Any) -> tuple[int, Any, Any]:
        before = dict(self.lab.provider.unit.resources)
        answer = await self.lab.put(path, body)
        if answer.status_code >= 400:
            assert self.lab.provider.unit.resources == before, "refused, and yet something was stored"
            return answer.status_code, answer.json(), None
        read = await self.lab.get(path)
        again = await self.lab.put(path, read)
        assert again.status_code == 200, ("what was read is refused", again.text)
        for _ in range(200):
            gone = await self.lab.call("DELETE", path)
            if gone.status_code != 409 and path.lower() not in self.lab.provider.unit.resources:
                break
            await self.lab.provider.log.next_event(0.02)
        return answer.status_code, answer.json(), read


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    found = Bench()
    yield found
    found.close()


def same(sent: Any, read: Any, name: Any) -> bool:
    """Whether a value that was taken is what is read: an address and a GUID in any spelling, a blank is nothing."""
    if sent == read and type(sent) is type(read):
        return True
    if sent is None or (isinstance(sent, str) and not sent.strip()):
        return True  # not said: the service says it
    if isinstance(sent, dict) and isinstance(read, dict):
        return all(same(value, read.get(key), key) for key, value in sent.items() if key not in documents.READ_ONLY)
    if isinstance(sent, list) and isinstance(read, list):
        return len(read) >= len(sent) and all(same(a, b, name) for a, b in zip(sent, read, strict=False))
    if not isinstance(sent, str) or not isinstance(read, str):
        return False
    for spelled in (ip_network_of, lambda text: ip_address(text.strip()), guid):
        with contextlib.suppress(ValueError):
            return bool(spelled(sent)) and spelled(sent) == spelled(read)
    return False


def ip_network_of(text: str) -> Any:
    return ip_network(text.strip(), strict=False)


CASES = [(kind, way) for kind, (_, body, model) in KINDS.items() for way in fields(model, body)]


def check(bench: Bench, case: tuple[str, Any], value: Any) -> None:
    """Raises AssertionError unless the value is refused by the name of a field, or reads back."""
    kind, way = case
    collection, body, _ = KINDS[kind]
    document = put_in(body, way, value)
    status, answer, read = bench.sent(f"{collection}/x", document)
    if status >= 400:
        assert status in (400, 404, 405, 409), answer
        error = answer["error"]
        field = error["target"]
        assert field and field.split(".")[0].split("[")[0] in document, error
        assert "\n" not in error["message"] and len(error["message"]) < 1000, error
        return
    assert same(at(document, way), at(read, way), way[-1]), (way, at(document, way), at(read, way))
    assert same(document, read, ""), (document, read)


@given(case=st.sampled_from(CASES), value=ANYTHING)
@settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_value_of_any_field_is_refused_by_name_or_reads_back(
    bench: Bench, case: tuple[str, Any], value: Any
) -> None:
    check(bench, case, value)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_likely_values_of_every_field_are_refused_by_name_or_read_back(bench: Bench, kind: str) -> None:
    for case in CASES:
        if case[0] == kind:
            for value in [*NUMBERS, *WORDS, None, [], {}, [None], [{}], ["x"], {"x": None}]:
                check(bench, case, value)


def test_every_field_of_every_document_is_reached() -> None:
    reached = {(kind, way[-1]) for kind, way in CASES}
    assert ("Exchange", "peerSessionIPv6Address") in reached and ("peerAsns", "email") in reached
    assert len(CASES) > 110


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_documents_that_the_values_are_put_in_are_taken(bench: Bench, kind: str) -> None:
    collection, body, _ = KINDS[kind]
    status, _, read = bench.sent(f"{collection}/x", body)
    assert status == 201 and same(body, read, "")


DEEP: Any = []
for _ in range(40):
    DEEP = [DEEP]


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_nests_too_deep_is_refused_wherever_it_stands(bench: Bench, kind: str) -> None:
    collection, body, model = KINDS[kind]
    for way in [*fields(model, body), ("unknown",)]:
        status, answer, _ = bench.sent(f"{collection}/x", put_in(body, way, DEEP))
        assert (status, answer["error"]["code"]) == (400, "InvalidRequestContent"), way
        assert answer["error"]["target"].startswith(str(way[0])), answer
