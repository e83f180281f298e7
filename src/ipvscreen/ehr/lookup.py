"""Find what is there already: by business identifier, and a Provenance by what it is about."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ipvscreen.ehr.client import FhirClient, tail
from ipvscreen.errors import EhrRefused
from ipvscreen.resources.draft import Labelled, order, with_ids
from ipvscreen.resources.plan import Bundling
from ipvscreen.resources.written import Found as Found  # the other modules here know it from here

AT_ONCE = 6  # requests; more of them would look like an attack to some gateways

# Statuses of a search that say: not possible here. Others (401, 429, 5xx) say: not now.
_NOT_POSSIBLE = frozenset({400, 403, 404, 405, 422, 501})
_NO_SUCH_PARAMETER = frozenset({400, 422, 501})

# The element that names the patient; it is also what the search parameter `patient` looks at (R4).
PATIENT_ELEMENTS = ("subject", "patient", "for")


async def look_first(client: FhirClient, items: Sequence[Labelled], bundling: Bundling) -> dict[str, Found]:
    """`look` before a first try, when as a rule nothing is there: then in as few requests as can tell that.

    Of a transaction one entry tells, for it left all or nothing; of entries that went one by one the one that
    is written first and taken out last, and beside it what one search for all of a type shows.
    """
    if bundling is Bundling.BATCH:
        return await look(client, items)
    identified = [item for item in order(items) if item.identifier]
    tell, kinds = identified[:1], list[list[Labelled]]()
    if bundling is Bundling.SINGLY:
        kinds = list(of_one_kind(identified).values())
        tell += [kin[0] for kin in kinds if len(kin) == 1 and kin[0] not in tell]
    told, shown = await asyncio.gather(_look_all(client, tell, {}), _look_together(client, kinds))
    there = shown or any(one.reference for one in told.values())
    return await look(client, items) if there else {}


async def look(client: FhirClient, items: Sequence[Labelled]) -> dict[str, Found]:
    """By key, what is there of `items`; EhrError where the record system cannot be asked just now."""
    identified = [item for item in items if item.identifier]
    others = [item for item in items if not item.identifier]
    found = await _look_together(client, of_one_kind(identified).values())
    found |= await _look_all(client, [item for item in identified if item.key not in found], {})
    if not all(one.sure for one in found.values()):  # what they are about is not known, so neither are they
        return found | {item.key: Found(None, sure=False) for item in others}
    references = {item.full_url: ref for item in identified if (ref := found[item.key].reference)}
    return found | await _look_all(client, others, references)


async def look_for(client: FhirClient, item: Labelled, references: Mapping[str, str]) -> Found:
    """The same for one; `references` says what other new entries have become, by full URL."""
    try:
        found = await _search(client, item, references)
    except EhrRefused as refused:
        if refused.status in _NO_SUCH_PARAMETER and item.identifier:
            return await _on_the_first_page(client, item)
        if refused.status in _NOT_POSSIBLE:
            return Found(None, sure=False)
        raise
    return Found(found)


async def _on_the_first_page(client: FhirClient, item: Labelled) -> Found:
    """Sure only of what it finds: what is not on the first page of the patient's may be on another."""
    try:
        bodies = await listed(client, item.kind, search_for(item))
    except EhrRefused:
        return Found(None, sure=False)
    return _same(bodies, item) or Found(None, sure=False)


def patient_of(body: Mapping[str, Any]) -> str | None:
    """`Patient/id` that a resource is about, from a relative or absolute reference."""
    for element in PATIENT_ELEMENTS:
        reference = body.get(element)
        if isinstance(reference, Mapping):
            return tail(reference.get("reference"))
    return None


async def listed(client: FhirClient, kind: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a search shows; by the patient alone where no search by identifier is taken.

    Oracle Health's CapabilityStatement of August 2026 names `identifier` for none of the types we write.
    """
    try:
        return await client.search(kind, params)
    except EhrRefused as refused:
        if refused.status not in _NO_SUCH_PARAMETER or not {"identifier", "patient"} <= params.keys():
            raise
        return await client.search(kind, {"patient": params["patient"]})


def search_for(item: Labelled) -> dict[str, str]:
    """The search by identifier; with the patient, which some servers insist on and which narrows it."""
    patient = patient_of(item.body)
    narrowed = {"patient": patient.removeprefix("Patient/")} if patient else {}
    return {"identifier": str(item.identifier), **narrowed}


def search_for_all(items: Sequence[Labelled]) -> dict[str, str]:
    """One search for several identified entries of one type; a comma is "or" (R4, search).

    `_count`, because the first page of some servers is as short as ten.
    """
    identifiers = ",".join(str(item.identifier) for item in items)
    return search_for(items[0]) | {"identifier": identifiers, "_count": str(len(items))}


def of_one_kind(items: Iterable[Labelled]) -> dict[str, list[Labelled]]:
    """The items by their type, in their order."""
    kinds: dict[str, list[Labelled]] = {}
    for item in items:
        kinds.setdefault(item.kind, []).append(item)
    return kinds


def carries(body: Mapping[str, Any], token: str) -> bool:
    """Whether the resource has the identifier `system|value`: a server may have skipped the parameter."""
    identifiers = body.get("identifier")
    each = identifiers if isinstance(identifiers, list) else [identifiers]
    return any(
        isinstance(one, Mapping) and f"{one.get('system')}|{one.get('value')}" == token for one in each
    )


async def _look_together(client: FhirClient, kinds: Iterable[Sequence[Labelled]]) -> dict[str, Found]:
    """By key, what one search for all of a type shows to be there; of the rest it says nothing.

    It may be on another page, and a record system may not take the comma: that is asked for one by one.
    """

    async def of_kind(kin: Sequence[Labelled]) -> dict[str, Found]:
        try:
            bodies = await client.search(kin[0].kind, search_for_all(kin))
        except EhrRefused as refused:
            if refused.status not in _NOT_POSSIBLE:
                raise
            return {}
        return {item.key: found for item in kin if (found := _same(bodies, item))}

    several = (kin for kin in kinds if len(kin) > 1)
    found: dict[str, Found] = {}
    for result in await asyncio.gather(*map(of_kind, several), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        found |= result
    return found


def _same(bodies: Sequence[Mapping[str, Any]], item: Labelled) -> Found | None:
    """That entry among `bodies`, by its own identifier and not by having been found."""
    same = next((body for body in bodies if body.get("id") and carries(body, str(item.identifier))), None)
    return Found(f"{item.kind}/{same['id']}") if same else None


async def _look_all(
    client: FhirClient, items: Sequence[Labelled], references: Mapping[str, str]
) -> dict[str, Found]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: Labelled) -> Found:
        async with gate:
            return await look_for(client, item, references)

    results = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
    found = {}
    for item, result in zip(items, results, strict=True):
        if isinstance(result, BaseException):
            raise result
        found[item.key] = result
    return found


async def _search(client: FhirClient, item: Labelled, references: Mapping[str, str]) -> str | None:
    if item.identifier:
        bodies = await client.search(item.kind, search_for(item))
        same = [body for body in bodies if carries(body, item.identifier)]
    else:
        targets = _targets(with_ids(item.body, references))
        if not targets:
            return None
        bodies = await client.search(item.kind, {"target": min(targets)})
        same = [body for body in bodies if _targets(body) == targets]
    return next((f"{item.kind}/{body['id']}" for body in same if body.get("id")), None)


def _targets(body: Mapping[str, Any]) -> frozenset[str]:
    targets = body.get("target")
    each = targets if isinstance(targets, list) else []
    found = (tail(target.get("reference")) for target in each if isinstance(target, Mapping))
    return frozenset(reference for reference in found if reference)
