"""Take an earlier form back, hide it, or stop its referral, as far as each can still be done."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ipvscreen.ehr.amend import amend, changed, say_who, unsent
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.earlier import Entries
from ipvscreen.ehr.patient import same_patient
from ipvscreen.resources.correction import Change, ended, hidden, in_error
from ipvscreen.resources.reasons import Why, change_provenance
from ipvscreen.resources.written import Written
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import Cancelled
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit


async def take_back(
    client: FhirClient, visit: Visit, seen: Entries, may: frozenset[str], why: Why, *, now: datetime
) -> Written:
    """Every entry as entered in error, with its labels; what became of each, by its reference.

    PatientChanged as in `same_patient`. What is so already is left alone: it may be asked for again.
    """
    return await _changed(
        client, visit, [in_error(body, visit.policy.labels) for body in seen.bodies], may, why, now
    )


async def hide(
    client: FhirClient, visit: Visit, seen: Entries, may: frozenset[str], *, now: datetime
) -> Written:
    """Every entry with the highest labels; what it says stays."""
    changes = [hidden(body, visit.policy.labels) for body in seen.bodies]
    return await _changed(client, visit, changes, may, Why.HIDDEN, now)


async def stop(
    store: Store, client: FhirClient, visit: Visit, referrals: Sequence[Referral], *, now: datetime
) -> Mapping[str, Cancelled]:
    """What came of stopping each referral, by its id: with us first, also where the record system is silent.

    PatientChanged as in `same_patient`.
    """
    await same_patient(client, visit.patient_id, visit.person)
    return {one.id: await store.outbox.cancel(one.id, now) for one in referrals}


async def end_in_record(
    client: FhirClient, visit: Visit, seen: Entries, may: frozenset[str], why: Why, *, now: datetime
) -> Written:
    """ServiceRequest, Task, Consent and note as ended, or as entered in error where that is why."""
    build = ended if why is Why.REFERRAL_WITHDRAWN else in_error
    return await _changed(
        client, visit, [build(body, visit.policy.labels) for body in seen.bodies], may, why, now
    )


async def _changed(
    client: FhirClient,
    visit: Visit,
    changes: Sequence[Change],
    may: frozenset[str],
    why: Why,
    now: datetime,
) -> Written:
    silent = await same_patient(client, visit.patient_id, visit.person)
    if silent is not None:
        return unsent(changes, silent)
    written = await amend(client, changes, may, lists_bare=visit.plan.lists_bare)
    names = changed(changes, written)
    if not names:
        return written
    item = change_provenance(visit.context(), names, why, now)
    allowed = visit.plan.allows("Provenance") and not written.label_lost
    who = await say_who(client, item, allowed=allowed, lists_bare=visit.plan.lists_bare)
    return Written((*written.items, who))
