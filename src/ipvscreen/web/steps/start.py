"""The first page: a door, or a form that was begun before."""

from contextlib import suppress
from dataclasses import replace

from starlette.responses import Response

from ipvscreen.errors import IpvscreenError, OutOfOrder
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.gate import age_gate
from ipvscreen.ipv.visit import Door, Step
from ipvscreen.messages import message
from ipvscreen.pathway.choose import choose
from ipvscreen.pathway.choose_again import choose_again
from ipvscreen.pathway.resume import resume
from ipvscreen.store.visits import Visit
from ipvscreen.web import cookies
from ipvscreen.web.fields import Posted, StartFields, own
from ipvscreen.web.presenters.start import same_person, start_page
from ipvscreen.web.steps.account import open_account
from ipvscreen.web.steps.choosing import again as again_for
from ipvscreen.web.steps.earlier import open_one
from ipvscreen.web.steps.earlier_list import earlier_list
from ipvscreen.web.turn import Turn, go
from ipvscreen.web.writing import again

_CONFIRM_AGE = message("Confirm that the patient is {age_from} or over, or choose another door.")


async def show(turn: Turn) -> Response:
    """The gate, what can be recorded here, the doors."""
    visit, store = turn.visit, turn.rooms.store
    page = start_page(
        turn.frame(),
        visit,
        age_gate(visit.person, turn.today, turn.pack.age_from),
        turn.pack,
        unfinished=await store.visits.unfinished(visit.ehr, visit.user_key),
        services=len(await store.services.all()),
        zone=turn.entry.zone,
        mistakes=turn.mistakes,
        earlier=await earlier_list(turn),
    )
    return turn.render(page)


async def submit(turn: Turn, posted: Posted) -> Response:
    """Go through a door, or back to what was begun."""
    fields = own(StartFields, posted)
    if fields.resume is not None:
        return await _resume(turn, fields.resume)
    if fields.account:
        return await open_account(turn)
    if fields.earlier is not None:
        return await open_one(turn, fields.earlier)
    if fields.again is not None:
        return await _choose_again(turn, fields.again)
    if fields.door is None:
        raise OutOfOrder(turn.visit.state, "no door")
    setting = fields.setting or turn.visit.setting
    pack = turn.rooms.pack(turn.entry, setting)
    gate = age_gate(turn.visit.person, turn.today, pack.age_from)
    if fields.door is Door.ASK and gate.needs_age_confirmed and not fields.age_confirmed:
        return await turn.refuse({"age_confirmed": _CONFIRM_AGE.given(age_from=pack.age_from)})
    if fields.door is Door.NOT_NOW:
        turn.rooms.act(Act.PUT_OFF)
    visit = await choose(
        turn.rooms.store,
        await turn.claim(),
        fields.door,
        pack=pack,
        setting=setting,
        age_confirmed=fields.age_confirmed,
        now=turn.now,
    )
    return go(turn.rooms, visit, Step.DANGER if fields.door is Door.DANGER else None)


async def _choose_again(turn: Turn, referral_id: str) -> Response:
    """To the sheet, with what is proposed; who presses the button has attested what stands above it."""
    proposed = await again_for(turn, referral_id)
    turn.rooms.act(Act.EARLIER_OPENED)
    visit = await choose_again(turn.rooms.store, await turn.claim(), proposed)
    return go(turn.rooms, visit, Step.REFER)


async def _resume(turn: Turn, old_id: str) -> Response:
    """Only this clinician's own, and only of the patient whose chart is open."""
    mine = await turn.rooms.store.visits.unfinished(turn.visit.ehr, turn.visit.user_key)
    old = next((visit for visit in mine if visit.id == old_id), None)
    if old is None or not same_person(old, turn.visit):
        raise OutOfOrder(turn.visit.state, "resume")
    turn.rooms.act(Act.EARLIER_OPENED)
    resumed = await resume(turn.rooms.store, old, turn.visit)
    resumed = await _finished(replace(turn, visit=resumed))
    return _moved(turn, resumed.id, go(turn.rooms, resumed))


async def _finished(turn: Turn) -> Visit:
    """What was interrupted on its way into the record goes on at once; its page tells what became of it."""
    store = turn.rooms.store
    if not any((await store.journal.of_visit(turn.visit.id)).values()):
        return turn.visit
    with suppress(IpvscreenError):  # the browser must get its cookie, and that page has a button
        return await again(turn, turn.visit)
    return await store.visits.get(turn.visit.id) or turn.visit


def _moved(turn: Turn, visit_id: str, response: Response) -> Response:
    """The browser's cookie goes over to the visit that it has taken up."""
    framed = bool(turn.entry.frame_ancestors)
    now_in = cookies.visit_cookie(turn.visit.id)
    cookies.put_visit(response, visit_id, turn.cookies[now_in], framed=framed)
    cookies.drop(response, now_in, framed=framed)
    return response
