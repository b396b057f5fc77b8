"""What a CI job does, step by step: each CI's file is written from this one list."""

from __future__ import annotations

from typing import Final

PACKAGES: Final = {"bird": ("bird2",), "frr": ("frr",), "gobgp": ("gobgpd",), "openbgpd": ("openbgpd",)}
"""Kind of router → Debian's packages; the others come with turnup."""
_PYTHON: Final = ("python3", "python3-venv")
_NAMESPACES: Final = ("iproute2", "util-linux")

Steps = tuple[tuple[str, tuple[str, ...]], ...]
"""A title, and the lines of a shell."""


def steps(lab: str, router: str, *, real: bool) -> Steps:
    """From a bare Debian to the verdict; `real`: in network namespaces."""
    packages = " ".join((*_PYTHON, *(_NAMESPACES if real else ()), *PACKAGES.get(router, ())))
    return (
        (
            "install Python and the router" if router in PACKAGES else "install Python",
            ("apt-get update -qq", f"apt-get install -y -qq --no-install-recommends {packages}"),
        ),
        ("install turnup", ("python3 -m venv .venv", '.venv/bin/pip install --quiet "$TURNUP"')),
        ("look for mistakes in the files", (f".venv/bin/turnup validate {lab}",)),
        ("compare both sides' configurations", (f".venv/bin/turnup preflight {lab}",)),
        ("rehearse the turn-up", (f".venv/bin/turnup rehearse {lab} --report report",)),
        ("test", (".venv/bin/python -m pytest --junitxml junit.xml",)),
    )
