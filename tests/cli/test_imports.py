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


_LIBRARIES = {"asyncio", "exabgp", "httpx", "netaddr", "pydantic", "pyroute2", "rich", "ruamel", "scapy", "sqlalchemy"}
"""What takes longer to import than the command line itself. typer reads numbers and paths with pydantic."""
_ROOMS = {path.stem for path in (ROOT / "simulator").iterdir() if not path.name.startswith("_")}
_POLICY = {"addresses", "mrt", "policy", "session", "tables", "wire", "connection", "rib"}
_TOPOLOGY = {
    *_POLICY,
    "axis",
    "diagnosis",
    "packets",
    "views",
    "topology",
    "places",
    "ruamel",
    "netaddr",
    "pydantic",
} - {"tables"}
_PREFIXES = {"topology"}
"""Microsoft's, which come with turnup."""
_ROUTE = "--prefix 203.0.113.0/24 --as-path 64496"
MAY_IMPORT: dict[str, set[str]] = {
    "": set(),
    "--help": set(),
    "--version": set(),
    "rehearse --help": set(),
    "serve --help": set(),
    "edge --help": {"judging"},
    "routes --help": set(),
    "config --help": set(),
    "policy check --help": {"judging"},
    "clean --help": set(),
    "peering --help": {"azure", "session", "pydantic"},
    "status --help": {"views", "connection", "session", "engine", "packets", "addresses", "axis"},
    f"policy explain {_ROUTE}": {*_POLICY, "judging", "netaddr", *_PREFIXES},
    f"policy explain {_ROUTE} --topology FILE": {*_TOPOLOGY, *_POLICY, "judging", "engine", "asyncio"},
    "policy check --input-format json FILE": {*_POLICY, "judging", "netaddr", "exabgp", "pydantic", *_PREFIXES},
    "schema": _TOPOLOGY,
    "validate FILE": _TOPOLOGY,
    "status --server none": {"pydantic", "views", "connection", "session", "engine", "packets", "addresses", "axis"},
    "location list": {"topology", "rich", "azure", "session", "pydantic"},
}
"""Command → the rooms and the slow libraries that it may import."""


@pytest.mark.parametrize("arguments", MAY_IMPORT)
def test_a_command_imports_only_what_it_uses(arguments: str, tmp_path: Path) -> None:
    path = tmp_path / "quick.yaml"
    path.write_text(_FILE)
    words = arguments.replace("FILE", str(path)).split()
    code = (
        "import contextlib, io, sys\nfrom simulator.cli.main import main\n"
        f"sys.argv[1:] = {words!r}\n"
        "quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())\n"
        "with contextlib.suppress(SystemExit), quiet[0], quiet[1]:\n    main()"
    )
    modules = imported(code)
    assert "simulator.cli.app" in modules
    rooms = {parts[1] for each in modules if (parts := each.split("."))[0] == "simulator" and len(parts) > 1} & _ROOMS
    libraries = {each.partition(".")[0] for each in modules} & _LIBRARIES
    assert rooms | libraries <= MAY_IMPORT[arguments] | {"cli", "compiled", "counts", "ending_signals"}
