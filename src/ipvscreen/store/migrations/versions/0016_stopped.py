"""When a referral was stopped although the service had it, and when the service has heard that."""

import sqlalchemy as sa
from alembic import op

from ipvscreen.store.migrations.emptied import refuse_where

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add both moments."""
    op.add_column("referrals", sa.Column("stopped_at", sa.DateTime(timezone=True)))
    op.add_column("referrals", sa.Column("told_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Take them away where no service was told, or is to be told, that something is not wanted any more."""
    stopped = "SELECT 1 FROM referrals WHERE stopped_at IS NOT NULL"
    refuse_where(stopped, "a referral was stopped after the service had it")
    op.drop_column("referrals", "told_at")
    op.drop_column("referrals", "stopped_at")
