"""Resume an interrupted visit: only by a new launch of the same clinician and patient."""

from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit


async def resume(store: Store, old: Visit, new: Visit) -> Visit:
    """`old` with the cookie, time and token of `new`, which is over; the browser that had `old` loses it."""
    adopted = await store.visits.adopt(old, new, await store.visits.grant(new.id))
    if adopted.state is VisitState.DEFERRED:
        adopted = await store.visits.change(adopted, state=after(adopted.state, Event.ASK))
    await store.visits.change(new, grant=None, cookie_hash="")
    return adopted
