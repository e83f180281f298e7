"""Keep what has been entered: a sealed draft, held for the clinician's list from the first yes on."""

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.store.facade import Store
from ipvscreen.store.visit import VisitChanges
from ipvscreen.store.visits import Visit

_NOTHING_TOLD = frozenset({VisitState.ASKING, VisitState.ACCOUNT})  # of what is done to the patient


async def keep(
    store: Store,
    visit: Visit,
    draft: Draft,
    *,
    pack: Pack,
    disclose: bool = False,
    form: str | None = None,
) -> Visit:
    """The visit with that draft; `disclose` moves it on to the page that responds.

    `form`: the nonce of the form that this was posted with, which is used by it.
    """
    state = after(visit.state, Event.DISCLOSE) if disclose else visit.state
    said = assess_draft(draft, pack, visit.launch(), visit.opened_at)
    held = state not in _NOTHING_TOLD or said.any_yes
    changes: VisitChanges = {"draft": draft, "state": state, "held": held}
    if form is not None:
        changes["last_form"] = form
    return await store.visits.change(visit, **changes)
