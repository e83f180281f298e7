"""Why an entry that stands in the record is changed, and who did it."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from ipvscreen.messages import message
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.labels import About
from ipvscreen.resources.terminology import APP_NAME, BASE, PROVENANCE_AGENT, concept

DATA_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
CHANGES = f"{BASE}/CodeSystem/changes"


class Why(StrEnum):
    """Why an entry is changed; local, and neutral: a portal may show it."""

    WRONG_PATIENT = "wrong-patient"
    TWICE = "entered-twice"
    ANOTHER_PERSON = "answered-by-another"
    PATIENT = "patient-says-wrong"
    OTHER = "other"
    WITHDRAWN = "withdrawn-by-patient"
    HIDDEN = "hidden-for-patient"
    CORRECTED = "answer-corrected"
    REFERRAL_WITHDRAWN = "request-withdrawn-by-patient"
    TOLD = "told-by-service"


WHY_WORDS: dict[Why, str] = {
    Why.WRONG_PATIENT: message("Wrong patient"),
    Why.TWICE: message("Entered twice"),
    Why.ANOTHER_PERSON: message("Answered by another person"),
    Why.PATIENT: message("The patient says it is wrong"),
    Why.OTHER: message("Another reason"),
    Why.WITHDRAWN: message("Withdrawn by the patient"),
    Why.HIDDEN: message("Hidden, as the patient wishes"),
    Why.CORRECTED: message("An answer was corrected"),
    Why.REFERRAL_WITHDRAWN: message("The patient does not want it any more"),
    Why.TOLD: message("The service has told it"),
}
REASONS = (Why.WRONG_PATIENT, Why.TWICE, Why.ANOTHER_PERSON, Why.PATIENT, Why.OTHER)
STOPS_REFERRAL = frozenset({Why.WRONG_PATIENT, Why.ANOTHER_PERSON})  # what was agreed was not hers to agree
NULLIFIES = frozenset({*REASONS, Why.WITHDRAWN})


def change_provenance(
    ctx: Context, targets: Iterable[str], why: Why, now: datetime, author: dict[str, Any] | None = None
) -> Labelled:
    """Who changed these entries, when and why: the clinician, or the `author` that is given."""
    named, words = sorted(targets), WHY_WORDS[why]
    body = {
        "target": [{"reference": target} for target in named],
        "recorded": now.isoformat(timespec="seconds"),
        "activity": concept(DATA_OPERATION, "NULLIFY" if why in NULLIFIES else "UPDATE"),
        "reason": [concept(CHANGES, why, str(words), text=str(words))],
        "agent": [
            {"type": concept(PROVENANCE_AGENT, "author", "Author"), "who": author or ctx.clinician},
            {"type": concept(PROVENANCE_AGENT, "assembler", "Assembler"), "who": {"display": APP_NAME}},
        ],
    }
    key = business_key(ctx.visit_id, f"change/{why}/{now.isoformat()}/{'+'.join(named)}")
    return entry(key, "Provenance", body, About.PROVENANCE, ctx.policy.labels)
