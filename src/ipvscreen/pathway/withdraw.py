"""Take an earlier form back, hide it, or stop its referral, as far as each can still be done."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from ipvscreen.ehr.amend import amend, changed, say_who, unsent
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.earlier import Entries
from ipvscreen.ehr.patient import same_patient
from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.case import CLOSED, CaseEvent, CaseRole
from ipvscreen.ipv.case_step import Step
from ipvscreen.resources.correction import Change, ended, hidden, in_error
from ipvscreen.resources.reasons import Why, change_provenance
from ipvscreen.resources.stopping import stop_message
from ipvscreen.resources.written import Written
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import Cancelled
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit

_TRIES = 3


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
    store: Store,
    client: FhirClient,
    visit: Visit,
    referrals: Sequence[Referral],
    *,
    now: datetime,
    hush: bool = False,
) -> Mapping[str, Cancelled]:
    """What came of stopping each referral, by its id: with us first, also where the record system is silent.

    What has arrived in an inbox here is told there; a system of the service's own is sent a message. `hush`:
    what comes of that is not to be seen, since it tells whether it is over there. PatientChanged as in
    `same_patient`.
    """
    await same_patient(client, visit.patient_id, visit.person)
    return {one.id: await _stop(store, visit, one.id, now, hush) for one in referrals}


async def _stop(store: Store, visit: Visit, referral_id: str, now: datetime, hush: bool) -> Cancelled:
    stopped = await store.outbox.cancel(referral_id, now)
    if stopped is not Cancelled.TOO_LATE:
        return stopped
    if await _tell(store, visit, referral_id, CaseEvent.WITHDRAW, now, hush):
        return Cancelled.ARRIVED if hush else Cancelled.TOLD
    if await store.cases.of_referrals([referral_id]):  # over there, or being acted on just now
        return stopped

    def message(left: Mapping[str, Any]) -> dict[str, Any]:
        return stop_message(left, referral_id, visit.person, now, visit.policy.labels)

    return await store.stops.stop(referral_id, message, now)


async def tell_nothing(
    store: Store, visit: Visit, referrals: Sequence[Referral], *, now: datetime, hush: bool = False
) -> int:
    """Services are told that nothing may be told back any more; how many of them have an inbox here."""
    told = [await _tell(store, visit, one.id, CaseEvent.TELL_NOTHING, now, hush) for one in referrals]
    return sum(told)


async def _tell(
    store: Store, visit: Visit, referral_id: str, event: CaseEvent, now: datetime, hush: bool
) -> bool:
    """Whether the case of that referral has taken the step; a service that acts just then is not overrun.

    With `hush` one that is over answers as one that is not.
    """
    for _ in range(_TRIES):
        kept = (await store.cases.of_referrals([referral_id])).get(referral_id)
        if kept is None or kept.case.state in CLOSED:
            return hush and kept is not None
        step = Step(event, CaseRole.REFERRER, visit.user_key or visit.id)
        with suppress(OutOfOrder):
            await store.cases.move(referral_id, kept.case.service_id, step, seen=kept.case.steps, now=now)
            return True
    return False


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
    if not changes:
        return Written()
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
