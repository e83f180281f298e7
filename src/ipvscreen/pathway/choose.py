"""Choose a door of the first page."""

from dataclasses import replace
from datetime import datetime

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.gate import age_gate
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.visit import Door, Event, after
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit

EVENTS: dict[Door, Event] = {
    Door.ASK: Event.ASK,
    Door.TOLD: Event.DISCLOSE,
    Door.WORRIED: Event.DISCLOSE,
    Door.DANGER: Event.DISCLOSE,
    Door.FROM_RECORD: Event.DISCLOSE,
    Door.NOT_NOW: Event.DEFER,
}


async def choose(
    store: Store,
    visit: Visit,
    door: Door,
    *,
    pack: Pack,
    setting: Setting,
    age_confirmed: bool,
    now: datetime,
) -> Visit:
    """The visit behind that door; OutOfOrder where its state, its `pack` or the age does not allow it."""
    gate = age_gate(visit.person, now.date(), pack.age_from)
    unsure = gate.needs_age_confirmed and not age_confirmed
    if door is Door.ASK and (unsure or not gate.may_ask or not pack.ask):
        raise OutOfOrder(visit.state, door)
    if door is Door.FROM_RECORD and setting is not Setting.MENTAL_HEALTH:
        raise OutOfOrder(visit.state, door)
    return await store.visits.change(
        visit,
        state=after(visit.state, EVENTS[door]),
        draft=replace(visit.draft, door=door),
        setting=setting,
        age_confirmed=age_confirmed,
        held=visit.held or EVENTS[door] is Event.DISCLOSE,
    )
