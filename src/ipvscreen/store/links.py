"""Links of notices: each says that something waits at an organisation, and nothing else."""

import secrets
from datetime import datetime
from hashlib import sha256

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.lasting import LINK
from ipvscreen.ipv.members import Member
from ipvscreen.store.audit import Noting
from ipvscreen.store.engine import writing
from ipvscreen.store.members import of_member
from ipvscreen.store.spent import Once, spend
from ipvscreen.store.tables_inbox import links


class Links:
    """The table of links; of each its hash alone."""

    def __init__(self, engine: AsyncEngine, noting: Noting) -> None:
        self._engine, self._noting = engine, noting

    async def make(self, organisation: str, now: datetime) -> str:
        """The code of a new link to that organisation's inbox: 256 random bits, always of one length."""
        code = new_code()
        async with writing(self._engine) as connection:
            await put_link(connection, code, organisation, now)
        return code

    async def take_up(self, by: Member, code: str, once: Once) -> bool:
        """Somebody of that organisation has come because of it.

        False, and nothing changed, where that was so before, it has run out, or it is another's or nobody's.
        """
        theirs = (links.c.id == _id(code), links.c.organisation_id == by.organisation)
        waiting = (links.c.taken_up_at.is_(None), links.c.expires_at > once.at)
        async with writing(self._engine) as connection:
            taken = update(links).where(*theirs, *waiting).values(taken_up_at=once.at)
            done = await connection.execute(taken)
            if not done.rowcount:
                return False
            await spend(connection, once)
            await self._noting.note(connection, of_member(by))
        return True


def new_code() -> str:
    """256 random bits, always of one length."""
    return secrets.token_urlsafe(32)


async def put_link(connection: AsyncConnection, code: str, organisation: str, now: datetime) -> None:
    """That code leads to that organisation's inbox, for as long as a link lasts."""
    values = {"id": _id(code), "organisation_id": organisation, "expires_at": now + LINK}
    await connection.execute(insert(links).values(values))


def _id(code: str) -> str:
    return sha256(code.encode()).hexdigest()
