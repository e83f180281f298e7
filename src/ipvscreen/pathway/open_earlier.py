"""Earlier forms of this patient: list them, open one, read it fresh from the record, and close it again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.earlier import MOST, Entries, by_identifier, entries, responses
from ipvscreen.ehr.patient import same_patient
from ipvscreen.errors import EhrError, OutOfOrder
from ipvscreen.ipv.draft import Draft, Opened
from ipvscreen.ipv.visit import Event, after
from ipvscreen.resources.correction import updatable
from ipvscreen.resources.draft import business_key
from ipvscreen.resources.earlier import Earlier, earlier_of, merged
from ipvscreen.resources.fallback import CARRIERS
from ipvscreen.resources.scopes import Scopes
from ipvscreen.resources.terminology import IDENTIFIER_SYSTEM
from ipvscreen.resources.written import Written
from ipvscreen.store.facade import Store
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit

_ROLES = {"ServiceRequest": ("request",), "Task": ("task",), "Consent": ("consent",)} | {
    "Communication": ("request", "note"),  # what carries a request has a key made of that one's
    "Procedure": ("outcome",),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """The earlier forms, newest first; not `known` where the record system does not let us look.

    `cut`: there may be more than these.
    """

    known: bool
    forms: tuple[Earlier, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """An open form as it stands in the record now; `may`: the types whose entries can be changed there.

    `referrals` and what stands of them in the record, `referred`, are of our own visits alone.
    """

    entries: Entries
    referred: Entries
    referrals: tuple[Referral, ...]
    may: frozenset[str]


async def list_earlier(store: Store, client: FhirClient, visit: Visit) -> Listing:
    """That they are there and when, from the record and from this clinician's own visits; no content."""
    found = await responses(client, visit.patient_id)
    visits, more = await store.visits.earlier(visit)
    own = [_own(old, names) for old in visits if (names := _names(old.written))]
    forms = merged(earlier_of(found or (), visit.patient_id), own)
    return Listing(found is not None, forms, cut=more or len(found or ()) >= MOST)


async def open_earlier(store: Store, client: FhirClient, visit: Visit, key: str) -> Visit:
    """The visit with `draft.earlier`, what was opened; OutOfOrder for one that is not on this patient's list.

    PatientChanged where the record's patient is no longer the one on the page.
    """
    state = after(visit.state, Event.OPEN_EARLIER)
    await same_patient(client, visit.patient_id, visit.person)
    listing = await list_earlier(store, client, visit)
    chosen = next((one for one in listing.forms if key in one.references), None)
    if chosen is None:
        raise OutOfOrder(visit.state, Event.OPEN_EARLIER)
    opened = Opened(chosen.references, chosen.visit_id)
    return await store.visits.change(visit, state=state, draft=Draft(earlier=opened))


async def close_earlier(store: Store, visit: Visit) -> Visit:
    """Back to the first page; nothing of what was open is kept."""
    return await store.visits.change(visit, state=after(visit.state, Event.RETURN), draft=Draft())


async def read_earlier(store: Store, client: FhirClient, visit: Visit) -> Seen:
    """The open form; entries that cannot be read are told in it, never raised."""
    opened = visit.draft.earlier
    if opened is None:
        raise OutOfOrder(visit.state, "read")
    patient, whole = visit.patient_id, opened.visit_id is not None
    old = await store.visits.get(opened.visit_id) if opened.visit_id else None
    referrals = await store.referrals.of_visit(opened.visit_id) if opened.visit_id else []
    names = await _referred(client, old, referrals, patient)
    return Seen(
        entries=await entries(client, opened.references, patient, whole=whole),
        referred=await entries(client, names, patient, whole=True),
        referrals=tuple(referrals),
        may=await _may(store, client, visit),
    )


async def read_referred(
    store: Store, client: FhirClient, visit: Visit, referrals: Sequence[Referral]
) -> tuple[Entries, frozenset[str]]:
    """What stands in the record of these referrals of this very visit, and the types that can be changed."""
    names = await _referred(client, visit, referrals, visit.patient_id)
    return await entries(client, names, visit.patient_id, whole=True), await _may(store, client, visit)


async def _may(store: Store, client: FhirClient, visit: Visit) -> frozenset[str]:
    """Nothing where the record system does not say what it takes."""
    try:
        capability = await client.capability()
    except EhrError:
        return frozenset()
    granted = await store.visits.grant(visit.id)
    return updatable(capability, Scopes.parse(granted.scope))


async def _referred(
    client: FhirClient, old: Visit | None, referrals: Sequence[Referral], patient: str
) -> list[str]:
    """By what we kept of them, and by identifier what we did not."""
    kept = {one.key: one.reference for one in (old.referred_in_record or Written()).items} if old else {}
    found: list[str] = []
    for referral in referrals:
        for kind in _kinds(old):
            key = reduce(business_key, _ROLES[kind], referral.id)
            known = kept.get(key)
            token = f"{IDENTIFIER_SYSTEM}|urn:uuid:{key}"
            found += [known] if known else await by_identifier(client, kind, token, patient)
    return found


def _kinds(old: Visit | None) -> tuple[str, ...]:
    """What carries others is looked for only where it could: else nobody has asked for the right to."""
    return tuple(kind for kind in _ROLES if kind not in CARRIERS or (old and old.plan.allows(kind)))


def _own(old: Visit, names: tuple[str, ...]) -> Earlier:
    return replace(Earlier(old.opened_at, old.user_name, names), visit_id=old.id)


def _names(written: Written | None) -> tuple[str, ...]:
    return tuple(one.reference for one in (written or Written()).items if one.reference)
