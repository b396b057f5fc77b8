"""What /lab/v1 answers: one key style, and for each view the shape that report.json has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState
from simulator.serving import models
from simulator.views.check import CheckView
from simulator.views.connection import ConnectionView
from simulator.views.diagnosis import CauseView
from simulator.views.document import names
from simulator.views.session import SessionView
from tests.azure.provider import support
from tests.serving.support import served
from tests.topologies import build, document

BY_HAND = Settings(peer_asn_review=None, peering_review=None)
_KEY = re.compile(r"[a-z][a-zA-Z0-9]*")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def keys(view: type) -> set[str]:
    return {key for _, key, _ in names(view)}


async def test_every_key_of_every_answer_is_camel_case(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        schemas = (await lab.client.get("/openapi.json")).json()["components"]["schemas"]
    of_framework = {"HTTPValidationError", "ValidationError"}
    found = {key for name, each in schemas.items() if name not in of_framework for key in each.get("properties", {})}
    assert {"connectionState", "waitsFor", "peeringReview"} <= found
    assert [key for key in found if not _KEY.fullmatch(key)] == []


async def test_a_session_a_connection_and_a_check_have_the_keys_of_their_views(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await support.active(lab.provider)
        answers: dict[str, list[dict[str, Any]]] = {
            each: (await lab.client.get(f"/lab/v1/{each}")).json() for each in ("sessions", "connections", "checks")
        }
    for session in answers["sessions"]:
        assert session.keys() == keys(SessionView) | {"connectionState"}
        models.SESSION.model_validate(session)
        assert (session["connectionState"], session["bgpState"], session["gateOpen"]) == ("Active", "Established", True)
        assert _MOMENT.fullmatch(session["establishedAt"])
    for connection in answers["connections"]:
        more = {"resource", "identifier", "since", "waitsFor", "due", "possible", "diagnosis"}
        assert connection.keys() == keys(ConnectionView) | more
        models.CONNECTION.model_validate(connection)
        assert connection["reached"][-1] == connection["connectionState"] == ConnectionState.ACTIVE.value
        assert {step["axis"] for step in connection["timeline"]} == {"connection"}
    for check in answers["checks"]:
        assert check.keys() == keys(CheckView) | {"connection"}
        models.CHECK.model_validate(check)


async def test_a_session_that_is_not_provisioned_is_idle_behind_a_shut_gate(tmp_path: Path) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        lab.provider.asns.approve(support.ask_for_asn(lab.provider))
        support.ask_for_peering(lab.provider)
        sessions = (await lab.client.get("/lab/v1/sessions")).json()
    assert sessions
    for session in sessions:
        assert session.keys() == keys(SessionView) | {"connectionState"}
        assert (session["bgpState"], session["gateOpen"], session["peerAs"]) == ("Idle", False, 64496)
        assert session["gateWhy"] == "the session is not provisioned"


async def test_a_failed_validation_says_the_same_in_its_diagnosis_and_its_error_message(tmp_path: Path) -> None:
    found = document()
    found["times"] = {"soak": 0.1, "deadline": 2}
    found["policy"]["rules"] |= {"bogon-asn": True}  # every route comes from one
    async with served(tmp_path, topology=build(found)) as lab:
        await support.approved_asn(lab.provider)
        support.ask_for_peering(lab.provider)
        await support.until_all(lab.provider, ConnectionState.PROVISIONING_FAILED)
        connections = (await lab.client.get("/lab/v1/connections")).json()
    for connection in connections:
        causes = [cause for cause in connection["diagnosis"] if not cause["warns"]]
        assert causes
        for cause in causes:
            assert cause.keys() == keys(CauseView)
            assert cause["text"] in connection["errorMessage"]
            assert cause["side"] == "peer"
            assert cause["remedy"]
        assert connection["errorMessage"].count("; ") >= len(causes) - 1
