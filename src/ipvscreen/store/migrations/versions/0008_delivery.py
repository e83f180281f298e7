"""Of each message its recipient, by a blind index, and its place among those of its referral."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_PLACES = """
UPDATE outbox SET number = (
    SELECT count(*) FROM outbox AS other
    WHERE other.referral_id = outbox.referral_id
    AND (other.queued_at < outbox.queued_at OR (other.queued_at = outbox.queued_at AND other.id <= outbox.id))
)
"""


def upgrade() -> None:
    """Add both; whose a message is that was put there before is looked up by who sends."""
    op.add_column("outbox", sa.Column("recipient", sa.String(64), nullable=True))
    op.add_column("outbox", sa.Column("number", sa.Integer, nullable=False, server_default="1"))
    op.execute(_PLACES)
    op.create_index("uq_outbox_referral_id_number", "outbox", ["referral_id", "number"], unique=True)
    op.create_index("ix_outbox_lease", "outbox", ["lease"])


def downgrade() -> None:
    """Take both away; every message stays. The version before knows no lapsed referral, and sends none."""
    op.execute("UPDATE referrals SET state = 'cancelled' WHERE state = 'lapsed'")
    op.drop_index("ix_outbox_lease", "outbox")
    op.drop_index("uq_outbox_referral_id_number", "outbox")
    op.drop_column("outbox", "number")
    op.drop_column("outbox", "recipient")
