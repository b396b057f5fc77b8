"""Which signals end what runs: one rule for the whole command line. Imports nothing slow."""

from __future__ import annotations

import signal
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ending_signals() -> tuple[signal.Signals, ...]:
    """SIGINT always; SIGTERM and SIGHUP unless who started the process has it ignore them, as `nohup` does.

    A shell without job control has each command that ends in `&` ignore SIGINT. Who sends one nevertheless, by the
    process's number or as Ctrl-C to the script, wants it to end and its lab to be taken down (simulator).
    Ask before a handler is installed: afterwards nothing is ignored any more.
    """
    return tuple(
        number for number in _ENDING if number is signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
    )
