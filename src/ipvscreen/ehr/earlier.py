"""Find what was written before: the forms of a patient, and the entries that belong to one."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.lookup import AT_ONCE, patient_of
from ipvscreen.errors import EhrError, VisitOver
from ipvscreen.messages import message
from ipvscreen.resources.earlier import is_ours, members_of, targets_of

_LIST_SECONDS = 3.0  # the first page does not wait longer for what it can do without
MOST = 100  # responses that are asked for; a record system may hold more
_RESPONSE = "QuestionnaireResponse/"
_OTHER_PATIENT = message("It stands in the record of another patient; it was neither shown nor changed.")
_NOT_OURS = message("It was not written by this app; it was neither shown nor changed.")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entries:
    """The stored entries of one form, and by reference why others could not be had.

    Not `whole` where the record system does not let us look for what belongs to it.
    """

    bodies: tuple[Body, ...]
    missing: Mapping[str, str]
    whole: bool

    def named(self, reference: str) -> Body | None:
        """The entry at that reference."""
        return next((one for one in self.bodies if f"{one['resourceType']}/{one['id']}" == reference), None)


async def responses(client: FhirClient, patient_id: str) -> list[dict[str, Any]] | None:
    """The patient's QuestionnaireResponses; None where that cannot be known, or not soon enough.

    Only the answer is timed: a token that is being made new meanwhile must not be lost on its way.
    """
    params = {"patient": patient_id, "_count": str(MOST)}
    try:
        return await client.search("QuestionnaireResponse", params, seconds=_LIST_SECONDS)
    except (EhrError, VisitOver):  # whether the visit goes on, its other pages tell
        return None


async def entries(client: FhirClient, known: Iterable[str], patient_id: str, *, whole: bool) -> Entries:
    """What stands at the `known` references and at those that belong to them, each read by id.

    `whole`: all are known already, so that it does no harm where the record system lets nobody search.
    """
    names = dict.fromkeys(known)
    results = await asyncio.gather(*(_around(client, one) for one in names if one.startswith(_RESPONSE)))
    whole = whole or (bool(results) and all(found is not None for found in results))
    names |= dict.fromkeys(ref for found in results for ref in found or ())
    gate = asyncio.Semaphore(AT_ONCE)
    read = await asyncio.gather(*(_read(client, one, patient_id, gate) for one in names))
    each = dict(zip(names, read, strict=True))
    return Entries(
        bodies=tuple(body for body in each.values() if not isinstance(body, str)),
        missing={name: words for name, words in each.items() if isinstance(words, str)},
        whole=whole,
    )


async def by_identifier(client: FhirClient, kind: str, token: str, patient_id: str) -> tuple[str, ...]:
    """Where the entry with that identifier stands; nowhere where it cannot be looked for."""
    try:
        found = await client.search(kind, {"identifier": token, "patient": patient_id})
    except EhrError:
        return ()
    return tuple(f"{kind}/{body['id']}" for body in found if body.get("id") and is_ours(body))


async def _around(client: FhirClient, response: str) -> tuple[str, ...] | None:
    """What was written with a response: all that its Provenance names, else what was derived from it."""
    try:
        about = [one for one in await client.search("Provenance", {"target": response}) if is_ours(one)]
    except EhrError:
        about = []
    names = [name for one in about for name in (*targets_of(one), f"Provenance/{one['id']}")]
    if any("activity" not in one for one in about):  # that of the writing; those of changes name fewer
        return tuple(names)
    try:
        derived = await client.search("Observation", {"derived-from": response})
    except EhrError:
        return None
    own = [body for body in derived if is_ours(body)]
    members = (member for body in own for member in members_of(body))
    return (*names, *(f"Observation/{body['id']}" for body in own), *members)


async def _read(client: FhirClient, reference: str, patient_id: str, gate: asyncio.Semaphore) -> Body | str:
    kind, _, ident = reference.partition("/")
    async with gate:
        try:
            body = await client.read(kind, ident)
        except (EhrError, ValueError) as error:
            return str(error)
    if kind != "Provenance" and patient_of(body) != f"Patient/{patient_id}":
        return _OTHER_PATIENT
    return body if is_ours(body) else _NOT_OURS
