"""The program by which a person asks a running router."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulator.places.process import Program


@dataclass(frozen=True, slots=True)
class RouterConsole:
    """birdc, vtysh and their like."""

    program: Program
    options: tuple[str, ...]
    """What has it ask one router, and none of the host's; `{}` stands for the router's directory."""
    is_dialogue: bool
    """Without a command it talks with a person; else it answers one command."""

    @property
    def name(self) -> str:
        """As people call it."""
        return Path(self.program.path).name

    def options_for(self, directory: str) -> list[str]:
        """Its options for the router of a directory."""
        return [option.replace("{}", directory) for option in self.options]
