"""What waits and has to be heard of, and the notices about it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    """Add the table."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("visit_id", sa.String(64), nullable=False),
        sa.Column("ehr", sa.String(64), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("about", sa.String(64), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("raised_at", moment, nullable=False),
        sa.Column("shown_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("seen_to_at", moment, nullable=True),
        sa.Column("due", moment, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease", sa.String(64), nullable=True),
        sa.Column("sent_at", moment, nullable=True),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_alerts_visit_id_visits"),
        sa.UniqueConstraint("cause", "about", "since", name="uq_alerts_cause_about_since"),
    )
    op.create_index("ix_alerts_visit_id", "alerts", ["visit_id"])
    op.create_index("ix_alerts_ehr_ended_at", "alerts", ["ehr", "ended_at"])


def downgrade() -> None:
    """Take it away: what waits is worked out anew, and told anew, when the table is there again."""
    op.drop_table("alerts")
