"""Close a visit: what was kept sealed for it goes, and so does the token."""

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit


async def finish(store: Store, visit: Visit) -> Visit:
    """The closed visit; OutOfOrder while something waits to be recorded or decided.

    A disclosure that was only put off is not wiped: it stays on the clinician's list.
    """
    if visit.state is VisitState.DEFERRED and visit.held:
        return visit
    return await store.journal.close(
        visit, state=after(visit.state, Event.FINISH), draft=Draft(), held=False, grant=None
    )
