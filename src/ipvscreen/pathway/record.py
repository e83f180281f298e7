"""Record the conversation: frozen and on disk first, then it may be sent."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ipvscreen.ehr.asking import ask_first
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.meanwhile import meanwhile
from ipvscreen.ehr.points import Care, Point
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.reading import assess_draft, read_draft
from ipvscreen.ipv.visit import Event, after
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.screening import screening
from ipvscreen.store.facade import Store
from ipvscreen.store.journal import Begun, Purpose
from ipvscreen.store.visits import Visit


async def record(
    store: Store,
    client: FhirClient,
    pack: Pack,
    visit: Visit,
    care: Care,
    keep: Callable[[], Awaitable[Visit]] | None = None,
) -> Begun:
    """The visit, SAVING, with its entries on disk: whatever ends now, they are written once.

    `keep` puts `visit` itself on disk first, while the record system is asked; None where it is there.
    PatientChanged, with nothing more changed, where the record's patient is no longer the one on the page.
    """
    state = after(visit.state, Event.SAVE)
    items = _items(pack, visit)
    async with meanwhile(ask_first(client, visit.patient_id, visit.person, visit.plan, items)) as asking:
        kept = await keep() if keep else visit
        asked = await asking
    begun = await store.journal.freeze(kept, Purpose.ANSWERS, items, care.until(), asked.silent, state)
    care.reached(Point.FROZEN)
    return replace(begun, found=asked.found)


def _items(pack: Pack, visit: Visit) -> tuple[Labelled, ...]:
    draft, launch, now = visit.draft, visit.launch(), visit.opened_at
    answers = read_draft(draft, pack, launch, now)
    assessment = assess_draft(draft, pack, launch, now)
    return screening(
        visit.context(),
        answers,
        assessment,
        draft.recording,
        draft.flag,
        draft.door,
        draft.reason,
        visit.plan,
        concern=draft.concern,
    )
