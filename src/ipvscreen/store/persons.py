"""One person's rows: found by opening what is sealed, since nothing plain tells whose they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, RowMapping, Table, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.store.accounts import Account, account_of
from ipvscreen.store.alert_tables import alerts
from ipvscreen.store.alerts import Alert, alert_of
from ipvscreen.store.audit import Noting, Subject, of_operator
from ipvscreen.store.case_rows import Kept, kept_of
from ipvscreen.store.case_tables import case_events, cases
from ipvscreen.store.child_plans import KeptPlan, plan_of
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.followups import FollowUp, followup_of
from ipvscreen.store.plan_tables import child_plans
from ipvscreen.store.referrals import Referral, referral_of
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import accounts, followups, forgotten, metadata, person_keys, referrals, visits
from ipvscreen.store.visit import Visit, visit_of

_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class Person:
    """A patient of one record system; `ehr` is its name in the settings, `iss` its FHIR base."""

    ehr: str
    iss: str
    patient_id: str

    def words(self) -> str:
        """What the blind index is made of; a slash at the end of `iss` says nothing."""
        return f"{self.ehr} {self.iss.rstrip('/')} {self.patient_id}"


@dataclass(frozen=True, slots=True)
class Held:
    """All that is held of one person but messages on their way, oldest visit first."""

    visits: tuple[Visit, ...]
    referrals: tuple[Referral, ...]
    followups: tuple[FollowUp, ...]
    accounts: tuple[Account, ...]
    cases: tuple[Kept, ...] = ()
    child_plans: tuple[KeptPlan, ...] = ()
    alerts: tuple[Alert, ...] = ()


# What leads to a visit is that person's: found, counted, forgotten, and but for these handed out.
_HELD = (visits, referrals, followups, accounts, cases, case_events, child_plans, alerts)
NOT_HELD = {
    "outbox": "messages on their way: they hold the safe contact, and what became of them is in the referral",
    "journal": "entries on their way: what became of them is in the visit",
}

# What leads to no visit, each with its reason; a table that is new has to be placed.
OF_NOBODY = {
    "launches": "a sign-in that has not come back: nobody was opened yet",
    "sittings": "a clinician's list",
    "signing_keys": "of nobody",
    "services": "the directory",
    "gaps": "counts by month, which lead to no visit",
    "chores": "of nobody",
    "audit": "who acted, sealed; kept, and handed out by whose it is: see `is_about`",
    "audit_heads": "how long the log is",
    "audit_keys": "what the log was made with",
    "unshared": "numbers of rows of the log, by a visit's random id; they stay as long as those rows",
    "person_keys": "by the blind index of the person: gone with a `forget`",
    "forgotten": "random names of keys that are gone",
    "organisations": "a service's name and telephone",
    "members": "people of services",
    "passkeys": "their keys",
    "invitations": "their way in",
    "sessions": "their sessions",
    "proposals": "where referrals go, and who decided it",
    "links": "the hash of a notice's link, and which organisation it leads to; they run out",
    "spent": "forms that were used, by a random name",
}


class Persons:
    """What is held of a person, over all tables that lead to one of that person's visits."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._ring, self._noting = engine, ring, noting
        self._sealed = SealedTable(ring, visits.name)
        self._keys = SealedTable(ring, person_keys.name)

    async def held(self, person: Person) -> Held:
        """Everything that is held of that person."""
        async with reading(self._engine) as connection:
            chosen = dict(_tables(await self._visits(connection, person)))
            rows = {
                table: (await connection.execute(select(table).where(chosen[table]))).mappings().all()
                for table in _HELD
            }

        def opened(table: Table, read: Callable[[SealedTable, RowMapping], _One]) -> tuple[_One, ...]:
            sealed = SealedTable(self._ring, table.name)
            return tuple(read(sealed, row) for row in rows[table])

        return Held(
            visits=tuple(sorted(opened(visits, visit_of), key=lambda visit: visit.opened_at)),
            referrals=opened(referrals, referral_of),
            followups=opened(followups, followup_of),
            accounts=opened(accounts, account_of),
            cases=opened(cases, lambda _, row: kept_of(self._ring, row, rows[case_events])),
            child_plans=opened(child_plans, plan_of),
            alerts=tuple(sorted(opened(alerts, alert_of), key=lambda one: (one.raised_at, one.id))),
        )

    async def count(self, person: Person) -> dict[str, int]:
        """How many rows there are of that person, by table."""
        async with reading(self._engine) as connection:
            ids = await self._visits(connection, person)
            return {
                table.name: await connection.scalar(select(func.count()).select_from(table).where(chosen))
                or 0
                for table, chosen in _tables(ids)
            }

    async def forget(self, person: Person) -> dict[str, int]:
        """Delete that person's rows and keys; how many rows, by table. No older copy brings the keys back."""
        gone = {}
        async with writing(self._engine) as connection:
            for table, chosen in _tables(await self._visits(connection, person)):
                gone[table.name] = (await connection.execute(delete(table).where(chosen))).rowcount
            mine = person_keys.c.person_index.in_(self._keys.indexes("person_index", person.words()))
            keys = (
                await connection.scalars(delete(person_keys).where(mine).returning(person_keys.c.id))
            ).all()
            if keys:
                await connection.execute(insert(forgotten), [{"id": key} for key in keys])
            await self._noting.note(connection, of_operator(person.ehr, person.iss, person.patient_id))
        return gone

    async def _visits(self, connection: AsyncConnection, person: Person) -> list[str]:
        query = select(visits.c.id, visits.c.context).where(visits.c.ehr == person.ehr)
        return [
            row.id
            for row in (await connection.execute(query)).all()
            if person_of(person.ehr, self._sealed.open("context", row.id, row.context)) == person.words()
        ]


def person_of(ehr: str, context: dict[str, str]) -> str:
    """`Person.words` of a visit's context."""
    return Person(ehr, context["iss"], context["patient_id"]).words()


def is_about(subject: Subject, person: Person) -> bool:
    """Whether a row of the audit log is about that person."""
    if subject.patient_id is None:
        return False
    return Person(subject.ehr, subject.iss, subject.patient_id).words() == person.words()


def _tables(ids: list[str]) -> list[tuple[Table, ColumnElement[bool]]]:
    """Every table that leads to visits, what refers to another before it, and its rows of these visits."""
    chosen: dict[Table, ColumnElement[bool]] = {visits: visits.c.id.in_(ids)}
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            if (to := chosen.get(key.column.table)) is not None:
                chosen[table] = key.parent.in_(select(key.column).where(to))
    return [(table, chosen[table]) for table in reversed(metadata.sorted_tables) if table in chosen]
