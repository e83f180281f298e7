"""The list of the practice, for staffed role and safeguarding lead; and the door that a notice leads to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.hearing import Done, is_old
from ipvscreen.messages import message
from ipvscreen.store.alerts import Alert
from ipvscreen.store.audit import of_visit
from ipvscreen.store.sittings import Sitting, subject_of
from ipvscreen.web.errors import NOT_HERE, PageRefused, Problem
from ipvscreen.web.fields import Own, own, read_form
from ipvscreen.web.long_lists import Part, part_of
from ipvscreen.web.presenters.worklist import About, Entry, entries
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.watch import look

router = APIRouter()

_GONE = Problem(409, message("This does not wait any more"), (message("Open the list again."),))


class SeenFields(Own):
    """Which entry, and what was done about it."""

    entry: str
    done: Done


def is_of_role(entry: EhrEntry, sitting: Sitting) -> bool:
    """Whether that clinician belongs to the staffed role or is a safeguarding lead there."""
    return (sitting.user or "") in entry.staff | entry.lead


@dataclass(frozen=True, slots=True)
class Work:
    """One page of what waits, and of all that waits how many are urgent, and how many a working day old."""

    entries: tuple[Entry, ...]
    part: Part[Alert]
    urgent: int
    old: int


async def work(rooms: Rooms, entry: EhrEntry, sitting: Sitting, asked: Mapping[str, str]) -> Work:
    """What waits; for a lead who is no member, as far as it is a working day old. None for anybody else.

    What is urgent comes first, then what is a working day old: on a later page stands only what can wait.
    """
    now, hours, store = rooms.clock(), entry.hours, rooms.store
    if hours is None or not is_of_role(entry, sitting):
        return Work((), part_of((), asked), 0, 0)
    await look(rooms, entry, now)
    alerts = await store.alerts.open(entry.name)
    old = frozenset(one.id for one in alerts if is_old(one.since, hours, now))
    theirs = [one for one in alerts if _member(entry, sitting) or one.id in old]
    theirs.sort(key=lambda one: (not one.urgent, one.id not in old, one.since, one.id))
    part = part_of(theirs, asked)
    abouts = [one.about for one in part.rows]
    about = About(
        visits=await store.waiting.visits([one.visit_id for one in part.rows]),
        referrals=await store.referrals.all_of(abouts),
        held=await store.outbox.held(abouts, now),
    )
    shown = entries(part.rows, old, about, entry.zone, now.astimezone(entry.zone).date())
    return Work(shown, part, sum(one.urgent for one in theirs), sum(one.id in old for one in theirs))


async def shown(rooms: Rooms, entry: EhrEntry, sitting: Sitting, practice: Work) -> None:
    """That page is ready to be sent: who opened it is noted, and members have heard of what stands on it."""
    if not is_of_role(entry, sitting):
        return
    heard = [one.id for one in practice.entries] if _member(entry, sitting) else []
    store = rooms.doing(Act.WORKLIST_SHOWN).store
    await store.alerts.show(heard, subject_of(sitting), rooms.clock())


def _member(entry: EhrEntry, sitting: Sitting) -> bool:
    return (sitting.user or "") in entry.staff


async def seen_to(request: Request, rooms: Rooms, entry: EhrEntry, sitting: Sitting) -> Response:
    """Somebody of the role has done something about an entry; then the list again."""
    if not is_of_role(entry, sitting):
        raise PageRefused(NOT_HERE)
    fields = own(SeenFields, await read_form(request))
    alert = next((one for one in await rooms.store.alerts.open(entry.name) if one.id == fields.entry), None)
    if alert is None:
        raise PageRefused(_GONE)
    visit = (await rooms.store.waiting.visits([alert.visit_id])).get(alert.visit_id)
    by = subject_of(sitting)
    if visit is not None:
        by = replace(of_visit(visit), user=by.user, user_key=by.user_key, user_name=by.user_name)
    store = rooms.doing(Act.SEEN_TO).store
    if not await store.alerts.see_to(alert.id, entry.name, by, fields.done, rooms.clock()):
        raise PageRefused(_GONE)
    return RedirectResponse(f"{rooms.base}/l/{sitting.id}", status_code=303)


@router.get("/n/{token}")
async def door(request: Request, token: str) -> Response:  # noqa: ARG001  it is looked up nowhere
    """Where a notice leads: the same page whatever the token is, and no word of what waits."""
    rooms: Rooms = request.app.state.rooms
    entry = next(iter(rooms.ehrs.values()), None)
    if entry is None:
        raise PageRefused(NOT_HERE)
    request.state.locale = entry.locale
    return HTMLResponse(rooms.page("door.html", entry.locale, out=entry.exit_url))
