"""The resources, in memory: every version kept, found by id or by business identifier."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

Resource = dict[str, Any]
Lookup = Callable[[str, str], Resource | None]
"""(type, id) → the current version's body; None where there is none."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource; `body` carries its id and meta and is never changed.

    A deletion is a version too (R4, http.html#delete); its `body` is the one that was deleted.
    """

    body: Resource
    number: int
    at: datetime
    deleted: bool = False

    @property
    def etag(self) -> str:
        """The weak entity tag, as FHIR writes it."""
        return f'W/"{self.number}"'


class Memory:
    """All versions of all resources. Calls do not await: in one event loop each is atomic."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[str, list[Version]]] = {}
        self._by_identifier: dict[tuple[str, str, str], set[str]] = {}
        self._looked_at: set[tuple[str, str, str]] = set()

    def put(self, body: Resource, at: datetime) -> Version:
        """Store `body` (it has its id) as the next version of that id."""
        kind, ident = body["resourceType"], body["id"]
        versions = self._versions.setdefault(kind, {}).setdefault(ident, [])
        number = len(versions) + 1
        meta = {**body.get("meta", {}), "versionId": str(number), "lastUpdated": instant(at)}
        version = Version({"resourceType": kind, "id": ident, **body, "meta": meta}, number, at)
        for known in versions[-1:]:
            self._index(known.body, set.discard)
        self._index(version.body, set.add)
        versions.append(version)
        return version

    def delete(self, kind: str, ident: str, at: datetime) -> Version:
        """Take away what is there; every version stays, and the deletion is one more."""
        versions = self._versions[kind][ident]
        last = versions[-1].body
        self._index(last, set.discard)
        versions.append(Version(last, len(versions) + 1, at, deleted=True))
        return versions[-1]

    def history(self, kind: str, ident: str) -> list[Version]:
        """Every version, deletions included, oldest first; empty where there is none."""
        return self._versions.get(kind, {}).get(ident, [])

    def current(self, kind: str, ident: str) -> Version | None:
        """The newest version; None where there is none, or none any more."""
        versions = self.history(kind, ident)
        return versions[-1] if versions and not versions[-1].deleted else None

    def find(self, kind: str, ident: str) -> Resource | None:
        """The newest version's body: a Lookup."""
        version = self.current(kind, ident)
        return version.body if version else None

    def first_look(self, way: str, kind: str, ident: str) -> bool:
        """Whether nobody has looked at this resource in that way before."""
        before = (way, kind, ident) in self._looked_at
        self._looked_at.add((way, kind, ident))
        return not before

    def last(self, kind: str, ident: str) -> Resource | None:
        """The newest body, also of what was deleted: a Lookup."""
        versions = self.history(kind, ident)
        return versions[-1].body if versions else None

    def all(self, kind: str) -> Iterator[Resource]:
        """The newest version of everything of this type, oldest resource first."""
        # copied, and without those just begun: tests look on from another thread
        newest = (versions[-1] for versions in list(self._versions.get(kind, {}).values()) if versions)
        return (version.body for version in newest if not version.deleted)

    def everything(self) -> Iterator[Resource]:
        """The newest version of everything."""
        return (body for kind in list(self._versions) for body in self.all(kind))

    def with_identifier(self, kind: str, system: str, value: str) -> list[Resource]:
        """What carries this business identifier now."""
        idents = self._by_identifier.get((kind, system, value), set())
        return [self._versions[kind][ident][-1].body for ident in sorted(idents)]

    def _index(self, body: Resource, change: Callable[[set[str], str], None]) -> None:
        for identifier in identifiers(body):
            key = (body["resourceType"], identifier.get("system", ""), identifier.get("value", ""))
            change(self._by_identifier.setdefault(key, set()), body["id"])


def identifiers(body: Resource) -> Iterable[dict[str, str]]:
    """The business identifiers: one on QuestionnaireResponse and Bundle, several elsewhere (R4)."""
    found = body.get("identifier", [])
    return [found] if isinstance(found, dict) else found


def new_id() -> str:
    """A logical id that tells nothing."""
    return uuid4().hex


def instant(at: datetime) -> str:
    """A FHIR instant in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
