"""How a person calls turnup, and what is installed beside it, from the shell that called this one."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from simulator.lab.privilege import UNSHARE, USERNS, userns_problem


def own_command(program: str = "turnup", *, as_root: bool = False) -> str:
    """turnup itself, or another program that is installed beside it (`pytest`), as a shell takes it.

    The bare name where PATH leads to this very one, and its path where it does not, as in a virtual environment that
    nobody activated. `as_root`: with `sudo`, which has a PATH of its own.
    """
    beside = Path(sys.executable).with_name(program)
    if not os.access(beside, os.X_OK):
        module = "simulator" if program == "turnup" else program
        words = f"{shlex.quote(sys.executable)} -m {module}"
    elif not as_root and _leads_to(program, beside):
        words = program
    else:
        words = shlex.quote(str(beside))
    return f"sudo {words}" if as_root else words


def commands_with_namespaces(*programs: str) -> list[str]:
    """The same of programs that make network namespaces.

    turnup enters a user namespace by itself, any other is put into one, and root is needed where this user may have
    none.
    """
    if os.geteuid() == 0:
        return [own_command(each) for each in programs]
    if userns_problem() is not None:
        return [own_command(each, as_root=True) for each in programs]
    inside = " ".join((UNSHARE.path, *USERNS[:-1], ""))
    return [own_command(each) if each == "turnup" else f"{inside}{own_command(each)}" for each in programs]


def _leads_to(name: str, program: Path) -> bool:
    found = shutil.which(name)
    return found is not None and Path(found).samefile(program)
