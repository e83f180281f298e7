"""In what visit, about whom, by whom and when something is written."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ipvscreen.messages import message
from ipvscreen.resources.policy import WritePolicy

NOBODY = message("Clinician not identified by the record system")


@dataclass(frozen=True, slots=True)
class Context:
    """Of one visit; `author` is the fhirUser reference (`Practitioner/x`), `at` an aware time.

    `policy`: how this record system wants it written.
    """

    visit_id: str
    patient_id: str
    encounter_id: str | None
    author: str | None
    author_name: str | None
    at: datetime
    policy: WritePolicy = field(default_factory=WritePolicy)

    @property
    def patient(self) -> dict[str, Any]:
        """Reference to the patient of the launch."""
        return {"reference": f"Patient/{self.patient_id}"}

    @property
    def encounter(self) -> dict[str, Any]:
        """The `encounter` element, or nothing where the launch named none."""
        return {"encounter": {"reference": f"Encounter/{self.encounter_id}"}} if self.encounter_id else {}

    @property
    def clinician(self) -> dict[str, Any]:
        """Reference to the clinician; says so where the record system did not tell who it is."""
        reference = {"reference": self.author} if self.author else {}
        name = self.author_name or (None if self.author else NOBODY)
        return reference | ({"display": name} if name else {})

    @property
    def known_clinician(self) -> dict[str, Any] | None:
        """The same, for elements that are better left out than filled with a display."""
        return self.clinician if self.author else None

    @property
    def instant(self) -> str:
        """`at` as a FHIR instant."""
        return instant_of(self.at)


def instant_of(at: datetime) -> str:
    """An aware moment as a FHIR instant, in whole seconds."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
