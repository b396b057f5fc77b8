"""What a helper with many sessions needs of the kernel."""

from __future__ import annotations

import resource


def open_files() -> None:
    """As many as this process may have: each session is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
