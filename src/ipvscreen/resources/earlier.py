"""Earlier forms of a patient: which responses belong together, when and by whom; nothing of what they say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ipvscreen.resources.terminology import APP_NAME, BASE, IDENTIFIER_SYSTEM

_FORMS = f"{BASE}/Questionnaire/"
_OLDEST = datetime.min.replace(tzinfo=UTC)
_URN = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Earlier:
    """One earlier form: its entries as far as they are known, and our own visit where it was one of ours."""

    at: datetime | None
    by: str | None
    references: tuple[str, ...]
    visit_id: str | None = None

    @property
    def key(self) -> str:
        """The reference by which a page names it."""
        return min(self.references, key=lambda one: (not one.startswith("QuestionnaireResponse/"), one))


def earlier_of(bodies: Iterable[Mapping[str, Any]], patient_id: str) -> tuple[Earlier, ...]:
    """The forms of ours among these QuestionnaireResponses, of this patient and no other.

    What one visit left has the same time and the same author.
    """
    found: dict[tuple[object, object], Earlier] = {}
    for body in bodies:
        canonical, ident = body.get("questionnaire"), body.get("id")
        if not (isinstance(canonical, str) and canonical.startswith(_FORMS) and isinstance(ident, str)):
            continue
        if _reference(body.get("subject")) != f"Patient/{patient_id}":
            continue
        author, reference = body.get("author"), f"QuestionnaireResponse/{ident}"
        key = (body.get("authored"), _reference(author))
        before = found.get(key) or Earlier(moment_of(body.get("authored")), _display(author), ())
        found[key] = replace(before, references=(*before.references, reference))
    return tuple(found.values())


def merged(found: Sequence[Earlier], own: Sequence[Earlier]) -> tuple[Earlier, ...]:
    """Both, the newest first; what our own visits wrote is not listed twice."""
    left, joined = list(found), []
    for one in own:
        same = [other for other in left if set(other.references) & set(one.references)]
        left = [other for other in left if other not in same]
        names = dict.fromkeys(ref for each in (one, *same) for ref in each.references)
        joined.append(replace(one, references=tuple(names)))
    return tuple(sorted([*left, *joined], key=lambda one: one.at or _OLDEST, reverse=True))


def key_of(body: Mapping[str, Any]) -> str | None:
    """The business key that we gave an entry; None for what another app wrote."""
    held = body.get("identifier")
    for one in held if isinstance(held, list) else [held]:
        if isinstance(one, Mapping) and one.get("system") == IDENTIFIER_SYSTEM:
            value = str(one.get("value", ""))
            return value.removeprefix(_URN) if value.startswith(_URN) else None
    return None


def is_ours(body: Mapping[str, Any]) -> bool:
    """Whether this app wrote it; a Provenance has no identifier in R4, and names us as one of its agents."""
    if body.get("resourceType") != "Provenance":
        return key_of(body) is not None
    return any(_display(agent.get("who")) == APP_NAME for agent in _objects(body.get("agent")))


def targets_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """What a Provenance is about, as `Type/id`, without versions."""
    return _references(body.get("target"))


def results_of(bodies: Iterable[Mapping[str, Any]], response: str) -> tuple[Mapping[str, Any], ...]:
    """The Observations that follow from a response: derived from it, or parts of a panel that is."""
    found = {f"Observation/{one['id']}": one for one in bodies if one["resourceType"] == "Observation"}
    own = [name for name, one in found.items() if response in _references(one.get("derivedFrom"))]
    parts = (name for each in own for name in members_of(found[each]) if name in found)
    return tuple(found[name] for name in dict.fromkeys((*own, *parts)))


def members_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of a panel, as `Type/id`."""
    return _references(body.get("hasMember"))


def moment_of(value: object) -> datetime | None:
    """The moment that `authored` tells; None where it tells none."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at and at.tzinfo else None


def _references(values: object) -> tuple[str, ...]:
    return tuple(found for one in _objects(values) if (found := _reference(one)))


def _reference(value: object) -> str | None:
    """The last two parts of a relative or absolute reference."""
    said = value.get("reference") if isinstance(value, Mapping) else None
    if not isinstance(said, str):
        return None
    parts = said.partition("/_history/")[0].split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 else None


def _display(value: object) -> str | None:
    said = value.get("display") if isinstance(value, Mapping) else None
    return said if isinstance(said, str) and said.strip() else None


def _objects(values: object) -> Iterator[Mapping[str, Any]]:
    for one in values if isinstance(values, list) else ():
        if isinstance(one, Mapping):
            yield one
