"""A key for each person, which backups do not hold; names of keys that are gone; who purges when."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "person_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("person_index", sa.String(64), nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person_keys"),
    )
    op.create_index("ix_person_keys_person_index", "person_keys", ["person_index"])
    op.create_table(
        "forgotten",
        sa.Column("id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_forgotten"),
    )
    op.create_table(
        "chores",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chores"),
    )
    op.execute("INSERT INTO chores (id, due) VALUES ('purge', '2000-01-01 00:00:00.000000')")
