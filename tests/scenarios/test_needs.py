"""A case whose router or privilege is missing here is skipped with the reason, or fails where it is required."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.cli import link_choice
from simulator.cli.app import app
from simulator.lab import privilege
from simulator.places.errors import LabError
from simulator.scenarios import needs

REASON = "BIRD is not installed: apt-get install bird2"


@pytest.fixture(autouse=True)
def no_bird(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def find(program: object) -> Path:
        raise LabError(REASON)

    monkeypatch.setattr(needs, "find_program", find)
    needs.missing.cache_clear()
    yield
    needs.missing.cache_clear()


@pytest.mark.parametrize(
    ("options", "code", "outcome"),
    [([], 0, "skipped"), (["--require-routers"], 3, "lab failed")],
    ids=["here", "required"],
)
def test_the_missing_router_is_named(options: list[str], code: int, outcome: str, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    words = ["test", "turn-up", "--router", "bird", "--format", "json", "--junit", str(junit)]
    done = CliRunner().invoke(app, [*words, *options])
    assert done.exit_code == code, done.output
    (case,) = json.loads(done.stdout)
    assert (case["case"], case["outcome"]) == ("turn-up[bird]", outcome)
    assert case["text"].endswith(REASON) and REASON in junit.read_text()
    assert f"{outcome} " in done.stderr and REASON in done.stderr


@pytest.mark.parametrize("command", ["test", "campaign"])
def test_an_ordinary_user_gets_namespaces_where_the_kernel_gives_them(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As `turnup rehearse` does: the command begins anew in a user namespace. Without one a router is needed, too."""
    begun = []

    def begin(argv: list[str]) -> None:
        begun.append(argv)
        raise SystemExit(0)

    monkeypatch.delenv(privilege.MARK, raising=False)
    monkeypatch.setattr(link_choice, "netns_problem", lambda: "not allowed")
    monkeypatch.setattr(link_choice, "userns_problem", lambda: None)
    monkeypatch.setattr(link_choice, "reexec_in_userns", begin)
    more = ["--report", str(tmp_path / "r")] if command == "campaign" else []
    words = [command, "turn-up", *more]
    assert CliRunner().invoke(app, [*words, "--router", "gobgp"]).exit_code == 0
    assert len(begun) == 1
    CliRunner().invoke(app, [*words, "--router", "gobgp", "--list"])
    assert len(begun) == 1, "a list needs no privilege"
