"""Correct an answer of an earlier form: the response first, then what follows from it, then who did it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ipvscreen.ehr.amend import amend, changed, say_who, unsent
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.earlier import Entries
from ipvscreen.ehr.patient import same_patient
from ipvscreen.errors import OutOfOrder
from ipvscreen.messages import message
from ipvscreen.resources.correction import corrected_observations, corrected_response
from ipvscreen.resources.earlier import results_of
from ipvscreen.resources.reasons import Why, change_provenance
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.sdc.answers import Answers
from ipvscreen.store.visits import Visit

_NOT_FOUND = message(
    "Not every result that follows from it was found: look in the record, and correct by hand."
)
_STANDS = frozenset({Check.VERIFIED, Check.UNCONFIRMED})


async def correct(
    client: FhirClient,
    visit: Visit,
    seen: Entries,
    answers: Answers,
    may: frozenset[str],
    *,
    now: datetime,
) -> Written:
    """What became of each entry, by its reference; nothing follows where the response was not changed.

    `visit.draft.earlier` says which response, and the version that the clinician saw: another one is not
    written over. PatientChanged as in `same_patient`. After a failure the same may be asked for again.
    """
    opened = visit.draft.earlier
    stored = seen.named(opened.correcting) if opened else None
    if opened is None or stored is None:
        raise OutOfOrder(visit.state, "correct")
    labels = visit.policy.labels
    response = replace(corrected_response(stored, answers, labels), version=opened.version or None)
    silent = await same_patient(client, visit.patient_id, visit.person)
    if silent is not None:
        return unsent([response], silent)
    first = await amend(client, [response], may, lists_bare=visit.plan.lists_bare)
    if any(one.check not in _STANDS for one in first.items):
        return first
    results = results_of(seen.bodies, opened.correcting)
    changes, missing = corrected_observations(results, answers, visit.patient_id, now, labels)
    rest = await amend(client, changes, may, lists_bare=visit.plan.lists_bare)
    both = Written((*first.items, *rest.items))
    names = changed([response, *changes], both)
    lacking = _lacking(visit, missing)
    return Written((*both.items, *lacking, *await _who(client, visit, names, now, lost=both.label_lost)))


async def _who(
    client: FhirClient, visit: Visit, names: Sequence[str], now: datetime, *, lost: bool
) -> tuple[WrittenOne, ...]:
    if not names:
        return ()
    item = change_provenance(visit.context(), names, Why.CORRECTED, now)
    allowed = visit.plan.allows("Provenance") and not lost
    return (await say_who(client, item, allowed=allowed, lists_bare=visit.plan.lists_bare),)


def _lacking(visit: Visit, missing: int) -> tuple[WrittenOne, ...]:
    """A record system that takes no results has none to be corrected."""
    if not missing or not visit.plan.allows("Observation"):
        return ()
    return (WrittenOne("results", "Observation", None, Check.FAILED, _NOT_FOUND),)
