"""A Ray cluster of two machines on 127.0.0.1: two raylets, each a machine to Ray. No dashboard, no statistics."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # 127.0.0.1 is 127.0.0.1
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_CLIENT_MODE": "0",
}
_ONE = {"include_dashboard": False, "node_ip_address": "127.0.0.1", "object_store_memory": 80 << 20}


@contextmanager
def two_machines(cpus: int = 1) -> Iterator[tuple[str, Any, Any]]:
    """The cluster's address, the cluster, and its second machine."""
    os.environ.update(QUIET)
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": cpus, **_ONE})
    try:
        yield cluster.address, cluster, cluster.add_node(num_cpus=cpus, **_ONE)
    finally:
        cluster.shutdown()


def main() -> int:
    """`python -m tests.campaign.cluster CAMPAIGN-OPTIONS…`: a campaign on such a cluster, for CI and for a hand."""
    with two_machines() as (address, _, _):
        command = [sys.executable, "-m", "simulator", "campaign", *sys.argv[1:], "--on", address]
        return subprocess.run(command, cwd=Path.cwd(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
