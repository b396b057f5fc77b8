"""How ExaBGP behaves as a guest in our process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EVERYTHING = """
import logging, signal, sys, threading
before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
from ipaddress import IPv4Address
from simulator.wire import attribute_codec, open, route_syntax
parse = lambda extra: route_syntax.parse_routes(
    ["route 10.0.0.0/8 next-hop self " + extra], next_hop_v4=IPv4Address(1), next_hop_v6=None
)
assert len(parse("med 1")) == 1
for extra in ("med x", "community [ 1:1"):
    try:
        parse(extra)
    except route_syntax.RouteSyntaxError:
        continue
    raise SystemExit(extra + " passed")
assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP))
assert threading.active_count() == 1
assert not logging.getLogger().handlers
assert "asyncio" not in sys.modules
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": paths, "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "environment",
    [{}, {"exabgp.debug.configuration": "true", "exabgp.log.level": "DEBUG", "exabgp.log.all": "true"}],
    ids=["bare", "talkative"],
)
def test_a_silent_guest(environment: dict[str, str]) -> None:
    done = run(EVERYTHING, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_daemons_environment_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "exabgp.env"
    file.write_text("[exabgp.log]\nlevel = nonsense\n")
    done = run(EVERYTHING, EXABGP_ENVFILE=str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "module",
    [
        "framing",
        "nlri",
        "update",
        "received_update",
        "update_faults",
        "checked_attributes",
        "notification",
        "route_refresh",
        "attribute_checks",
    ],
)
def test_modules_without_exabgp(module: str) -> None:
    done = run(f"import sys, simulator.wire.{module}; sys.exit('exabgp' in sys.modules)")
    assert done.returncode == 0, done.stderr
