"""What was entered on a page, added to what the draft has already, and what is wrong with it."""

from collections.abc import Mapping
from typing import Any

from ipvscreen.ipv.draft import Draft, Entered
from ipvscreen.ipv.instruments import INSTRUMENTS
from ipvscreen.ipv.packs import Pack, When
from ipvscreen.ipv.visit import Step
from ipvscreen.messages import joined, message
from ipvscreen.sdc.answers import Answers
from ipvscreen.sdc.form import Form
from ipvscreen.web.fields import Posted, split
from ipvscreen.web.presenters.form import Part, begun, merged, part
from ipvscreen.web.turn import Turn

OPEN = "open"  # the buttons that open a form on a page of its own, and where their mistakes are shown


def entered(turn: Turn, posted: Posted) -> tuple[Entered, Posted]:
    """The draft's answers with those of this page in place of what it had, and the other fields."""
    now, rest = split(posted, turn.forms())
    before = turn.visit.draft.entered
    if turn.step is Step.FORM:
        for form in turn.forms():
            held = before.get(form.name) or begun(form, **seen(turn))  # initial values of its other pages
            now[form.name] = merged(held, now[form.name], part_of(turn, form).names)
    return {**before, **now}, rest


def part_of(turn: Turn, form: Form, *, more: str | None = None) -> Part:
    """The page of that form that the draft is at."""
    draft = turn.visit.draft
    return part(
        form,
        draft.entered.get(form.name, {}),
        page=draft.page,
        mistakes=turn.mistakes,
        more=more,
        fresh=form.name not in draft.entered,
        **seen(turn),
    )


def seen(turn: Turn) -> dict[str, Any]:
    """What the expressions of a form see of the visit; the moment with its offset where the clinician is."""
    return {"launch": turn.visit.launch(), "now": turn.visit.opened_at.astimezone(turn.pack.zone)}


def mistakes_on(turn: Turn, draft: Draft) -> dict[str, str]:
    """What has to be put right before that page of questions is taken, by field; `open` for other pages."""
    pack, read = turn.pack, turn.answers(draft)
    found: dict[str, str] = {}
    for form in _due(pack, read, turn.step):
        found |= read[form.name].mistakes
    unfinished = [one.label for one in pack.more if one.form.name in read and read[one.form.name].mistakes]
    if unfinished:
        found[OPEN] = message("Finish these, or leave them out: {forms}.", forms=joined(", ", unfinished))
    return found


def _due(pack: Pack, read: Mapping[str, Answers], step: Step) -> list[Form]:
    """The forms that stand open on that page: one that waits for an all-no is not due before it."""
    due = [one.form for one in pack.ask if one.when is When.ALWAYS or _all_no(pack, read)]
    return due if step is Step.QUESTIONS else [*due, *pack.today]


def _all_no(pack: Pack, read: Mapping[str, Answers]) -> bool:
    first = pack.ask[0].form.name
    return INSTRUMENTS[first].all_no(read[first])
