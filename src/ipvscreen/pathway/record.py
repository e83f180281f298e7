"""Record the conversation: on disk, and still about the same patient, before any of it is sent."""

from asyncio import Future, Task, get_running_loop, shield
from dataclasses import replace

from ipvscreen.ehr.asking import Asked, ask_meanwhile
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.meanwhile import meanwhile, on_its_way
from ipvscreen.ehr.points import Care, Point
from ipvscreen.errors import NotNoted, NotStored, OutOfOrder
from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.reading import assess_draft, read_draft
from ipvscreen.ipv.visit import Event, after
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.screening import screening
from ipvscreen.store.facade import Store
from ipvscreen.store.held import TakenOver, held
from ipvscreen.store.journal import Begun, Purpose, Then, Writing
from ipvscreen.store.visit import VisitChanges
from ipvscreen.store.visits import Visit


async def record(store: Store, client: FhirClient, pack: Pack, visit: Visit, care: Care) -> Begun:
    """The visit, SAVING, with its entries on disk: whatever ends now, they are written once.

    `visit` as it is to be kept; it goes to disk with its entries while the record system is asked. Where that
    ends in an error nothing of them is on its way any more. PatientChanged where the record's patient is no
    longer the one on the page; NotNoted where the disk does not take that back: it is asked again then;
    OutOfOrder where another goes on with it already.
    """
    state = after(visit.state, Event.SAVE)
    making: Future[tuple[Labelled, ...]] = get_running_loop().create_future()
    async with meanwhile(_asked(client, visit, making)) as asking:
        await on_its_way()
        items = _items(pack, visit)
        making.set_result(items)
        begun = await store.journal.freeze(visit, Purpose.ANSWERS, items, care.until(), None, state)
        care.reached(Point.FROZEN)
        assert begun.writing is not None  # noqa: S101  what is frozen is leased to us
        try:
            return await _known(store, begun, begun.writing, visit, care, asking)
        except TakenOver:
            raise OutOfOrder(state, Event.SAVE) from None


async def _known(
    store: Store, begun: Begun, writing: Writing, visit: Visit, care: Care, asking: Task[Asked]
) -> Begun:
    async with held(store.journal, writing, care.clock, care.lease) as hold:
        try:
            asked = await asking
        except Exception:  # whatever it was, nothing of it may be on its way any more
            care.reached(Point.REFUSED)
            await _taken_back(store, begun, writing, visit)
            raise
    return replace(begun, writing=replace(writing, until=hold.until), silent=asked.silent, found=asked.found)


async def _asked(client: FhirClient, visit: Visit, making: Future[tuple[Labelled, ...]]) -> Asked:
    if visit.draft.recording is Recording.NOTHING:
        return Asked()  # nothing is to be written
    return await ask_meanwhile(client, visit.patient_id, visit.person, visit.plan, shield(making))


async def _taken_back(store: Store, begun: Begun, writing: Writing, visit: Visit) -> None:
    """As if it had not been saved yet; what was entered is kept. Another who has taken it over asks, too."""
    before: VisitChanges = {"state": visit.state, "written": visit.written}
    then = Then.STAYS if begun.before else Then.GOES
    try:
        await store.journal.tell(writing, lambda _: before, then)
    except NotStored as failure:
        raise NotNoted(str(failure)) from failure


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
