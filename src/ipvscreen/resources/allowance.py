"""What a record system allows this app, for the doctor: CapabilityStatement and granted scopes."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ipvscreen.resources.audit_event import taken
from ipvscreen.resources.fallback import CARRIERS, Rest
from ipvscreen.resources.finding import Finding, bad, good, warning
from ipvscreen.resources.plan import Ability, Bundling, WritePlan, codes, offers, plan_writes
from ipvscreen.resources.scopes import ASKED_FOR, CARRIED, Scopes

EVERYTHING = Scopes(frozenset(("*", letter) for letter in "cruds"))
_READ_ONLY = ("Patient", "Encounter", "RelatedPerson")
_CORE = ("QuestionnaireResponse", "Observation", "DocumentReference")
_BARE = frozenset({"Provenance"})  # has no identifier in R4, and is found by what it is about
_HALF = "Nothing: the app shows which are there, and can be asked to try again."
_BUNDLING = {
    Bundling.TRANSACTION: good("All at once", "It takes entries in one transaction: all or none."),
    Bundling.BATCH: warning(
        "All at once",
        "It offers batches and no transaction; entries are sent in waves, and a visit may end half recorded.",
        _HALF,
    ),
    Bundling.SINGLY: warning(
        "All at once",
        "It offers no transaction; entries are created one by one, and a visit may end half recorded.",
        _HALF,
    ),
}


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


def plan_findings(
    capability: Mapping[str, Any], scopes: Scopes, carriers: Collection[str] = (), *, log: bool = False
) -> Iterator[Finding]:
    """What can be recorded there, how, and what cannot: by the record system, or by our registration.

    With `log` also whether its own log can be told of what is done here.
    """
    if log:
        yield from _log(capability, scopes)
    plan = plan_writes(capability, scopes, carriers=carriers)
    offered = plan_writes(capability, EVERYTHING, carriers=carriers)
    if not any(plan.allows(kind) for kind in _CORE):
        words = "No questionnaire can be recorded here at all."
        yield bad("Recording", words, "See the lines below; until one changes, only referrals leave the app.")
    if able := [ability.kind for ability in plan.abilities if ability.allowed]:
        yield good("Recording", f"{', '.join(able)} can be recorded.")
    best = plan_writes(capability, EVERYTHING, carriers=CARRIERS)
    for ability in plan.cannot():
        if offered.allows(ability.kind):
            do = f"Allow {ability.kind} in the app's registration there."
            yield bad(f"Recording {ability.kind}", ability.why, do)
        else:
            yield _not_taken(ability, best)
    yield _BUNDLING[plan.bundling]
    if lost := [
        one.kind for one in plan.abilities if one.allowed and not (one.findable or one.kind in _BARE)
    ]:
        words = f"No search by identifier is declared for {', '.join(lost)}."
        do = "Nothing: the app then looks through the patient's entries, and says what it could not find."
        yield warning("Searches", words, do)


def _not_taken(ability: Ability, best: WritePlan) -> Finding:
    """What is done instead; and what could be, where the deployer lets another type carry it."""
    title = f"Recording {ability.kind}"
    if ability.rest is Rest.NOTHING:
        return good(title, f"{ability.why} {ability.do_instead}")
    do = f"The app says so before the first question. Instead: {ability.do_instead}"
    could = best.ability(ability.kind)
    if could and could.carrier:
        do += (
            f' Or let another type carry it: carriers = ["{could.carrier}"], and allow {could.carrier} in the'
            " registration."
        )
        if could.carrier == "Communication":
            do += " Only where it is certain that no patient is notified of one."
    return warning(title, ability.why, do)


def _log(capability: Mapping[str, Any], scopes: Scopes) -> Iterator[Finding]:
    if taken(capability, scopes):
        yield good("Its log", "It takes AuditEvents, and is told of what is done here.")
    elif taken(capability, EVERYTHING):
        words = "audit_events is set, and the right to add AuditEvents was not granted."
        yield bad("Its log", words, "Allow AuditEvent in the registration there, or unset audit_events.")
    else:
        words = "audit_events is set, and it declares no create for AuditEvent: its log is told nothing."
        yield warning("Its log", words, "Unset audit_events, or ask whoever runs it to offer that.")


def interactions(capability: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The interactions that the record system declares, by each type that we write or read."""
    offered = offers(capability)
    return {kind: codes(offered.get(kind, {})) for kind in ASKED_FOR | CARRIED}
