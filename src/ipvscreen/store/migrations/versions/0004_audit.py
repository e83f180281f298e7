"""The audit log, its sealed counts and its keys."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_WORDS = "the log is only appended to"
_REFUSE = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit"
        f" BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
        for what in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = '{_WORDS}'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()",
    ],
}
_TEXTS = {"at": 32, "act": 32, "ehr": 64, "user_index": 64}


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    """Add them; the rows of the log can neither be changed nor deleted."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, nullable=False),
        _text("chain", 64),
        sa.Column("number", sa.Integer, nullable=False),
        *(_text(name, length) for name, length in _TEXTS.items()),
        sa.Column("body", sa.Text, nullable=False),
        _text("key", 255),
        _text("previous", 64),
        _text("mac", 64),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sa.UniqueConstraint("chain", "number", name="uq_audit_chain_number"),
    )
    op.create_index("ix_audit_user_index", "audit", ["user_index"])
    for name, length, sealed in (("audit_heads", 64, "head"), ("audit_keys", 255, "secret")):
        op.create_table(
            name,
            _text("id", length),
            sa.Column(sealed, sa.LargeBinary, nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        )
    for statement in _REFUSE[op.get_context().dialect.name]:
        op.execute(statement)
