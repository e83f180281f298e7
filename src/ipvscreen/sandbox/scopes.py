"""SMART scopes, version 1 and 2, as this authorization server grants and enforces them.

Grammar: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ipvscreen.sandbox.kinds import KINDS, SEARCH

REFRESH = ("online_access", "offline_access")
PLAIN = ("openid", "fhirUser", "profile", "launch", "launch/patient", *REFRESH)

_GRAMMAR = re.compile(r"(patient|user)/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?")
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Scope:
    """One clinical scope; `letters` out of cruds; `query` restricts it to what a search would find."""

    level: str
    kind: str
    letters: str
    query: tuple[tuple[str, str], ...] = ()

    def covers(self, letter: str, kind: str) -> bool:
        """Whether this scope speaks of the letter and the type at all."""
        return letter in self.letters and self.kind in ("*", kind)


def parse(text: str) -> Scope | None:
    """A clinical scope; None for anything else, an unknown type or parameter included."""
    match = _GRAMMAR.fullmatch(text)
    if not match or not match[3] or match[2] not in KINDS | {"*"}:
        return None
    version_1 = match[3] in _V1
    query = tuple(parse_qsl(match[4] or "", keep_blank_values=True))
    if (version_1 or match[2] == "*") and query:
        return None
    if any(name not in SEARCH[match[2]] for name, _ in query):
        return None
    return Scope(match[1], match[2], _V1.get(match[3], match[3]), query)


def clinical(granted: str) -> tuple[Scope, ...]:
    """The clinical scopes in a granted scope string."""
    return tuple(scope for scope in map(parse, granted.split()) if scope)


def grantable(requested: str, *, v2: bool = True) -> str:
    """The part of a requested scope string that this server grants; the rest is left out, as OAuth allows.

    Without `v2` it understands the grammar of version 1 alone.
    """
    known = (one for one in requested.split() if one in PLAIN or (parse(one) and (v2 or _in_version_1(one))))
    return " ".join(dict.fromkeys(known))


def _in_version_1(scope: str) -> bool:
    return scope.rpartition(".")[2] in _V1


def supported() -> list[str]:
    """For `scopes_supported`: in both versions, for the two levels that a user can grant."""
    levels = [
        f"{level}/*.{letters}" for level in ("patient", "user") for letters in ("read", "write", "*", "cruds")
    ]
    kinds = [f"patient/{kind}.cruds" for kind in sorted(KINDS)]
    return [*PLAIN, *levels, *kinds]
