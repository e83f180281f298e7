"""What a service has of a referral, and what was done with it; a step stays where it was put."""

import sqlalchemy as sa
from alembic import op

from ipvscreen.store.migrations.emptied import drop_empty

revision = "0011"
down_revision = "0010"

# Its seal may be renewed (`keys reseal`), and it goes with its case; nothing else of it changes.
_WORDS = "a step stays as it was put there"
_PLACES = "id, case_id, number, at"
_REFUSE = {
    "sqlite": [
        f"CREATE TRIGGER case_events_stay BEFORE UPDATE OF {_PLACES} ON case_events"
        f" BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION case_events_stay() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = '{_WORDS}'; END $$",
        f"CREATE TRIGGER case_events_stay BEFORE UPDATE OF {_PLACES} ON case_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION case_events_stay()",
    ],
}


def upgrade() -> None:
    """Add both tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "cases",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("referral_id", sa.String(64), nullable=False),
        sa.Column("service_index", sa.String(64), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("mirrored", sa.Integer, nullable=False),
        sa.Column("taken_in_at", moment, nullable=False),
        sa.Column("closed_at", moment, nullable=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("whom", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name="fk_cases_referral_id_referrals"),
        sa.UniqueConstraint("referral_id", name="uq_cases_referral_id"),
    )
    op.create_index("ix_cases_service_index_state", "cases", ["service_index", "state"])
    op.create_table(
        "case_events",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case_events"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_events_case_id_cases"),
        sa.UniqueConstraint("case_id", "number", name="uq_case_events_case_id_number"),
    )
    for statement in _REFUSE[op.get_context().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Take both away where they are empty."""
    drop_empty("case_events", "cases")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION case_events_stay()")
