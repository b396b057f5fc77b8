"""The permission to change MD5 keys and limits becomes two: limits may be changed at any time by default."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SETTINGS = sa.table("settings", sa.column("key", sa.String), sa.column("value", sa.JSON))


def upgrade() -> None:
    connection = op.get_bind()
    kept = connection.scalar(sa.select(_SETTINGS.c.value).where(_SETTINGS.c.key == "settings"))
    if kept is None or "allow_md5_and_max_prefix_updates" not in kept:
        return
    allowed = kept.pop("allow_md5_and_max_prefix_updates")
    connection.execute(
        _SETTINGS.update().where(_SETTINGS.c.key == "settings").values(value={**kept, "allow_md5_updates": allowed})
    )
