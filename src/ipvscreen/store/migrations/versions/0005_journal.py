"""The journal of what is to be written into a record."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "journal",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("visit_id", sa.String(64), nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("lease", sa.String(64), nullable=True),
        sa.Column("due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entries", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_journal_visit_id_visits"),
    )
    op.create_index("ix_journal_visit_id", "journal", ["visit_id"])
    op.create_index("ix_journal_open_due", "journal", ["open", "due"])
