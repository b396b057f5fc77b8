"""Wakes ExaBGP up as a silent library: no environment file, no log, no debugger, no cache shared between sessions.

Every module here that imports `exabgp` imports this one too; ExaBGP reads no setting before it is used.
"""

from __future__ import annotations


def _initialise() -> None:
    from exabgp.environment import base

    # Read while its settings load; the file next to somebody's ExaBGP daemon is not meant for us.
    base.ENVFILE = ""
    from exabgp.environment import getenv
    from exabgp.logger import log

    settings = getenv()
    # Variables such as exabgp.debug.configuration would start pdb on a syntax error.
    settings.debug.configuration = False
    settings.log.enable = False
    # Decoded attributes are cached by their bytes, which mean different things with and without four-octet ASNs.
    settings.cache.attributes = False
    # A logger that was never set up is None, and the first debug line would raise.
    log.disable()


_initialise()
