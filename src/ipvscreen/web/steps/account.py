"""What the patient says of own conduct: a page of its own, kept by itself, never written to the record."""

from collections.abc import Mapping

from starlette.responses import Response

from ipvscreen.ipv.account import programmes
from ipvscreen.ipv.visit import Event, after
from ipvscreen.pathway.finish import finish
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form
from ipvscreen.store.accounts import Account
from ipvscreen.store.visits import Visit
from ipvscreen.web.answers import seen
from ipvscreen.web.fields import AccountFields, Posted, Then, own, split
from ipvscreen.web.presenters.account import account_page
from ipvscreen.web.presenters.form import part
from ipvscreen.web.steps.choosing import services_of
from ipvscreen.web.turn import Turn, go, leave


async def open_account(turn: Turn) -> Response:
    """From the first page to this one."""
    return go(turn.rooms, await _moved(turn, await turn.claim(), Event.ACCOUNT))


async def show(turn: Turn) -> Response:
    """The form, as far as it has been entered, and what it calls for."""
    form, kept = _form(turn), await turn.rooms.store.accounts.latest(turn.visit)
    usable = kept if kept and kept.form == form.canonical else None
    entered = usable.entered if usable else {}
    page = account_page(
        turn.frame(),
        part(form, entered, mistakes=turn.mistakes, fresh=usable is None, **seen(turn)),
        read_answers(form, entered, **seen(turn)) if _of_today(turn, usable) else None,
        kept,
        programmes(await services_of(turn), turn.visit.person, turn.visit.setting, turn.today),
        turn.numbers,
        turn.entry.zone,
        other_form=kept is not None and usable is None,
    )
    return turn.render(page)


async def submit(turn: Turn, posted: Posted) -> Response:
    """Keep it; then the same page, the first one, or the end."""
    fields, entered = await keep_account(turn, posted)
    mistakes = read_answers(_form(turn), entered, **seen(turn)).mistakes
    if mistakes:
        return await turn.refuse(mistakes)
    visit = await turn.claim()
    if fields.then is Then.CLOSE:
        return leave(turn.rooms, await finish(turn.rooms.store, visit), turn.entry)
    if fields.then is Then.FIRST_PAGE:
        visit = await _moved(turn, visit, Event.RETURN)
    return go(turn.rooms, visit)


async def keep_account(turn: Turn, posted: Posted) -> tuple[AccountFields, Mapping[str, tuple[str, ...]]]:
    """What was entered, kept as it is; a page on which nothing ever was entered keeps nothing."""
    form, accounts = _form(turn), turn.rooms.store.accounts
    answers, rest = split(posted, (form,))
    fields, entered = own(AccountFields, rest), answers[form.name]
    read_answers(form, entered, **seen(turn))  # refuses what the page does not offer
    if entered or _of_today(turn, await accounts.latest(turn.visit)):
        await accounts.keep(turn.visit, form.canonical, entered, turn.now)
    return fields, entered


def _form(turn: Turn) -> Form:
    return turn.rooms.account(turn.entry)


def _of_today(turn: Turn, kept: Account | None) -> bool:
    return kept is not None and kept.visit_id == turn.visit.id


async def _moved(turn: Turn, visit: Visit, event: Event) -> Visit:
    return await turn.rooms.store.visits.change(visit, state=after(visit.state, event))
