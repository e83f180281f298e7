"""The page of questions: a yes goes on to the page that responds, anything else is recorded."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.ipv.visit import Door
from ipvscreen.pathway.choose import choose
from ipvscreen.pathway.keep import keep
from ipvscreen.pathway.not_done import not_done
from ipvscreen.pathway.record import record
from ipvscreen.web.fields import Otherwise, Posted, QuestionsFields, own, split
from ipvscreen.web.presenters.questions import questions_page
from ipvscreen.web.turn import Turn, go


async def show(turn: Turn) -> Response:
    """The questions, as far as they have been entered."""
    return turn.render(questions_page(turn.frame(), turn.visit, turn.rooms.forms, turn.entry))


async def submit(turn: Turn, posted: Posted) -> Response:
    """Any yes: keep and respond. No yes: record, declined or not."""
    entered, rest = split(posted, turn.forms())
    fields = own(QuestionsFields, rest)
    draft = replace(
        turn.visit.draft,
        entered=entered,
        recording=fields.recording,
        declined=fields.other is Otherwise.DECLINED,
        mistaken=None,
    )
    disclosed = turn.assess(draft).any_yes
    if fields.other is Otherwise.NEVER_HAD_A_PARTNER and not disclosed:
        return await _never(turn)
    store, forms = turn.rooms.store, turn.rooms.forms
    visit = await keep(store, await turn.claim(), draft, forms=forms, disclose=disclosed)
    if not disclosed:
        visit = await record(store, turn.client, forms, visit)
    return go(turn.rooms, visit)


async def _never(turn: Turn) -> Response:
    """Never had a partner is an answer: not a negative, but a reason that is recorded by choice."""
    visit, store = turn.visit, turn.rooms.store
    deferred = await choose(
        store,
        await turn.claim(),
        Door.NOT_NOW,
        setting=visit.setting,
        age_confirmed=visit.age_confirmed,
        now=turn.now,
    )
    reason = Otherwise.NEVER_HAD_A_PARTNER.value
    return go(turn.rooms, await not_done(store, turn.client, deferred, reason))
