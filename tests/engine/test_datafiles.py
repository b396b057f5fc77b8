"""The policy's data files: named in the topology, read live, and never worse than before."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from simulator.cli.board import Board
from simulator.cli.event_lines import event_line
from simulator.engine.datafiles import DataFileRead, DataFiles
from simulator.engine.network import Network
from simulator.engine.rows import row
from simulator.peer.events import PolicyApplied
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.policy.data.vrp import Validity
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.rehearsal.script import Audience
from simulator.report.model import Report
from simulator.session.messages import Family, Role
from simulator.topology.load import TopologyError, load, parse
from simulator.topology.policy_choice import DataChoice
from simulator.views.check import Status
from simulator.wire.attribute_codec import PathAttributes
from tests.patience import PATIENCE
from tests.policy.support import V4, key
from tests.topologies import build, document, write

ROUTE = "192.0.2.0/24"
"""What contoso (AS64496) announces in the shipped topology."""


def roas(*entries: tuple[str, int, int]) -> str:
    return json.dumps({"roas": [{"prefix": p, "asn": f"AS{a}", "maxLength": longest} for p, a, longest in entries]})


def bgpq4(*prefixes: str) -> str:
    return json.dumps({"NN": [{"prefix": prefix, "exact": True} for prefix in prefixes]})


def put(path: Path, text: str) -> Path:
    """Replace a file's content, and its time even where the clock of the file system did not move on."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    if path.stat().st_mtime_ns <= before:
        os.utime(path, ns=(before + 1, before + 1))
    return path


@dataclass
class Held:
    """Data files and what was told of them."""

    files: DataFiles
    told: list[DataFileRead] = field(default_factory=list)

    def validity(self, prefix: str = ROUTE, origin: int = 64496) -> Validity:
        assert self.files.data.vrp is not None
        return self.files.data.vrp.validity(V4, key(prefix), origin)


async def held(**choice: Any) -> Held:
    told: list[DataFileRead] = []
    files = DataFiles(DataChoice.model_validate(choice), lambda: 5.0, told.append)
    await files.load()
    return Held(files, told)


async def test_a_change_is_taken_over(tmp_path: Path) -> None:
    file = put(tmp_path / "vrp.json", roas((ROUTE, 64496, 24)))
    found = await held(vrp=file)
    assert found.validity() is Validity.VALID
    assert await found.files.check() is False and found.told == []
    put(file, roas((ROUTE, 64497, 24)))
    assert await found.files.check() is True
    assert found.validity() is Validity.INVALID
    assert found.told == [DataFileRead(5.0, "vrp", str(file))]
    assert await found.files.check() is False, "and once is enough"


def _missing(file: Path) -> None:
    file.unlink()


def _broken(file: Path) -> None:
    put(file, '{"roas": [{"prefix": "nonsense"}]}')


def _half_written(file: Path) -> None:
    put(file, roas((ROUTE, 64497, 24))[:30])


def _empty(file: Path) -> None:
    put(file, "")


def _a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_missing, "there is no such file"),
        (_broken, "'nonsense' is not a prefix"),
        (_half_written, "this is not JSON"),
        (_empty, "it is empty"),
        (_a_directory, "this is a directory"),
    ],
)
async def test_whatever_happens_to_the_file_the_old_data_stay_and_one_error_is_told(
    tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    file = put(tmp_path / "vrp.json", roas((ROUTE, 64496, 24)))
    found = await held(vrp=file)
    damage(file)
    for _ in range(3):
        assert await found.files.check() is False
        assert found.validity() is Validity.VALID
    (told,) = found.told
    assert words in told.error and "\n" not in told.error and told.file == str(file)
    if file.is_dir():
        file.rmdir()
    put(file, "still not")
    assert await found.files.check() is False
    assert len(found.told) == 1, "a file that stays broken, however, is told once"
    put(file, roas((ROUTE, 64497, 24)))
    assert await found.files.check() is True
    assert found.validity() is Validity.INVALID and found.told[1].error == ""
    put(file, "broken again")
    await found.files.check()
    assert len(found.told) == 3, "and the next time it breaks is told again"


async def test_a_file_replaced_by_another_of_the_same_size_and_time_is_noticed(tmp_path: Path) -> None:
    file = put(tmp_path / "vrp.json", roas((ROUTE, 64496, 24)))
    found = await held(vrp=file)
    other = put(tmp_path / "new.json", roas((ROUTE, 64497, 24)))
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.rename(file)
    assert await found.files.check() is True and found.validity() is Validity.INVALID


async def test_one_broken_file_does_not_hold_up_the_others(tmp_path: Path) -> None:
    vrp = put(tmp_path / "vrp.json", roas((ROUTE, 64496, 24)))
    asns = put(tmp_path / "asns.txt", "64496\n")
    found = await held(vrp=vrp, **{"registered-asns": asns})
    put(vrp, "{")
    put(asns, "64497\n")
    assert await found.files.check() is True
    assert found.files.data.registered_asns == frozenset({64497}) and found.validity() is Validity.VALID


async def test_lists_of_both_families_and_lists_in_the_topology(tmp_path: Path) -> None:
    four, six = put(tmp_path / "4.json", bgpq4(ROUTE)), put(tmp_path / "6.json", bgpq4("2001:db8::/32"))
    found = await held(irr=[four, six], **{"registered-prefixes": [ROUTE], "registered-asns": [64496]})
    data = found.files.data
    assert data.irr is not None and data.registered_prefixes is not None
    allowed = data.irr.allowed_prefixes(64496)
    assert allowed is not None
    assert allowed.allows(V4, key(ROUTE)) and allowed.allows(Family.IPV6, key("2001:db8::/32"))
    assert data.registered_prefixes.covers(V4, key(ROUTE)) and data.registered_asns == frozenset({64496})
    empty = await held(**{"registered-asns": []})
    assert empty.files.data.registered_asns == frozenset(), "nothing registered is not the same as nothing known"


async def test_nothing_was_ever_read(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"vrp\.json: there is no such file"):
        await held(vrp=tmp_path / "vrp.json")


async def test_the_watch_applies_what_it_finds_until_it_is_cancelled(tmp_path: Path) -> None:
    file = put(tmp_path / "vrp.json", roas((ROUTE, 64496, 24)))
    found = await held(vrp=file)
    applied: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def apply(data: Any) -> None:
        applied.set_result(data)

    task = asyncio.ensure_future(found.files.watch(apply, every=0.01))
    put(file, roas((ROUTE, 64497, 24)))
    assert (await asyncio.wait_for(applied, PATIENCE)) is found.files.data
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    nothing = await held()
    await asyncio.wait_for(nothing.files.watch(apply), PATIENCE)  # ends at once: there is nothing to watch


def test_events_are_rows() -> None:
    assert row(DataFileRead(0.0, "vrp", "/x/vrp.json", "there is no such file")) == {
        "time": "1970-01-01T00:00:00.000000Z",
        "event": "policy-data",
        "data": "vrp",
        "file": "/x/vrp.json",
        "error": "there is no such file",
        "leftOut": "",
    }
    assert row(PolicyApplied("s", 0.0, 1, 2)) | {"time": ""} == {
        "time": "",
        "event": "policy-applied",
        "session": "s",
        "routesRefused": 1,
        "routesAccepted": 2,
    }


# --- in the topology ---


def topology(**policy: Any) -> dict[str, Any]:
    found = document()
    found["policy"] |= policy
    return found


def test_paths_are_relative_to_the_topologys_directory(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    put(tmp_path / "data" / "vrp.json", roas())
    found = load(write(topology(data={"vrp": "data/vrp.json"}), tmp_path / "lab.yaml"))
    assert found.policy.data.vrp == tmp_path / "data" / "vrp.json"
    absolute = load(write(topology(data={"vrp": str(tmp_path / "data" / "vrp.json")}), tmp_path / "lab.yaml"))
    assert absolute.policy.data.vrp == found.policy.data.vrp


LAB = """
name: lab
exchange: {name: x, lan: {ipv4: 192.0.2.0/24}}
edges: [{name: e, ipv4: 192.0.2.1}]
peers: [{name: p, asn: 64496, ipv4: 192.0.2.2}]
peerings: [{name: q, peer: p, families: [IPv4]}]
policy:
"""


@pytest.mark.parametrize(
    ("policy", "faults"),
    [
        ("  data:\n    vrp: no.json", ["lab.yaml:9: policy.data.vrp: no.json: there is no such file"]),
        (
            "  data:\n    irr: [no.json, none.json]",
            ["9: policy.data.irr: no.json: there", "none.json: there is no such"],
        ),
        ("  data:\n    irr: docs", ["9: policy.data.irr: docs: this is a directory"]),
        ("  data:\n    vrp: pyproject.toml", ["9: policy.data.vrp: pyproject.toml: this is not JSON"]),
        ("  data:\n    vrp: 5", ["9: policy.data.vrp: Input is not a valid path"]),
        ("  data:\n    vpr: x", ["9: policy.data.vpr: there is no such key"]),
        ("  data:\n    registered-asns: [0]", ["9: policy.data.registered-asns"]),
        (
            "  rules:\n    rpki-unknown: true",
            ["9: policy.rules.rpki-unknown: rule 'rpki-unknown' has nothing to judge by: name its data as policy"],
        ),
        ("  profile: ixrs\n  rules:\n    registered-origin: true", ["10: policy.rules.registered-origin: rule"]),
        ("  rules:\n    rpki-unknown: false", []),
        ("  profile: ixrs\n  rules:\n    registered-origin: true\n  data: {registered-asns: []}", []),
        ("  import:\n    med: -1", ["9: policy.import.med: Input should be greater than or equal to 0"]),
    ],
)
def test_mistakes_have_their_line(policy: str, faults: list[str]) -> None:
    text, root = LAB + policy + "\n", Path(__file__).parent.parent.parent
    if not faults:
        parse(text, "lab.yaml", root)
        return
    with pytest.raises(TopologyError) as caught:
        parse(text, "lab.yaml", root)
    told = [str(fault).replace(f"{root}/", "") for fault in caught.value.faults]
    assert len(told) >= len(faults)
    for fault, words in zip(told, faults, strict=False):
        assert words in fault


async def test_the_network_gives_sessions_what_the_topology_says(tmp_path: Path) -> None:
    counts = {"asn": 64496, "info_prefixes4": 7, "info_prefixes6": 0}
    pdb = put(tmp_path / "net.json", json.dumps(counts))
    found = topology(data={"peeringdb": str(pdb)}, **{"import": {"med": 9}})
    found["microsoft"]["role"] = "peer"
    found["peerings"][0]["max-prefixes"] = {"ipv6": 11}
    async with Network(build(found), LinkKind.LOOPBACK, lambda event: None, record=False) as network:
        await network.peers.start(network.topology.peers[0])
        plan = network.edges.plans[0]
        network.edges.provision(plan)
        config = network.edges.config(plan)
        assert config.policy is not None and config.role is Role.PEER
        assert config.policy.context.role is Role.PEER and config.policy.taking.med == 9
        assert [hit.rule for hit in config.policy.judge_prefix(V4, key("13.64.0.0/16"), PathAttributes())] == [
            "microsoft-prefix"
        ]
        limits = {p.family.label: network.edges.max_prefixes(p) for p in network.edges.plans}
        assert limits == {"IPv4": 7, "IPv6": 11}
    found["peerings"][0]["max-prefixes"] = {"ipv4": 5}
    async with Network(build(found), LinkKind.LOOPBACK, lambda event: None, record=False) as network:
        assert {p.family.label: network.edges.max_prefixes(p) for p in network.edges.plans} == {"IPv4": 5, "IPv6": 2000}


# --- rehearsals ---


async def rehearse(found: dict[str, Any]) -> tuple[Rehearsal, Report]:
    played = Rehearsal(build(found), LinkKind.LOOPBACK)
    return played, await asyncio.wait_for(played.run(), PATIENCE)


async def test_an_rpki_invalid_and_an_unregistered_route_are_refused_and_told(tmp_path: Path) -> None:
    vrp = put(tmp_path / "vrp.json", roas((ROUTE, 64500, 24), ("198.51.100.0/24", 64496, 24)))
    irr = put(tmp_path / "irr.json", bgpq4(ROUTE, "198.51.100.0/24", "2001:db8::/32", "2001:db8:100::/48"))
    found = topology(data={"vrp": str(vrp), "irr": str(irr)})
    found["peerings"][0]["expect"] = {"state": "Active", "accepted": 1, "accepted-ipv6": 2}
    _, report = await rehearse(found)
    assert report.outcome == "passed", report.errors
    for connection in report.connections:
        checks = {check.id: check for check in connection.checks}
        assert checks["R3.rpki-invalid"].status is checks["R3.irr-prefix"].status is Status.FAILURE
        assert any(ROUTE in line and "AS64500" in line for line in checks["R3.rpki-invalid"].evidence)
        assert any("203.0.113.0/24" in line for line in checks["R3.irr-prefix"].evidence)
        assert checks["R3.rpki-invalid"].source == "Microsoft's peering policy, RFC 6811"


async def test_a_change_while_the_lab_runs_is_applied_to_its_sessions(tmp_path: Path) -> None:
    vrp = put(tmp_path / "vrp.json", roas((ROUTE, 64496, 24)))
    found = topology(data={"vrp": str(vrp)})
    applied = asyncio.Event()

    def listen(event: Any) -> None:
        if isinstance(event, PolicyApplied) and event.refused:
            applied.set()

    async def change(_report: object) -> None:
        put(vrp, roas((ROUTE, 64500, 24)))
        await asyncio.wait_for(applied.wait(), PATIENCE)
        ipv4 = [plan for plan in played.network.edges.plans if plan.family is V4]
        assert played.network.edges.view(ipv4[0]).taken == 2, "one of three left Loc-RIB"

    played = Rehearsal(build(found), LinkKind.LOOPBACK, audience=Audience(hold=change))
    played.log.subscribe(listen)
    await played.run()
    assert applied.is_set()


async def test_a_file_that_breaks_before_the_lab_starts_is_one_line(tmp_path: Path) -> None:
    found = topology(data={"vrp": str(put(tmp_path / "vrp.json", "{"))})
    _, report = await rehearse(found)
    assert report.outcome == "error"
    (error,) = report.errors
    assert "vrp.json: this is not JSON" in error and "\n" not in error


def test_a_person_is_told() -> None:
    board = Board(build(document()))
    broken = event_line(DataFileRead(0.0, "vrp", "vrp.json", "there is no such file"), board)
    again = event_line(DataFileRead(0.0, "vrp", "vrp.json"), board)
    judged = event_line(PolicyApplied("s", 0.0, 1, 2), board)
    assert broken is not None and again is not None and judged is not None
    assert "vrp.json: there is no such file: the data read before stay in force" in broken.body.plain
    assert "policy.data.vrp vrp.json: read again" in again.whole().plain
    assert "1 route is refused now, 2 acceptable now" in judged.body.plain
