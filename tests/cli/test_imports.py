"""What a command does not use it does not import: adapters, speakers and libraries take longer than its work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_TELL = "import sys; print(*sorted(sys.modules), sep='\\n')"
_OF_A_LAB = ("simulator.lab", "simulator.speakers", "simulator.routers", "simulator.provisioning", "scapy", "pyroute2")
_FILE = """
name: quick
exchange: {name: IX, lan: {ipv4: 192.0.2.0/24}}
microsoft: {announce: [{prefixes: [13.64.0.0/11]}]}
edges: [{name: edge, ipv4: 192.0.2.1}]
peers: [{name: peer, ipv4: 192.0.2.2, asn: 64496}]
peerings: [{name: p, peer: peer, families: [IPv4]}]
"""


def imported(code: str) -> set[str]:
    """The modules that there are after some Python."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{_TELL}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def found(modules: set[str], names: tuple[str, ...]) -> list[str]:
    return sorted(each for each in modules if each.startswith(tuple(f"{name}." for name in names)) or each in names)


def test_reading_a_topology_needs_no_lab() -> None:
    modules = imported(f"from simulator.topology.load import parse\nparse({_FILE!r})")
    assert found(modules, (*_OF_A_LAB, "exabgp", "httpx", "rich", "asyncio")) == []


def test_route_lines_are_read_by_exabgp_alone() -> None:
    modules = imported("from simulator.topology.load import default\ndefault()")
    assert found(modules, _OF_A_LAB) == []
    assert "exabgp.configuration.static.route" in modules


@pytest.mark.parametrize("arguments", ["--help", "validate FILE", "config --help", "peering --help"])
def test_commands_that_only_read(arguments: str, tmp_path: Path) -> None:
    path = tmp_path / "quick.yaml"
    path.write_text(_FILE)
    words = arguments.replace("FILE", str(path)).split()
    code = (
        "import contextlib, io\nfrom simulator.cli.main import app\n"
        f"with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n    app({words!r})"
    )
    modules = imported(code)
    assert "typer" in modules
    assert found(modules, (*_OF_A_LAB, "exabgp", "httpx")) == []
