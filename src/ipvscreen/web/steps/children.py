"""The last page: what may wait, and what is planned for children, each with services of its own."""

from dataclasses import replace
from datetime import date

from starlette.responses import Response

from ipvscreen.ipv.assessment import Danger
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.children import ChildNeed, ChildPlan, child_plan
from ipvscreen.ipv.gap import gap_of
from ipvscreen.ipv.gate import ADULT_FROM
from ipvscreen.ipv.matching import match
from ipvscreen.ipv.person import Sex
from ipvscreen.ipv.visit import Step
from ipvscreen.messages import message
from ipvscreen.web.fields import NOT_OFFERED, FieldsRefused, Posted, own
from ipvscreen.web.presenters.children import ChildForm, ChildLine, child_form, child_line
from ipvscreen.web.presenters.closing import finish_page
from ipvscreen.web.sheet_fields import OnPlan, PlanFields
from ipvscreen.web.steps import closing
from ipvscreen.web.steps.choosing import child_of, for_child, services_of
from ipvscreen.web.turn import Turn, go

_OURS = frozenset(PlanFields.model_fields) - {"action"}
_AGE = message("Give the age in whole years, up to 17, or leave it empty.")


async def show(turn: Turn) -> Response:
    """What may wait until the patient has left; where children were spoken of, the plan for each."""
    lead, uk = turn.numbers.lead, turn.entry.uk
    page = finish_page(turn.frame(), turn.assessment(), lead=lead, uk=uk)
    lines, form = (await _lines(turn), _form(turn)) if spoken_of(turn) else ((), None)
    return turn.render(replace(page, plans=lines, child_form=form))


def spoken_of(turn: Turn) -> bool:
    """Whether children, a pregnancy or a child in danger were mentioned."""
    said = turn.assessment()
    return bool(said.children or said.pregnant or Danger.CHILD in said.dangers)


async def submit(turn: Turn, posted: Posted) -> Response:
    """One more plan, or a service for a child; anything else is the last page's own."""
    if posted.get("action") != (OnPlan.PLAN.value,) and not _OURS & set(posted):
        return await closing.submit(turn, posted)
    if not spoken_of(turn):
        raise FieldsRefused(NOT_OFFERED)
    fields = own(PlanFields, posted)
    turn.rooms.act(Act.NOTED)
    if fields.child is not None:
        return await _choose(turn, fields.child)
    return await _plan(turn, fields)


async def _plan(turn: Turn, fields: PlanFields) -> Response:
    age, wrong = _age(fields.child_age)
    made, missing = _made(fields, turn.today)
    if made is None or wrong:
        return await turn.refuse(wrong | missing, fields.model_dump(mode="json", exclude_none=True))
    need = ChildNeed(age, fields.exposure, fields.child_sex or Sex.UNKNOWN)
    matched = need.need(turn.visit.setting, turn.today)
    gap = gap_of(match(await services_of(turn), matched), matched)
    visit = await turn.claim()
    await turn.rooms.store.child_plans.add(visit, need, made, gap)
    return go(turn.rooms, visit, Step.FINISH)


async def _choose(turn: Turn, ident: str) -> Response:
    """To the sheet, where the child's own need is what services are matched with."""
    await child_of(turn, ident)
    visit = await turn.claim()
    draft = replace(visit.draft, child=ident)
    return go(turn.rooms, await turn.rooms.store.visits.change(visit, draft=draft), Step.REFER)


async def _lines(turn: Turn) -> tuple[ChildLine, ...]:
    services = await services_of(turn)
    plans = await turn.rooms.store.child_plans.of_visit(turn.visit.id)
    return tuple(child_line(one, for_child(one, services, turn).matches) for one in plans)


def _form(turn: Turn) -> ChildForm:
    kept = turn.mistaken
    return child_form(kept.values if kept else {}, kept.mistakes if kept else {}, turn.today)


def _age(text: str | None) -> tuple[int | None, dict[str, str]]:
    if text is None:
        return None, {}
    if not (text.isascii() and text.isdigit() and int(text) < ADULT_FROM):
        return None, {"child_age": _AGE}
    return int(text), {}


def _made(fields: PlanFields, today: date) -> tuple[ChildPlan | None, dict[str, str]]:
    """The plan, or what is missing in it, by field."""
    wrong: dict[str, str] = {}
    review = closing.day_of(fields.review)
    if not fields.owner:
        wrong["owner"] = message("Name the person who keeps the child.")
    if not fields.interim:
        wrong["interim"] = message("Say what is done meanwhile.")
    if review is None or review <= today:
        wrong["review"] = message("Give a day from tomorrow on.")
    if wrong or review is None:
        return None, wrong
    return child_plan(fields.owner or "", fields.interim or "", review, fields.sequence, day=today), {}
