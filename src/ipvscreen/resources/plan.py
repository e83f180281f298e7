"""What can be recorded here, and how: from CapabilityStatement and granted scopes, in plain words."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Literal

from ipvscreen.messages import message, message_from_json, message_to_json
from ipvscreen.resources.fallback import CARRIERS, FURTHER, Rest, fallback
from ipvscreen.resources.scopes import Scopes

# Resource type → its name in a sentence. Shown on a visible screen.
_NAMES: dict[str, str] = {
    "QuestionnaireResponse": message("Questionnaire responses"),
    "Observation": message("Observations"),
    "Flag": message("Flags"),
    "Condition": message("Health concerns"),
    "Procedure": message("Procedures"),
    "Provenance": message("Provenance entries"),
    "ServiceRequest": message("Service requests"),
    "Task": message("Tasks"),
    "Consent": message("Consents"),
    "DocumentReference": message("Documents"),
    "Communication": message("Communications"),
}
_KINDS = tuple(kind for kind in _NAMES if kind not in FURTHER)
_CHOSEN = tuple(kind for kind in FURTHER if kind not in CARRIERS)
_NO_IDENTIFIER = frozenset({"Provenance"})  # in R4: neither found nor made conditional by one

_BARE = message(
    "Lists in this record system show entries without their protection, so nothing is written there."
)


class Way(StrEnum):
    """How one entry of a type is made."""

    CREATE = "create"
    CONDITIONAL = "conditional create"  # only where none with its identifier is there
    NOT = "not at all"


class Bundling(StrEnum):
    """How several entries are sent."""

    TRANSACTION = "transaction"  # all or none
    BATCH = "batch"  # together, each on its own: in waves, for they cannot refer to one another
    SINGLY = "one by one"


class Update(StrEnum):
    """Whether an entry can be replaced; VERSIONED: say with If-Match which version was seen."""

    NO = ""
    PLAIN = "plain"
    VERSIONED = "versioned"


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether one resource type can be written, and how; if not, why, and what is done instead.

    `conditional` is None in plans of an earlier version: then what the plan says holds for each type.
    `findable`: a search by identifier is not ruled out. `carrier`: the type that carries it instead.
    """

    kind: str
    allowed: bool
    why: str = ""
    do_instead: str = ""
    conditional: bool | None = None
    findable: bool = True
    update: Update = Update.NO
    rest: Rest = Rest.HAND
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class WritePlan:
    """How to write to one record system with one sign-in.

    `conditional`: so can every entry that is written and has an identifier. `lists_bare`: its lists show
    entries without their labels, which the clinician is told before the start. `audit_events`: its log
    takes what stands in ours.
    """

    transaction: bool
    conditional: bool
    abilities: tuple[Ability, ...]
    lists_bare: bool = False
    batch: bool = False
    audit_events: bool = False

    def ability(self, kind: str) -> Ability | None:
        """What can be done with entries of this type; None for a type that is not ours to write."""
        return next((ability for ability in self.abilities if ability.kind == kind), None)

    def allows(self, kind: str) -> bool:
        """Whether entries of this type may be written; False for a type that is not ours to write."""
        ability = self.ability(kind)
        return ability is not None and ability.allowed

    def cannot(self) -> tuple[Ability, ...]:
        """What cannot be recorded as such, to be said before the first question."""
        return tuple(ability for ability in self.abilities if not ability.allowed)

    @property
    def conditional_kinds(self) -> frozenset[str]:
        """The types of which an entry is made only where none with its identifier is there."""
        able = (a for a in self.abilities if a.allowed and a.kind not in _NO_IDENTIFIER)
        return frozenset(
            a.kind for a in able if (self.conditional if a.conditional is None else a.conditional)
        )

    def way(self, kind: str) -> Way:
        """How an entry of this type is made."""
        if not self.allows(kind):
            return Way.NOT
        return Way.CONDITIONAL if kind in self.conditional_kinds else Way.CREATE

    def update(self, kind: str) -> Update:
        """Whether an entry of this type can be corrected or withdrawn, and whether with its version."""
        ability = self.ability(kind)
        return ability.update if ability else Update.NO

    @property
    def bundling(self) -> Bundling:
        """The best that is offered: what is all or none before what may end half done."""
        if self.transaction:
            return Bundling.TRANSACTION
        return Bundling.BATCH if self.batch else Bundling.SINGLY


def plan_writes(
    capability: Mapping[str, Any],
    scopes: Scopes,
    *,
    lists: Literal["kept", "warn", "stop"] = "kept",
    carriers: Collection[str] = (),
) -> WritePlan:
    """The plan for this server and these scopes; what is not declared counts as not offered.

    `lists` is the deployer's policy for a record system whose lists lose labels (hapifhir/hapi-fhir#8362):
    `stop` writes nothing there, `warn` says so. `carriers`: which of FURTHER the deployer has asked for.
    """
    offered = offers(capability)
    bare = _BARE if lists == "stop" else None
    kinds = (*_KINDS, *(kind for kind in _CHOSEN if kind in carriers))
    asked = (*kinds, *(kind for kind in CARRIERS if kind in carriers))
    whys = {kind: bare or _obstacle(kind, offered.get(kind, {}), scopes) for kind in asked}
    writable = frozenset(kind for kind, why in whys.items() if why is None)
    main = tuple(_ability(kind, whys[kind], offered.get(kind, {}), scopes, writable) for kind in kinds)
    used = {ability.carrier for ability in main} - set(kinds) - {""}
    carrying = tuple(_able(kind, offered[kind], scopes) for kind in CARRIERS if kind in used)
    abilities = (*main, *carrying)
    needed = [a for a in abilities if a.allowed and a.kind not in _NO_IDENTIFIER]
    system = frozenset(code for rest in _servers(capability) for code in codes(rest))
    return WritePlan(
        transaction="transaction" in system,
        conditional=bool(needed) and all(a.conditional for a in needed),
        abilities=abilities,
        lists_bare=lists == "warn",
        batch="batch" in system,
    )


def offers(capability: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What the record system declares as a server, by type; what is malformed counts as not there."""
    entries = [entry for rest in _servers(capability) for entry in _objects(rest, "resource")]
    return {kind: entry for entry in entries if isinstance(kind := entry.get("type"), str)}


def codes(holder: Mapping[str, Any]) -> frozenset[str]:
    """The interactions declared for one type, or for the whole system."""
    told = (interaction.get("code") for interaction in _objects(holder, "interaction"))
    return frozenset(code for code in told if isinstance(code, str))


# Not `asdict`: it copies each value deeply, while a clinician waits.
_OF_ABILITY, _OF_PLAN = (tuple(one.name for one in fields(of)) for of in (Ability, WritePlan))


def plan_to_json(plan: WritePlan) -> dict[str, Any]:
    """The plan as plain JSON."""
    abilities = [
        {name: message_to_json(getattr(one, name)) for name in _OF_ABILITY} for one in plan.abilities
    ]
    return {name: getattr(plan, name) for name in _OF_PLAN} | {"abilities": abilities}


def plan_from_json(stored: Mapping[str, Any]) -> WritePlan:
    """The plan that `plan_to_json` stored, of an earlier version too; TypeError for unknown keys."""
    return WritePlan(**{**stored, "abilities": tuple(_stored(one) for one in stored["abilities"])})


def _stored(ability: Mapping[str, Any]) -> Ability:
    read = {name: message_from_json(value) for name, value in ability.items()}
    codes_of = {"update": Update(read.get("update", "")), "rest": Rest(read.get("rest", Rest.HAND))}
    return Ability(**(read | codes_of))


def _ability(
    kind: str, why: str | None, offer: Mapping[str, Any], scopes: Scopes, writable: Collection[str]
) -> Ability:
    if why is None:
        return _able(kind, offer, scopes)
    instead = fallback(kind, writable)
    return Ability(kind, False, why, instead.words, rest=instead.rest, carrier=instead.carrier)


def _able(kind: str, offer: Mapping[str, Any], scopes: Scopes) -> Ability:
    named = {one.get("name") for one in _objects(offer, "searchParam")}
    findable = kind not in _NO_IDENTIFIER and ("identifier" in named or not named)
    conditional = offer.get("conditionalCreate") is True and findable
    return Ability(
        kind, True, conditional=conditional, findable=findable, update=_update(kind, offer, scopes)
    )


def _update(kind: str, offer: Mapping[str, Any], scopes: Scopes) -> Update:
    """R4 `versioning`: a version can be named unless that is ruled out, or nothing is said of it."""
    if "update" not in codes(offer) or not scopes.allows(kind, "u"):
        return Update.NO
    known = offer.get("versioning") in ("versioned", "versioned-update")
    return Update.VERSIONED if known else Update.PLAIN


def _obstacle(kind: str, offer: Mapping[str, Any], scopes: Scopes) -> str | None:
    return next(_obstacles(kind, _NAMES[kind], codes(offer), scopes), None)


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
