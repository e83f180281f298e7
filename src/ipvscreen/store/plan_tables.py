"""The tables of what was missing in the directory, and of what is planned for children."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Integer, LargeBinary, String, Table

from ipvscreen.store.tables import metadata

# Of nobody: no visit, no day, no name. A row says how often the same was missing in one month.
gaps = Table(
    "gaps",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("child", Boolean, primary_key=True),
    Column("kinds", String(200), primary_key=True),
    Column("excluded_by", String(300), primary_key=True),
    Column("area", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
)

# Of each child that was spoken of in a visit: who keeps it, what is done meanwhile, and when it is looked at.
child_plans = Table(
    "child_plans",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("visit_id", String(64), ForeignKey("visits.id"), nullable=False, index=True),
    Column("review", Date, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
