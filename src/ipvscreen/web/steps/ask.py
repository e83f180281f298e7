"""The page of questions: a yes goes on to the page that responds, anything else is recorded."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.ipv.visit import Door, Step
from ipvscreen.pathway.choose import choose
from ipvscreen.web.answers import entered, mistakes_on
from ipvscreen.web.fields import Otherwise, Posted, QuestionsFields, own
from ipvscreen.web.presenters.questions import questions_page
from ipvscreen.web.steps.form import open_form
from ipvscreen.web.turn import Turn, go
from ipvscreen.web.writing import keep_posted, save_not_done, save_posted


async def show(turn: Turn) -> Response:
    """The questions, as far as they have been entered."""
    page = questions_page(turn.frame(), turn.visit, turn.pack, turn.entry, turn.mistakes)
    return turn.render(page)


async def submit(turn: Turn, posted: Posted) -> Response:
    """Any yes: keep and respond. No yes: record, declined or not. Or a form on a page of its own first."""
    answers, rest = entered(turn, posted)
    fields = own(QuestionsFields, rest)
    draft = replace(
        turn.visit.draft,
        entered=answers,
        recording=fields.recording,
        declined=fields.other is Otherwise.DECLINED,
        reason=fields.reason if turn.pack.reason else None,
        mistaken=None,
    )
    if fields.open is not None:
        return await open_form(turn, draft, fields.open)
    if fields.other is None and (wrong := mistakes_on(turn, draft)):
        return await turn.refuse(wrong, draft=draft)
    said = turn.assess(draft)
    disclosed = said.any_yes
    if fields.other is Otherwise.NEVER_HAD_A_PARTNER and not disclosed:
        return await _never(turn)
    visit = await (keep_posted(turn, draft, disclose=True) if disclosed else save_posted(turn, draft))
    call_first = bool(said.dangers) and draft.call is None and not disclosed
    return go(turn.rooms, visit, Step.DANGER if call_first else None)


async def _never(turn: Turn) -> Response:
    """Never had a partner is an answer: not a negative, but a reason that is recorded by choice."""
    visit, store = turn.visit, turn.rooms.store
    deferred = await choose(
        store,
        await turn.claim(),
        Door.NOT_NOW,
        pack=turn.pack,
        setting=visit.setting,
        age_confirmed=visit.age_confirmed,
        now=turn.now,
    )
    reason = Otherwise.NEVER_HAD_A_PARTNER.value
    return go(turn.rooms, await save_not_done(turn, deferred, reason))
