"""What is asked before a first try to write: is it still the same patient, and is something there already?"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.lookup import Found, look_first
from ipvscreen.ehr.meanwhile import meanwhile
from ipvscreen.ehr.patient import same_patient
from ipvscreen.errors import EhrError
from ipvscreen.ipv.person import Person
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.plan import WritePlan


@dataclass(frozen=True, slots=True)
class Asked:
    """By key, what is there already; or, `silent`, why that or the patient could not be asked about."""

    silent: EhrError | None = None
    found: Mapping[str, Found] | None = None


async def ask_first(
    client: FhirClient, patient_id: str, person: Person, plan: WritePlan, items: Sequence[Labelled]
) -> Asked:
    """Both at once, for neither sends anything; no request where nothing is to be written.

    PatientChanged, whatever was found, where the record's patient is no longer the one on the page.
    """
    if not items:
        return Asked()
    return await ask_meanwhile(client, patient_id, person, plan, _made(items))


async def ask_meanwhile(
    client: FhirClient,
    patient_id: str,
    person: Person,
    plan: WritePlan,
    making: Awaitable[Sequence[Labelled]],
) -> Asked:
    """The same while the entries are still being made: the patient at once, the rest once they are."""
    async with meanwhile(_there(client, plan, making)) as looking:
        silent = await same_patient(client, patient_id, person)
        found = await looking
    if isinstance(found, EhrError):
        return Asked(silent or found)
    return Asked(silent, found)


async def _made(items: Sequence[Labelled]) -> Sequence[Labelled]:
    return items


async def _there(
    client: FhirClient, plan: WritePlan, making: Awaitable[Sequence[Labelled]]
) -> Mapping[str, Found] | EhrError:
    allowed = [item for item in await making if plan.allows(item.kind)]
    try:
        return await look_first(client, allowed, plan.bundling)
    except EhrError as error:
        return error
