"""A stranger's project: turnup from the built wheel, their own bird.conf, their own tests.

The tests are the ones of `project/`; by command, `python -m tests.foreign.stranger 20`, they run twenty times.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.foreign.stranger import OfflineError, Stranger, stranger
from tests.lab_support import require_bird

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("foreign")]
_TYPED = "E" + " " * 13
"""What begins a line that is to be typed: it is not broken, however long it is."""


@pytest.fixture(scope="session")
def somebody(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Stranger:
    """One virtual environment for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    try:
        return stranger((base if worker_id == "master" else base.parent) / "foreign")
    except OfflineError as error:
        pytest.skip(str(error))


def test_turnup_comes_from_the_wheel(somebody: Stranger, tmp_path: Path) -> None:
    done = somebody.run(tmp_path, "-W", "error", "-c", "import simulator; print(simulator.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(somebody.venv), done.stdout + done.stderr


def test_a_project_that_does_not_use_it_loads_nothing_of_it(somebody: Stranger, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_other():\n"
        "    print(sorted(name for name in sys.modules if name.partition('.')[0] == 'simulator'))\n"
    )
    done = somebody.pytest(tmp_path, "-q", "-s", "-p", "no:cacheprovider", "-p", "no:schemathesis")
    lines = done.stdout.splitlines()
    allowed = ["simulator", "simulator.compiled", "simulator.testing", "simulator.testing.plugin"]
    assert lines[0] == str(allowed), done.stdout + done.stderr


def test_without_privileges_it_is_told_what_is_missing(somebody: Stranger, tmp_path: Path) -> None:
    project = somebody.project(tmp_path, leaks=False)
    skipped = somebody.pytest(project, "-rs", "-q", privileged=False)
    assert skipped.returncode == 0, skipped.stdout + skipped.stderr
    assert "1 passed, 3 skipped" in skipped.stdout
    assert re.search(r"SKIPPED .*(run as root|is not installed)", skipped.stdout.replace("\n", " ")), skipped.stdout
    required = somebody.pytest(project, "-q", "--turnup-require-routers", privileged=False)
    assert required.returncode == 1
    assert re.search(r"[13] (failed|passed).*3 errors|3 failed", required.stdout), required.stdout


@pytest.mark.privileged
@pytest.mark.router
def test_a_leak_fails_and_names_route_rule_and_remedy(somebody: Stranger, tmp_path: Path) -> None:
    require_bird()
    project = somebody.project(tmp_path, leaks=True)
    done = somebody.pytest(project, "-n", "8", "-q", "--turnup-report", "reports")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 2 passed" in done.stdout
    words = re.sub(r"\nE? +", " ", done.stdout)
    assert words.count("a network that buys no transit is in the path") == 2, done.stdout
    beyond = [line for line in done.stdout.splitlines() if line.startswith("E  ") and len(line) > 80]
    one_word = [line for line in beyond if len(line[1:].split()) == 1]  # the path of a report
    assert all("LabAssertionError" in line or line.startswith(_TYPED) or line in one_word for line in beyond), beyond
    for part in (
        "41.0.0.0/16 path 64496 174 64501: transit-free-asn",
        "AS174 in 64496 174 64501",
        "bird.conf:15",
        "- \troute 41.0.0.0/16 blackhole",
        "connection Active, BGP Established",
        "Validating → Active",
        "OpenConfirm → Established",
    ):
        assert part in words, part
    reports = sorted(path.parent.name for path in project.glob("reports/*/report.html"))
    assert len(reports) == 3, reports
    for name in ("events.jsonl", "wire.pcap", "junit.xml", "report.json"):
        assert all((project / "reports" / report / name).is_file() for report in reports), name


@pytest.mark.privileged
@pytest.mark.router
def test_mended_it_passes(somebody: Stranger, tmp_path: Path) -> None:
    require_bird()
    project = somebody.project(tmp_path, leaks=False)
    done = somebody.pytest(project, "-n", "8", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
