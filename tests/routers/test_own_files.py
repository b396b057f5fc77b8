"""A user's own configuration file, rehearsed whole: files as production has them, and what they may lack."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.report.model import Report
from simulator.routers.base import RouterConfig
from simulator.routers.daemon import NeighborsRead
from simulator.topology.load import TopologyError, load
from simulator.views.check import Status
from tests.lab_support import require_netns, require_program
from tests.topologies import SHIPPED

EXAMPLES = Path(__file__).parent / "examples"
BGPD = "/usr/lib/frr/bgpd"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The examples, to be changed."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


def contents(files: Path) -> dict[str, bytes]:
    """Every router's file, and what it includes."""
    return {str(path.relative_to(files)): path.read_bytes() for path in files.rglob("*.conf")}


def use_frr(files: Path) -> None:
    for program in (BGPD, "vtysh"):
        require_program(program)
    edit(files / "own-file.yaml", ("{kind: bird, config: ./bird.conf}", "{kind: frr, config: frr.conf}"))


async def rehearse(files: Path) -> Report:
    require_netns()
    require_program("bird")
    return await Rehearsal(load(files / "own-file.yaml"), LinkKind.NETNS, False, files / "capture.pcap").run()


def failing(report: Report) -> dict[str, tuple[list[str], list[tuple[str, str, str]]]]:
    """Failing check → its evidence and its causes with their remedies."""
    return {
        check.id: (list(check.evidence), [(cause.id, cause.text, cause.remedy) for cause in check.causes])
        for check in report.connections[0].checks
        if check.status is Status.FAILURE
    }


@pytest.mark.privileged
@pytest.mark.router
class TestRehearsals:
    async def test_a_production_bird_conf_passes_unmodified(self, files: Path) -> None:
        before = contents(files)
        report = await rehearse(files)
        assert report.outcome == "passed", report.errors
        assert contents(files) == before

    async def test_a_production_frr_conf_passes_unmodified(self, files: Path) -> None:
        use_frr(files)
        before = contents(files)
        report = await rehearse(files)
        assert report.outcome == "passed", report.errors
        assert contents(files) == before

    async def test_a_session_that_the_file_lacks_is_a_finding_that_names_it(self, files: Path) -> None:
        edit(files / "own-file.yaml", ("deadline: 40", "deadline: 6"))
        edit(files / "bird.d" / "microsoft-ashburn.conf", ("2001:504:0:2::8075:1", "2001:504:0:2::8075:2"))
        found = failing(await rehearse(files))
        evidence, causes = found["T1"]
        assert any("the configuration has no neighbor 2001:504:0:2::8075:1" in line for line in evidence)
        assert causes[0][0] == "session-missing"
        assert "2001:504:0:2::8075:1" in causes[0][1] + causes[0][2]

    async def test_an_frr_conf_without_policies_is_told_of_rfc_8212(self, files: Path) -> None:
        use_frr(files)
        edit(files / "own-file.yaml", ("deadline: 40", "deadline: 8"))
        lines = (files / "frr.conf").read_text().splitlines()
        kept = [line for line in lines if " route-map " not in line or not line.startswith("  neighbor ")]
        assert len(kept) == len(lines) - 4
        (files / "frr.conf").write_text("\n".join(kept) + "\n")
        found = failing(await rehearse(files))
        assert set(found) == {"R1"}
        evidence, causes = found["R1"]
        assert any("Established (Policy)" in line for line in evidence)
        assert causes[0][0] == "policy-required"
        assert "RFC 8212" in causes[0][1]
        assert "neighbor 206.126.236.17 route-map" in causes[0][2]


def test_a_file_that_is_not_there_is_told_with_its_line(files: Path) -> None:
    edit(files / "own-file.yaml", ("./bird.conf", "./my.conf"))
    with pytest.raises(
        TopologyError, match=r"own-file\.yaml:18: peers\[0\]\.router\.config: there is no file .*my\.conf"
    ):
        load(files / "own-file.yaml")


def test_the_simulated_router_has_no_file(files: Path) -> None:
    edit(files / "own-file.yaml", ("kind: bird", "kind: simulated"))
    with pytest.raises(TopologyError, match="the simulated router has no configuration file"):
        load(files / "own-file.yaml")


def test_limits_of_the_router_are_microsofts_unless_it_says_otherwise() -> None:
    choice = load(SHIPPED / "exchange.yaml").peers[0].router_choice
    assert (choice.max_prefixes.ipv4, choice.max_prefixes.ipv6, choice.config) == (2000, 500, None)


@pytest.mark.parametrize(
    ("file", "answers", "read"),
    [
        (None, [[], ["192.0.2.1"], ["192.0.2.1", "2001:db8::1"]], [False, False, True]),
        (None, [["192.0.2.1"]] * 30, [False] * 30),
        (Path("own.conf"), [["192.0.2.1"]] * 12, [False] * 10 + [True] * 2),
        (Path("own.conf"), [[], *[["192.0.2.1"]] * 11], [False] * 11 + [True]),
        (Path("own.conf"), [["192.0.2.1", "2001:db8::1", "192.0.2.9"]], [True]),
    ],
)
def test_a_daemon_has_read_its_file_when_it_knows_the_neighbors(
    file: Path | None, answers: list[list[str]], read: list[bool]
) -> None:
    """A user's own file may lack some: then the answers have to stay the same."""
    sessions = [SimpleNamespace(remote_address=address) for address in ("192.0.2.1", "2001:db8::1")]
    neighbors = NeighborsRead(cast(RouterConfig, SimpleNamespace(sessions=sessions, file=file)))
    assert [neighbors.all_of(set(each)) for each in answers] == read
