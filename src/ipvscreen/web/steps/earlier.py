"""An earlier form: opened from the first page, read, corrected, taken back, hidden, its referral stopped."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.responses import Response

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.draft import Draft
from ipvscreen.messages import message
from ipvscreen.pathway.correct import correct
from ipvscreen.pathway.finish import finish
from ipvscreen.pathway.open_earlier import Seen, close_earlier, open_earlier, read_earlier
from ipvscreen.pathway.withdraw import end_in_record, hide, stop, take_back, tell_nothing
from ipvscreen.resources.labels import meta_of
from ipvscreen.resources.reasons import REASONS, STOPS_REFERRAL, Why
from ipvscreen.resources.written import Written
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.stored import entered_from
from ipvscreen.store.audit import of_visit
from ipvscreen.store.visits import Visit
from ipvscreen.web.fields import NOT_OFFERED, Amend, EarlierFields, FieldsRefused, Posted, own, split
from ipvscreen.web.presenters.amended import NOBODY_TO_TELL, UNREADABLE, failures, stopped_words
from ipvscreen.web.presenters.earlier import correctable, earlier_page
from ipvscreen.web.presenters.items import Question, questions
from ipvscreen.web.steps import by_hand
from ipvscreen.web.turn import Turn, go, leave

_ENTERED = "earlier"  # apart from the forms of the visit: what was said then is no answer of today
_MORE = "more"
_GIVE_REASON = message("Choose the reason first.")
_ACTS = {
    Amend.SAVE: Act.CHANGED,
    Amend.ERROR: Act.TAKEN_BACK,
    Amend.WITHDRAW: Act.TAKEN_BACK,
    Amend.HIDE: Act.HIDDEN,
    Amend.STOP: Act.STOPPED,
    Amend.TELL_NOTHING: Act.STOPPED,
    Amend.CLOSE: Act.CLOSED,
}


async def open_one(turn: Turn, key: str) -> Response:
    """From the first page to this one; who presses the button has attested what stands above it."""
    turn.rooms.act(Act.EARLIER_READ)
    return go(turn.rooms, await open_earlier(turn.rooms.store, turn.client, await turn.claim(), key))


async def show(turn: Turn) -> Response:
    """What stands in the record now, or the form in which an answer is being corrected."""
    opened = turn.visit.draft.earlier
    if opened is None:
        return go(turn.rooms, await close_earlier(turn.rooms.store, turn.visit))
    seen = await read_earlier(turn.rooms.store, turn.client, turn.visit)
    page = earlier_page(
        turn.frame(),
        seen,
        turn.visit,
        turn.entry.zone,
        forms=_forms(turn),
        mistakes=turn.mistakes,
        questions=_questions(turn, seen),
        own=opened.visit_id is not None,
        bringing=await by_hand.views(turn, opened.visit_id) if opened.visit_id else (),
    )
    return turn.render(page)


async def submit(turn: Turn, posted: Posted) -> Response:
    """What the button says."""
    opened = turn.visit.draft.earlier
    if opened is not None and opened.visit_id and by_hand.is_one(posted):
        return await by_hand.submit(turn, posted, opened.visit_id)
    answers, rest = split(posted, turn.forms())
    fields = own(EarlierFields, rest)
    given = next(iter(answers.values()), {})
    turn.rooms.act(_ACTS.get(fields.action, Act.KEPT) if fields.action else Act.KEPT)
    if fields.correct is not None:
        return await _begin(turn, fields.correct)
    if fields.more is not None:
        return await turn.refuse({}, {_MORE: fields.more}, draft=_holding(turn, given))
    if fields.action is Amend.SAVE:
        return await _save(turn, given)
    do = _ACTIONS.get(fields.action) if fields.action else None
    if do is None:
        raise FieldsRefused(NOT_OFFERED)
    return await do(turn, fields)


async def _begin(turn: Turn, reference: str) -> Response:
    """The stored answers into the form, where it says exactly the same again."""
    opened = turn.visit.draft.earlier
    seen = await read_earlier(turn.rooms.store, turn.client, turn.visit)
    body = seen.entries.named(reference)
    forms = _forms(turn)
    if opened is None or body is None or correctable(body, forms, seen.may):
        raise OutOfOrder(turn.visit.state, "correct")
    form = forms[str(body["questionnaire"])]
    entered = entered_from(form, body.get("item", []), **_then(turn, body))
    if entered is None:
        return await turn.refuse({"": UNREADABLE})
    version = str(meta_of(body).get("versionId") or "")
    begun = replace(opened, correcting=reference, version=version)
    draft = Draft(earlier=begun, form=form.name, entered={_ENTERED: entered})
    return go(turn.rooms, await _kept(turn, await turn.claim(), draft))


async def _save(turn: Turn, given: Mapping[str, tuple[str, ...]]) -> Response:
    """The corrected answers; what is wrong with them is said first."""
    draft = _holding(turn, given)
    form = next(iter(turn.forms()), None)
    opened = turn.visit.draft.earlier
    seen = await read_earlier(turn.rooms.store, turn.client, turn.visit)
    body = seen.entries.named(opened.correcting) if opened else None
    if form is None or body is None:
        raise OutOfOrder(turn.visit.state, Amend.SAVE)
    if why_not := correctable(body, _forms(turn), seen.may):
        return await _told(turn, {"": why_not})
    answers = read_answers(form, given, **_then(turn, body))
    if answers.mistakes:
        return await turn.refuse(answers.mistakes, draft=draft)
    turn = replace(turn, visit=await turn.claim())
    written = await correct(turn.client, turn.visit, seen.entries, answers, seen.may, now=turn.now)
    return await _told(turn, await _failures(turn, written, Why.CORRECTED))


async def _error(turn: Turn, fields: EarlierFields) -> Response:
    if fields.why not in REASONS:
        return await turn.refuse({"why": _GIVE_REASON})
    return await _taken_back(turn, fields.why)


async def _taken_back(turn: Turn, why: Why) -> Response:
    """With its referral where nobody who could agree has agreed to it."""
    turn, seen = await _claimed(turn)
    told: dict[str, str] = {}
    if why in STOPS_REFERRAL:
        told |= await _stopped(turn, seen, why)
    written = await take_back(turn.client, turn.visit, seen.entries, seen.may, why, now=turn.now)
    return await _told(turn, told | await _failures(turn, written, why))


async def _hide(turn: Turn, _: EarlierFields) -> Response:
    turn, seen = await _claimed(turn)
    written = await hide(turn.client, turn.visit, seen.entries, seen.may, now=turn.now)
    return await _told(turn, await _failures(turn, written, Why.HIDDEN))


async def _stop(turn: Turn, _: EarlierFields) -> Response:
    turn, seen = await _claimed(turn)
    return await _told(turn, await _stopped(turn, seen, Why.REFERRAL_WITHDRAWN))


async def _tell_nothing(turn: Turn, _: EarlierFields) -> Response:
    """Only what comes back ends; the referral itself goes on."""
    turn, seen = await _claimed(turn)
    store, hush = turn.rooms.store, turn.pack.release_required
    told = await tell_nothing(store, turn.visit, seen.referrals, now=turn.now, hush=hush)
    return await _told(turn, {} if told else {"": NOBODY_TO_TELL})


async def _stopped(turn: Turn, seen: Seen, why: Why) -> dict[str, str]:
    """With us first: what waits to be sent must not go out while the record system is being asked."""
    store, hush = turn.rooms.store, turn.pack.release_required
    stopped = await stop(store, turn.client, turn.visit, seen.referrals, now=turn.now, hush=hush)
    turn.rooms.dispatcher.kick()
    written = await end_in_record(turn.client, turn.visit, seen.referred, seen.may, why, now=turn.now)
    return stopped_words(stopped, seen.referrals) | await _failures(turn, written, why)


async def _failures(turn: Turn, written: Written, why: Why) -> dict[str, str]:
    """What went wrong, in words; that a label was lost leaves a row in the log, too."""
    if written.label_lost:
        await turn.rooms.store.doing(Act.PROTECTION_LOST, turn.now).audit.note(of_visit(turn.visit))
    return failures(written, why, turn.visit.plan)


async def _leave(turn: Turn, _: EarlierFields) -> Response:
    """Back to reading, and nothing changed."""
    return go(turn.rooms, await _kept(turn, await turn.claim(), _reading(turn)))


async def _first_page(turn: Turn, _: EarlierFields) -> Response:
    return go(turn.rooms, await close_earlier(turn.rooms.store, await turn.claim()))


async def _close(turn: Turn, _: EarlierFields) -> Response:
    return leave(turn.rooms, await finish(turn.rooms.store, await turn.claim()), turn.entry)


async def _told(turn: Turn, failed: Mapping[str, str]) -> Response:
    """Back to what stands in the record, read anew; with what went wrong, once."""
    draft = _reading(turn)
    if failed:
        return await turn.refuse(failed, draft=draft)
    return go(turn.rooms, await _kept(turn, turn.visit, draft))


async def _claimed(turn: Turn) -> tuple[Turn, Seen]:
    turn = replace(turn, visit=await turn.claim())
    return turn, await read_earlier(turn.rooms.store, turn.client, turn.visit)


async def _kept(turn: Turn, visit: Visit, draft: Draft) -> Visit:
    return await turn.rooms.store.visits.change(visit, draft=draft)


def _reading(turn: Turn) -> Draft:
    opened = turn.visit.draft.earlier
    return Draft(earlier=opened and replace(opened, correcting="", version=""))


def _holding(turn: Turn, given: Mapping[str, tuple[str, ...]]) -> Draft:
    return replace(turn.visit.draft, entered={_ENTERED: given}, mistaken=None)


def _forms(turn: Turn) -> dict[str, Form]:
    return turn.rooms.by_canonical(turn.entry)


def _then(turn: Turn, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the expressions of the form see: the time is that of the answers."""
    at = datetime.fromisoformat(str(body.get("authored")))
    return {"launch": turn.visit.launch(), "now": at.astimezone(turn.entry.zone)}


def _questions(turn: Turn, seen: Seen) -> tuple[Question, ...]:
    opened, form = turn.visit.draft.earlier, next(iter(turn.forms()), None)
    body = seen.entries.named(opened.correcting) if opened else None
    if form is None or body is None:
        return ()
    more = turn.mistaken.values.get(_MORE) if turn.mistaken else None
    entered = turn.visit.draft.entered.get(_ENTERED, {})
    return questions(form, entered, mistakes=turn.mistakes, more=more, **_then(turn, body))


_ACTIONS: Mapping[Amend, Callable[[Turn, EarlierFields], Awaitable[Response]]] = {
    Amend.LEAVE: _leave,
    Amend.ERROR: _error,
    Amend.HIDE: _hide,
    Amend.WITHDRAW: lambda turn, _: _taken_back(turn, Why.WITHDRAWN),
    Amend.STOP: _stop,
    Amend.TELL_NOTHING: _tell_nothing,
    Amend.FIRST_PAGE: _first_page,
    Amend.CLOSE: _close,
}
