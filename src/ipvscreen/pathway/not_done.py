"""Record, as a deliberate choice, that the questions were not asked, and why."""

from ipvscreen.ehr.after_loss import OnLoss
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.patient import same_patient
from ipvscreen.ehr.writer import write
from ipvscreen.ipv.visit import Event, after
from ipvscreen.resources.screening import not_done as not_done_resources
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit


async def not_done(
    store: Store, client: FhirClient, visit: Visit, reason: str, on_loss: OnLoss = "withdraw"
) -> Visit:
    """The visit with `written` set; it stays deferred.

    PatientChanged, with nothing written, where the record's patient is no longer the one on the page;
    ValueError for a reason that is not in the list.
    """
    state = after(visit.state, Event.RECORD)
    items = not_done_resources(visit.context(), reason, visit.plan)
    silent = await same_patient(client, visit.patient_id, visit.person)
    written = await write(client, visit.plan, items, before=visit.written, silent=silent, on_loss=on_loss)
    return await store.visits.change(visit, state=state, written=written)
