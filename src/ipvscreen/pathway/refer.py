"""Refer: on disk first, with its entries for the record; the dispatcher brings it to the service."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ipvscreen.ehr.after_loss import withheld
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.patient import same_patient
from ipvscreen.ehr.points import Care, Point
from ipvscreen.errors import EhrError, OutOfOrder
from ipvscreen.ipv.gate import may_send
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.proposals import organisation_at
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.referral import ReferralRequest, ReferralState
from ipvscreen.ipv.services import Need, Service
from ipvscreen.ipv.visit import Event, VisitState, after
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.frozen import merged, pending
from ipvscreen.resources.referral import message as message_of
from ipvscreen.resources.referral import referral
from ipvscreen.resources.written import Written
from ipvscreen.store.asked import asked_to_json
from ipvscreen.store.facade import Store
from ipvscreen.store.journal import Begun, Purpose, new_writing
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
    care: Care,
    ring_back: str | None = None,
    need: Need | None = None,
) -> Begun:
    """The visit with its referral queued and its entries for the record on disk, all at once.

    To a service without an address it is for a person to bring; `ring_back` is her number.
    The key is made of visit, service and, where it is for a child, that child: the same form twice is one
    referral, and two children at one service are two. OutOfOrder in danger until
    the telephone call has been made, declined, or is impossible. PatientChanged, with nothing sent, as in
    `same_patient`; a record system that cannot be asked keeps nobody from help. `source` is our public URL.
    `need`: what the service was matched with, kept for the next best one should it decline.
    """
    draft = visit.draft
    said = assess_draft(draft, pack, visit.launch(), visit.opened_at)
    if not may_send(draft.call, danger=bool(said.dangers)):
        raise OutOfOrder(visit.state, Event.REFER)
    key = _key(visit, service)
    context = visit.context()
    row = _row(visit, service, key, now, request, need)
    bundle = message_of(context, service, request, visit.person, key, source, now, ring_back)
    job = _job(visit, service, request, key, bundle)
    silent = await same_patient(client, visit.patient_id, visit.person)
    items = referral(context, service, request, visit.person, key, visit.plan)
    return await _on_disk(store, visit, row, job, items, silent, care)


def _key(visit: Visit, service: Service) -> str:
    child = f"/{visit.draft.child}" if visit.draft.child else ""
    return str(uuid.uuid5(_NAMESPACE, f"{visit.id}/{service.id}{child}"))


def _job(
    visit: Visit, service: Service, request: ReferralRequest, key: str, bundle: Mapping[str, Any]
) -> NewJob:
    asked = asked_to_json(request, visit.person.name) if organisation_at(service.endpoint) else None
    by_hand = not service.endpoint
    return NewJob(key, key, service.endpoint, bundle, asked=asked, by_hand=by_hand, backend=service.backend)


async def _on_disk(
    store: Store,
    visit: Visit,
    row: Referral,
    job: NewJob,
    items: tuple[Labelled, ...],
    silent: EhrError | None,
    care: Care,
) -> Begun:
    """All of it at once; nothing for the record where that has lost a label of this visit."""
    held = visit.state in (VisitState.UNRECORDED, VisitState.INTERRUPTED)
    told = merged(
        withheld(items, None) if visit.label_lost else pending(items), visit.referred_in_record or Written()
    )
    entries = new_writing(visit.id, Purpose.REFERRAL, items, care.until(), row.id)
    referred = await store.referrals.add(
        visit,
        row,
        job,
        None if visit.label_lost else entries,
        state=after(visit.state, Event.REFER),
        held=held,
        draft=replace(visit.draft, child=""),  # what comes next is the patient's own again
        referred_in_record=told,
    )
    if referred.version == visit.version:  # it was there already, with the entries that were frozen then
        again = await store.journal.take(referred, entries.id, care.clock(), care.lease, silent)
        return again or Begun(referred)
    care.reached(Point.FROZEN)
    return Begun(referred) if visit.label_lost else Begun(referred, entries, silent=silent)


def _row(
    visit: Visit, service: Service, key: str, now: datetime, request: ReferralRequest, need: Need | None
) -> Referral:
    return Referral(
        id=key,
        visit_id=visit.id,
        service_id=service.id,
        service_name=service.short_name,
        phone=service.phone,
        state=ReferralState.QUEUED if service.endpoint else ReferralState.UNSENT,
        queued_at=now,
        reply_by=now + timedelta(hours=service.reply_hours),
        urgent=request.urgent,
        by_hand=frozenset() if service.endpoint else service.by_hand,
        agreement=request.agreement,
        sharing=request.sharing,
        need=need,
        review=request.contact.review,
    )
