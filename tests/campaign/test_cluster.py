"""The same campaign on a Ray cluster of two machines, one of which is lost half-way: nothing lost, nothing twice."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from simulator.campaign import cluster, worker
from simulator.campaign.cluster import ClusterCells, ClusterError
from simulator.campaign.course import CourseOptions, still_to_do
from simulator.campaign.model import Attempt, CampaignCell, CellOrder, Ending
from simulator.campaign.parcel import away, changed, here, packed
from simulator.campaign.planning import CampaignChoice, planned
from simulator.lab.state import clean, leftovers
from tests.campaign.cluster import two_machines
from tests.lab_support import missing

OWN = """\
name: {name}
proves: The route of a file beside it is announced.
topology: lab/own.yaml
steps: [request, approve, notify, {{wait: {{connection-state: Active}}, within: {within}}}]
"""


@pytest.fixture(autouse=True)
def ray_is_here() -> None:
    if find_spec("ray") is None:
        missing("Ray is not installed here: make .venv/.cluster")


@pytest.fixture
def state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Ray's own processes have it: what a killed one leaves there the next run removes."""
    folder = tmp_path_factory.mktemp("s")
    monkeypatch.setenv("TURNUP_STATE_DIR", str(folder))
    yield folder
    for leftover in leftovers():
        clean(leftover)


def _cells(tmp_path: Path) -> list[CampaignCell]:
    """One of turnup's topologies, and a scenario with a topology of one's own in another directory, twice."""
    import simulator

    shipped = Path(simulator.__file__).parent / "topologies" / "exchange.yaml"
    (tmp_path / "own" / "lab").mkdir(parents=True)
    (tmp_path / "own" / "lab" / "own.yaml").write_text(shipped.read_text().replace("soak: 2 ", "soak: 0 "))
    for name, within in (("up", 30), ("never", 0.01)):
        (tmp_path / "own" / f"{name}.scenario.yaml").write_text(OWN.format(name=name, within=within))
    return planned(["exchange", str(tmp_path / "own")], CampaignChoice(only=[], times=[("soak", 0)]), tmp_path).cells


def _look_until_lost(machines: ClusterCells) -> None:
    """Ray notices in its own time that a machine is gone, which may be after the last attempt."""
    deadline = time.monotonic() + 60
    while not machines.lost:
        assert time.monotonic() < deadline, "Ray never noticed"
        time.sleep(0.1)
        machines._look_around()


@pytest.mark.filterwarnings("default")
def test_a_machine_is_lost_half_way_and_nothing_is_lost_or_done_twice(
    tmp_path: Path, state_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = _cells(tmp_path)
    assert [str(cell) for cell in cells] == ["exchange", "own", "never.scenario", "up.scenario"]
    with two_machines() as (address, raylets, second):
        orders = still_to_do(cells, (), CourseOptions(repeat=3))
        with ClusterCells(address, tmp_path / "reports") as machines:
            machines.look()
            assert len(machines._facts) == 2 and machines.lacks == []
            able = ClusterCells._able

            def one_to_the_second(self: ClusterCells, order: CellOrder) -> list[str]:
                """Ray gives it all to the first where the second is slow to start a worker."""
                found = able(self, order)
                there = [node for node in found if second is not None and node == second.node_id]
                return there if there and order is orders[0] else found

            monkeypatch.setattr(ClusterCells, "_able", one_to_the_second)
            found: list[Attempt] = []
            hosts: set[str] = set()
            for attempt in machines.run(orders, None):
                found.append(attempt)
                hosts.add(attempt.host)
                if second is not None and len({host for host in hosts if host}) == 2:
                    raylets.remove_node(second, allow_graceful=False)
                    second = None
            assert second is None
            _look_until_lost(machines)
            assert any("it was lost" in line for line in machines.lacks)
        wanted = [(order.cell.key, order.number) for order in orders]
        assert sorted((attempt.cell, attempt.number) for attempt in found) == sorted(wanted)
        endings = {key: {each.ending for each in found if each.cell == key} for key in {each.cell for each in found}}
        by_name = {str(cell): endings[cell.key] for cell in cells}
        assert by_name == {
            "exchange": {Ending.PASSED},
            "own": {Ending.PASSED},
            "up.scenario": {Ending.PASSED},
            "never.scenario": {Ending.FAILED},
        }
    failed = [attempt for attempt in found if attempt.ending is Ending.FAILED]
    assert all(list((tmp_path / attempt.report).rglob("report.html")) for attempt in failed)
    assert all(attempt.text.startswith(str(tmp_path / "own")) for attempt in failed)


@contextlib.contextmanager
def long_campaign(address: str, report: Path) -> Iterator[subprocess.Popen[str]]:
    """One on a cluster that has made the first of its 200 attempts."""
    command = [sys.executable, "-m", "simulator", "campaign", "exchange", "--soak", "0", "--repeat", "200"]
    command += ["--on", address, "--report", str(report)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "[1 done, 0 failed, 199 left" in process.stderr.readline()
        yield process


@pytest.mark.filterwarnings("default")
def test_a_signal_that_ends_a_campaign_ends_it_in_order_on_a_cluster_too(tmp_path: Path) -> None:
    """SIGTERM is what CI and systemd send; Ray would abort at it."""
    with two_machines() as (address, _, _), long_campaign(address, tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate()
    assert process.returncode == 130 and "--resume goes on" in rest, rest
    assert (tmp_path / "campaign.html").exists()


@pytest.mark.filterwarnings("default")
def test_a_cluster_that_goes_with_this_very_machine_leaves_the_report_of_what_was_done(tmp_path: Path) -> None:
    """As by `ray stop` or `ray down`: Ray ends the process that is connected by a raylet that is gone."""
    with two_machines() as (address, raylets, _), long_campaign(address, tmp_path) as process:
        raylets.shutdown()
        shown, rest = process.communicate(timeout=60)
    assert process.returncode == 3, rest
    assert f"turnup: --on {address}: the cluster is gone" in rest and "--resume goes on" in rest
    assert "attempts not made" in shown and (tmp_path / "campaign.html").exists()


def test_where_no_cluster_is_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="--on nowhere"), ClusterCells("nowhere", tmp_path):
        raise AssertionError


def test_auto_says_at_once_that_there_is_none_or_that_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray would try for minutes."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ClusterError, match=r"auto: nobody answers at 127\.0\.0\.1:1: Connection refused"):
        ClusterCells("auto", tmp_path).__enter__()
    monkeypatch.delenv("RAY_ADDRESS")
    services = import_module("ray._private.services")
    monkeypatch.setattr(services, "find_gcs_addresses", set)
    monkeypatch.setattr(services, "find_bootstrap_address", lambda directory: None)
    with pytest.raises(ClusterError, match=r"auto: this machine is part of no Ray cluster: start one"):
        ClusterCells("auto", tmp_path).__enter__()


# --- what needs no cluster ---


def test_the_words_of_an_attempt_name_its_report_where_it_is_at_home(tmp_path: Path) -> None:
    there = tmp_path / "there" / "key-1"
    there.mkdir(parents=True)
    (there / "report.html").touch()
    made = Attempt("key", 1, Ending.FAILED, "why", f"evidence: {there}/report.html", report=str(there)).as_json()
    report = worker._packed(there)
    found = worker.unpacked(made, report, tmp_path / "cells" / "key-1")
    assert (found.report, found.detail) == ("cells/key-1", f"evidence: {tmp_path}/cells/key-1/report.html")
    assert worker.unpacked(made, b"", tmp_path / "cells" / "key-2").report == ""


def test_a_parcel_has_what_a_cell_names_and_is_laid_out_as_it_was(tmp_path: Path) -> None:
    cell = next(cell for cell in _cells(tmp_path) if cell.name == "up")
    parcel = packed(cell.files)
    there = tmp_path / "there"
    parcel.unpack(there)
    moved = here(away(cell, parcel.root), there)
    assert moved.file == str(there / "up.scenario.yaml")
    assert (there / "lab" / "own.yaml").read_bytes() == (tmp_path / "own" / "lab" / "own.yaml").read_bytes()
    assert Path(moved.file).read_text() == Path(cell.file).read_text()


def test_what_comes_with_turnup_is_not_sent(tmp_path: Path) -> None:
    cell = next(cell for cell in _cells(tmp_path) if cell.name == "exchange")
    parcel = packed(cell.files)
    assert parcel.contents == () and here(away(cell, parcel.root), tmp_path).file == cell.file


def test_an_edited_file_that_a_topology_names_makes_another_cell(tmp_path: Path) -> None:
    before = {cell.name: cell.key for cell in _cells(tmp_path)}
    own = tmp_path / "own" / "lab" / "own.yaml"
    own.write_text(own.read_text() + "# another\n")
    after = planned([str(tmp_path / "own")], CampaignChoice(times=[("soak", 0)]), tmp_path).cells
    assert {cell.name: cell.key != before[cell.name] for cell in after} == {"own": True, "up": True, "never": True}


class _Node:
    """Ray, as far as a machine's answer is concerned."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, ref: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ModuleNotFoundError("No module named 'simulator'"), "abcdef: turnup is not installed there"),
        ({"host": "far", "version": "0.0.1 (x)", "lacks": []}, "abcdef: it has turnup 0.0.1 (x), and here it is 0."),
        (RuntimeError("out of memory\nmore"), "abcdef: RuntimeError: out of memory"),
        (
            {"host": "far", "version": worker.version(), "lacks": [("bird", "BIRD is not installed")]},
            "far/abcdef: BIRD is not installed",
        ),
    ],
)
def test_what_a_machine_lacks_is_said_by_machine(tmp_path: Path, answer: Any, told: str) -> None:
    cells = ClusterCells("auto", tmp_path, _ray=_Node(answer), _probes={1: "abcdef0123"})
    cells._learn(1)
    [line] = cells.lacks
    assert line.startswith(told)


def test_a_cell_goes_only_where_there_is_what_it_needs(tmp_path: Path) -> None:
    facts = {
        "all": worker.WorkerFacts("one", worker.version()),
        "some": worker.WorkerFacts("two", worker.version(), (("bird", "BIRD is not installed"),)),
    }
    cells = ClusterCells("auto", tmp_path, _facts=facts)
    cell = _cells(tmp_path)[0]
    assert cells._able(CellOrder(cell, 1, 60)) == ["all", "some"]
    assert cells._able(CellOrder(replace(cell, needs=("bird",)), 1, 60)) == ["all"]
    del facts["all"]
    order = CellOrder(replace(cell, needs=("bird",)), 1, 60)
    skipped = cells._skipped(order)
    assert skipped.ending is Ending.SKIPPED and "BIRD is not installed" in skipped.text
    assert cells._skipped(replace(order, require=True)).ending is Ending.LAB


class _BusyRay:
    """Ray whose tasks are over at once: never a moment in which nothing is over."""

    def __init__(self, *nodes: str) -> None:
        self.alive = list(nodes)
        self.gone: list[str] = []
        self.refs = 0
        self.of: dict[int, tuple[str, tuple[Any, ...]]] = {}
        self.told = 0
        self.util = self.scheduling_strategies = self
        self.exceptions = SimpleNamespace(RayTaskError=KeyError, RayError=LookupError)

    def nodes(self) -> list[dict[str, Any]]:
        rows = [(name, True) for name in self.alive] + [(name, False) for name in self.gone]
        same = {"Resources": {"CPU": 1.0}, "NodeManagerHostname": "h"}
        return [{"NodeID": name, "Alive": alive, **same} for name, alive in rows]

    def NodeAffinitySchedulingStrategy(self, node: str, *, soft: bool) -> str:  # noqa: N802 - Ray's name
        return node

    def remote(self, function: Any) -> Any:
        self.told += function.__name__ == "_attempt"
        ray = self

        class Task:
            def options(self, **how: Any) -> Any:
                where = how.get("scheduling_strategy") or how["label_selector"]["ray.io/node-id"][3:-1]
                return SimpleNamespace(remote=lambda *words: ray._begun(where, words))

        return Task()

    def _begun(self, where: str, words: tuple[Any, ...]) -> int:
        self.refs += 1
        self.of[self.refs] = where, words
        return self.refs

    def wait(self, refs: list[int], **how: Any) -> tuple[list[int], list[int]]:
        return refs[:1], refs[1:]

    def put(self, parcel: Any) -> Any:
        return parcel

    def cancel(self, ref: int) -> None:
        pass

    def get(self, ref: int) -> Any:
        where, words = self.of.pop(ref)
        if not words:
            return {"host": "h", "version": worker.version(), "lacks": []}
        if self.gone:
            raise ConnectionError("the client has been disconnected\nand more")
        return Attempt(words[0]["key"], words[0]["number"], Ending.PASSED, host=where).as_json(), b""


def test_a_machine_that_joins_a_busy_campaign_gets_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_LOOK", 0.0)
    ray = _BusyRay("first")
    cells = ClusterCells("auto", tmp_path, _ray=ray, _task=ray.remote(cluster._attempt))
    orders = still_to_do(_cells(tmp_path)[:1], (), CourseOptions(repeat=40))
    hosts = []
    cells.look()
    for attempt in cells.run(orders, 2):
        hosts.append(attempt.host)
        if len(hosts) == 10:
            ray.alive.append("second")
    assert len(hosts) == 40 and hosts[:10] == ["first"] * 10 and hosts[-10:] == ["first,second"] * 10
    assert ray.told == 1, "a cluster keeps each function that it gets"


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (0.0, "no machine of the cluster is left; h/first: it was lost"),
        (99.0, "gone: it does not answer any more; --re"),
    ],
)
def test_a_cluster_that_is_gone_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: float, told: str
) -> None:
    monkeypatch.setattr(cluster, "_LOOK", after)
    ray = _BusyRay("first")
    cells = ClusterCells("auto", tmp_path, _ray=ray, _task=ray.remote(cluster._attempt))
    orders = still_to_do(_cells(tmp_path)[:1], (), CourseOptions(repeat=9))
    cells.look()
    running = cells.run(orders, 2)
    assert next(running).ending is Ending.PASSED
    ray.alive, ray.gone = [], ["first"]
    if not after:
        monkeypatch.setattr(ray, "get", lambda ref: (_ for _ in ()).throw(LookupError("lost")))
    with pytest.raises(ClusterError, match=told) as caught:
        list(running)
    assert "\n" not in str(caught.value)


def test_a_head_that_takes_no_connection_is_away_and_then_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own calls would not come back, and after a minute Ray would end the process."""
    monkeypatch.setattr(cluster, "_LOOK", 0.0)
    ray = _BusyRay("first")
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        cells = ClusterCells("auto", tmp_path, _ray=ray, _task=ray.remote(cluster._attempt), _head=address)
        cells.look()
        running = cells.run(still_to_do(_cells(tmp_path)[:1], (), CourseOptions(repeat=9)), 1)
        assert next(running).ending is Ending.PASSED
    monkeypatch.setattr(ray, "nodes", lambda: pytest.fail("a call that does not come back"))
    assert next(running).ending is Ending.PASSED, "it may come back"
    monkeypatch.setattr(cluster, "_AWAY", -1.0)
    with pytest.raises(ClusterError, match="the cluster is gone: it does not answer any more; --resume goes on"):
        list(running)


def test_a_cell_whose_only_machines_are_gone_is_lost_and_not_skipped(tmp_path: Path) -> None:
    facts = {"some": worker.WorkerFacts("two", worker.version(), (("bird", "BIRD is not installed"),))}
    gone = {"all": worker.WorkerFacts("one", worker.version())}
    cells = ClusterCells("auto", tmp_path, _facts=facts, lost=gone)
    order = CellOrder(replace(_cells(tmp_path)[0], needs=("bird",)), 1, 60)
    assert cells._skipped(order).ending is Ending.LOST
    assert "one/all" in cells._skipped(order).text


def test_a_file_that_is_gone_or_edited_since_the_campaign_began_is_said(tmp_path: Path) -> None:
    cell = next(cell for cell in _cells(tmp_path) if cell.name == "own")
    assert changed(cell) == ""
    file = Path(cell.file)
    file.write_text(file.read_text() + "# edited\n")
    assert changed(cell) == f"{file}: its files were edited since the campaign began"
    ray = _BusyRay("first")
    cells = ClusterCells("auto", tmp_path, _ray=ray, _task=ray.remote(cluster._attempt))
    cells.look()
    file.unlink()
    [attempt] = cells.run([CellOrder(cell, 1, 60)], None)
    assert (attempt.ending, attempt.text) == (Ending.BAD, f"{file}: it is gone since the campaign began")


def test_the_cluster_file_is_one_that_ray_takes() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    file = Path(__file__).parent.parent.parent / "docs" / "campaign" / "cluster.yaml"
    given = yaml.safe_load(file.read_text(encoding="utf-8"))
    prepared = prepare_config(given)
    validate_config(prepared)
    assert prepared["provider"]["type"] == "local" and len(prepared["provider"]["worker_ips"]) == given["max_workers"]
