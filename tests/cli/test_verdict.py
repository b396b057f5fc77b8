"""A verdict that stops a deploy: what `expect` and --strict make of a leak, in the exit code and in JUnit."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.cli.test_main import one_line, turnup
from tests.topologies import document, write

_BOGON = "192.168.0.0/16"
_ID = "R3.bogon-prefix"


def leaking(folder: Path, **expect: Any) -> Path:
    """The shipped exchange, whose peer announces a private prefix besides."""
    found = document()
    found["peers"][0]["announce"] = [{"prefixes": ["45.32.0.0/20", "2a05:f480::/32", _BOGON]}]
    found["peerings"][0]["expect"] = {**found["peerings"][0].get("expect", {}), "accepted": 1, "accepted-ipv6": 1}
    found["peerings"][0]["expect"] |= expect
    return write(found, folder / "leak.yaml")


VERDICTS: list[tuple[dict[str, Any], tuple[str, ...], int]] = [
    ({}, (), 0),
    ({}, ("--strict",), 1),
    ({"warnings": "none"}, (), 1),
    ({"warnings": [_ID]}, ("--strict",), 0),
    ({"warnings": "any"}, ("--strict",), 1),
    ({"warnings": ["R3.bogon-asn"]}, (), 1),
    ({"failing-checks": [_ID]}, ("--strict",), 0),
    ({"rejected": 0}, (), 1),
    ({"rejected": 1}, (), 0),
]
"""What is expected, the options, and the exit code. The private prefix is on one session of each connection."""


@pytest.mark.parametrize(("expect", "options", "code"), VERDICTS)
def test_a_leak_passes_only_where_the_topology_permits_it(
    expect: dict[str, Any], options: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    result = turnup("rehearse", leaking(tmp_path, **expect), *options, "--report", tmp_path / "out")
    assert result.returncode == code, result.stdout + result.stderr
    cases = list(ET.parse(tmp_path / "out" / "junit.xml").getroot().iter("testcase"))
    warning = [case for case in cases if _ID in case.get("name", "")]
    assert warning
    forbidden = code == 1 and "rejected" not in expect
    for case in warning:
        assert (case.find("failure") is not None) is forbidden
        assert forbidden or "warning" in (case.findtext("system-out") or "") or expect.get("failing-checks")
    assert any(case.find("failure") is not None for case in cases) is bool(code)
    assert not forbidden or _ID in result.stdout


def test_only_one_peering_is_rehearsed(tmp_path: Path) -> None:
    found = document()
    (first,) = found["peerings"]
    edges = [edge["name"] for edge in found["edges"]]
    first["connections"] = [{"edge": edges[0]}]
    found["peerings"].append({**first, "name": "second", "connections": [{"edge": edges[1]}]})
    path = write(found, tmp_path / "two.yaml")
    result = turnup("rehearse", path, "--only", "second")
    assert result.returncode == 0, result.stdout
    assert "1 of 1 connection became Active" in result.stdout
    assert one_line(turnup("rehearse", path, "--only", "third")) == (
        f"turnup: --only third: there is no such peering (the topology has: {first['name']}, second)"
    )
