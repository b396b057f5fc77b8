"""Checks that users add: by one file of a topology, and by installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from simulator.diagnosis.check import Check, When, passed
from simulator.topology import own_checks
from simulator.topology.load import TopologyError, load
from simulator.topology.own_checks import OwnCheckError, from_file, selection
from simulator.topology.schema import Topology
from simulator.views.check import Blocks
from tests.topologies import document

HEAD = """from simulator.diagnosis.check import Check, When, failed, passed
from simulator.views.check import Blocks

def even(session, observation):
    return passed() if session.view.received % 2 == 0 else failed(["odd"])

"""
ONE = 'Check("routes-even", "An even number of routes", "house rule", Blocks.WARN, even)'


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    own_checks.installed.cache_clear()
    yield
    own_checks.installed.cache_clear()


def written(folder: Path, code: str) -> Path:
    file = folder / "mine.py"
    file.write_text(code, encoding="utf-8")
    return file


def loaded(folder: Path, checks: dict[str, object], **expect: object) -> Topology:
    found = document()
    found["checks"] = checks
    found["peerings"][0]["expect"] = expect
    text = StringIO()
    YAML().dump(found, text)
    (folder / "t.yaml").write_text(text.getvalue(), encoding="utf-8")
    return load(folder / "t.yaml")


def faults(folder: Path, checks: dict[str, object], **expect: object) -> list[str]:
    with pytest.raises(TopologyError) as raised:
        loaded(folder, checks, **expect)
    return [str(fault) for fault in raised.value.faults]


@pytest.mark.parametrize("value", [f"[{ONE}]", f"({ONE},)", ONE])
def test_a_file_beside_the_topology_adds_its_checks(tmp_path: Path, value: str) -> None:
    written(tmp_path, f"{HEAD}CHECKS = {value}\n")
    topology = loaded(tmp_path, {"file": "mine.py", "strict": ["routes-even"]}, warnings=["routes-even"])
    (check,) = [each for each in selection(topology).of(When.VALIDATING) if each.id == "routes-even"]
    assert (check.blocks, check.strict) == (Blocks.ACTIVE, True)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("CHECKS = [", "mine.py:1: SyntaxError"),
        ("x = 1\nraise OSError('disk')\n", "mine.py:2: OSError: disk"),
        ("import no_such_module\n", "mine.py:1: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "mine.py:1: SystemExit: 3"),
        ("x = 1\n", "it has no CHECKS"),
        ("CHECKS = [3]\n", "3 is no simulator.diagnosis.check.Check"),
        ("CHECKS = 3\n", "3 is no simulator.diagnosis.check.Check"),
        (f"{HEAD}CHECKS = [{ONE}, {ONE}]\n", "two checks have the id 'routes-even'"),
        (f"{HEAD}CHECKS = {ONE.replace('routes-even', 'S1')}\n", "the catalogue has this id"),
        (f"{HEAD}CHECKS = {ONE.replace('routes-even', 's1')}\n", "the catalogue has this id"),
        (f"{HEAD}CHECKS = {ONE.replace('routes-even', 'R3.mine')}\n", "an id is a letter"),
        (f"{HEAD}CHECKS = {ONE.replace('routes-even', 'two words')}\n", "an id is a letter"),
        (f"{HEAD}CHECKS = {ONE.replace(', even', '')}\n", "it needs one of of_session and of_connection"),
        (f"{HEAD}CHECKS = {ONE.replace('Blocks.WARN', repr('warn'))}\n", "'warn' is no Blocks"),
        (f"{HEAD}CHECKS = {ONE.replace('house rule', '')}\n", "a title and a source are needed"),
        (f"{HEAD}CHECKS = {ONE[:-1]}, needs=('S99',))\n", "rests on 'S99', and there is no such check"),
    ],
)
def test_a_file_that_cannot_be_taken_is_one_line_that_says_where_and_why(tmp_path: Path, code: str, words: str) -> None:
    written(tmp_path, code)
    (fault,) = faults(tmp_path, {"file": "mine.py"})
    assert words in fault
    assert "t.yaml:" in fault and "checks.file" in fault
    assert "\n" not in fault


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, {"file": "nowhere.py"})
    assert "nowhere.py: No such file or directory" in fault


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    file = written(tmp_path, f"{HEAD}CHECKS = {ONE}\n")
    assert [check.id for check in from_file(file)] == ["routes-even"]
    written(tmp_path, f"{HEAD}CHECKS = {ONE.replace('routes-even', 'other')}\n")
    import os

    os.utime(file, ns=(1, 1))
    assert [check.id for check in from_file(file)] == ["other"]


@pytest.mark.parametrize("key", ["only", "exclude", "strict"])
@pytest.mark.parametrize(
    ("given", "hint"),
    [("s1", "did you mean S1?"), ("bogon-prefix", "did you mean R3.bogon-prefix?"), ("routes-eve", "routes-even?")],
)
def test_an_id_that_there_is_not_gets_what_was_meant(tmp_path: Path, key: str, given: str, hint: str) -> None:
    written(tmp_path, f"{HEAD}CHECKS = {ONE}\n")
    (fault,) = faults(tmp_path, {"file": "mine.py", key: ["S2", given]})
    assert f"there is no check '{given}'" in fault
    assert hint in fault


def test_all_rules_may_be_named_at_once_and_the_denial_cannot_be_left_out(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"only": ["R3"], "strict": ["R3"]}).checks.strict == ["R3"]
    for check in ("D1", "D2"):
        (fault,) = faults(tmp_path, {"exclude": [check]})
        assert f"{check} always runs" in fault


PLUG = Check("plug", "A plug-in's check", "house rule", Blocks.WARN, of_connection=lambda observation: passed())
NOT_A_CHECK = "text"


def _entries(*names: str) -> EntryPoints:
    return EntryPoints(EntryPoint(name, f"{__name__}:{name}", own_checks.GROUP) for name in names)


def test_installed_packages_add_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: _entries("PLUG"))
    assert own_checks.own_checks(None) == (PLUG,)


@pytest.mark.parametrize(("name", "words"), [("NOT_A_CHECK", "'text' is no"), ("MISSING", "AttributeError")])
def test_a_package_that_cannot_be_taken_is_named(monkeypatch: pytest.MonkeyPatch, name: str, words: str) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: _entries(name))
    with pytest.raises(OwnCheckError, match=words) as raised:
        own_checks.own_checks(None)
    assert f"entry point {name} (turnup.checks)" in str(raised.value)
