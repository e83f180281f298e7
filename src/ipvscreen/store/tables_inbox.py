"""The tables of those who sign in here: organisations, members, keys, invitations, sessions, proposals."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table

from ipvscreen.store.tables import Utc, metadata


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _sealed(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _member_id() -> Column[str]:
    return Column("member_id", String(64), ForeignKey("members.id"), nullable=False)


organisations = Table(
    "organisations",
    metadata,
    _id(),
    Column("name_index", String(64), nullable=False, unique=True),  # blind index: a name comes once
    _sealed("body"),
)

members = Table(
    "members",
    metadata,
    _id(),
    Column("organisation_id", String(64), ForeignKey("organisations.id")),  # NULL: a steward
    Column("role", String(16), nullable=False),
    Column("ended_at", Utc),
    _sealed("body"),
    Index(None, "organisation_id"),
)

passkeys = Table(
    "passkeys",
    metadata,
    _id(),  # SHA-256 of the credential id, which is random
    _member_id(),
    Column("made_at", Utc, nullable=False),
    Column("ended_at", Utc),
    _sealed("body"),
    Index(None, "member_id"),
)

invitations = Table(
    "invitations",
    metadata,
    _id(),  # SHA-256 of the code
    _member_id(),
    Column("expires_at", Utc, nullable=False),
    _sealed("body"),
    Index(None, "member_id"),
)

sessions = Table(
    "sessions",
    metadata,
    _id(),  # SHA-256 of the cookie
    _member_id(),
    Column("opened_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    _sealed("body"),
    Index(None, "member_id"),
)

proposals = Table(
    "proposals",
    metadata,
    _id(),
    Column("proposed_at", Utc, nullable=False),
    _sealed("body"),
)

# The links of notices that say that something waits at an organisation.
links = Table(
    "links",
    metadata,
    _id(),  # SHA-256 of the code
    Column("organisation_id", String(64), ForeignKey("organisations.id"), nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("taken_up_at", Utc),
    Index(None, "organisation_id"),
)

# What could be used once and was: the forms and challenges of these pages.
spent = Table("spent", metadata, _id(), Column("expires_at", Utc, nullable=False))
