"""Cases at a service: the lists, one case and its steps, whose it is, and paper."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from ipvscreen.errors import OutOfOrder, StepRefused
from ipvscreen.ipv.case import CaseRole, CaseState
from ipvscreen.ipv.case_step import DETAILS, SAID, Case, Step, shown_to
from ipvscreen.ipv.conflict import sight
from ipvscreen.messages import message
from ipvscreen.resources.directory import kept_service
from ipvscreen.store.case_rows import Kept
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.fields import Own, own
from ipvscreen.web.inbox.case_forms import NOT_FILLED_IN, step_of
from ipvscreen.web.inbox.case_page import case_page, line, reached
from ipvscreen.web.inbox.desk import Desk, admitted, desk_of
from ipvscreen.web.long_lists import part_of

router = APIRouter(dependencies=[Depends(admitted)])

_OLD = message(
    "Somebody has changed this case since you opened the page. Nothing was done. This is how it stands."
)


class NamesFields(Own):
    """Open the name, on the page or on a sheet of paper."""

    sheet: Literal["yes"] | None = None


@router.get("/i/cases")
async def open_cases(request: Request) -> Response:
    """Every open case that the member sees, the urgent ones first, a page at a time, and nobody's name."""
    return await _list(desk_of(request), closed=False)


@router.get("/i/closed")
async def closed_cases(request: Request) -> Response:
    """Those that are over."""
    return await _list(desk_of(request), closed=True)


@router.get("/i/cases/{key}")
async def one_case(request: Request, key: str) -> Response:
    """One case: what is wanted, the safe ways, and what may be done."""
    desk = desk_of(request)
    return await _show(desk, await _kept(desk, key))


@router.post("/i/cases/{key}")
async def take_step(request: Request, key: str) -> Response:
    """One step; from a page that is out of date, or where something is in the way, the case as it stands."""
    desk = desk_of(request)
    kept = await _kept(desk, key)
    try:
        step, seen = step_of(desk.fields, _role(desk), desk.who.id, await _team(desk))
        if wrong := _missing(step):
            return await _show(desk, kept, wrong, 422)
        await desk.rooms.store.cases.move(
            key, kept.case.service_id, step, seen=seen, now=desk.now, once=desk.once
        )
    except OutOfOrder:
        return await _show(desk, await _kept(desk, key), _OLD, 409)
    except (StepRefused, ValueError) as wrong_step:
        return await _show(desk, kept, str(wrong_step), 422)
    return desk.go(f"/i/cases/{key}")


@router.post("/i/cases/{key}/names")
async def open_names(request: Request, key: str) -> Response:
    """Whose case it is, for who may see it; each opening stands in the log."""
    desk = desk_of(request)
    kept, fields = await _kept(desk, key), own(NamesFields, desk.fields)
    try:
        whom = await desk.rooms.store.cases.whom(
            key, kept.case.service_id, _role(desk), desk.who.id, desk.now, desk.once
        )
    except StepRefused as refused:
        return await _show(desk, kept, str(refused), 403)
    return await _show(desk, kept, page="sheet" if fields.sheet else "case", whom=reached(whom))


@router.get("/i/cases/{key}/print")
async def sheet(request: Request, key: str) -> Response:
    """A sheet for paper, without the name."""
    desk = desk_of(request)
    return await _show(desk, await _kept(desk, key), page="sheet")


async def _list(desk: Desk, *, closed: bool) -> Response:
    found = await desk.rooms.store.cases.of_organisation(desk.who.organisation or "", closed=closed)
    role, mine = _role(desk), desk.who.id
    seen = sorted((case for case in found if shown_to(case, role, mine)), key=_over if closed else _first)
    part = part_of(seen, desk.asked)
    team, services = await _team(desk), await _services(desk, *part.rows)
    return desk.show(
        "cases",
        lines=[line(desk, case, team, services) for case in part.rows],
        part=part,
        urgent=sum(case.urgent for case in seen),
        unopened=sum(case.state is CaseState.DELIVERED for case in seen),
        closed=closed,
    )


def _first(case: Case) -> tuple[bool, bool, datetime, str]:
    """What is urgent, then what nobody has opened, then what has been there longest."""
    return not case.urgent, case.state is not CaseState.DELIVERED, case.taken_in, case.key


def _over(case: Case) -> tuple[float, str]:
    """What ended last comes first."""
    return -(case.closed_at or case.taken_in).timestamp(), case.key


async def _show(
    desk: Desk, kept: Kept, notice: str = "", status: int = 200, *, page: str = "case", whom: Any = None
) -> Response:
    case, role = kept.case, _role(desk)
    seen = sight(case.facts, role, desk.who.id, case.mentor)
    shown = case_page(desk, kept, role, seen, await _team(desk), await _services(desk, case))
    response = desk.show(page, case=shown, notice=notice, whom=whom)
    response.status_code = status
    return response


async def _kept(desk: Desk, key: str) -> Kept:
    """The case; what another organisation or another worker has is as if it were not there."""
    kept = await desk.rooms.store.cases.in_inbox(key, desk.who.organisation or "")
    if kept is None or not shown_to(kept.case, _role(desk), desk.who.id):
        raise PageRefused(NOT_HERE)
    return kept


def _missing(step: Step) -> str:
    given = {name for name in DETAILS if getattr(step, name) is not None}
    return "" if given == SAID[step.event] else NOT_FILLED_IN


def _role(desk: Desk) -> CaseRole:
    return CaseRole(desk.who.role.value)


async def _team(desk: Desk) -> dict[str, str]:
    members = await desk.rooms.store.members.of(desk.who.organisation)
    return {one.id: one.name for one in members}


async def _services(desk: Desk, *of: Case) -> dict[str, str]:
    """What the services of these cases are called, neutrally."""
    found = await desk.rooms.store.services.some({case.service_id for case in of})
    return {one.id: one.short_name for one in map(kept_service, found)}
