"""What the bearer of a token may do, decided for every call and every entry of a transaction."""

from dataclasses import dataclass
from datetime import datetime

from ipvscreen.sandbox.compartment import has_compartment, patients_of
from ipvscreen.sandbox.kinds import SEARCH
from ipvscreen.sandbox.memory import Lookup, Resource
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.scopes import Scope
from ipvscreen.sandbox.search import matches

# NOPAT as R4 spells its system, and as STU3 did (GP Connect 1.6.2 uses both).
_ACT_CODES = ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "http://hl7.org/fhir/v3/ActCode")
_VERBS = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}


@dataclass(frozen=True, slots=True)
class Access:
    """What stands behind an access token; no `expires_at`: it does not expire.

    `portal`: the patient, or whoever reads online for the patient. What NOPAT keeps back is not there then,
    neither in a search nor by its id: GP Connect 1.6.2, "not suitable for a patient".
    """

    scopes: tuple[Scope, ...]
    base: str
    user: str | None = None
    patient: str | None = None
    expires_at: datetime | None = None
    portal: bool = False

    def require(self, letter: str, kind: str) -> None:
        """403 unless some granted scope speaks of this letter and type."""
        if not any(scope.covers(letter, kind) for scope in self.scopes):
            raise Refusal(
                403,
                "forbidden",
                f"The granted scopes do not let this app {_VERBS[letter]} {kind}.",
                {"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
            )

    def confined(self, letter: str, kind: str) -> bool:
        """Whether all that is granted here is granted for the patient of the launch alone."""
        return all(scope.level == "patient" for scope in self.scopes if scope.covers(letter, kind))

    def require_for(self, letter: str, body: Resource, lookup: Lookup) -> None:
        """403 unless some granted scope covers this very resource."""
        kind = body["resourceType"]
        self.require(letter, kind)
        if self.portal and _kept_back(body):
            raise Refusal(404, "not-found", f"This record system has no {kind} with this id.")
        if not self.allows(letter, body, lookup):
            words = f"This app may {_VERBS[letter]} {kind} only within what it was granted."
            raise Refusal(403, "forbidden", words, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})

    def allows(self, letter: str, body: Resource, lookup: Lookup) -> bool:
        """Whether some granted scope covers this very resource."""
        if self.portal and _kept_back(body):
            return False
        kind = body["resourceType"]
        about: frozenset[str] | None = None
        for scope in self.scopes:
            if not scope.covers(letter, kind):
                continue
            if scope.level == "patient":
                about = patients_of(body, self.base, lookup) if about is None else about
                if not self._in_compartment(kind, about):
                    continue
            if not scope.query or matches(SEARCH[kind], body, scope.query, self.base):
                return True
        return False

    def _in_compartment(self, kind: str, about: frozenset[str]) -> bool:
        if self.patient is None:
            return False
        return about == {self.patient} or not has_compartment(kind)


def _kept_back(body: Resource) -> bool:
    labels = body.get("meta", {}).get("security", [])
    return any(label.get("code") == "NOPAT" and label.get("system") in _ACT_CODES for label in labels)
