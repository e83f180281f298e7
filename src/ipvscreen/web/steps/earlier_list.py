"""The first page's fold: that there are earlier forms, and what became of their referrals."""

import asyncio

from ipvscreen.pathway.mirror import mirror
from ipvscreen.pathway.open_earlier import list_earlier
from ipvscreen.web.presenters.earlier import EarlierList, earlier_list_of
from ipvscreen.web.steps.choosing import proposals, services_of
from ipvscreen.web.turn import Turn

_SECONDS = 3.0  # the first page waits for no answer of the record system longer than that


async def earlier_list(turn: Turn) -> EarlierList:
    """What services have told since is put into the record on the way, each step of theirs once."""
    store, visit = turn.rooms.store, turn.visit
    async with turn.rooms.locks.of(
        visit.id
    ):  # of the same page shown twice at once the second sees the first
        listing, looped = await asyncio.gather(
            list_earlier(store, turn.client, visit),
            mirror(
                store,
                turn.hasty(_SECONDS),
                visit,
                today=turn.today,
                release_required=turn.pack.release_required,
                now=turn.now,
            ),
        )
    proposed = proposals(looped, await services_of(turn), turn)
    return earlier_list_of(listing, turn.entry.zone, looped, proposed)
