"""Choose another service for a person whose referral was declined; nothing is sent or recorded."""

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.draft import Again, Draft
from ipvscreen.ipv.visit import Event, after
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit


async def choose_again(store: Store, visit: Visit, again: Again) -> Visit:
    """The visit at the sheet after that referral; held, so that it waits on the list if it is left.

    OutOfOrder for a referral that is not of this clinician and patient.
    """
    state = after(visit.state, Event.CHOOSE_AGAIN)
    referral = await store.referrals.get(again.referral)
    visits, _ = await store.visits.earlier(visit)
    if referral is None or referral.visit_id not in {old.id for old in visits}:
        raise OutOfOrder(visit.state, Event.CHOOSE_AGAIN)
    return await store.visits.change(visit, state=state, draft=Draft(again=again), held=True)
