"""A nursery whose cells do as their names say, without any lab: `crash`, `hang`, `deaf`, `flaky`, `raise`, …"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from simulator.campaign import nursery
from simulator.campaign.model import CampaignCell, Ending
from simulator.lab.interruption import run_to_its_end
from simulator.lab.state import LabState


def play_cell(cell: CampaignCell, report: Path, *, require: bool) -> tuple[Ending, str, str]:
    """As `simulator.campaign.playing` has it; `cell.file` is a directory in which each attempt leaves a file."""
    before = len(list(Path(cell.file).glob(f"{cell.name}-*")))
    Path(cell.file, f"{cell.name}-{os.getpid()}").touch()
    match cell.name:
        case "crash":
            os.write(2, b"the last words\n")
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            signal.pause()
        case "after":
            while not list(Path(cell.file).glob("hang-*")):
                time.sleep(0.01)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            while True:
                time.sleep(1)
        case "leave":  # a killed lab's child, which only its state directory tells of
            state = LabState.create("left")
            child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
            state.record_child(child.pid, "a router")
            Path(cell.file, "child").write_text(str(child.pid))
            os.kill(os.getpid(), signal.SIGKILL)
        case "orphan" if not before:
            os.kill(os.getppid(), signal.SIGKILL)
            signal.pause()
        case "orphans":
            os.kill(os.getppid(), signal.SIGKILL)
            signal.pause()
        case "loud":
            return Ending.FAILED, "loud", "much " * 4000
        case "raise":
            raise ValueError("something nobody thought of\nand more of it")
        case "terminated":
            os.kill(os.getpid(), signal.SIGTERM)
        case "rehearsing":
            run_to_its_end(_hears(signal.SIGHUP))
        case "cancelled":
            run_to_its_end(_cancels_itself())
        case "exits":
            os.write(2, b"  \nthe last words\n")
            os._exit(7)
        case "flaky" if before % 2:
            report.mkdir()
            (report / "report.html").touch()
            return Ending.FAILED, "not this time", "what was seen"
    return Ending.PASSED, "", ""


async def _hears(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise asyncio.CancelledError("at the second step") from None


async def _cancels_itself() -> None:
    """As a rehearsal would that waits for somebody else's task."""
    await asyncio.gather(asyncio.get_running_loop().create_task(_hears_nothing()))


async def _hears_nothing() -> None:
    raise asyncio.CancelledError


if __name__ == "__main__":
    if len(sys.argv) > 1:  # so many files may be open, as with many cells at once
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
    sys.exit(nursery.main(play_cell, 0.3))
