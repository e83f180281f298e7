"""What services have told of a clinician's earlier referrals: shown to her, and put into the record once."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime

import structlog

from ipvscreen.ehr.amend import add_once, amend, changed, say_who
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.earlier import Body, by_identifier, entries
from ipvscreen.ehr.patient import same_patient
from ipvscreen.errors import EhrError, NotStored, PatientChanged, VisitOver
from ipvscreen.ipv.loop import (
    Happened,
    Progress,
    Sending,
    Telling,
    Timeline,
    Told,
    progress_of,
    telling,
    timeline,
)
from ipvscreen.messages import message
from ipvscreen.resources.correction import updatable
from ipvscreen.resources.progress import outcome_entry, task_key, task_told, told_provenance
from ipvscreen.resources.scopes import Scopes
from ipvscreen.resources.terminology import IDENTIFIER_SYSTEM
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.store.case_rows import Kept
from ipvscreen.store.facade import Store
from ipvscreen.store.referrals import Referral
from ipvscreen.store.sealed import SealBroken
from ipvscreen.store.visits import Visit

_STANDS = frozenset({Check.VERIFIED, Check.UNCONFIRMED})
_RECEIPT, _NOTHING = Telling(Told.RECEIPT), Written()
_NOTHING_SENT = message("{why} Nothing was sent.")


@dataclass(frozen=True, slots=True)
class Looped:
    """One earlier referral: what may be seen of it, and what became of putting that into the record.

    `written` is empty where nothing was to be put there; `kept` is None while no service has a case of it.
    """

    visit: Visit
    referral: Referral
    timeline: Timeline
    kept: Kept | None = None
    may: Telling = _RECEIPT
    written: Written = _NOTHING


async def mirror(
    store: Store, client: FhirClient, visit: Visit, *, today: date, release_required: bool, now: datetime
) -> tuple[Looped, ...]:
    """Every referral of this clinician's earlier visits of the patient, the newest visit first.

    What a service has done since is put into the record where the person has agreed that it is told. A record
    that cannot take it raises nothing: that stands in `written`, and the same is tried again the next time.
    """
    looped = await look(store, visit, today=today, release_required=release_required)
    if not any(_to_be_put(one) for one in looped):
        return tuple(looped)
    silent = await _silent(client, visit)
    return tuple(
        [
            replace(one, written=silent or await _put(store, client, visit, one, one.kept, now))
            if one.kept and _to_be_put(one)
            else one
            for one in looped
        ]
    )


async def look(store: Store, visit: Visit, *, today: date, release_required: bool) -> list[Looped]:
    """The same as we keep it, with nothing put into the record."""
    visits, _ = await store.visits.earlier(visit)
    found = [(old, one) for old in visits for one in await _of(store, old)]
    cases = await store.cases.of_referrals(one.id for _, one in found)
    return [_looped(old, one, cases.get(one.id), today, release_required) for old, one in found]


async def _of(store: Store, old: Visit) -> list[Referral]:
    """None of a visit that has one which does not open: it must not keep the first page from being shown."""
    with suppress(SealBroken):
        return await store.referrals.of_visit(old.id)
    return []


def _looped(old: Visit, one: Referral, kept: Kept | None, today: date, release_required: bool) -> Looped:
    sending = Sending(one.service_name, one.sent_at, one.received_at)
    if kept is None:
        return Looped(old, one, timeline(sending, None, (), _RECEIPT))
    happened = [Happened(each.at, each.step.event, each.state) for each in kept.done]
    may = telling(kept.case, today, release_required=release_required)
    return Looped(old, one, timeline(sending, kept.case, happened, may), kept, may)


def _to_be_put(one: Looped) -> bool:
    """Nothing goes into a record that has lost a label of that visit."""
    new = one.kept is not None and one.kept.mirrored < one.kept.case.steps
    return new and one.may.told is Told.ALL and not one.visit.label_lost


async def _silent(client: FhirClient, visit: Visit) -> Written | None:
    """Why nothing is sent at all; None where the record is still that of this patient."""
    try:
        silent: Exception | None = await same_patient(client, visit.patient_id, visit.person)
    except (PatientChanged, VisitOver) as other:
        silent = other
    return None if silent is None else _failed(_NOTHING_SENT.given(why=str(silent)))


async def _put(
    store: Store, client: FhirClient, visit: Visit, one: Looped, kept: Kept, now: datetime
) -> Written:
    """How far the record has been told is noted once all of it stands there."""
    names = await _task_names(client, one, visit.patient_id)
    if not names:  # the record has no task of it, or none that can be looked for
        return _NOTHING
    seen = await entries(client, names[:1], visit.patient_id, whole=True)
    if not seen.bodies:
        return _failed(next(iter(seen.missing.values())))
    written = await _told(store, client, visit, one.referral, kept, seen.bodies[0], now)
    if written.label_lost:
        structlog.get_logger().error("labels lost", kind=" ".join(written.losses))
    if all(item.check in _STANDS for item in written.items):
        with suppress(NotStored):  # then it is looked at again the next time
            await store.cases.mirrored(kept.case.key, kept.case.steps, visit, now)
    return written


async def _told(
    store: Store,
    client: FhirClient,
    visit: Visit,
    referral: Referral,
    kept: Kept,
    task: Body,
    now: datetime,
) -> Written:
    """Outcome, then the Task that names it, then who told it; what fails ends it."""
    progress = progress_of(kept.case, kept.at)
    outcome = await _outcome(client, visit, referral, task, progress)
    if any(item.check not in _STANDS for item in outcome):
        return Written(outcome)
    procedure = next((item.reference for item in outcome), None)
    may = await _may(store, client, visit)
    change = task_told(task, progress, procedure, visit.policy.labels)
    written = await amend(client, [change], may, lists_bare=visit.plan.lists_bare)
    names = changed([change], written)
    if not names or written.label_lost:
        return Written((*outcome, *written.items))
    item = told_provenance(
        visit.context(), [*names, *([procedure] if procedure else [])], referral.service_name, now
    )
    allowed = visit.plan.allows("Provenance")
    who = await say_who(client, item, allowed=allowed, lists_bare=visit.plan.lists_bare)
    return Written((*outcome, *written.items, who))


async def _outcome(
    client: FhirClient, visit: Visit, referral: Referral, task: Body, progress: Progress
) -> tuple[WrittenOne, ...]:
    """The Procedure, where there is an outcome and the record takes one; else the Task says it alone."""
    item = outcome_entry(visit.context(), referral.id, task, progress)
    if item is None or not visit.plan.allows("Procedure"):
        return ()
    once = "Procedure" in visit.plan.conditional_kinds
    return (await add_once(client, item, once=once, lists_bare=visit.plan.lists_bare),)


async def _task_names(client: FhirClient, one: Looped, patient: str) -> Sequence[str]:
    """By what was kept of it when it was written, else by its identifier."""
    key = task_key(one.referral.id)
    kept = (one.visit.referred_in_record or Written()).items
    known = [item.reference for item in kept if item.key == key and item.reference]
    return known or await by_identifier(client, "Task", f"{IDENTIFIER_SYSTEM}|urn:uuid:{key}", patient)


async def _may(store: Store, client: FhirClient, visit: Visit) -> frozenset[str]:
    """The types that can be changed; none where the record system does not say what it takes."""
    try:
        capability = await client.capability()
        granted = await store.visits.grant(visit.id)
    except (EhrError, VisitOver):
        return frozenset()
    return updatable(capability, Scopes.parse(granted.scope))


def _failed(words: str) -> Written:
    return Written((WrittenOne("task", "Task", None, Check.FAILED, words),))
