"""pytest as a user of it runs it in a project of his own: none of this project's settings are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def users_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder, which may have a pytest.ini."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=150)
