"""The lab's directory: whose it is, and what is left of one that was killed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from simulator.lab import state
from simulator.lab.state import LabState, ProcessId, clean, leftovers
from simulator.places.errors import LabError


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "base_directory", lambda: tmp_path)
    return tmp_path


def disown(lab: LabState, pid: int, started: int = 1) -> None:
    """Make the lab look like one of another process."""
    path = lab.directory / "owner.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pid": pid, "started": started}))


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"])


def test_the_directory_names_its_owner() -> None:
    lab = LabState.create("exchange")
    owner = json.loads((lab.directory / "owner.json").read_text())
    assert lab.directory.name == f"exchange-{os.getpid()}"
    assert ProcessId(owner["pid"], owner["started"]) == ProcessId.of(os.getpid())
    assert {"created", "argv", "name"} <= set(owner)
    lab.remove()
    lab.remove()
    assert not lab.directory.exists()


def test_two_labs_of_one_name_have_directories_of_their_own() -> None:
    assert LabState.create("x").directory != LabState.create("x").directory


@pytest.mark.parametrize("name", ["../../etc", "a b/c", ".", "", "x" * 300])
def test_any_name_becomes_a_directory_below_the_base(base: Path, name: str) -> None:
    lab = LabState.create(name)
    assert lab.directory.parent == base
    assert len(lab.directory.name) < 60
    assert lab.subdirectory(name).parent == lab.directory


def test_a_running_lab_is_no_leftover() -> None:
    lab = LabState.create("x")
    assert leftovers() == []
    assert lab.directory.exists()


def test_a_dead_owner_leaves_a_leftover_and_a_reused_pid_is_no_owner() -> None:
    gone, reused = LabState.create("gone"), LabState.create("reused")
    disown(gone, pid=2**22 + 1)
    disown(reused, pid=os.getpid(), started=1)
    assert {leftover.name for leftover in leftovers()} == {"gone", "reused"}
    for leftover in leftovers():
        assert clean(leftover) == [f"removed {leftover.directory}"]
    assert leftovers() == []


@pytest.mark.parametrize(
    ("state", "flags", "signals", "runs"),
    [
        ("R", 0x400500, 0, True),
        ("S", 0x400500, 0, True),
        ("D", 0x400500, 0, True),
        ("T", 0x400500, 1 << 14, True),
        ("Z", 0x40850C, 0, False),
        ("X", 0x40850C, 0, False),
        ("D", 0x40050C, 0, False),
        ("R", 0x40050C, 0, False),
        ("D", 0x400500, 1 << 8, False),
    ],
)
@pytest.mark.parametrize("name", ["turnup", "a) R 1 (b", ""])
def test_a_process_that_was_killed_runs_no_more(name: str, state: str, flags: int, signals: int, runs: bool) -> None:
    """However long the kernel takes to end it: `clean` finds what it left at once."""
    line = f"77 ({name}) {state} 1 77 77 0 -1 {flags} 9 0 0 0 5 3 0 0 20 5 1 0 4242 1 2 3 4 5 6 7 8 {signals} 0 0 0"
    assert ProcessId.read(line) == (ProcessId(77, 4242) if runs else None)


def test_clean_kills_recorded_children_but_nobody_who_has_their_pid_now() -> None:
    lab = LabState.create("x")
    with sleeper() as ours, sleeper() as foreign:
        try:
            lab.record_child(ours.pid, "n1: bird")
            with (lab.directory / "children.jsonl").open("a") as file:
                file.write(json.dumps({"pid": foreign.pid, "started": 1, "label": "n2: bird"}) + "\n")
                file.write('{"pid": 12')
            disown(lab, pid=2**22 + 1)
            (leftover,) = leftovers()
            done = clean(leftover)
            assert done == [f"killed n1: bird (process {ours.pid})", f"removed {lab.directory}"]
            assert ours.wait(10) == -9
            assert foreign.poll() is None
        finally:
            ours.kill()
            foreign.kill()


def test_clean_keeps_a_lab_whose_owner_lives() -> None:
    lab = LabState.create("x")
    owner = ProcessId.of(os.getpid())
    (line,) = clean(state.Leftover(lab.directory, "x", owner, "", ()))
    assert line.startswith("kept ")
    assert lab.directory.exists()


def test_a_child_that_is_gone_is_not_recorded() -> None:
    lab = LabState.create("x")
    with subprocess.Popen(["true"]) as child:
        child.wait(10)
    lab.record_child(child.pid, "short")
    assert not (lab.directory / "children.jsonl").exists()


def test_a_directory_without_a_readable_owner_is_a_leftover(base: Path) -> None:
    (base / "broken-1").mkdir()
    (base / "broken-1" / "owner.json").write_text("{")
    (base / f".{os.getpid()}-half").mkdir()
    (base / ".4194999-half").mkdir()
    assert {leftover.directory.name for leftover in leftovers()} == {"broken-1", ".4194999-half"}


def test_a_directory_that_cannot_be_had_whole_is_not_left_behind(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(LabError, match=r"no directory for the lab below .*: No space left on device"):
        LabState.create("x")
    assert not list(base.iterdir())


class TestBase:
    """Where the directories live."""

    uid = 0

    @pytest.fixture(autouse=True)
    def base(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.undo()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        # Not root, so that /run is not considered, and the owner of nothing that exists unless a test says so.
        monkeypatch.setattr(os, "geteuid", lambda: self.uid)
        self.uid = os.getuid() or 4242
        return tmp_path

    @pytest.mark.skipif(os.getuid() != 0, reason="needs files of another user")
    def test_a_directory_of_somebody_else_is_refused(self, base: Path) -> None:
        with pytest.raises(LabError, match="is no directory of yours"):
            state.base_directory()

    def test_a_link_is_refused(self, base: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        (base / "turnup").symlink_to(tmp_path_factory.mktemp("elsewhere"))
        with pytest.raises(LabError, match="is no directory of yours"):
            state.base_directory()

    def test_a_directory_open_to_others_is_refused(self, base: Path) -> None:
        (base / "turnup").mkdir()
        (base / "turnup").chmod(0o777)
        with pytest.raises(LabError, match=r"is no directory of yours|is open to others, .*: chmod 700"):
            state.base_directory()

    @pytest.mark.skipif(os.getuid() != 0, reason="/run is for root")
    def test_root_uses_run(self) -> None:
        self.uid = 0
        assert state.base_directory() == Path("/run/turnup")
        assert Path("/run/turnup").stat().st_mode & 0o777 == 0o700


def test_several_may_clean_at_once_and_one_of_them_removes_it(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (base / "left" / "inside").mkdir(parents=True)
    [found] = leftovers()
    told: list[str] = []
    remove = shutil.rmtree

    def while_another_cleans(directory: Path, *, ignore_errors: bool) -> None:
        monkeypatch.setattr(shutil, "rmtree", remove)
        assert leftovers() == [], "it is being removed"
        told.extend(clean(found))
        remove(directory, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", while_another_cleans)
    assert (clean(found), told) == ([f"removed {base / 'left'}"], [])
    assert list(base.iterdir()) == []


def test_what_a_cleaner_left_half_removed_is_found_again(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (base / "left" / "inside").mkdir(parents=True)
    [found] = leftovers()
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda directory, *, ignore_errors: None)
        with pytest.raises(LabError, match=f"{base / 'left'} cannot be removed"):
            clean(found)
    [again] = leftovers()
    assert again.directory == base / "left"
    assert clean(again) == [f"removed {base / 'left'}"]
