"""What was missing in the directory, counted without a name, and what is planned for children."""

import sqlalchemy as sa
from alembic import op

from ipvscreen.store.migrations.emptied import drop_empty, refuse_where

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "gaps",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("child", sa.Boolean, nullable=False),
        sa.Column("kinds", sa.String(200), nullable=False),
        sa.Column("excluded_by", sa.String(300), nullable=False),
        sa.Column("area", sa.String(64), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("month", "child", "kinds", "excluded_by", "area", name="pk_gaps"),
    )
    op.create_table(
        "child_plans",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("visit_id", sa.String(64), nullable=False),
        sa.Column("review", sa.Date, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_child_plans"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_child_plans_visit_id_visits"),
    )
    op.create_index("ix_child_plans_visit_id", "child_plans", ["visit_id"])


def downgrade() -> None:
    """Take both away where they are empty, and nobody has referred by hand."""
    by_hand = "SELECT 1 FROM referrals WHERE state IN ('unsent', 'sent')"
    refuse_where(by_hand, "a referral waits to be brought, or was, by hand")
    drop_empty("child_plans", "gaps")
