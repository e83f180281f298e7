"""Write what is on disk into the record, and keep what is known of it as soon as it is known."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from ipvscreen.ehr.after_loss import OnLoss
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.points import Care, Point
from ipvscreen.ehr.writer import write
from ipvscreen.errors import NotNoted, NotStored, VisitOver
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.frozen import merged, reopened
from ipvscreen.resources.written import Written
from ipvscreen.store.facade import Store
from ipvscreen.store.held import TakenOver, held
from ipvscreen.store.journal import Begun, Purpose, Then, Writing
from ipvscreen.store.visit import VisitChanges
from ipvscreen.store.visits import Visit


async def write_out(
    store: Store, client: FhirClient, begun: Begun, care: Care, on_loss: OnLoss = "withdraw"
) -> Visit:
    """The visit with what became of its entries: RECORDED where all stand there labelled, else UNRECORDED.

    Of a referral or of "not done" the state stays. Where another process has taken it over meanwhile, the
    visit as that leaves it. NotNoted where the disk does not take what became of it: it is tried again.
    """
    writing = begun.writing
    if writing is None:
        return begun.visit

    sent_on: list[bool] = []

    async def known(written: Written) -> None:
        await _told(_noting(store, care), writing, partial(_known, writing.purpose, written), Then.GOES_ON)
        sent_on.append(await _sent_on(store, writing))  # nothing is sent on before this has ended

    try:
        async with held(store.journal, writing, care.clock, care.lease):
            if begun.before and (told := _open_again(begun, begun.before)) != begun.before:
                await known(told)
            written = await _written(client, begun, writing.items, on_loss, known, care)
            care.reached(Point.VERIFIED)
            referred = sent_on[-1] if sent_on else await _sent_on(store, writing)
            visit = await _settled(_noting(store, care), writing, written, referred)
    except TakenOver:
        return await _standing(store, writing)
    except NotStored as failure:
        raise NotNoted(str(failure)) from failure
    care.reached(Point.SETTLED)
    return visit


async def _written(
    client: FhirClient,
    begun: Begun,
    items: Sequence[Labelled],
    on_loss: OnLoss,
    known: Callable[[Written], Awaitable[None]],
    care: Care,
) -> Written:
    return await write(
        client,
        begun.visit.plan,
        items,
        before=begun.before,
        silent=begun.silent,
        found=begun.found,
        on_loss=on_loss,
        lost=begun.visit.label_lost,
        known=known,
        reached=care.reached,
    )


def _noting(store: Store, care: Care) -> Store:
    """The store that leaves a row in the log where what is told to it is that labels were lost."""
    return store.doing(Act.PROTECTION_LOST, care.clock())


def _open_again(begun: Begun, before: Written) -> Written:
    """What is on disk before anything is sent: not "failed" of what the record system may hold then."""
    sends = begun.silent is None and not begun.visit.label_lost
    return reopened(before) if sends else before


async def _sent_on(store: Store, writing: Writing) -> bool:
    return writing.purpose is Purpose.ANSWERS and bool(await store.referrals.of_visit(writing.visit_id))


async def _settled(store: Store, writing: Writing, written: Written, referred: bool) -> Visit:
    """Kept for another try where something failed; else nothing of it is needed any more."""
    then = Then.STAYS if written.failed else Then.GOES
    if writing.purpose is not Purpose.ANSWERS:
        return await _told(store, writing, partial(_known, writing.purpose, written), then)
    return await _told(store, writing, partial(_recorded, written, referred), then)


def _recorded(written: Written, referred: bool, visit: Visit) -> VisitChanges:
    """What the end of a write changes in the visit."""
    failed = bool(written.failed)
    state = after(visit.state, Event.RECORD_FAILED if failed else Event.RECORD)
    # A disclosure stays on the clinician's list until it was sent on or finished: exit may come first.
    held = visit.held or failed
    if state is VisitState.RECORDED and referred:
        state, held = after(state, Event.REFER), False  # it was sent on while the record refused
    return {"written": written, "state": state, "held": held}


def _known(purpose: Purpose, written: Written, visit: Visit) -> VisitChanges:
    """What is known of entries, put where the visit tells it."""
    if purpose is Purpose.REFERRAL:
        return {"referred_in_record": merged(visit.referred_in_record, written)}
    return {"written": written}


async def _told(store: Store, writing: Writing, change: Callable[[Visit], VisitChanges], then: Then) -> Visit:
    visit = await store.journal.tell(writing, change, then)
    if visit is None:
        raise TakenOver
    return visit


async def _standing(store: Store, writing: Writing) -> Visit:
    visit = await store.visits.get(writing.visit_id)
    if visit is None:
        raise VisitOver("This visit is over.")
    return visit
