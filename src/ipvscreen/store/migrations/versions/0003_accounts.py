"""What a patient says of own conduct, apart from everything else."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("visit_id", sa.String(64), nullable=False),
        sa.Column("whose_index", sa.String(64), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_accounts_visit_id_visits"),
        sa.UniqueConstraint("visit_id", name="uq_accounts_visit_id"),
    )
    op.create_index("ix_accounts_whose_index", "accounts", ["whose_index"])
