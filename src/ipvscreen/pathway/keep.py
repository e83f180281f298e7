"""Keep what has been entered: a sealed draft, held for the clinician's list from the first yes on."""

from dataclasses import replace

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.store.facade import Store
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
    """The visit with that draft, on disk; see `to_keep`."""
    return await store.visits.change(to_keep(visit, draft, pack=pack, disclose=disclose, form=form))


def to_keep(
    visit: Visit, draft: Draft, *, pack: Pack, disclose: bool = False, form: str | None = None
) -> Visit:
    """The visit as it is to be kept; `disclose` moves it on to the page that responds.

    `form`: the nonce of the form that this was posted with, which is used by it.
    """
    state = after(visit.state, Event.DISCLOSE) if disclose else visit.state
    said = assess_draft(draft, pack, visit.launch(), visit.opened_at)
    held = state not in _NOTHING_TOLD or said.any_yes
    return replace(visit, draft=draft, state=state, held=held, last_form=form or visit.last_form)
