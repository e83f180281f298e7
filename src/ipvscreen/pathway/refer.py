"""Refer: on disk first, then into the record, labelled; the dispatcher brings it to the service."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.writer import write
from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.gate import may_send
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.referral import ReferralRequest, ReferralState
from ipvscreen.ipv.services import Service
from ipvscreen.ipv.visit import Event, after
from ipvscreen.resources.referral import message, referral
from ipvscreen.sdc.form import Form
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import NewJob
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit

_NAMESPACE = uuid.UUID("6f6f7c1e-3f0b-4e0e-9f43-0c6a5f7f2b11")


async def refer(
    store: Store,
    client: FhirClient,
    forms: Mapping[str, Form],
    visit: Visit,
    service: Service,
    request: ReferralRequest,
    *,
    source: str,
    now: datetime,
) -> Visit:
    """The visit with its referral queued and written to the record.

    The key is made of visit and service: the same form twice is one referral. OutOfOrder in danger until
    the telephone call has been made, declined, or is impossible. `source` is our public URL.
    """
    draft = visit.draft
    if not may_send(draft.call, danger=bool(assess_draft(draft, forms, visit.setting).dangers)):
        raise OutOfOrder(visit.state, Event.REFER)
    key = str(uuid.uuid5(_NAMESPACE, f"{visit.id}/{service.id}"))
    context = visit.context()
    row = Referral(
        id=key,
        visit_id=visit.id,
        service_id=service.id,
        service_name=service.short_name,
        phone=service.phone,
        state=ReferralState.QUEUED,
        queued_at=now,
        reply_by=now + timedelta(hours=service.reply_hours),
        urgent=request.urgent,
    )
    bundle = message(context, service, request, visit.person, key, source, now)
    job = NewJob(key=key, correlation=key, endpoint=service.endpoint, body=bundle)
    referred = await store.referrals.add(visit, row, job, state=after(visit.state, Event.REFER))
    items = referral(context, service, request, visit.person, key)
    written = await write(client, visit.plan, items)
    return await store.visits.change(referred, referred_in_record=written)
