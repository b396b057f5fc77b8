"""Scenario files with mistakes: each mistake is one line with its place, and says what may have been meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from simulator.scenarios.acting import ACTS
from simulator.scenarios.conditions import CONDITIONS
from simulator.scenarios.load import ScenarioError, load, plan
from simulator.scenarios.model import PlannedCase, Variant
from simulator.scenarios.schema import ROUTERS, MatrixChoice, RouterWord, ScenarioFile
from simulator.scenarios.seeing import CONNECTION, LAB, SESSION, SLOW
from simulator.scenarios.steps import STEPS

_HEAD = "name: x\nproves: Something.\n"


def planned(text: str, tmp_path: Path, **settings: str) -> PlannedCase:
    file = tmp_path / "x.scenario.yaml"
    file.write_text(text if text.startswith("name") else _HEAD + text)
    scenario = load(file, settings)
    return plan(scenario, scenario.cases[0], tmp_path)


def faults(text: str, tmp_path: Path, **settings: str) -> list[str]:
    """Without the directory."""
    with pytest.raises(ScenarioError) as raised:
        planned(text, tmp_path, **settings)
    return [str(fault).replace(f"{tmp_path}/", "") for fault in raised.value.faults]


# ruff: noqa: E501 - a row is a mistake and what is said of it
MISTAKES = {
    "no yaml": ("name: [", "x.scenario.yaml:1: YAML: "),
    "unknown key": ("matrx: {router: bird}\nsteps: [request]", ":3: matrx: there is no such key: did you mean 'matrix'?"),
    "nothing done": ("proves: Nothing.\nname: x", "found duplicate key"),
    "unknown step": ("steps:\n- aprove: contoso", ":4: steps[0].aprove: there is no such key: did you mean 'approve'?"),
    "unknown bare step": ("steps:\n- request\n- aprove", ":5: steps[1]: there is no step 'aprove': did you mean 'approve'?"),
    "two steps in one": ("steps:\n- approve:\n  notify:", ":4: steps[0]: a step does one thing, and this one does several"),
    "wrong type": ("steps:\n- kill: {of: [1]}", ":4: steps[0].kill.of: Input should be a valid string"),
    "BGP's word for the connection": (
        "steps:\n- wait: {connection-state: Established}",
        ":4: steps[0].wait.connection-state: 'Established' is a state of BGP, and the connection is asked for here: say "
        "bgp-state: Established",
    ),
    "the connection's word for BGP": (
        "steps:\n- expect: {bgp-state: Validating}",
        ":4: steps[0].expect.bgp-state: 'Validating' is a state of the connection, and BGP is asked for here: say "
        "connection-state: Validating",
    ),
    "misspelt state": ("steps:\n- expect: {bgp-state: Establishd}", "did you mean 'Established'?"),
    "a state that no such peering has": (
        "topology: direct\nsteps:\n- wait: {connection-state: Approved}",
        ":5: steps[0].wait.connection-state: no Direct peering is ever Approved",
    ),
    "missing variable": (
        "variables: {leak: 10.0.0.0/8}\nsteps:\n- expect: {lacks: '${leek}'}",
        ":5: steps[0].expect.lacks: there is no variable 'leek': did you mean 'leak'?",
    ),
    "a variable of the matrix": ("variables: {router: bird}\nsteps: [request]", ":3: variables.router: this name is the matrix's"),
    "unknown rule": ("steps:\n- expect: {rejects: {prefix: 10.0.0.0/8, rule: bogons}}", "there is no rule 'bogons'"),
    "a rule that the profile lacks": (
        "steps:\n- expect: {rejects: {prefix: 10.0.0.0/8, rule: maps-prepending}}",
        ":4: steps[0].expect.rejects: profile 'exchange' has no rule 'maps-prepending'",
    ),
    "no prefix": ("steps:\n- expect: {accepts: 192.0.2.1/24}", ":4: steps[0].expect.accepts: '192.0.2.1/24' is no prefix: did you mean 192.0.2.0/24?"),
    "unknown peering": ("steps:\n- approve: contoso-ashburm", ":4: steps[0].approve.of: the topology has no connection, peering or peer 'contoso-ashburm': did you mean 'contoso-ashburn'?"),
    "unknown edge": ("steps:\n- expect: {gate: open, edge: ash-edge-3}", "the topology has no edge 'ash-edge-3'"),
    "unknown topology": ("topology: exchang\nsteps: [request]", ":3: topology: there is no topology 'exchang': did you mean 'exchange'?"),
    "a mistake in the changes": ("changes:\n  times: {sook: 1}\nsteps: [request]", ":4: times.sook: there is no such key: did you mean 'soak'?"),
    "a mistake in a topology that is written here": (
        "topology:\n  name: x\n  edges: [{name: e, ipv4: 192.0.2.300}]\n  peers: [{name: p, asn: 64496}]\n  peerings: [{name: q, peer: p}]\nsteps: [request]",
        ":5: edges[0].ipv4: '192.0.2.300' is not an IPv4 address",
    ),
    "a router that there is none of": ("matrix: {router: [brid]}\nsteps: [request]", ":3: matrix.router[0]: "),
    "no step": ("steps: []", ":3: steps: at least 1 entry, not 0"),
    "nothing expected": ("steps:\n- expect: {of: contoso}", ":4: steps[0]: nothing is expected here"),
    "meanwhile without steps": ("steps:\n- meanwhile: {never: {bgp-state: Idle}}", "meanwhile and steps go together"),
    "within where nothing waits": ("steps:\n- approve:\n  within: 3", "within is of wait and expect"),
    "traffic on loopback": ("steps:\n- expect: {traffic: passes}", "the loopback link carries no traffic"),
    "a route that is none": ("steps:\n- announce: [route 10.0.0.0/8]", ":4: steps[0].announce.routes: "),
    "no such fault": ("steps:\n- fault: bgp-filterd", ":4: steps[0].fault.name: there is no fault 'bgp-filterd': did you mean 'bgp-filtered'?"),
    "a fault of a configuration": ("steps:\n- fault: md5-wrong", ":4: steps[0].fault.name: md5-wrong is not for a lab that runs: it is of another topology"),
    "a fault of the link on loopback": ("steps:\n- fault: bgp-filtered", "contoso cannot have bgp-filtered: it is of the link, and loopback has none"),
    "a fault of a process that there is not": ("steps:\n- fault: router-frozen", "contoso cannot have router-frozen: a simulated router has no process"),
    "a fault of routes that BIRD's file says": ("matrix: {router: bird}\nsteps:\n- fault: bogons", "contoso cannot have bogons: a bird announces what its own configuration says"),
    "a fault of the other family": ("steps:\n- fault: {name: too-many-prefixes, family: IPv6}", ":4: steps[0].fault.family: contoso can have too-many-prefixes on IPv4 alone"),
    "a fault of a customer": ("topology: route-server\nsteps:\n- fault: {name: bogons, of: alpha}", "alpha is a customer behind a route server"),
    "nothing to mend": ("steps:\n- mend", ":4: steps[0].mend: no step puts a fault in: a step `fault` comes first"),
    "another fault is mended": ("steps:\n- fault: bogons\n- mend: bogon", ":5: steps[1].mend: no step puts the fault 'bogon' in (there are: bogons)"),
    "no limit": ("steps:\n- change-max-prefixes: {}", "no limit is named"),
    "another name": ("name: y\nproves: Something.\nsteps: [request]", ":1: name: its file is called x.scenario.yaml"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    (told,) = faults(text, tmp_path)
    assert said in told
    assert re.match(r"x\.scenario\.yaml:\d+: ", told)
    assert "\n" not in told


def test_a_fault_of_the_edges_own_needs_no_link(tmp_path: Path) -> None:
    assert len(planned("steps:\n- fault: md5-changed-at-edge", tmp_path).steps) == 1


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    assert len(faults("steps:\n- aprove\n- wait: {connection-state: Idle}\n- deney:", tmp_path)) == 3


# --- the tables ---


def test_every_step_has_a_verb_and_every_expectation_a_judge() -> None:
    assert set(STEPS) - {"wait", "expect"} == set(ACTS)
    assert set(CONDITIONS) == {*CONNECTION, *SESSION, *LAB, *SLOW}


def test_the_matrix_knows_every_router_that_can_be_a_peers() -> None:
    assert set(get_args(RouterWord)) == set(ROUTERS)


def test_the_schema_takes_what_the_reader_takes() -> None:
    """Editors check by it: bare words, values without keys."""
    schema = ScenarioFile.model_json_schema(by_alias=True)
    item = schema["properties"]["steps"]["items"]
    assert "request-type-change" in next(each["enum"] for each in item["anyOf"] if "enum" in each)
    approve = schema["$defs"]["Step"]["properties"]["approve"]
    assert {"type": "null"} in approve["anyOf"]
    assert {"type": "string"} in approve["anyOf"]


# --- variables and the matrix ---


def test_variables_are_filled_in_with_their_types(tmp_path: Path) -> None:
    text = """variables: {limit: 7, prefix: "${net}/24", net: 192.0.2.0}
steps:
- change-max-prefixes: {ipv4: "${limit}"}
- expect: {lacks: "a ${net} $${net}"}
"""
    assert "there is no variable 'net'" in faults(text, tmp_path)[0], "they are read in order"
    text = text.replace('prefix: "${net}/24", net: 192.0.2.0', 'net: 192.0.2.0, prefix: "${net}/24"')
    text = text.replace('"a ${net} $${net}"', '"${prefix}"') + "- ask: {message: 'a ${net} $${net}'}\n"
    first, second, third = planned(text, tmp_path).steps
    assert (first.argument.ipv4, second.argument.lacks) == (7, ["192.0.2.0/24"])
    assert third.argument.message == "a 192.0.2.0 ${net}"
    assert planned(text, tmp_path, net="198.51.100.0").steps[1].argument.lacks == ["198.51.100.0/24"]
    assert "--set prefx: the file has no such variable: did you mean 'prefix'?" in faults(text, tmp_path, prefx="1")[0]


def test_the_matrix_is_written_out_and_changes_the_lab(tmp_path: Path) -> None:
    text = """matrix: {router: [bird, frr], family: [IPv4, IPv6], security: [none, md5+gtsm], speed: [1, 2]}
steps:
- request
- approve:
  only-for: {router: frr, speed: [2]}
"""
    file = tmp_path / "x.scenario.yaml"
    file.write_text(_HEAD + text)
    scenario = load(file)
    assert len(scenario.cases) == 16
    assert str(scenario.cases[-1]) == "x[frr-IPv6-md5+gtsm-2]"
    first, last = (plan(scenario, scenario.cases[at], tmp_path) for at in (0, -1))
    assert [len(each.steps) for each in (first, last)] == [1, 2]
    assert first.topology.peers[0].router_kind == "bird"
    assert last.topology.peerings[0].families == ["IPv6"]
    assert (first.topology.peerings[0].md5, last.topology.peerings[0].gtsm) == (None, True)
    assert last.topology.peerings[0].md5
    assert first.topology.link == "netns", "a daemon needs real addresses"


def test_a_matrix_without_bounds_is_refused(tmp_path: Path) -> None:
    numbers = ", ".join(map(str, range(40)))
    assert "1600 combinations" in faults(f"matrix: {{a: [{numbers}], b: [{numbers}]}}\nsteps: [request]", tmp_path)[0]


def test_what_a_step_is_only_for_is_asked_of_keys_that_the_matrix_has() -> None:
    choice = MatrixChoice.model_validate({"router": ["bird"], "speed": [2]})
    assert Variant((("router", "bird"),)).suits(choice)
    assert not Variant((("router", "bird"), ("speed", 1))).suits(choice)
    assert Variant().suits(None)
