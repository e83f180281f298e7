"""SMART scopes: what was granted, in the spelling of version 1 or 2, and what we ask for.

Source: SMART App Launch 2.2, "Scopes and launch context". Servers grant less than was asked, split one
scope into several, or answer in the other version's spelling; all of that is read here.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from ipvscreen.resources.fallback import FURTHER

Letter = Literal["c", "r", "u", "d", "s"]
Purpose = Literal["ehr", "standalone", "list", "list-standalone"]

# `system/` is for services without a user: it says nothing about this sign-in.
_SCOPE = re.compile(r"(?:patient|user)/(\*|[A-Z][A-Za-z]*)\.(read|write|\*|[cruds]+)(?:\?\S*)?")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}

_WRITTEN = "crs"  # create, then read back by id and by search
_CORRECTED = "u"  # put right, or mark as entered in error, what was written before
_WITHDRAWN = "ud"  # and delete: only once a label was lost
ASKED_FOR: dict[str, str] = {
    "Patient": "r",
    "Encounter": "r",
    "RelatedPerson": "rs",
    "QuestionnaireResponse": _WRITTEN,
    "Observation": _WRITTEN,
    "Flag": _WRITTEN,
    "Procedure": _WRITTEN,
    "Provenance": _WRITTEN,
    "ServiceRequest": _WRITTEN,
    "Task": _WRITTEN,
    "Consent": _WRITTEN,
}
# Asked for only where the deployer says so: what may carry other types, and a health concern.
CARRIED: dict[str, str] = dict.fromkeys(FURTHER, _WRITTEN)

# Where the context comes from: the record system's launch, its own patient picker, or nowhere.
_CONTEXT: dict[Purpose, tuple[str, ...]] = {
    "ehr": ("launch",),
    "standalone": ("launch/patient",),
    "list": ("launch",),
    "list-standalone": (),
}
_WHO = ("openid", "fhirUser")


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a sign-in was granted: pairs of resource type (or `*`) and letter."""

    granted: frozenset[tuple[str, str]]

    @classmethod
    def parse(cls, text: str) -> "Scopes":
        """Read a space-separated scope string; what is not about resources is left out."""
        matches = (_SCOPE.fullmatch(scope) for scope in text.split())
        return cls(frozenset((m[1], letter) for m in matches if m for letter in _VERSION_1.get(m[2], m[2])))

    def allows(self, kind: str, letter: Letter) -> bool:
        """Whether this interaction is granted on this resource type.

        A scope narrowed by a query (`?category=…`) counts: whether an entry falls inside is the server's to
        judge, and its refusal is handled where it is written.
        """
        return not self.granted.isdisjoint({(kind, letter), ("*", letter)})


def requested(
    spelling: Literal["v1", "v2"] = "v2",
    *,
    purpose: Purpose = "ehr",
    refresh: Literal["none", "online_access", "offline_access"] = "none",
    withdraw: bool = False,
    carriers: Collection[str] = (),
    audit_events: bool = False,
) -> str:
    """The scope string that we ask for: the least that the visit, or the list, needs.

    To change what we have written is asked for as scopes of their own, so that a record system which grants
    only the rest still does; `withdraw`: to take it out again, too. In v1 `write` allows both already.
    `carriers`: which of FURTHER the deployer has asked for. A list holds only what we keep ourselves, so it
    asks for nothing but who is there, and for no refresh. `audit_events`: to add to its own log, too.
    """
    context = _CONTEXT[purpose]
    if purpose in ("list", "list-standalone"):
        return " ".join((*context, *_WHO))
    asked = ASKED_FOR | {kind: letters for kind, letters in CARRIED.items() if kind in carriers}
    resources = [
        scope
        for kind, letters in asked.items()
        for scope in (_version_1(kind, letters) if spelling == "v1" else (f"patient/{kind}.{letters}",))
    ]
    if spelling == "v2":
        changed = _WITHDRAWN if withdraw else _CORRECTED
        resources += [f"patient/{kind}.{changed}" for kind in written_kinds(carriers)]
    if audit_events:
        resources.append(f"patient/AuditEvent.{'write' if spelling == 'v1' else 'c'}")
    author = "user/Practitioner.read" if spelling == "v1" else "user/Practitioner.r"
    return " ".join((*context, *_WHO, *(() if refresh == "none" else (refresh,)), author, *resources))


def written_kinds(carriers: Collection[str] = ()) -> tuple[str, ...]:
    """The types that we create, with those of `carriers`."""
    ours = (kind for kind, letters in ASKED_FOR.items() if "c" in letters)
    return (*ours, *(kind for kind in CARRIED if kind in carriers))


def _version_1(kind: str, letters: str) -> tuple[str, ...]:
    return (f"patient/{kind}.read", *((f"patient/{kind}.write",) if "c" in letters else ()))


REQUESTED = requested()
