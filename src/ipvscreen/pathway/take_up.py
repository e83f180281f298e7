"""Take up what did not reach the record: another try of the very same entries, asked for by the clinician."""

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.patient import same_patient
from ipvscreen.ehr.points import Care
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.store.facade import Store
from ipvscreen.store.journal import Begun, Purpose
from ipvscreen.store.visits import Visit

_NOT_RECORDED = frozenset({VisitState.INTERRUPTED, VisitState.UNRECORDED})


async def take_up(store: Store, client: FhirClient, visit: Visit, care: Care) -> list[Begun]:
    """Each write of this visit that has not come to its end, and that nobody is at, leased again.

    None for a visit that was recorded before there was a journal. PatientChanged, with nothing changed, where
    the record's patient is no longer the one on the page.
    """
    rows = await store.journal.of_visit(visit.id)
    silent = await same_patient(client, visit.patient_id, visit.person) if rows else None
    taken: list[Begun] = []
    for row in rows:
        answers = row.endswith(f".{Purpose.ANSWERS}") and visit.state in _NOT_RECORDED
        state = after(visit.state, Event.SAVE) if answers else visit.state
        begun = await store.journal.take(visit, row, care.clock(), care.lease, silent, state=state)
        if begun is not None:
            visit = begun.visit
            taken.append(begun)
    return taken
