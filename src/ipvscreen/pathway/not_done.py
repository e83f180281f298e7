"""Record, as a deliberate choice, that the questions were not asked, and why."""

from dataclasses import replace

from ipvscreen.ehr.asking import ask_first
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.points import Care, Point
from ipvscreen.ipv.visit import Event, after
from ipvscreen.resources.screening import not_done as not_done_resources
from ipvscreen.store.facade import Store
from ipvscreen.store.journal import Begun, Purpose
from ipvscreen.store.visits import Visit


async def not_done(store: Store, client: FhirClient, visit: Visit, reason: str, care: Care) -> Begun:
    """The visit with its entries on disk, as in `record`; it stays deferred.

    PatientChanged, with nothing changed, where the record's patient is no longer the one on the page;
    ValueError for a reason that is not in the list.
    """
    state = after(visit.state, Event.RECORD)
    items = not_done_resources(visit.context(), reason, visit.plan)
    asked = await ask_first(client, visit.patient_id, visit.person, visit.plan, items)
    begun = await store.journal.freeze(visit, Purpose.NOT_DONE, items, care.until(), asked.silent, state)
    care.reached(Point.FROZEN)
    return replace(begun, found=asked.found)
