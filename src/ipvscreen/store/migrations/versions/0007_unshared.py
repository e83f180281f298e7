"""What a record system's own log is still to be told of ours."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "unshared",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("visit", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("fate", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_unshared"),
    )
    op.create_index("ix_unshared_visit", "unshared", ["visit"])
