"""What a record system allows this app, for the doctor: CapabilityStatement and granted scopes."""

from collections.abc import Iterator, Mapping
from typing import Any

from ipvscreen.resources.finding import Finding, bad, good, warning
from ipvscreen.resources.plan import codes, offers, plan_writes
from ipvscreen.resources.scopes import ASKED_FOR, Scopes

EVERYTHING = Scopes(frozenset(("*", letter) for letter in "cruds"))
_READ_ONLY = ("Patient", "Encounter", "RelatedPerson")
_CORE = ("QuestionnaireResponse", "Observation")


def right_findings(granted_scope: str | None, asked_for: str) -> Iterator[Finding]:
    """What was asked for and not granted, but for writing, which the plan speaks of."""
    if granted_scope is None:
        words = "The token does not say what it allows, so all that the app asks for is taken as granted."
        yield warning("Rights", words, "Use --launch, or a token file with the whole token response.")
        return
    granted = Scopes.parse(granted_scope)
    if not granted.allows("Patient", "r"):
        words = "Reading the patient was not granted, and no visit opens without."
        yield bad("Rights", words, f"Allow patient/Patient.read in the registration. Asked for: {asked_for}")
    unsought = [kind for kind in ASKED_FOR if kind not in _READ_ONLY and not granted.allows(kind, "s")]
    if not granted.allows("Encounter", "r"):
        words = "Reading the encounter was not granted; the setting then comes from ipvscreen.toml."
        yield warning("Rights", words, "Allow patient/Encounter.read in the registration.")
    if unsought:
        words = f"Searching was not granted for {', '.join(unsought)}: a repetition cannot see what is there."
        yield warning("Rights", words, "Allow search for them in the registration.")
    if granted.allows("Patient", "r") and granted.allows("Encounter", "r") and not unsought:
        yield good("Rights", "Reading and searching were granted as asked for.")


def plan_findings(capability: Mapping[str, Any], scopes: Scopes) -> Iterator[Finding]:
    """What can be recorded there, and what cannot: by the record system, or by our registration."""
    plan, offered = plan_writes(capability, scopes), plan_writes(capability, EVERYTHING)
    if not any(plan.allows(kind) for kind in _CORE):
        words = "No questionnaire can be recorded here at all."
        yield bad("Recording", words, "See the lines below; until one changes, only referrals leave the app.")
    if able := [ability.kind for ability in plan.abilities if ability.allowed]:
        yield good("Recording", f"{', '.join(able)} can be recorded.")
    for ability in plan.cannot():
        title = f"Recording {ability.kind}"
        if offered.allows(ability.kind):
            yield bad(title, ability.why, f"Allow {ability.kind} in the app's registration there.")
        else:
            do = f"The app says so before the first question. Instead: {ability.do_instead}"
            yield warning(title, ability.why, do)
    if plan.transaction:
        yield good("All at once", "It takes entries in one transaction: all or none.")
    else:
        words = "It offers no transaction; entries are created one by one, and a visit may end half recorded."
        yield warning(
            "All at once", words, "Nothing: the app shows which are there, and can be asked to try again."
        )


def interactions(capability: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The interactions that the record system declares, by each type that we write or read."""
    offered = offers(capability)
    return {kind: codes(offered.get(kind, {})) for kind in ASKED_FOR}
