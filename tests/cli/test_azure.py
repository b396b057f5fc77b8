"""The commands that mirror `az peering`, against a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.serving import Server, serving
from tests.cli.test_main import one_line

FIRST = ("peering", "create", "--name", "contoso", "--peer-asn", "contoso", "--ipv4", "206.126.239.200")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("lab")) as found:
        contact = "role=Noc email=noc@contoso.example phone=+1"
        words = ("asn", "create", "--name", "contoso", "--peer-asn", "64496", "--peer-contact-detail", contact)
        assert found.turnup(*words).returncode == 0
        assert found.turnup(*FIRST, "--tags", "site=ash").returncode == 0
        assert found.turnup("status", "--wait", "30").returncode == 0
        yield found


def shown(server: Server, *words: str) -> Any:
    result = server.turnup(*words)
    assert result.returncode == 0, (words, result.stdout, result.stderr)
    return json.loads(result.stdout) if result.stdout else None


def test_asns(server: Server) -> None:
    assert shown(server, "asn", "show", "--name", "contoso")["properties"]["peerContactDetail"] == [
        {"role": "Noc", "email": "noc@contoso.example", "phone": "+1"}
    ]
    refused = server.turnup("asn", "delete", "--name", "contoso")
    assert (refused.returncode, "in use by" in one_line(refused)) == (1, True)
    assert shown(server, "asn", "create", "--name", "other", "--peer-asn", "64500")["name"] == "other"
    assert server.turnup("asn", "delete", "--name", "other").returncode == 0


def test_peerings(server: Server) -> None:
    made = shown(server, "peering", "show", "--name", "contoso")
    assert made["tags"] == {"site": "ash"}
    connections = made["properties"]["exchange"]["connections"]
    assert [each["connectionState"] for each in connections] == ["Active", "Active"]
    lines = server.turnup("peering", "list").stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["contoso", "Active", "Established"]] * 2
    assert shown(server, "peering", "list", "-g", "elsewhere", "--format", "json") == []
    assert shown(server, "peering", "update", "--name", "contoso", "--tags", "a=b")["tags"] == {"a": "b"}


def test_a_whole_document_from_a_file(server: Server, tmp_path: Path) -> None:
    made = shown(server, "peering", "show", "--name", "contoso")["properties"]["exchange"]
    path = tmp_path / "exchange.json"
    path.write_text(json.dumps(made))
    again = shown(server, "peering", "create", "--name", "contoso", "--exchange", f"@{path}")
    assert again["properties"]["exchange"]["connections"] == made["connections"]
    for text, words in (("@/nowhere", "No such file"), ("{", "not JSON"), ("[]", "a JSON object is wanted")):
        result = server.turnup("peering", "create", "--name", "contoso", "--exchange", text)
        assert (result.returncode, words in one_line(result)) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--name", "x"), 2, "name the PeerAsn with --peer-asn"),
        (("--name", "x", "--peer-asn", "contoso", "--kind", "Other"), 2, "--kind Other: Exchange or Direct"),
        (("--name", "x", "--peer-asn", "contoso", "--facility", "4711000"), 2, "no Exchange location has it"),
        (("--name", "x", "--peer-asn", "nobody", "--ipv4", "206.126.239.200"), 1, "PeerAsn does not exist"),
        (
            ("--name", "x", "--peer-asn", "contoso", "--tags", "novalue", "--ipv4", "1.2.3.4"),
            2,
            "write it as name=value",
        ),
        (("--name", "a/b", "--peer-asn", "contoso", "--ipv4", "206.126.239.200"), 2, "--name"),
        (("--name", "..", "--peer-asn", "contoso", "--ipv4", "206.126.239.200"), 2, "--name"),
    ],
)
def test_requests_that_are_refused(server: Server, words: tuple[str, ...], code: int, text: str) -> None:
    result = server.turnup("peering", "create", *words)
    assert (result.returncode, text in one_line(result)) == (code, True), result.stderr


def test_lists_to_look_at(server: Server) -> None:
    assert "Equinix Ashburn" in server.turnup("location", "list", "--server", server.url).stdout.splitlines()[1]
    routes = shown(server, "received-route", "list", "--peering-name", "contoso", "--format", "json")
    assert {route["prefix"] for route in routes} == {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}
    one = server.turnup("received-route", "list", "--peering-name", "contoso", "--prefix", "192.0.2.0/24")
    assert one.stdout.count("192.0.2.0/24") == 2
    assert server.turnup("legacy", "list", "--peering-location", "Ashburn").stdout.strip() == "none"
    for what in ("country", "location", "provider"):
        assert isinstance(shown(server, "service", what, "list", "--format", "json"), list)


def test_services(server: Server) -> None:
    words = ("service", "create", "--name", "s", "--peering-service-location", "Ontario")
    assert shown(server, *words, "--peering-service-provider", "Contoso")["name"] == "s"
    prefix = ("service", "prefix", "create", "--peering-service-name", "s", "--name", "p", "--prefix", "192.0.2.0/24")
    assert shown(server, *prefix, "--peering-service-prefix-key", "k")["properties"]["prefix"] == "192.0.2.0/24"
    assert [each["name"] for each in shown(server, "service", "list", "-o", "json")] == ["s"]
    assert server.turnup("service", "delete", "--name", "s").returncode == 0


def test_registrations_need_a_peering_of_that_kind(server: Server) -> None:
    words = ("registered-asn", "create", "--peering-name", "contoso", "--name", "a", "--asn")
    result = server.turnup(*words, "64500")
    assert (result.returncode, "not supported for this peering type" in one_line(result)) == (1, True)
    result = server.turnup(*words, "many")
    assert (result.returncode, "a number is wanted" in one_line(result)) == (2, True)


def test_a_deletion_is_pending_for_a_moment(server: Server) -> None:
    made = server.turnup(
        "peering", "create", "--name", "second", "--peer-asn", "contoso", "--ipv4", "206.126.239.250", "-o", "csv"
    )
    assert made.stdout.splitlines()[1].startswith("second,PendingApproval")
    nothing = server.turnup("peering", "delete", "--name", "nobody")  # no error, as for Azure
    assert (nothing.returncode, "nothing to delete" in one_line(nothing)) == (0, True)
    assert server.turnup("peering", "delete", "--name", "second").stderr == ""
