"""Those who sign in here: organisations, members, keys, invitations, sessions, proposals, what was used."""

import sqlalchemy as sa
from alembic import op

from ipvscreen.store.migrations.emptied import drop_empty

revision = "0010"
down_revision = "0008"

_UTC = sa.DateTime(timezone=True)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(64), nullable=False)


def _member() -> sa.Column[str]:
    return sa.Column("member_id", sa.String(64), nullable=False)


def _keys(table: str, *, member: bool = False) -> list[sa.Constraint]:
    made: list[sa.Constraint] = [sa.PrimaryKeyConstraint("id", name=f"pk_{table}")]
    if member:
        made.append(sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=f"fk_{table}_member_id"))
    return made


def _body() -> sa.Column[bytes]:
    return sa.Column("body", sa.LargeBinary, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, _UTC, nullable=nullable)


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "organisations",
        _id(),
        sa.Column("name_index", sa.String(64), nullable=False),
        _body(),
        *_keys("organisations"),
        sa.UniqueConstraint("name_index", name="uq_organisations_name_index"),
    )
    op.create_table(
        "members",
        _id(),
        sa.Column("organisation_id", sa.String(64)),
        sa.Column("role", sa.String(16), nullable=False),
        _moment("ended_at", nullable=True),
        _body(),
        *_keys("members"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_members_organisation_id"),
    )
    op.create_index("ix_members_organisation_id", "members", ["organisation_id"])
    moments = {
        "passkeys": [_moment("made_at"), _moment("ended_at", nullable=True)],
        "invitations": [_moment("expires_at")],
        "sessions": [_moment("opened_at"), _moment("seen_at"), _moment("expires_at")],
    }
    for table, columns in moments.items():
        op.create_table(table, _id(), _member(), *columns, _body(), *_keys(table, member=True))
        op.create_index(f"ix_{table}_member_id", table, ["member_id"])
    op.create_table("proposals", _id(), _moment("proposed_at"), _body(), *_keys("proposals"))
    op.create_table("spent", _id(), _moment("expires_at"), *_keys("spent"))


def downgrade() -> None:
    """Take them away where nobody has been let in; sessions and invitations are for hours and days."""
    for table in ("spent", "sessions", "invitations"):
        op.drop_table(table)
    drop_empty("proposals", "passkeys", "members", "organisations")
