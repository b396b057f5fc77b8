"""Where `turnup` starts and ends: signals, output that nobody takes, and the exit code. Imports nothing slow."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn, TextIO, cast

from simulator.cli.exit_codes import INTERRUPTED, LAB, USAGE, fail, warn
from simulator.cli.output import OutputStream
from simulator.compiled import CompiledCodeError
from simulator.ending_signals import ending_signals


def main() -> None:
    """The console script."""
    for number in ending_signals():
        signal.signal(number, _interrupt)
    # Looking for plug-ins takes longer than reading a topology.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _open_what_is_closed()
    sys.stdout = cast(TextIO, OutputStream(sys.stdout, "standard output"))
    sys.stderr = cast(TextIO, OutputStream(sys.stderr, "standard error"))
    try:
        from simulator.cli.app import app

        app(prog_name="turnup")
    except KeyboardInterrupt:
        warn("interrupted")
        raise SystemExit(INTERRUPTED) from None
    except CompiledCodeError as error:
        fail(USAGE, str(error))
    except Exception as error:
        errors = sys.modules.get("simulator.places.errors")  # who raised its LabError has imported it
        if errors is None or not isinstance(error, errors.LabError):
            raise
        fail(LAB, str(error))
    finally:
        # Here what cannot be written has an exit code; the interpreter would only grumble.
        sys.stdout.flush()
        sys.stderr.flush()


def _open_what_is_closed() -> None:
    """Nobody wants what goes to a stream that is closed (`>&-`); it must not go into the next file that is opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: the stream's own
            os.set_inheritable(nowhere, True)
            setattr(sys, name, os.fdopen(nowhere, mode))


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
