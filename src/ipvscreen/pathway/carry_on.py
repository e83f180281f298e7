"""Carry on with what a process left behind when it died, as long as the record system still lets us."""

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.patient import same_patient
from ipvscreen.errors import PatientChanged, VisitOver
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.store.facade import Store
from ipvscreen.store.journal import Begun, Then, Writing
from ipvscreen.store.visit import VisitChanges
from ipvscreen.store.visits import Visit


async def carry_on(store: Store, client: FhirClient | None, visit: Visit, writing: Writing) -> Begun | None:
    """What may be sent again now; None where only the clinician can go on, at the next launch.

    That is where the sign-in has ended, the record's patient has changed, or the settings no longer have the
    record system (`client` is None). Then the visit stands on the clinician's list.
    """
    try:
        if client is None:
            raise VisitOver("This record system is not among the settings.")
        silent = await same_patient(client, visit.patient_id, visit.person)
    except (PatientChanged, VisitOver):
        await store.journal.tell(writing, _interrupted, Then.WAITS)
        return None
    return Begun(visit, writing, writing.known(visit), silent)


def _interrupted(visit: Visit) -> VisitChanges:
    """Only the way of the answers is a state; a referral is with its service whatever the record holds."""
    if visit.state is not VisitState.SAVING:
        return {}
    return {"state": after(visit.state, Event.INTERRUPT)}
