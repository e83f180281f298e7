"""A health concern, written only where the clinician asks for one: unconfirmed, in neutral words.

HL7 SDOH Clinical Care: what rests on a questionnaire is a health concern, and `unconfirmed` until clinician
and patient agree on more. Problem lists are seen by everybody who opens the record, so it says where to read
on and not why; its code is our own, because each public one names the topic.
"""

from collections.abc import Sequence

from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.labels import About
from ipvscreen.resources.policy import Categories
from ipvscreen.resources.standing import (
    CONDITION_CLINICAL,
    CONDITION_VERIFICATION,
    ClinicalStatus,
    VerificationStatus,
)
from ipvscreen.resources.terminology import (
    ENTRIES,
    US_CORE_CATEGORY,
    concept,
)

CONDITION_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"


def health_concern(ctx: Context, entries: Sequence[Labelled]) -> Labelled:
    """The Condition of this visit, which rests on what was written of it; never on a result alone."""
    sdoh = [concept(US_CORE_CATEGORY, "sdoh")] if ctx.policy.categories is Categories.SDOH else []
    author = ctx.known_clinician
    basis = [one.reference for one in entries if "derivedFrom" not in one.body]
    body = {
        "clinicalStatus": concept(CONDITION_CLINICAL, ClinicalStatus.ACTIVE),
        "verificationStatus": concept(CONDITION_VERIFICATION, VerificationStatus.UNCONFIRMED),
        "category": [concept(CONDITION_CATEGORY, "health-concern"), *sdoh],
        "code": concept(ENTRIES, "health-concern", "Health concern", text=ctx.policy.concern(ctx.at.date())),
        "subject": ctx.patient,
        **ctx.encounter,
        "recordedDate": ctx.instant,
        **({"recorder": author} if author else {}),
        **({"evidence": [{"detail": basis}]} if basis else {}),
    }
    return entry(business_key(ctx.visit_id, "concern"), "Condition", body, About.CONCERN, ctx.policy.labels)
