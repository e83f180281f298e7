"""Refer: on disk first, then into the record, labelled; the dispatcher brings it to the service."""

import uuid
from datetime import datetime, timedelta

from ipvscreen.ehr.after_loss import OnLoss, withheld
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.patient import same_patient
from ipvscreen.ehr.writer import write
from ipvscreen.errors import EhrError, OutOfOrder
from ipvscreen.ipv.gate import may_send
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.referral import ReferralRequest, ReferralState
from ipvscreen.ipv.services import Service
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.referral import message as message_of
from ipvscreen.resources.referral import referral
from ipvscreen.resources.written import Written
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import NewJob
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit

_NAMESPACE = uuid.UUID("6f6f7c1e-3f0b-4e0e-9f43-0c6a5f7f2b11")


async def refer(
    store: Store,
    client: FhirClient,
    pack: Pack,
    visit: Visit,
    service: Service,
    request: ReferralRequest,
    *,
    source: str,
    now: datetime,
    on_loss: OnLoss = "withdraw",
) -> Visit:
    """The visit with its referral queued and written to the record.

    The key is made of visit and service: the same form twice is one referral. OutOfOrder in danger until
    the telephone call has been made, declined, or is impossible. PatientChanged, with nothing sent, as in
    `same_patient`; a record system that cannot be asked keeps nobody from help. `source` is our public URL.
    """
    draft = visit.draft
    said = assess_draft(draft, pack, visit.launch(), visit.opened_at)
    if not may_send(draft.call, danger=bool(said.dangers)):
        raise OutOfOrder(visit.state, Event.REFER)
    key = str(uuid.uuid5(_NAMESPACE, f"{visit.id}/{service.id}"))
    context = visit.context()
    row = _row(visit, service, key, now, urgent=request.urgent)
    bundle = message_of(context, service, request, visit.person, key, source, now)
    job = NewJob(key=key, correlation=key, endpoint=service.endpoint, body=bundle)
    held = visit.state is VisitState.UNRECORDED
    silent = await same_patient(client, visit.patient_id, visit.person)
    referred = await store.referrals.add(visit, row, job, state=after(visit.state, Event.REFER), held=held)
    written = await _recorded(
        client,
        referred,
        referral(context, service, request, visit.person, key, visit.plan),
        silent,
        on_loss,
    )
    return await store.visits.change(referred, referred_in_record=written)


def _row(visit: Visit, service: Service, key: str, now: datetime, *, urgent: bool) -> Referral:
    return Referral(
        id=key,
        visit_id=visit.id,
        service_id=service.id,
        service_name=service.short_name,
        phone=service.phone,
        state=ReferralState.QUEUED,
        queued_at=now,
        reply_by=now + timedelta(hours=service.reply_hours),
        urgent=urgent,
    )


async def _recorded(
    client: FhirClient, visit: Visit, items: tuple[Labelled, ...], silent: EhrError | None, on_loss: OnLoss
) -> Written:
    """What became of the entries; withheld where the record has lost a label of this visit."""
    before = visit.referred_in_record
    if any(one is not None and one.label_lost for one in (visit.written, before)):
        return withheld(items, before)
    return await write(client, visit.plan, items, before=before, silent=silent, on_loss=on_loss)
