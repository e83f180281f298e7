"""Tell a record system's own log what a visit has left in ours: each row once, and never instead of ours."""

from datetime import datetime
from typing import Any

from ipvscreen.ehr.client import Created, FhirClient
from ipvscreen.ehr.outcome import may_have_happened
from ipvscreen.errors import EhrError, VisitOver
from ipvscreen.resources.audit_event import Event, audit_event
from ipvscreen.resources.labels import lost
from ipvscreen.store.audit import Entry
from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit

SECONDS = 5.0


async def share_audit(store: Store, http: Any, visit_id: str, now: datetime) -> None:
    """Send what is due of this visit, up to the first that fails; `http` is a client for that log alone.

    With the token that the visit has, which is not renewed for this. An AuditEvent has no identifier that a
    repetition could look for, so a row is noted as begun before it is sent, and sent again only where it was
    surely not taken.
    """
    due = await store.unshared.due(visit_id)
    visit = await store.visits.get(visit_id) if due else None
    if visit is None or visit.label_lost or not visit.plan.audit_events:
        return
    client = await _client(store, http, visit, now)
    if client is None:
        return
    rows = [row async for row in store.audit.entries(visit=visit_id) if row.number in due]
    for row in rows:
        if not await _sent(store, client, visit, row):
            return


async def _client(store: Store, http: Any, visit: Visit, now: datetime) -> FhirClient | None:
    """With the visit's token; None where there is none that is still good."""
    try:
        grant = await store.visits.grant(visit.id)
    except VisitOver:
        return None

    async def token() -> str:
        return grant.access

    return FhirClient(http, visit.iss, token, seconds=SECONDS) if now < grant.expires_at else None


async def _sent(store: Store, client: FhirClient, visit: Visit, row: Entry) -> bool:
    """Whether the next may follow."""
    if not await store.unshared.begin(visit.id, row.number):
        return True  # another process is at it
    body = audit_event(_event(visit, row), visit.policy.labels)
    try:
        created = await client.create(body)
    except EhrError as error:
        if not may_have_happened(error):
            await store.unshared.refused(visit.id, row.number)
        return False
    if _bare(body, created):
        await store.unshared.bare(visit.id, row.number)
        return False
    await store.unshared.taken(visit.id, row.number)
    return True


def _bare(body: dict[str, Any], created: Created) -> bool:
    """Whether the answer shows it without a label; the right to read logs is not asked for."""
    return created.body is not None and bool(lost(body, created.body))


def _event(visit: Visit, row: Entry) -> Event:
    """Named by its MAC: it tells nothing, and whoever has our log finds the row by it."""
    return Event(
        entry=row.mac,
        about="",
        at=row.at,
        act=row.act,
        iss="",
        user=row.subject.user,
        user_name=row.subject.user_name,
        patient_id=visit.patient_id,
        encounter_id=visit.encounter_id,
    )
