"""Keep what has been entered: a sealed draft, held for the clinician's list from the first yes on."""

from collections.abc import Mapping

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.sdc.form import Form
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit


async def keep(
    store: Store, visit: Visit, draft: Draft, *, forms: Mapping[str, Form], disclose: bool = False
) -> Visit:
    """The visit with that draft; `disclose` moves it on to the page that responds."""
    state = after(visit.state, Event.DISCLOSE) if disclose else visit.state
    held = state is not VisitState.ASKING or assess_draft(draft, forms, visit.setting).any_yes
    return await store.visits.change(visit, draft=draft, state=state, held=held)
