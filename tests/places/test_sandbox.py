"""A child in a sandbox: it sees this machine and changes nothing of it."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.lab.privilege import userns_problem
from simulator.places.process import launching
from simulator.places.sandbox import Sandbox, files_named
from tests.lab_support import missing, require_netns

USERNS = ("unshare", "--user", "--map-root-user", "--")


@pytest.fixture(params=["root", "alone in a user namespace"])
def before(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """What stands before the launcher's command."""
    require_netns()
    if request.param == "root":
        return ()
    problem = userns_problem()
    if problem is not None:
        missing(problem)
    return USERNS


@pytest.fixture
def kept() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="turnup-") as directory:
        yield Path(directory)


def run(before: tuple[str, ...], sandbox: Sandbox, script: str) -> subprocess.CompletedProcess[str]:
    """A shell script in a sandbox."""
    # Its parent is whoever starts it: a shell that becomes it would have another one.
    words = " ".join(map(shlex.quote, launching(0, sandbox=sandbox)))
    start = words.replace(" 0 -1 ", " $PPID -1 ", 1)
    command = [*before, "/bin/sh", "-c", f"exec {start} /bin/sh -c {shlex.quote(script)}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.privileged
class TestSandbox:
    def test_what_it_writes_is_gone_with_it(self, before: tuple[str, ...], kept: Path) -> None:
        folders = ["/var/log", "/run", "/var/log/never-heard-of/deep", "/never-heard-of/deep"]
        folders += ["/etc", "/home", "/root", "/usr/local/share", "/usr/local/never/deep", "/var/lib", "/tmp"]
        marks = [f"{folder}/turnup-mark" for folder in folders]
        script = "; ".join(f"echo x > {mark} && cat {mark}" for mark in marks)
        outcome = run(before, Sandbox((str(kept),), names=tuple(marks)), f"rm -f /etc/hostname; {script}")
        assert outcome.stdout.split() == ["x"] * len(marks), outcome.stderr
        assert not any(Path(mark).exists() for mark in marks)
        assert Path("/etc/hostname").exists() or not Path("/etc").joinpath("hosts").exists()

    def test_what_it_writes_is_bounded(self, before: tuple[str, ...], kept: Path) -> None:
        script = "cd /var/log && truncate -s 0 big && fallocate -l 200M big && echo fits; fallocate -l 300M big"
        outcome = run(before, Sandbox((str(kept),), names=("/var/log/big",)), script)
        assert outcome.stdout == "fits\n", outcome.stderr
        assert outcome.returncode and "No space left" in outcome.stderr

    def test_nothing_of_the_host_is_changed(self, before: tuple[str, ...], kept: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="turnup-", dir="/var/tmp") as directory:
            file = Path(directory) / "file"
            file.write_text("as it was\n")
            mark = f"turnup-{os.getpid()}"
            everywhere = f"for d in / /* /var/* /run/*; do echo x > $d/{mark}; done 2>/dev/null"
            script = f"{everywhere}; echo new > {file}; chmod 0 {file}; cat {file}; rm -rf {directory}; ls {directory}"
            outcome = run(before, Sandbox((str(kept),)), script)
            assert outcome.stdout == "new\n"
            assert "No such file" in outcome.stderr
            assert (file.read_text(), file.stat().st_mode & 0o777) == ("as it was\n", 0o644)
            for folder in (Path("/"), *Path("/").iterdir(), *Path("/var").iterdir(), *Path("/run").iterdir()):
                assert folder == kept or not (folder / mark).exists()

    def test_it_really_writes_to_what_it_keeps(self, before: tuple[str, ...], kept: Path) -> None:
        outcome = run(before, Sandbox((str(kept),)), f"echo x > {kept}/file; ls {kept}")
        assert (outcome.stdout, (kept / "file").read_text()) == ("file\n", "x\n")

    def test_it_sees_what_is_here(self, before: tuple[str, ...], kept: Path) -> None:
        program = shutil.which("bird") or sys.executable
        outcome = run(before, Sandbox((str(kept),)), f"cat {__file__}; ls {program} /proc/self/exe; test -w /dev/null")
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout.startswith(Path(__file__).read_text())

    def test_syslog_is_the_labs(self, before: tuple[str, ...], kept: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.bind(str(kept / "syslog"))
            ear.settimeout(20)
            speak = "import syslog; syslog.openlog('bird'); syslog.syslog('hello')"
            outcome = run(before, Sandbox((str(kept),), log=str(kept / "syslog")), f'/usr/bin/python3 -S -c "{speak}"')
            assert outcome.returncode == 0, outcome.stderr
            assert b"bird: hello" in ear.recv(1000)

    def test_without_an_ear_there_is_no_syslog(self, before: tuple[str, ...], kept: Path) -> None:
        assert run(before, Sandbox((str(kept),)), "test ! -e /dev/log").returncode == 0

    def test_the_users_of_a_daemon(self, before: tuple[str, ...], kept: Path) -> None:
        host = Path("/etc/passwd").read_text()
        outcome = run(
            before, Sandbox((str(kept),), users=("daemon",)), "id daemon; grep ^daemon: /etc/passwd; ls /dev/empty"
        )
        identity, entry = outcome.stdout.splitlines()
        assert ("uid=0(" in identity) is (before != ())
        assert entry.split(":")[5] == "/dev/empty"
        assert Path("/etc/passwd").read_text() == host

    def test_where_it_starts(self, before: tuple[str, ...], kept: Path) -> None:
        assert run(before, Sandbox((str(kept),), cwd=str(kept)), "pwd").stdout.strip() == str(kept)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ('log "/var/log/bird/bird.log" all;', ("/var/log/bird/bird.log",)),
        ("log file /var/log/frr/frr.log informational", ("/var/log/frr/frr.log",)),
        ('dump table-v2 "/var/db/rib-%H%M.mrt" 7200', ("/var/db/rib-",)),
        ("network 192.0.2.0/24\nnetwork 2001:db8::/32", ()),
        ("bgp_path ~ [= * 12076 * =] && net ~ [ 10.0.0.0/8+ ]", ()),
        ("import limit 1/2 and/or", ()),
        ("url = unix:/run/frr/zserv.api", ()),
    ],
)
def test_the_files_that_a_configuration_names(text: str, files: tuple[str, ...]) -> None:
    assert files_named(text) == files
