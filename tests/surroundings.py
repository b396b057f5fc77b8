"""What of the caller's environment the tests hear: what steers the tests, and no option of a command that they run."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

REQUIRE: Final = "TURNUP_REQUIRE_ROUTERS"
"""Set to 1 where everything must be there (CI): what would be skipped then fails."""
_REQUIRED: Final = "TESTS_REQUIRE_ROUTERS"
"""The same for the tests alone: to `turnup test` and `turnup campaign` REQUIRE is an option, which no test means."""
STEERING: Final = frozenset(
    f"TURNUP_{word}"
    for word in (
        *("CODE", "STATE_DIR", "USERNS"),
        *("EXAMPLES", "FUZZ_SECONDS", "SCHEMATHESIS", "SCREENSHOTS", "STATEFUL", "UPDATE_GOLDEN", "DOCUMENTS"),
    )
)
_STRANGERS: Final = frozenset({"GITHUB_STEP_SUMMARY"})
"""What a command reads that is not called after turnup."""


_BYTECODE: Final = "PYTHONDONTWRITEBYTECODE"
"""Images have it set. The tests start hundreds of commands, and each would compile all that it imports."""


def settle(environment: MutableMapping[str, str]) -> None:
    """Take every option of a command out of an environment; what REQUIRE says stays for `required`."""
    environment.pop(_BYTECODE, None)
    if REQUIRE in environment:
        environment[_REQUIRED] = environment[REQUIRE]
    for name in list(environment):
        if name in _STRANGERS or (name.startswith("TURNUP_") and name not in STEERING):
            del environment[name]


def required(environment: MutableMapping[str, str]) -> bool:
    """Whether a test fails where what it needs is missing."""
    return environment.get(_REQUIRED) == "1"
