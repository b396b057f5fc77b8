"""A PostgreSQL of the tests' own: on a Unix socket in a directory of its own, gone at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

from tests.lab_support import missing

_TIMEOUT = 60


def programs() -> Path:
    """The directory of PostgreSQL's programs; skips, or fails where everything is required, without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    here = shutil.which("initdb")
    if here is None:
        missing("PostgreSQL is not installed: apt-get install postgresql")
    return Path(here).resolve().parent


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A running server's URL, for the database `postgres`."""
    bin_directory = programs()
    with tempfile.TemporaryDirectory(prefix="turnup-pg-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        user = _unprivileged() if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if user is not None:
            os.chown(directory, user.pw_uid, user.pw_gid)
        data = directory / "data"
        _run([bin_directory / "initdb", "-D", data, "-U", "turnup", "-A", "trust", "-E", "UTF8", "-N"], user, directory)
        options = f"-c listen_addresses='' -c unix_socket_directories='{directory}' -c fsync=off"
        control: list[str | Path] = [bin_directory / "pg_ctl", "-D", data, "-w", "-l", directory / "log"]
        _run([*control, "-o", options, "start"], user, directory)
        try:
            yield f"postgresql://turnup@/postgres?host={directory}"
        finally:
            _run([*control, "-m", "immediate", "stop"], user, directory)


def end_sessions(url: str) -> None:
    """End every session of a database, as a restart of the server would."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}"))


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return missing("PostgreSQL cannot run as root, and there is neither a user postgres nor nobody")


def _run(command: list[str | Path], user: pwd.struct_passwd | None, directory: Path) -> None:
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user is not None else {}
    # Not captured through a pipe: the server would inherit it, and the pipe never end.
    with (directory / f"{Path(command[0]).name}.out").open("w+b") as output:
        done = subprocess.run(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=directory,
            timeout=_TIMEOUT,
            check=False,
            **who,  # type: ignore[call-overload]
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()
