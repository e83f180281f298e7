"""What is done instead where a record system does not take a type: a table, its first line that fits."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ipvscreen.messages import message


class Rest(StrEnum):
    """What is left for the clinician to do."""

    NOTHING = "nothing"  # another entry carries it, or it is kept elsewhere
    HAND = "hand"  # it is not in the record unless a person enters it


@dataclass(frozen=True, slots=True)
class Fallback:
    """`needs`: a type that must be writable for this line to hold; `carrier`: the one that carries it."""

    words: str
    rest: Rest = Rest.HAND
    needs: str = ""
    carrier: str = ""


# Only to carry what another type cannot; asked for where the deployer has named them, and nowhere else.
CARRIERS = ("DocumentReference", "Communication")
# What is written beyond what every visit writes: carriers, and what the deployer lets a clinician choose.
FURTHER = (*CARRIERS, "Condition")

_WHOLE_FORMS = message(
    "The answers are recorded as whole forms, without single results. What was learned without a form, or why"
    " the questions were not asked, has to be noted by hand as restricted."
)

# The last line of each needs nothing.
FALLBACKS: dict[str, tuple[Fallback, ...]] = {
    "QuestionnaireResponse": (
        Fallback(
            message("The answers are recorded as a document instead, restricted like the rest."),
            Rest.NOTHING,
            needs="DocumentReference",
            carrier="DocumentReference",
        ),
        Fallback(
            message(
                "The single results are recorded; the answers about today are not: write what matters of them"
                " as a restricted note."
            ),
            needs="Observation",
        ),
        Fallback(
            message("The single answers will not be in the record; write what matters as a restricted note.")
        ),
    ),
    "Observation": (
        Fallback(_WHOLE_FORMS, needs="QuestionnaireResponse"),
        Fallback(_WHOLE_FORMS, needs="DocumentReference"),
        Fallback(message("Write the result by hand as a restricted note.")),
    ),
    "Flag": (Fallback(message("Set the record system's own alert by hand, in neutral words.")),),
    "Condition": (
        Fallback(message("Add it to the problem list by hand only if the patient agrees, in these words.")),
    ),
    "Procedure": (Fallback(message("Note by hand that a health questionnaire was talked through.")),),
    "Provenance": (Fallback(message("Who recorded what is kept in this app's own audit."), Rest.NOTHING),),
    "ServiceRequest": (
        Fallback(
            message("The service still gets the referral; the record holds it as a task instead."),
            Rest.NOTHING,
            needs="Task",
            carrier="Task",
        ),
        Fallback(
            message("The service still gets the referral; the record holds a note that it was sent instead."),
            Rest.NOTHING,
            needs="Communication",
            carrier="Communication",
        ),
        Fallback(message("The service still gets the referral; note it by hand as restricted.")),
    ),
    "Task": (
        Fallback(
            message("The referral will not be in the record's task list; follow it on this app's page."),
            Rest.NOTHING,
        ),
    ),
    "Consent": (Fallback(message("Note by hand what was agreed and until when.")),),
}


def further(carriers: Collection[str], *, concern: bool) -> tuple[str, ...]:
    """Of FURTHER, what a deployer has asked for: those carriers, and a health concern."""
    return (*carriers, *(("Condition",) if concern else ()))


def fallback(kind: str, writable: Collection[str]) -> Fallback:
    """What is done instead of an entry of this type, where `writable` are the types that can be written."""
    return next(line for line in FALLBACKS[kind] if not line.needs or line.needs in writable)
