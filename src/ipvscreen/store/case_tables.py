"""The tables of what a service has of a referral, and of what was done with it."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from ipvscreen.store.tables import Utc, metadata


def _sealed(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


# What a service has of a referral; what tells whose it is stands in `whom`, apart from what was done.
cases = Table(
    "cases",
    metadata,
    Column("id", String(64), primary_key=True),  # the referral's key, and that of its message
    Column("referral_id", String(64), ForeignKey("referrals.id"), nullable=False, unique=True),
    Column("service_index", String(64), nullable=False),  # blind index of the service
    Column("state", String(32), nullable=False),
    Column("mirrored", Integer, nullable=False),  # so many of its steps are told in the record
    Column("taken_in_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Column("organisation_id", String(64)),  # whose inbox here took it in; NULL: nobody's
    _sealed("body"),
    _sealed("whom"),
    Index(None, "service_index", "state"),
    Index(None, "organisation_id", "state"),
)

# Only added to: what places a step cannot be changed, and its content opens in its own row alone.
case_events = Table(
    "case_events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("case_id", String(64), ForeignKey("cases.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Utc, nullable=False),
    _sealed("body"),
    UniqueConstraint("case_id", "number", name="uq_case_events_case_id_number"),
)
