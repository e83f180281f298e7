"""Record the conversation in the record system, labelled, and believe only what is read back."""

from ipvscreen.ehr.after_loss import OnLoss, withheld
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.patient import same_patient
from ipvscreen.ehr.writer import write
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.reading import assess_draft, read_draft
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.resources.screening import screening
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit


async def record(
    store: Store, client: FhirClient, pack: Pack, visit: Visit, on_loss: OnLoss = "withdraw"
) -> Visit:
    """The visit with `written` set: RECORDED when all of it stands there labelled, else UNRECORDED.

    Nothing is sent where the record has lost a label of this visit's referral.

    PatientChanged, with nothing written, where the record's patient is no longer the one on the page.
    """
    draft = visit.draft
    launch, now = visit.launch(), visit.opened_at
    answers = read_draft(draft, pack, launch, now)
    assessment = assess_draft(draft, pack, launch, now)
    items = screening(
        visit.context(),
        answers,
        assessment,
        draft.recording,
        draft.flag,
        draft.door,
        draft.reason,
        visit.plan,
    )
    silent = await same_patient(client, visit.patient_id, visit.person) if items else None
    if visit.referred_in_record and visit.referred_in_record.label_lost:
        written = withheld(items, visit.written)
    else:
        written = await write(client, visit.plan, items, before=visit.written, silent=silent, on_loss=on_loss)
    event = Event.RECORD_FAILED if written.failed else Event.RECORD
    # A disclosure stays on the clinician's list until it was sent on or finished: exit may come first.
    held = visit.held or bool(written.failed)
    state = after(visit.state, event)
    if state is VisitState.RECORDED and await store.referrals.of_visit(visit.id):
        state, held = after(state, Event.REFER), False  # it was sent on while the record refused
    return await store.visits.change(visit, state=state, written=written, held=held)
