"""The table of alerts: what waits, who has been told of it, and that it was seen to."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from ipvscreen.store.tables import Utc, metadata

# One row for each thing that waits: whichever process is first has put it there.
alerts = Table(
    "alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("visit_id", String(64), ForeignKey("visits.id"), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("about", String(64), nullable=False),  # the referral, the visit or the follow-up
    Column("since", Utc, nullable=False),
    Column("raised_at", Utc, nullable=False),
    Column("shown_at", Utc),  # on a list, to somebody of the role
    Column("ended_at", Utc),  # seen to, or it does not wait any more
    Column("seen_to_at", Utc),  # by somebody of the role
    Column("due", Utc, nullable=False),  # its notice: when it is to be sent, or tried again
    Column("attempts", Integer, nullable=False),
    Column("lease", String(64)),
    Column("sent_at", Utc),  # a mail server has taken the notice
    Column("urgent", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("cause", "about", "since", name="uq_alerts_cause_about_since"),
    Index(None, "visit_id"),
    Index(None, "ehr", "ended_at"),
)
