"""Grants, stopped visits, sittings and signing keys."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Add them. A launch under way does not know what it asked for, and is begun again."""
    op.execute("DELETE FROM launches")
    stopped = sa.Column("stopped", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("visits", stopped)
    op.add_column("visits", _moment("refresh_until", nullable=True))
    op.create_table(
        "sittings",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("ehr", sa.String(64), nullable=False),
        _moment("opened_at"),
        _moment("expires_at"),
        sa.Column("context", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sittings"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("alg", sa.String(16), nullable=False),
        _moment("signs_from"),
        _moment("published_until", nullable=True),
        sa.Column("jwk", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
