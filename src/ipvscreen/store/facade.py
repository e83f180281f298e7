"""The store as the other rooms see it: opened once, one attribute for each table."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.ipv.audit import Act
from ipvscreen.store import schema
from ipvscreen.store.accounts import Accounts
from ipvscreen.store.alerts import Alerts
from ipvscreen.store.audit import AuditLog, Noting
from ipvscreen.store.by_hand import HandedOver
from ipvscreen.store.cases import Cases
from ipvscreen.store.child_plans import ChildPlans
from ipvscreen.store.engine import check_durable, give_back, make_engine, reading, writing
from ipvscreen.store.followups import FollowUps
from ipvscreen.store.gaps import Gaps
from ipvscreen.store.journal import Journal
from ipvscreen.store.launches import Launches
from ipvscreen.store.links import Links
from ipvscreen.store.members import Members
from ipvscreen.store.organisations import Organisations
from ipvscreen.store.outbox import Outbox
from ipvscreen.store.passkeys import Passkeys
from ipvscreen.store.persons import Persons
from ipvscreen.store.proposals import Proposals
from ipvscreen.store.referrals import Referrals
from ipvscreen.store.retention import Retention
from ipvscreen.store.sealed import Ring
from ipvscreen.store.services import Services
from ipvscreen.store.sessions import Sessions
from ipvscreen.store.signing_keys import SigningKeys
from ipvscreen.store.sittings import Sittings
from ipvscreen.store.stopping import Stops
from ipvscreen.store.unshared import Unshared
from ipvscreen.store.visits import Visits
from ipvscreen.store.waiting import Waiting


class Store:
    """Everything that must survive; `open_store` makes one, `close` gives its connections back."""

    def __init__(
        self,
        engine: AsyncEngine,
        ring: Ring,
        noting: Noting | None = None,
        shares: Collection[str] = (),
        alive: set[str] | None = None,
    ) -> None:
        self._engine, self._ring, self._shares = engine, ring, shares
        self._alive = set[str]() if alive is None else alive
        self.noting = noting or Noting(ring)
        self.launches = Launches(engine, ring)
        self.visits = Visits(engine, ring, self.noting)
        self.sittings = Sittings(engine, ring, self.noting)
        self.signing_keys = SigningKeys(engine, ring)
        self.services = Services(engine, ring, self.noting)
        self.referrals = Referrals(engine, ring, self.noting)
        self.outbox = Outbox(engine, ring)
        self.stops = Stops(engine, ring)
        self.by_hand = HandedOver(engine, ring, self.noting)
        self.journal = Journal(engine, ring, self.noting, self._alive)
        self.cases = Cases(engine, ring)
        self.followups = FollowUps(engine, ring, self.noting)
        self.alerts = Alerts(engine, ring, self.noting)
        self.waiting = Waiting(engine, ring)
        self.gaps = Gaps(engine, ring, self.noting)
        self.child_plans = ChildPlans(engine, ring, self.noting)
        self.accounts = Accounts(engine, ring, self.noting)
        self.audit = AuditLog(engine, ring, self.noting)
        self.unshared = Unshared(engine)
        self.retention = Retention(engine, self.noting)
        self.persons = Persons(engine, ring, self.noting)
        self.organisations = Organisations(engine, ring, self.noting)
        self.members = Members(engine, ring, self.noting)
        self.passkeys = Passkeys(engine, ring, self.noting)
        self.sessions = Sessions(engine, ring, self.noting)
        self.proposals = Proposals(engine, ring, self.noting)
        self.links = Links(engine, self.noting)

    def doing(self, act: Act, at: datetime) -> "Store":
        """The same store for one request of a clinician: the first change through it leaves its row."""
        noting = Noting(self._ring, act, at, self._shares)
        return Store(self._engine, self._ring, noting, self._shares, self._alive)

    async def check(self) -> None:
        """SchemaOutdated where the tables are not this version's; the driver's error where none answers."""
        await _check(self._engine)

    async def close(self) -> None:
        """Give back every connection."""
        await give_back(self._engine)


async def open_store(url: str, ring: Ring, *, migrate: bool = True, shares: Collection[str] = ()) -> Store:
    """The store at `url`, with this version's tables; `shares`: the record systems whose log is told of ours.

    SchemaOutdated where `migrate` is off and the tables are others; ValueError for a URL that keeps nothing.
    """
    engine = make_engine(url)
    try:
        if migrate:
            await _upgrade(engine)
        else:
            await _check(engine)
    except BaseException:
        await give_back(engine)
        raise
    return Store(engine, ring, shares=shares)


async def migrate(url: str) -> None:
    """Bring the store at `url` to this version's tables."""
    engine = make_engine(url)
    try:
        await _upgrade(engine)
    finally:
        await give_back(engine)


async def migrate_back(url: str) -> str:
    """Bring the store to the tables of one revision before, and name it; SchemaOutdated where it cannot."""
    engine = make_engine(url)
    try:
        async with writing(engine) as connection:
            return await connection.run_sync(schema.back)
    finally:
        await give_back(engine)


async def _upgrade(engine: AsyncEngine) -> None:
    async with writing(engine) as connection:
        await check_durable(connection)
        await connection.run_sync(schema.upgrade)


async def _check(engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        await check_durable(connection)
        await connection.run_sync(schema.check)
