"""Is the patient in the record still the one on the page? Asked before anything is written."""

from collections.abc import Iterator, Mapping
from typing import Any

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.exchange import GONE
from ipvscreen.ehr.reader import person_of
from ipvscreen.errors import EhrError, EhrRefused, PatientChanged
from ipvscreen.ipv.person import Person
from ipvscreen.messages import message

_NOT_HELD = message("The record system no longer holds this patient.")
_MERGED = message("This patient's record was joined with another one.")
_INACTIVE = message("This patient's record is no longer in use.")
_OTHER_ID = message("The record system answers with another patient's record.")
_NAME = message("The name in the record has changed since this page was opened.")
_BORN = message("The date of birth in the record has changed since this page was opened.")
_SEX = message("The sex in the record has changed since this page was opened.")


async def same_patient(client: FhirClient, patient_id: str, person: Person) -> EhrError | None:
    """None where the record still has this person under this id.

    PatientChanged where it has not: another id, name, date of birth or sex, no longer active, or replaced by
    another record (R4 Patient.link; a merged record is read as before by most servers). Where the record
    system cannot be asked just now, what it said or did is returned: then nothing is to be written.
    """
    try:
        patient = await client.read("Patient", patient_id)
    except EhrRefused as refused:
        if refused.status in GONE:
            raise PatientChanged(_NOT_HELD) from None
        return refused
    except EhrError as error:
        return error
    for words in _differences(patient, patient_id, person):
        raise PatientChanged(words)
    return None


def _differences(patient: Mapping[str, Any], patient_id: str, person: Person) -> Iterator[str]:
    """The gravest first; none of them quotes the record."""
    now = person_of(patient)
    if patient.get("id") != patient_id:
        yield _OTHER_ID
    if _joined_with_another(patient):
        yield _MERGED
    if patient.get("active") is False:
        yield _INACTIVE
    for words, before, after in (
        (_NAME, person.name, now.name),
        (_BORN, person.birth_date, now.birth_date),
        (_SEX, person.sex, now.sex),
    ):
        if before != after:
            yield words


def _joined_with_another(patient: Mapping[str, Any]) -> bool:
    links = patient.get("link")
    each = links if isinstance(links, list) else []
    return any(isinstance(link, Mapping) and link.get("type") == "replaced-by" for link in each)
