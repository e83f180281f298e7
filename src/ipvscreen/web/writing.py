"""Between a page and the record: what a step has put on disk is written out before the page answers."""

from dataclasses import replace

from ipvscreen.ehr.client import FhirClient
from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.visit import VisitState
from ipvscreen.pathway.keep import keep, to_keep
from ipvscreen.pathway.not_done import not_done
from ipvscreen.pathway.record import record
from ipvscreen.pathway.take_up import take_up
from ipvscreen.pathway.write_out import write_out
from ipvscreen.store.journal import Begun
from ipvscreen.store.visits import Visit
from ipvscreen.web.turn import Turn

_TO_RECORD = frozenset({VisitState.UNRECORDED, VisitState.INTERRUPTED})


async def keep_posted(turn: Turn, draft: Draft, *, disclose: bool = False) -> Visit:
    """The visit with what was posted, and the form marked as used by the same change; see `keep`."""
    store, visit = turn.rooms.store, turn.visit
    keeping = keep(store, visit, draft, pack=turn.pack, disclose=disclose, form=turn.nonce)
    return await turn.claimed(keeping)


async def save_posted(turn: Turn, draft: Draft) -> Visit:
    """What was posted, into the record; it goes to disk, this form as used, before any of it is sent."""
    client = turn.client
    visit = to_keep(turn.visit, draft, pack=turn.pack, form=turn.nonce)
    return await written(turn, await turn.claimed(_recorded(turn, client, visit)), client)


async def save(turn: Turn, visit: Visit) -> Visit:
    """What was said, into the record."""
    client = turn.client
    return await written(turn, await _recorded(turn, client, visit), client)


async def _recorded(turn: Turn, client: FhirClient, visit: Visit) -> Begun:
    rooms = turn.rooms
    return await record(rooms.store, client, turn.pack, visit, rooms.care)


async def save_not_done(turn: Turn, visit: Visit, reason: str) -> Visit:
    """That it was not asked, and why."""
    rooms = turn.rooms
    return await written(turn, await not_done(rooms.store, turn.client, visit, reason, rooms.care))


async def written(turn: Turn, begun: Begun, client: FhirClient | None = None) -> Visit:
    """The visit once it stands in the record, or does not; `client` where one has its token already."""
    rooms = turn.rooms
    return await write_out(rooms.store, client or turn.client, begun, rooms.care, turn.entry.on_label_loss)


async def again(turn: Turn, visit: Visit) -> Visit:
    """Another try of whatever of this visit has not come to its end; OutOfOrder where there is nothing."""
    rooms = turn.rooms
    begun = await take_up(rooms.store, turn.client, visit, rooms.care)
    if not begun and visit.state in _TO_RECORD:  # of a version that kept no journal
        return await save(turn, visit)
    if not begun:
        raise OutOfOrder(visit.state, "retry")
    visit = begun[-1].visit
    for one in begun:  # what became of one can keep the next from being sent
        visit = await written(turn, replace(one, visit=visit))
    return visit
