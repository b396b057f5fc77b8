"""How many examples a property test draws: all of them in `make test`, a share before a commit (`make check`)."""

from __future__ import annotations

import os
from typing import Final

_SHARE: Final = float(os.environ.get("TURNUP_EXAMPLES", "1"))
_LEAST: Final = 10


def examples(count: int) -> int:
    """That many, or the share of them that `TURNUP_EXAMPLES` asks for (0.2: a fifth), but never fewer than ten."""
    return max(min(count, _LEAST), round(count * _SHARE))
