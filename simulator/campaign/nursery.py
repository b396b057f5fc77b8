"""The process in which a machine's cells are born: it forks one for each, ends those that take too long, and cleans up.

Run as `python -m simulator.campaign.nursery`. Each line of its input is an order, as JSON; each line of its output
tells what came of one. It has imported all that a rehearsal needs, so a cell's process is there in milliseconds; it has
no thread, so it may fork. When its input ends, it takes all labs down and ends.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import os
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn, Protocol

import simulator
from simulator.campaign.model import CampaignCell, Ending
from simulator.lab.interruption import end_with
from simulator.lab.state import LabState, clean, leftovers
from simulator.places.errors import LabError
from simulator.report.text import one_line

GRACE: Final = 10.0
"""Seconds that a cell has to take its lab down in, before it is killed (simulator)."""


class Play(Protocol):
    """Plays a cell: how it ended, why in one line, and what was seen. A report goes into `report`."""

    def __call__(self, cell: CampaignCell, report: Path, *, require: bool) -> tuple[Ending, str, str]: ...


_KEPT_OF_A_LOG: Final = 4000
"""Octets."""
_MOST_OF_A_LINE: Final = 300
"""Characters."""
_ROOM: Final = 1 << 20
"""Octets: a disk with less is full."""
_ROOT: Final = f"{Path(simulator.__file__).parent.parent}{os.sep}"
_RESULT, _LOG, _STACK, _REPORT, _STATE, _SCRATCH = "result.json", "log", "stack", "report", "s", "t"


@dataclass(slots=True)
class _Child:
    """A cell's process."""

    key: str
    pid: int
    fd: int
    """Of the process (pidfd_open): it can be read once the process has ended."""
    directory: Path
    keep: Path
    began: float
    """By `time.monotonic`."""
    started: float
    """Seconds since 1970."""
    until: float
    limit: float
    stopped: bool = False
    """It has been asked to end."""


class Nursery:
    """The cells of one machine."""

    def __init__(self, state: LabState, play: Play, grace: float = GRACE) -> None:
        """`play` plays a cell, in its process; `grace`: seconds that it has to take its lab down in."""
        self._state, self._play, self._grace = state, play, grace
        self._number = 0
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()
        self._input = b""
        self._output = b""

    def run(self) -> None:
        """Until the input ends."""
        for fd in (0, 1):  # who orders may write all orders before reading any answer
            os.set_blocking(fd, False)
        self._selector.register(0, selectors.EVENT_READ)
        while self._read():
            self._turn()
        self._selector.unregister(0)
        for child in self._children.values():
            self._stop(child)
        while self._children:
            self._turn(tell=False)

    def _read(self) -> bool:
        """Take the orders that are there; False at the end of the input."""
        while True:
            try:
                data = os.read(0, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, self._input = (self._input + data).split(b"\n")
            for line in lines:
                self._begin(json.loads(line))

    def _turn(self, *, tell: bool = True) -> None:
        now = time.monotonic()
        soonest = min((child.until for child in self._children.values()), default=now + 3600)
        for key, _ in self._selector.select(max(0.0, soonest - now)):
            if key.fd in self._children:
                self._over(self._children[key.fd], tell)
            elif key.fd == 1:
                self._write()
        for child in self._children.values():
            if time.monotonic() >= child.until:
                self._stop(child)

    def _begin(self, order: dict[str, Any]) -> None:
        self._number += 1
        directory = self._state.directory / str(self._number)
        now = time.monotonic()
        try:
            for name in ("", _STATE, _SCRATCH):
                (directory / name).mkdir(mode=0o700)
            pid, fd = self._born(order, directory)
        except OSError as error:
            shutil.rmtree(directory, ignore_errors=True)
            self._tell(order["key"], Ending.LAB, f"no process can be begun for it: {_words(error)}", began=time.time())
            return
        limit = float(order["limit"])
        child = _Child(order["key"], pid, fd, directory, Path(order["keep"]), now, time.time(), now + limit, limit)
        self._children[fd] = child
        self._selector.register(fd, selectors.EVENT_READ)

    def _born(self, order: dict[str, Any], directory: Path) -> tuple[int, int]:
        """A cell's process, and the descriptor that tells of its end. Raises OSError: there are too many."""
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _live(order, directory, parent, self._play)
        try:
            return pid, os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise

    def _stop(self, child: _Child) -> None:
        """First politely: its lab is taken down. Then not."""
        with contextlib.suppress(ProcessLookupError):
            if child.stopped:
                os.killpg(child.pid, signal.SIGKILL)
            else:
                os.kill(child.pid, signal.SIGUSR1)  # where Python is goes to `_STACK`
                os.kill(child.pid, signal.SIGTERM)
        child.stopped = True
        child.until = time.monotonic() + self._grace

    def _over(self, child: _Child, tell: bool) -> None:
        _, status = os.waitpid(child.pid, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # what it left behind in its group
        self._selector.unregister(child.fd)
        os.close(child.fd)
        del self._children[child.fd]
        seconds = time.monotonic() - child.began
        ending, text, detail = _told(child, status, seconds)
        removed = _remove_labs(child.directory / _STATE)
        report = child.directory / _REPORT
        kept = tell and not ending.fine and report.exists()
        if kept:
            try:
                child.keep.parent.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(child.keep, ignore_errors=True)
                shutil.move(report, child.keep)
                text, detail = (words.replace(str(report), str(child.keep)) for words in (text, detail))
            except OSError as error:
                kept, text = False, f"{text}; {not_kept(child.keep, error)}"
        shutil.rmtree(child.directory, ignore_errors=True)
        if tell:
            detail = "\n".join(filter(None, (detail, *removed)))
            self._tell(child.key, ending, text, detail=detail, seconds=seconds, began=child.started, kept=kept)

    def _tell(
        self,
        key: str,
        ending: Ending,
        text: str,
        *,
        began: float,
        detail: str = "",
        seconds: float = 0.0,
        kept: bool = False,
    ) -> None:
        told = {"key": key, "ending": ending.value, "text": text, "detail": detail, "seconds": seconds}
        self._output += json.dumps({**told, "began": began, "kept": kept}).encode() + b"\n"
        self._write()

    def _write(self) -> None:
        """Write the answers, as far as there is room for them; the rest when there is."""
        try:
            while self._output:
                self._output = self._output[os.write(1, self._output) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._output = b""
        waits = 1 in self._selector.get_map()
        if self._output and not waits:
            self._selector.register(1, selectors.EVENT_WRITE)
        elif waits and not self._output:
            self._selector.unregister(1)


def not_kept(directory: Path, error: Exception) -> str:
    """Why a report is not there."""
    return f"its report could not be kept in {directory.parent}: {_words(error)}"


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def _told(child: _Child, status: int, seconds: float) -> tuple[Ending, str, str]:
    """What the process said; of one that could not, how it ended and the end of its log."""
    log = _end_of(child.directory / _LOG)
    number = os.waitstatus_to_exitcode(status)
    how = f"was killed by {signal.Signals(-number).name}" if number < 0 else f"ended with exit status {number}"
    why = _last_words(log)
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = json.loads((child.directory / _RESULT).read_text(encoding="utf-8"))
    if child.stopped:
        where = str(found.get("why", "")) or "where it was is not known"
        text = f"it was not over after {child.limit:g} s (--time-limit): {where}"
        ended = f"its process did not end by itself, and {how} after {seconds:.0f} s" if not found else ""
        return Ending.OVERDUE, text, "\n".join(filter(None, (ended, log, _end_of(child.directory / _STACK))))
    with contextlib.suppress(ValueError, KeyError):
        if found["ending"] is not None:
            return Ending(found["ending"]), str(found["text"]), str(found["detail"])
        how, why = str(found["how"]), str(found["why"])
    if _is_full(child.directory):
        why = f"{child.directory.parent} is full"
    return Ending.CRASHED, ": ".join(filter(None, (f"after {seconds:.1f} s its process {how}", why))), log


def _last_words(log: str) -> str:
    """What a process said last, in one line. Of one that Python ended it is the error, and not where it was."""
    lines = [line.strip() for line in log.splitlines() if line[:1].strip()]
    fatal = [line for line in lines if line.startswith("Fatal Python error: ")]
    return one_line((fatal or lines or [""])[-1], _MOST_OF_A_LINE)


def _is_full(directory: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(directory).free < _ROOM
    return False


def _end_of(log: Path) -> str:
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _KEPT_OF_A_LOG))
        return file.read().decode(errors="replace").strip()
    return ""


def _remove_labs(state: Path) -> list[str]:
    """Take down what a killed cell left behind; what was done."""
    with contextlib.suppress(LabError, OSError):
        return [line for each in leftovers(state) for line in clean(each) if line.startswith("killed")]
    return []


# --- in the cell's process ---

_interrupted = False


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Once: what takes the lab down is not to be interrupted again."""
    global _interrupted
    if not _interrupted:
        _interrupted = True
        raise KeyboardInterrupt(signal.Signals(number).name)


def _live(order: dict[str, Any], directory: Path, parent: int, play: Play) -> NoReturn:
    """The whole life of a cell's process."""
    status = 1
    try:
        _settle_in(directory, parent)
        cell = CampaignCell.of(order["cell"])
        ending, text, detail = play(cell, directory / _REPORT, require=order["require"])
        _say(directory, ending=ending.value, text=text, detail=detail)
        status = 0
    except BaseException as error:
        _say_why(directory, error)
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _say(directory: Path, **words: str | None) -> None:
    fresh = directory / f".{_RESULT}"
    fresh.write_text(json.dumps(words), encoding="utf-8")
    fresh.rename(directory / _RESULT)  # whole, or not there


def _say_why(directory: Path, error: BaseException) -> None:
    """What nobody thought of: which error, and where; or which signal interrupted it."""
    with contextlib.suppress(BaseException):
        if isinstance(error, KeyboardInterrupt) and error.args:
            name, *where = error.args
            _say(directory, ending=None, how=f"was interrupted by {name}", why=", ".join(where) or _place_of(error))
        else:
            traceback.print_exception(error)
            _say(directory, ending=None, how="ended with an error", why=_words_of(error))


def _words_of(error: BaseException) -> str:
    """`RuntimeError: dictionary changed size during iteration (simulator/rib/adj_in.py, line 149)`."""
    what = one_line("".join(traceback.format_exception_only(error)), _MOST_OF_A_LINE)
    where = _place_of(error)
    return f"{what} ({where})" if where else what


def _place_of(error: BaseException) -> str:
    """Where it was raised, or where a signal came: the last line of ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name != _interrupt.__name__]
    ours = [frame for frame in frames if frame.filename.startswith(_ROOT)] or frames
    return f"{ours[-1].filename.removeprefix(_ROOT)}, line {ours[-1].lineno}" if ours else ""


def _settle_in(directory: Path, parent: int) -> None:
    """A session, a state directory and a log of its own; the end of the nursery is its end too."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    end_with(parent)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the nursery's: there may be none left to open
    log = os.open(directory / _LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(fd, target)
    for fd in (nothing, log):
        os.close(fd)
    faulthandler.enable(2)
    stack = os.open(directory / _STACK, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    faulthandler.register(signal.SIGUSR1, stack, all_threads=True)
    os.environ |= {"TURNUP_STATE_DIR": str(directory / _STATE), "TMPDIR": str(directory / _SCRATCH)}
    tempfile.tempdir = None


def main(play: Play, grace: float = GRACE) -> int:
    """Returns the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for who reads what we write
    try:
        state = LabState.create("c")  # paths of sockets are short
    except LabError as error:
        sys.stdout.write(json.dumps({"problem": str(error)}) + "\n")
        return 3
    gc.freeze()
    try:
        Nursery(state, play, grace).run()
    finally:
        state.remove()
    return 0


if __name__ == "__main__":
    from simulator.campaign.playing import play_cell

    sys.exit(main(play_cell))
