"""First tables: launches, visits, services, referrals, outbox, follow-ups."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int = 64, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _sealed(*names: str) -> tuple[sa.Column[bytes], ...]:
    return tuple(sa.Column(name, sa.LargeBinary, nullable=False) for name in names)


def upgrade() -> None:
    """Make them."""
    _people()
    _sending()


def _people() -> None:
    op.create_table(
        "launches",
        _text("id"),
        _text("browser"),
        _moment("created_at"),
        *_sealed("handshake"),
        sa.PrimaryKeyConstraint("id", name="pk_launches"),
    )
    op.create_table(
        "visits",
        _text("id"),
        sa.Column("version", sa.Integer, nullable=False),
        _text("ehr"),
        _text("user_index", nullable=True),
        _text("state", 16),
        sa.Column("held", sa.Boolean, nullable=False),
        _moment("opened_at"),
        _moment("expires_at"),
        *_sealed("token", "context", "person", "plan", "draft", "written", "referred_in_record"),
        sa.PrimaryKeyConstraint("id", name="pk_visits"),
    )
    op.create_index("ix_visits_ehr_user_index", "visits", ["ehr", "user_index"])
    op.create_table(
        "followups",
        _text("id"),
        _text("visit_id"),
        sa.Column("due", sa.Date, nullable=False),
        *_sealed("text"),
        sa.PrimaryKeyConstraint("id", name="pk_followups"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_followups_visit_id"),
        sa.UniqueConstraint("visit_id", name="uq_followups_visit_id"),
    )


def _sending() -> None:
    op.create_table(
        "services",
        _text("id"),
        sa.Column("position", sa.Integer, nullable=False),
        *_sealed("body"),
        sa.PrimaryKeyConstraint("id", name="pk_services"),
    )
    op.create_table(
        "referrals",
        _text("id"),
        _text("visit_id"),
        _text("state", 16),
        _moment("queued_at"),
        _moment("reply_by"),
        _moment("received_at", nullable=True),
        *_sealed("details", "outcome"),
        sa.PrimaryKeyConstraint("id", name="pk_referrals"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_referrals_visit_id"),
    )
    op.create_index("ix_referrals_visit_id", "referrals", ["visit_id"])
    op.create_table(
        "outbox",
        _text("id"),
        _text("referral_id"),
        _text("key"),
        _text("status", 16),
        _moment("due"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _text("lease", nullable=True),
        _moment("queued_at"),
        *_sealed("message"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name="fk_outbox_referral_id"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_status_due", "outbox", ["status", "due"])
