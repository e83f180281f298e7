"""The tables. What is looked up stands plain; whatever tells of a person is sealed (`LargeBinary`)."""

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator


class Utc(TypeDecorator[datetime]):
    """A moment: aware in, aware UTC out, also where the database keeps no zone (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """In UTC; ValueError for a naive time, whose moment would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  as above
        """Aware, in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _sealed(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _visit_id(*, unique: bool = False) -> Column[str]:
    return Column("visit_id", String(64), ForeignKey("visits.id"), nullable=False, unique=unique)


launches = Table(
    "launches",
    metadata,
    _id(),  # SHA-256 of the state, which itself is a secret while the launch lasts
    Column("browser", String(64), nullable=False),
    Column("created_at", Utc, nullable=False),
    _sealed("handshake"),
)

visits = Table(
    "visits",
    metadata,
    _id(),
    Column("version", Integer, nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("user_index", String(64)),  # blind index; NULL where the clinician is unknown
    Column("state", String(16), nullable=False),
    Column("held", Boolean, nullable=False),
    Column("stopped", Boolean, nullable=False, server_default=false()),
    Column("refresh_until", Utc),  # who refreshes the token has until then to do it
    Column("opened_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    _sealed("token"),
    _sealed("context"),
    _sealed("person"),
    _sealed("plan"),
    _sealed("draft"),
    _sealed("written"),
    _sealed("referred_in_record"),
    Index(None, "ehr", "user_index"),
)

sittings = Table(
    "sittings",
    metadata,
    _id(),
    Column("ehr", String(64), nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    _sealed("context"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    _id(),  # the kid, which everybody may read in our JWKS
    Column("alg", String(16), nullable=False),
    Column("signs_from", Utc, nullable=False),
    Column("published_until", Utc),
    _sealed("jwk"),
)

# Sealed for its integrity: whoever can write to the file must not be able to redirect referrals.
services = Table(
    "services",
    metadata,
    _id(),
    Column("position", Integer, nullable=False),
    _sealed("body"),
)

referrals = Table(
    "referrals",
    metadata,
    _id(),
    _visit_id(),
    Column("state", String(16), nullable=False),
    Column("queued_at", Utc, nullable=False),
    Column("reply_by", Utc, nullable=False),
    Column("received_at", Utc),
    Column("stopped_at", Utc),  # when it was stopped although the service had it
    Column("told_at", Utc),  # and when the service's system has heard that
    _sealed("details"),
    _sealed("outcome"),
    Index(None, "visit_id"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("referral_id", String(64), ForeignKey("referrals.id"), nullable=False),
    Column("key", String(64), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("due", Utc, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease", String(64)),
    Column("queued_at", Utc, nullable=False),
    Column("recipient", String(64)),  # blind index of the endpoint; NULL of an earlier version
    Column("number", Integer, nullable=False, server_default=text("1")),  # its place in the referral
    _sealed("message"),
    Index(None, "status", "due"),
    Index(None, "lease"),
    Index("uq_outbox_referral_id_number", "referral_id", "number", unique=True),
)

# What is to be written into a record, whole, before the first of it is sent; gone once it stands there.
journal = Table(
    "journal",
    metadata,
    _id(),
    _visit_id(),
    Column("open", Boolean, nullable=False),  # what became of it has not been told yet
    Column("lease", String(64)),
    Column("due", Utc),  # the lease's end; NULL: nobody goes on with it unaided
    _sealed("entries"),
    Index(None, "visit_id"),
    Index(None, "open", "due"),
)

followups = Table(
    "followups",
    metadata,
    _id(),
    _visit_id(unique=True),
    Column("due", Date, nullable=False),
    _sealed("text"),
)

# Own conduct, in a table of its own: no query of a visit, a referral or a list ever meets it.
accounts = Table(
    "accounts",
    metadata,
    _id(),
    _visit_id(unique=True),
    Column("whose_index", String(64), nullable=False),  # blind index of clinician and patient
    Column("kept_at", Utc, nullable=False),
    _sealed("body"),
    Index(None, "whose_index"),
)

# Only appended to. All text: what reads it again must see it as it lies there, or a change would be smoothed.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("chain", String(64), nullable=False),  # the visit; no foreign key, for the log outlives it
    Column("number", Integer, nullable=False),
    Column("at", String(32), nullable=False),
    Column("act", String(32), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("user_index", String(64), nullable=False),
    Column("body", Text, nullable=False),  # sealed under an audit key, so no column for `keys reseal`
    Column("key", String(255), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
    UniqueConstraint("chain", "number", name="uq_audit_chain_number"),
    Index(None, "user_index"),
)

# How long each chain is, and the whole log; and the keys of the log, each sealed like anything else.
audit_heads = Table("audit_heads", metadata, _id(), _sealed("head"))
audit_keys = Table("audit_keys", metadata, Column("id", String(255), primary_key=True), _sealed("secret"))

# What a record system's own log is still to be told of ours; no foreign key, for the log outlives the visit.
unshared = Table(
    "unshared",
    metadata,
    Column("id", String(80), primary_key=True),  # `<visit>/<number>` of the row of the log
    Column("visit", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("fate", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Index(None, "visit"),
)

# Of each person a key, under which backups seal once more what they hold; no backup holds the key.
person_keys = Table(
    "person_keys",
    metadata,
    _id(),  # random
    Column("person_index", String(64), nullable=False),  # blind index of record system and patient
    _sealed("key"),
    Index(None, "person_index"),
)

forgotten = Table("forgotten", metadata, _id())  # keys that are gone, and that no older copy may bring back

# What one process does for all of them, and when it is next due.
chores = Table("chores", metadata, _id(), Column("due", Utc, nullable=False))
