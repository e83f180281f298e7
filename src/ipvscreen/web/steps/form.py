"""A form on a page of its own: opened from a page of questions, kept with the draft, and back again."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.visit import Step
from ipvscreen.pathway.keep import keep
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form
from ipvscreen.web.answers import entered, part_of, seen
from ipvscreen.web.fields import NOT_OFFERED, FieldsRefused, FormFields, Posted, own
from ipvscreen.web.presenters.form import FormPage, Part, wrong_page
from ipvscreen.web.turn import Turn, go

_MORE = "more"  # among the values that its page shows once: the group of which another was asked for


async def open_form(turn: Turn, draft: Draft, name: str) -> Response:
    """Keep what was entered on the page that it was opened from, and go to the form."""
    if turn.pack.further(name) is None:
        raise FieldsRefused(NOT_OFFERED)
    opened = replace(draft, form=name, page=0)
    visit = await keep(turn.rooms.store, await turn.claim(), opened, pack=turn.pack)
    return go(turn.rooms, visit, Step.FORM)


async def show(turn: Turn) -> Response:
    """The page of the form that is open; where none is, back to where the visit is at home."""
    form = turn.pack.further(turn.visit.draft.form)
    if form is None:
        return go(turn.rooms, turn.visit)
    more = turn.mistaken.values.get(_MORE) if turn.mistaken else None
    return turn.render(FormPage(turn.frame(), part_of(turn, form, more=more)))


async def submit(turn: Turn, posted: Posted) -> Response:
    """Another page of it, one more of a group, left out, or saved: then back."""
    form = turn.pack.further(turn.visit.draft.form)
    if form is None:
        return go(turn.rooms, turn.visit)
    answers, rest = entered(turn, posted)
    fields = own(FormFields, rest)
    draft = replace(turn.visit.draft, entered=answers, mistaken=None)
    if fields.leave:
        without = {name: given for name, given in answers.items() if name != form.name}
        return await _back(turn, replace(draft, entered=without))
    if fields.more is not None:
        return await turn.refuse({}, {_MORE: fields.more}, draft=draft)
    if fields.page is not None and fields.page <= draft.page:
        return await _to_page(turn, draft, fields.page)
    return await _onward(turn, form, draft, fields.page)


async def _onward(turn: Turn, form: Form, draft: Draft, page: int | None) -> Response:
    """To a later page, or back with all of it; first what is wrong, or what only this post has opened."""
    visit, given = turn.visit, draft.entered[form.name]
    before, after = part_of(turn, form), part_of(replace(turn, visit=replace(visit, draft=draft)), form)
    if _links(after) - _links(before):
        return await turn.refuse({}, draft=draft)
    mistakes = read_answers(form, given, **seen(turn)).mistakes
    if page is not None:
        here = {field: words for field, words in mistakes.items() if field in after.names}
        return await (turn.refuse(here, draft=draft) if here else _to_page(turn, draft, page))
    if mistakes and given:  # in which nothing was entered, it is left as it was
        wrong = wrong_page(form, given, mistakes, **seen(turn))
        return await turn.refuse(mistakes, draft=draft if wrong is None else replace(draft, page=wrong))
    return await _back(turn, draft)


async def _to_page(turn: Turn, draft: Draft, page: int) -> Response:
    visit = await keep(turn.rooms.store, turn.visit, replace(draft, page=page), pack=turn.pack)
    return go(turn.rooms, visit, Step.FORM)


async def _back(turn: Turn, draft: Draft) -> Response:
    closed = replace(draft, form=None, page=0)
    return go(turn.rooms, await keep(turn.rooms.store, await turn.claim(), closed, pack=turn.pack))


def _links(shown: Part) -> frozenset[str]:
    """What is asked there, whichever place of a repeated group it is asked at."""
    return frozenset(name.partition("~")[0] for name in shown.names)
