"""Whose inbox took a case in, and the links of the notices that say that something waits there."""

import sqlalchemy as sa
from alembic import op

from ipvscreen.store.migrations.emptied import refuse_where

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column and the table; a case that is there already is in nobody's inbox."""
    op.add_column("cases", sa.Column("organisation_id", sa.String(64), nullable=True))
    op.create_index("ix_cases_organisation_id_state", "cases", ["organisation_id", "state"])
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "links",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("organisation_id", sa.String(64), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("taken_up_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_links_organisation_id_organisations"
        ),
    )
    op.create_index("ix_links_organisation_id", "links", ["organisation_id"])


def downgrade() -> None:
    """Take both away where no case is in an inbox here; links end by themselves."""
    held = "SELECT 1 FROM cases WHERE organisation_id IS NOT NULL"
    refuse_where(held, "a case is in an inbox here")
    op.drop_table("links")
    op.drop_index("ix_cases_organisation_id_state", "cases")
    op.drop_column("cases", "organisation_id")
