"""The last pages: done, sent, not now, finish; each button is one step of the pathway."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from starlette.responses import Response

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.case import CaseState
from ipvscreen.ipv.draft import Left
from ipvscreen.ipv.visit import Door, Step, VisitState
from ipvscreen.messages import message
from ipvscreen.pathway.choose import choose
from ipvscreen.pathway.finish import finish
from ipvscreen.pathway.follow_up import follow_up
from ipvscreen.pathway.open_earlier import read_referred
from ipvscreen.pathway.withdraw import end_in_record, stop
from ipvscreen.resources.reasons import Why
from ipvscreen.store.audit import of_visit
from ipvscreen.store.journal import Purpose
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit
from ipvscreen.web import tokens
from ipvscreen.web.fields import NOT_OFFERED, Action, ActionFields, FieldsRefused, Posted, own
from ipvscreen.web.presenters.amended import failures, stopped_words
from ipvscreen.web.presenters.closing import REASONS, not_now_page
from ipvscreen.web.presenters.done import done_page
from ipvscreen.web.presenters.refer import NOBODY_NAMED
from ipvscreen.web.presenters.saving import saving_page
from ipvscreen.web.presenters.sent import sent_page
from ipvscreen.web.steps import by_hand
from ipvscreen.web.turn import Turn, go, leave
from ipvscreen.web.writing import again, save_not_done

_DAY_REFUSED = message("Give a day from tomorrow on.")


async def show_done(turn: Turn) -> Response:
    """What stands in the record, and what comes next; or that it is still on its way."""
    if turn.visit.state is VisitState.SAVING:
        token = tokens.issue(turn.rooms.ring, tokens.claims_of(turn.visit, turn.step, ()))
        return turn.render(saving_page(turn.framed("saving", token)))
    assessment = turn.assessment()
    page = done_page(
        turn.frame(),
        turn.visit,
        assessment,
        turn.rooms.validity,
        turn.today,
        disclosed=assessment.any_yes or turn.visit.draft.door is not Door.ASK,
        noted=await noted(turn),
        language=turn.pack.language,
        seen_by=turn.entry.who_can_see,
    )
    return turn.render(page)


async def show_sent(turn: Turn) -> Response:
    """What became of each referral."""
    visit = turn.visit
    referrals = await turn.rooms.store.referrals.of_visit(visit.id)
    page = sent_page(
        turn.frame(),
        referrals[::-1],
        visit.referred_in_record,
        visit.plan,
        before=visit.written,
        told=turn.entry.told_if_no_answer,
        zone=turn.entry.zone,
        now=turn.now,
        again=await _waits(turn, Purpose.REFERRAL),
        bringing=await by_hand.views(turn, visit.id),
        told_now=turn.mistakes,
        cases=await _cases(turn, referrals),
        held=await turn.rooms.store.outbox.held([one.id for one in referrals], turn.now),
    )
    return turn.render(page)


async def _cases(turn: Turn, referrals: Sequence[Referral]) -> dict[str, CaseState]:
    """How those stand that have come into an inbox here; nothing of them where that is not to be seen."""
    if turn.pack.release_required:
        return {}
    kept = await turn.rooms.store.cases.of_referrals(one.id for one in referrals)
    return {key: one.case.state for key, one in kept.items()}


async def show_not_now(turn: Turn) -> Response:
    """Neutral."""
    day, waits = await noted(turn), await _waits(turn, Purpose.NOT_DONE)
    return turn.render(not_now_page(turn.frame(), turn.visit, turn.today, noted=day, again=waits))


async def submit(turn: Turn, posted: Posted) -> Response:
    """What the button says, where its page has that button."""
    if turn.step is Step.SENT and by_hand.is_one(posted):
        return await by_hand.submit(turn, posted, turn.visit.id)
    fields = own(ActionFields, posted)
    action = Action.STOP if fields.stop else fields.action
    do = _ACTIONS.get((turn.step, action)) if action else None
    if action is None or do is None:
        raise FieldsRefused(NOT_OFFERED)
    turn.rooms.act(_ACTS[action])
    return await do(turn, fields)


async def _retry(turn: Turn, _: ActionFields) -> Response:
    """The page that it was asked for on tells what became of it."""
    if turn.step is Step.DONE and turn.visit.state not in (VisitState.UNRECORDED, VisitState.INTERRUPTED):
        raise OutOfOrder(turn.visit.state, Action.RETRY)
    return go(turn.rooms, await again(turn, await turn.claim()), turn.step)


async def _close(turn: Turn, _: ActionFields) -> Response:
    """Also "entered by hand": both end the visit, and neither before somebody is named where nothing fits."""
    if turn.visit.draft.left is Left.OPEN:
        return await replace(turn, step=Step.REFER).refuse({"who": NOBODY_NAMED})
    visit = await _deferred(turn) if turn.step is Step.NOT_NOW else await turn.claim()
    await finish(turn.rooms.store, visit)
    return leave(turn.rooms, visit, turn.entry)


async def _stop(turn: Turn, fields: ActionFields) -> Response:
    """The patient does not want it any more: with us first, then in the record; told on the same page."""
    store = turn.rooms.store
    mine = [one for one in await store.referrals.of_visit(turn.visit.id) if one.id == fields.stop]
    if not mine:
        raise FieldsRefused(NOT_OFFERED)
    turn = replace(turn, visit=await turn.claim())
    stopped = await stop(store, turn.client, turn.visit, mine, now=turn.now, hush=turn.pack.release_required)
    turn.rooms.dispatcher.kick()
    why = Why.REFERRAL_WITHDRAWN
    entries, may = await read_referred(store, turn.client, turn.visit, mine)
    written = await end_in_record(turn.client, turn.visit, entries, may, why, now=turn.now)
    if written.label_lost:
        await store.doing(Act.PROTECTION_LOST, turn.now).audit.note(of_visit(turn.visit))
    told = stopped_words(stopped, mine) | failures(written, why, turn.visit.plan)
    return await turn.refuse(told) if told else go(turn.rooms, turn.visit, turn.step)


async def _follow_up(turn: Turn, fields: ActionFields) -> Response:
    due = _due(fields.due, turn.today)
    visit = await _deferred(turn) if turn.step is Step.NOT_NOW else await turn.claim()
    await follow_up(turn.rooms.store, visit, due=due)
    return go(turn.rooms, visit, turn.step)


async def _not_done(turn: Turn, fields: ActionFields) -> Response:
    if fields.reason not in REASONS:
        raise FieldsRefused(message("Choose a reason of the list."))
    visit = await _deferred(turn)
    return go(turn.rooms, await save_not_done(turn, visit, fields.reason))


async def _deferred(turn: Turn) -> Visit:
    """The visit, put off: the page can be opened before the door has been chosen."""
    visit = await turn.claim()
    if visit.state is VisitState.DEFERRED:
        return visit
    return await choose(
        turn.rooms.store,
        visit,
        Door.NOT_NOW,
        pack=turn.pack,
        setting=visit.setting,
        age_confirmed=visit.age_confirmed,
        now=turn.now,
    )


def day_of(text: str | None) -> date | None:
    """The day that was typed or picked."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _due(text: str | None, today: date) -> date:
    due = day_of(text)
    if due is None or due <= today:
        raise FieldsRefused(_DAY_REFUSED)
    return due


async def _waits(turn: Turn, purpose: Purpose) -> bool:
    """Whether entries of that purpose can be tried again from the page about them."""
    rows = await turn.rooms.store.journal.of_visit(turn.visit.id)
    return any(row.endswith(f".{purpose}") for row in rows)


async def noted(turn: Turn) -> date | None:
    """The day of this visit's follow-up, if there is one."""
    visit = turn.visit
    mine = await turn.rooms.store.followups.of_clinician(visit.ehr, visit.user_key)
    return next((entry.due for entry in mine if entry.visit_id == visit.id), None)


_ACTS: Mapping[Action, Act] = {
    Action.RETRY: Act.SAVED,
    Action.BY_HAND: Act.CLOSED,
    Action.CLOSE: Act.CLOSED,
    Action.FOLLOW_UP: Act.NOTED,
    Action.NOT_DONE: Act.SAVED,
    Action.STOP: Act.STOPPED,
}
_ACTIONS: Mapping[tuple[Step, Action], Callable[[Turn, ActionFields], Awaitable[Response]]] = {
    (Step.DONE, Action.RETRY): _retry,
    (Step.DONE, Action.BY_HAND): _close,
    (Step.DONE, Action.CLOSE): _close,
    (Step.DONE, Action.FOLLOW_UP): _follow_up,
    (Step.SENT, Action.RETRY): _retry,
    (Step.SENT, Action.STOP): _stop,
    (Step.NOT_NOW, Action.RETRY): _retry,
    (Step.NOT_NOW, Action.FOLLOW_UP): _follow_up,
    (Step.NOT_NOW, Action.NOT_DONE): _not_done,
    (Step.NOT_NOW, Action.CLOSE): _close,
    (Step.FINISH, Action.CLOSE): _close,
}
