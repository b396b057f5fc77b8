"""Makes ExaBGP a silent library: it reads no environment file and logs nothing.

Every module here that imports `exabgp` imports this one too; ExaBGP reads no setting before it is used.
"""

from __future__ import annotations

from exabgp.environment import base, getenv
from exabgp.logger import log

# The file of somebody's ExaBGP daemon is not meant for us.
base.ENVFILE = ""
# Now, because a bad exabgp.* variable would otherwise surface as a syntax error in the first route.
getenv()
# A logger that was never set up is None, and the first debug line would raise.
log.disable()
