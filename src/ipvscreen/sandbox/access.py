"""What the bearer of a token may do, decided for every call and every entry of a transaction."""

from dataclasses import dataclass
from datetime import datetime

from ipvscreen.sandbox.kinds import PATIENT_ELEMENT
from ipvscreen.sandbox.memory import Lookup, Resource
from ipvscreen.sandbox.references import patient_in, references_in, target_of
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.scopes import Scope
from ipvscreen.sandbox.search import matches

_VERBS = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}


@dataclass(frozen=True, slots=True)
class Access:
    """What stands behind an access token; no `expires_at`: it does not expire."""

    scopes: tuple[Scope, ...]
    base: str
    user: str | None = None
    patient: str | None = None
    expires_at: datetime | None = None

    def require(self, letter: str, kind: str) -> None:
        """403 unless some granted scope speaks of this letter and type."""
        if not any(scope.covers(letter, kind) for scope in self.scopes):
            raise Refusal(
                403,
                "forbidden",
                f"The granted scopes do not let this app {_VERBS[letter]} {kind}.",
                {"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
            )

    def require_for(self, letter: str, body: Resource, lookup: Lookup) -> None:
        """403 unless some granted scope covers this very resource."""
        kind = body["resourceType"]
        self.require(letter, kind)
        if not self.allows(letter, body, lookup):
            words = f"This app may {_VERBS[letter]} {kind} only within what it was granted."
            raise Refusal(403, "forbidden", words, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})

    def allows(self, letter: str, body: Resource, lookup: Lookup) -> bool:
        """Whether some granted scope covers this very resource."""
        kind = body["resourceType"]
        about: frozenset[str] | None = None
        for scope in self.scopes:
            if not scope.covers(letter, kind):
                continue
            if scope.level == "patient":
                about = patients_of(body, self.base, lookup) if about is None else about
                if not self._in_compartment(kind, about):
                    continue
            if not scope.query or matches(kind, body, scope.query, self.base):
                return True
        return False

    def _in_compartment(self, kind: str, about: frozenset[str]) -> bool:
        if self.patient is None:
            return False
        return about == {self.patient} or not has_compartment(kind)


def has_compartment(kind: str) -> bool:
    """Whether resources of this type belong to one patient."""
    return kind in PATIENT_ELEMENT or kind in ("Patient", "Provenance")


def patients_of(body: Resource, base: str, lookup: Lookup) -> frozenset[str]:
    """Ids of the patients that a resource is about; for a Provenance, those of its targets."""
    kind = body["resourceType"]
    if kind == "Patient":
        return frozenset({body["id"]})
    if kind == "Provenance":
        return _patients_of_targets(body, base, lookup)
    patient = patient_in(body, PATIENT_ELEMENT[kind], base) if kind in PATIENT_ELEMENT else None
    return frozenset({patient} if patient else ())


def _patients_of_targets(body: Resource, base: str, lookup: Lookup) -> frozenset[str]:
    found: set[str] = set()
    for reference in references_in(body.get("target", [])):
        target = target_of(reference, base)
        aimed_at = lookup(*target) if target else None
        if aimed_at:
            found |= patients_of(aimed_at, base, lookup)
    return frozenset(found)
