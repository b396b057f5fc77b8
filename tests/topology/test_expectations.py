"""What a topology may expect of a rehearsal."""

from __future__ import annotations

from io import StringIO

import pytest
from ruamel.yaml import YAML

from simulator.diagnosis.catalogue import DEPROVISIONED, LIFTED, VALIDATION
from simulator.diagnosis.check_ids import CheckId
from simulator.policy.rules import RULES
from simulator.topology.expect import Expect
from simulator.topology.load import TopologyError, parse
from tests.topologies import document


def faults(**expect: object) -> list[str]:
    found = document()
    found["peerings"][0]["expect"] = expect
    text = StringIO()
    YAML().dump(found, text)
    try:
        parse(text.getvalue())
    except TopologyError as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize("key", ["failing-checks", "warnings"])
def test_every_check_and_every_rule_may_be_named(key: str) -> None:
    ids = [id_.value for id_ in CheckId if id_ is not CheckId.R3] + [f"R3.{rule}" for rule in RULES]
    told = faults(**{key: ids})
    assert not [fault for fault in told if "is not made: rule" not in fault], "a rule may be off there"


@pytest.mark.parametrize("key", ["failing-checks", "warnings"])
@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("S99", "`turnup check list` has them all"),
        ("s1", "did you mean S1?"),
        ("R3", "name the rule, as in R3.bogon-prefix"),
        ("R3.bogon", "did you mean R3.bogon-"),
        ("bogon-prefix", "did you mean R3.bogon-prefix?"),
        ("nonsense", "`turnup check list` has them all"),
        ("", "`turnup check list` has them all"),
    ],
)
def test_a_check_that_there_is_not_is_an_error(key: str, given: str, hint: str) -> None:
    (fault,) = faults(**{key: ["S1", given]})
    assert f"there is no check '{given}'" in fault
    assert hint in fault


@pytest.mark.parametrize("value", ["maybe", 3, {"none": 1}])
def test_warnings_are_any_or_none_or_ids(value: object) -> None:
    found = faults(warnings=value)
    assert len(found) == 1, found
    assert "warnings" in found[0]


def test_the_ids_are_those_of_the_catalogue() -> None:
    assert {check.id for check in (*VALIDATION, *LIFTED, *DEPROVISIONED)} <= set(CheckId)


@pytest.mark.parametrize(
    ("expect", "permitted"),
    [
        (Expect(), True),
        (Expect.model_validate({"warnings": "none"}), False),
        (Expect(warnings=["R3.bogon-asn"]), False),
        (Expect(warnings=["R3.bogon-prefix"]), True),
        (Expect.model_validate({"warnings": "none", "failing-checks": ["R3.bogon-prefix"]}), True),
    ],
)
def test_which_warnings_are_permitted(expect: Expect, permitted: bool) -> None:
    assert expect.permits("R3.bogon-prefix") is permitted
