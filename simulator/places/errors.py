"""What fails of the lab itself."""

from __future__ import annotations


class LabError(Exception):
    """The lab itself failed: no privilege, a missing daemon, a port in use. One line: what, where, what to do."""
