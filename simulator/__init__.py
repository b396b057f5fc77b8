"""turnup: rehearse the turn-up of BGP sessions with AS8075 before the maintenance window."""

from simulator import compiled

__version__ = "0.2.0"

compiled.install()
