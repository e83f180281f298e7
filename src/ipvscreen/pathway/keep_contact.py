"""Where nothing fits: a named person keeps contact from a day that is noted, and the gap is counted once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.draft import Left
from ipvscreen.ipv.gap import gap_of
from ipvscreen.ipv.services import Match, Need
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit

_TEXT = "Routine follow-up, one to one, with {who}"


async def keep_contact(
    store: Store, visit: Visit, matches: Sequence[Match], need: Need, *, who: str, due: date
) -> Visit:
    """The visit with its follow-up; asked again, the later one stands and nothing is counted twice.

    OutOfOrder where something fits after all.
    """
    gap = gap_of(matches, need)
    if gap is None:
        raise OutOfOrder(visit.state, "keep contact")
    counted = visit.draft.left is Left.KEPT
    draft = replace(visit.draft, left=Left.KEPT)
    text = _TEXT.format(who=who)
    return await store.gaps.keep(visit, None if counted else gap, due=due, text=text, draft=draft)
