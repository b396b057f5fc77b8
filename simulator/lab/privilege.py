"""May we make network namespaces here, and if not, how an ordinary user gets there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from simulator.lab.netns import NetnsLink
from simulator.places.errors import LabError
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.process import Program, find_program

UNSHARE = Program("unshare", "unshare", "apt-get install util-linux")

MARK = "TURNUP_USERNS"
"""Set in the environment of a turnup that already runs in a user namespace of its own making."""

# Only the user is another one: network namespaces follow from that, and by staying in the host's own network the
# portal and the API remain reachable at its loopback.
USERNS = ("--user", "--map-root-user", "--")

# What switches user namespaces off, and the value that does not.
_SWITCHES = {
    "kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    "user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
}


def netns_problem() -> str | None:
    """Why no LAN of network namespaces can be made by this process, or None: finds out by making one (40 ms)."""
    link = NetnsLink(LanSpec((), (NodeSpec("probe", ()),)))
    try:
        link.build()
    except LabError as error:
        return str(error)
    link.close()
    return None


def userns_problem() -> str | None:
    """Why this user cannot make network namespaces inside a user namespace, or None: finds out by trying (10 ms)."""
    try:
        unshare = str(find_program(UNSHARE))
        command = [unshare, *USERNS, unshare, "--net", "true"]
        outcome = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    except (LabError, OSError, subprocess.TimeoutExpired) as error:
        return f"no user namespace: {error}"
    if outcome.returncode == 0:
        return None
    words = outcome.stderr.strip().splitlines() or [f"exit status {outcome.returncode}"]
    return f"no user namespace: {words[0]}{_remedy()}"


def _remedy() -> str:
    for name, (bad, remedy) in _SWITCHES.items():
        path = Path("/proc/sys") / name
        if path.exists() and path.read_text().strip() == bad:
            return f" (as root: {remedy})"
    return ""


def reexec_in_userns(argv: list[str]) -> NoReturn:
    """Replace this process by turnup as root of a new user namespace. Raises LabError when it is in one."""
    if os.environ.get(MARK):
        raise LabError("this is a user namespace already and network namespaces still cannot be made in it")
    unshare = str(find_program(UNSHARE))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(unshare, [unshare, *USERNS, sys.executable, "-m", "simulator", *argv], {**os.environ, MARK: "1"})
