"""What can be recorded here: the server's CapabilityStatement and the granted scopes, in plain words."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ipvscreen.messages import message, message_from_json, message_to_json
from ipvscreen.resources.scopes import Scopes

# Resource type → its name in a sentence, and what the clinician does instead. Shown on a visible screen.
_KINDS: dict[str, tuple[str, str]] = {
    "QuestionnaireResponse": (
        message("Questionnaire responses"),
        message("The single answers will not be in the record; write what matters as a restricted note."),
    ),
    "Observation": (message("Observations"), message("Write the result by hand as a restricted note.")),
    "Flag": (message("Flags"), message("Set the record system's own alert by hand, in neutral words.")),
    "Procedure": (
        message("Procedures"),
        message("Note by hand that a health questionnaire was talked through."),
    ),
    "Provenance": (
        message("Provenance entries"),
        message("Check that the record system shows you as the author."),
    ),
    "ServiceRequest": (
        message("Service requests"),
        message("The service still gets the referral; note it by hand as restricted."),
    ),
    "Task": (
        message("Tasks"),
        message("The referral will not be in the record's task list; follow it on this app's page."),
    ),
    "Consent": (message("Consents"), message("Note by hand what was agreed and until when.")),
}

_BARE = message(
    "Lists in this record system show entries without their protection, so nothing is written there."
)


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether one resource type can be written; if not, why, and what to do instead."""

    kind: str
    allowed: bool
    why: str = ""
    do_instead: str = ""


@dataclass(frozen=True, slots=True)
class WritePlan:
    """How to write to one record system with one sign-in.

    `lists_bare`: its lists show entries without their labels, which the clinician is told before the start.
    """

    transaction: bool
    conditional: bool
    abilities: tuple[Ability, ...]
    lists_bare: bool = False

    def allows(self, kind: str) -> bool:
        """Whether entries of this type may be written; False for a type that is not ours to write."""
        return any(ability.allowed for ability in self.abilities if ability.kind == kind)

    def cannot(self) -> tuple[Ability, ...]:
        """What cannot be recorded, to be said before the first question."""
        return tuple(ability for ability in self.abilities if not ability.allowed)


def plan_writes(
    capability: Mapping[str, Any], scopes: Scopes, *, lists: Literal["kept", "warn", "stop"] = "kept"
) -> WritePlan:
    """The plan for this server and these scopes; what is not declared counts as not offered.

    `lists` is the deployer's policy for a record system whose lists lose labels (hapifhir/hapi-fhir#8362):
    `stop` writes nothing there, `warn` says so.
    """
    offered = offers(capability)
    bare = _BARE if lists == "stop" else None
    abilities = tuple(_ability(kind, offered.get(kind, {}), scopes, bare) for kind in _KINDS)
    needed = [a.kind for a in abilities if a.allowed and a.kind != "Provenance"]  # it has no identifier in R4
    return WritePlan(
        transaction=any("transaction" in codes(rest) for rest in _servers(capability)),
        conditional=bool(needed) and all(offered[kind].get("conditionalCreate") is True for kind in needed),
        abilities=abilities,
        lists_bare=lists == "warn",
    )


def offers(capability: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What the record system declares as a server, by type; what is malformed counts as not there."""
    entries = [entry for rest in _servers(capability) for entry in _objects(rest, "resource")]
    return {kind: entry for entry in entries if isinstance(kind := entry.get("type"), str)}


def codes(holder: Mapping[str, Any]) -> frozenset[str]:
    """The interactions declared for one type, or for the whole system."""
    told = (interaction.get("code") for interaction in _objects(holder, "interaction"))
    return frozenset(code for code in told if isinstance(code, str))


def plan_to_json(plan: WritePlan) -> dict[str, Any]:
    """The plan as plain JSON."""
    abilities = [
        {name: message_to_json(value) for name, value in asdict(one).items()} for one in plan.abilities
    ]
    return asdict(plan) | {"abilities": abilities}


def plan_from_json(stored: Mapping[str, Any]) -> WritePlan:
    """The plan that `plan_to_json` stored; TypeError for unknown keys."""
    abilities = tuple(
        Ability(**{name: message_from_json(value) for name, value in ability.items()})
        for ability in stored["abilities"]
    )
    return WritePlan(**{**stored, "abilities": abilities})


def _ability(kind: str, offer: Mapping[str, Any], scopes: Scopes, stop: str | None) -> Ability:
    name, do_instead = _KINDS[kind]
    why = stop or next(_obstacles(kind, name, codes(offer), scopes), None)
    return Ability(kind, True) if why is None else Ability(kind, False, why, do_instead)


def _obstacles(kind: str, name: str, offered: frozenset[str], scopes: Scopes) -> Iterator[str]:
    """What is in the way; a label is believed only when read back, so reading is needed too."""
    if "create" not in offered:
        yield message("The record system does not accept new {name}.", name=name)
    if not scopes.allows(kind, "c"):
        yield message("This sign-in was not given the right to write {name}.", name=name)
    if "read" not in offered:
        yield message("The record system does not let us check how {name} are protected.", name=name)
    if not scopes.allows(kind, "r"):
        yield message("This sign-in was not given the right to check how {name} are protected.", name=name)


def _servers(capability: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [rest for rest in _objects(capability, "rest") if rest.get("mode") == "server"]


def _objects(holder: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = holder.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
