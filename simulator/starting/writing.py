"""The files of a start: a topology, a test, a CI workflow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final

from jinja2 import Environment, StrictUndefined

import simulator
from simulator.addresses import IpAddress, IpNetwork
from simulator.starting.ci import steps
from simulator.starting.plan import DOCUMENTATION, StartPlan
from simulator.topology.kinds import KINDS

LAB: Final = "lab.yaml"
TEST: Final = "test_peering.py"
PYTEST: Final = "pytest.ini"
SETTINGS: Final = (PYTEST, ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""Files that may hold pytest's settings: where there is one, a `pytest.ini` would take their place."""
WORKFLOWS: Final = {
    "github": (PurePosixPath(".github/workflows/turnup.yml"), "github.yml.j2"),
    "gitlab": (PurePosixPath(".gitlab-ci.yml"), "gitlab.yml.j2"),
}
"""Where → its file, and the template."""
_TRANSIT: Final = (174, 3356, 1299)
"""Transit-free networks: one that is not the user's own is the leak of the test."""


def contents(
    plan: StartPlan, ci: str | None, config: str | None, *, has_settings: bool = False
) -> dict[PurePosixPath, str]:
    """File → its text.

    `config`: the router's own file, as the topology names it; `has_settings`: of pytest, which stay as they are.
    """
    real = not KINDS[plan.router].on_loopback
    announces = plan.own is None or not KINDS[plan.router].routes_from_file
    is_documentation = any(
        each.version == p.version and p.overlaps(each) for p in plan.prefixes for each in DOCUMENTATION
    )
    values = {
        "file": LAB,
        "name": plan.name,
        "exchange": plan.exchange,
        "servers": ", ".join(
            f"AS{port.asn} {' '.join(map(str, port.addresses))}" for port in plan.exchange.route_servers[:4]
        ),
        "kind": plan.kind,
        "lan": plan.lan,
        "edges": plan.edges,
        "links": plan.links,
        "servers_named": _servers(plan),
        "members": plan.members,
        "networks": len({port.asn for port in plan.exchange.ports}),
        "families": ", ".join(f"IPv{version}" for version in plan.families),
        "listed": _listed,
        "asn": plan.asn,
        "router": plan.router,
        "own": plan.own,
        "config": config,
        "real": real,
        "addresses": plan.addresses,
        "announces": announces,
        "announced": _listed(plan.prefixes),
        "quoted_prefixes": ", ".join(f'"{each}"' for each in plan.prefixes),
        "connections": _connections(plan),
        "expected": _expected(plan) if announces else "",
        "documentation": plan.needs_documentation,
        "test_documentation": is_documentation and not plan.needs_documentation,
        "transit": next(each for each in _TRANSIT if each != plan.asn),
        "steps": steps(LAB, plan.router, real=real),
        "version": simulator.__version__,
        "doubt": lambda address: f"   # not in {plan.exchange.source}" if address in plan.doubtful else "",
        "quoted": lambda text: json.dumps(text, ensure_ascii=False),
        "placeholder": lambda what, words: f"   # placeholder: {words}" if what in plan.placeholders else "",
    }
    wanted = [(PurePosixPath(LAB), "lab.yaml.j2"), (PurePosixPath(TEST), "test_peering.py.j2")]
    if not has_settings:
        wanted.append((PurePosixPath(PYTEST), "pytest.ini.j2"))
    if ci is not None:
        wanted.append(WORKFLOWS[ci])
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    texts = files("simulator.starting").joinpath("templates")
    return {
        path: environment.from_string(texts.joinpath(name).read_text(encoding="utf-8")).render(values)
        for path, name in wanted
    }


def _connections(plan: StartPlan) -> tuple[str, ...]:
    """Each edge; one that has addresses of fewer families than others says so. None where all are alike."""
    if plan.kind == "Direct":
        return ()
    having = [[f"IPv{each.version}" for each in edge if each is not None] for edge in plan.edges]
    most = max(having, key=len)
    if all(each == most for each in having) and len(most) == len(plan.families):
        return ()
    return tuple(f"{{edge: edge-{number}, families: [{', '.join(each)}]}}" for number, each in enumerate(having, 1))


def _servers(plan: StartPlan) -> list[tuple[str, list[IpAddress]]]:
    """The route servers by their names: the peers of an IxRs peering."""
    return [
        (f"{plan.name}-rs{number}", [each for each in server if each is not None])
        for number, server in enumerate(plan.servers, 1)
    ]


def _listed(prefixes: Iterable[IpNetwork]) -> str:
    """As YAML writes them within brackets."""
    return ", ".join(f'"{each}"' if each.version == 6 else str(each) for each in prefixes)


def _expected(plan: StartPlan) -> str:
    """The prefixes that Microsoft takes on each session of a family."""
    keys = {4: "accepted", 6: "accepted-ipv6"}
    counts = {version: sum(each.version == version for each in plan.prefixes) for version in plan.families}
    return "".join(f", {keys[version]}: {count}" for version, count in counts.items())
