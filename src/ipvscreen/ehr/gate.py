"""What one write knows of the record system while it reads back, and what it asks of it only once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.lookup import listed, of_one_kind, search_for, search_for_all
from ipvscreen.errors import EhrRefused, EhrUnreachable
from ipvscreen.messages import message
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.labels import lost

_T = TypeVar("_T")
_Bodies = list[dict[str, Any]]

# All entries of a visit are read by id in one wave, and what lists and versions show comes in the next. More
# would save that, and take every place to this record system (`at_most` is 20) from other clinicians.
AT_ONCE = 12
# As many as the smallest write asks at once: of two entries of one type two reads, a search and a history.
SILENCES = 4

_SILENT = message("The record system has stopped answering.")


@dataclass(frozen=True, slots=True)
class Read:
    """The stored resource, or why there is none; `gone` where the record system says that it has none."""

    body: Mapping[str, Any] | None
    gone: bool = False
    words: str = ""


class Gate:
    """It lets AT_ONCE looks through at a time, and none once SILENCES got no answer.

    Else each of a dozen entries would wait its ten seconds, twice, with the clinician before the page: so it
    is one such wait, of all the looks that were under way together.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._silences = 0
        self.by_id: dict[str, tuple[Read, Read]] = {}  # what was read already, by reference
        self.without_versions: set[str] = set()  # types of which it shows no earlier versions

    @property
    def shut(self) -> bool:
        """Whether the record system has stopped answering."""
        return self._silences >= SILENCES

    async def look(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """What `ask` gives; EhrUnreachable, without asking, once the gate is shut."""
        async with self._places:
            if self.shut:
                raise EhrUnreachable(_SILENT, may_have_happened=False)
            try:
                return await ask()
            except EhrUnreachable:
                self._silences += 1
                raise


class Kin:
    """Entries that are read back together: one search for all of a type, and the versions of one of them.

    Each is read by id all the same, and that decides. Record systems keep or lose labels by type and not by
    entry: what has lost something by id, or is of a type whose versions show that, is looked at by itself.
    """

    def __init__(self, client: FhirClient, gate: Gate, items: Iterable[Labelled]) -> None:
        self._client, self._gate = client, gate
        self._kinds = of_one_kind(items)
        self._searches: dict[str, asyncio.Task[_Bodies]] = {}
        self._told = {kind: asyncio.Event() for kind in self._kinds}
        self._bare = set[str]()

    def stands_for_its_type(self, item: Labelled) -> bool:
        """Whether the versions of this one are looked at whatever it shows by id."""
        return self._kinds[item.kind][0].key == item.key

    def tell(self, item: Labelled, versions: Iterable[Mapping[str, Any]]) -> None:
        """What the versions of the one that stands for its type have shown in the end."""
        if any(lost(item.body, one) for one in versions):
            self._bare.add(item.kind)
        self._told[item.kind].set()

    async def bare_versions(self, kind: str) -> bool:
        """Whether those have shown something lost; then those of each other one are looked at, too."""
        await self._told[kind].wait()
        return kind in self._bare

    async def listed(self, item: Labelled, ident: str) -> Mapping[str, Any] | None:
        """The entry as the search for all of its type shows it; else as its own search does."""
        together = [one for one in self._kinds[item.kind] if one.identifier]
        if len(together) > 1 and item in together:
            try:
                found = _with_id(await self._once(item.kind, together), ident)
            except EhrRefused:
                found = None
            if found is not None:
                return found
        return await self.alone(item, ident)

    async def alone(self, item: Labelled, ident: str) -> Mapping[str, Any] | None:
        """The entry as a search for it alone shows it; by its id where R4 gives it no identifier."""
        params = search_for(item) if item.identifier else {"_id": ident}
        return _with_id(await self._gate.look(lambda: listed(self._client, item.kind, params)), ident)

    async def _once(self, kind: str, items: list[Labelled]) -> _Bodies:
        if kind not in self._searches:
            asked = self._gate.look(lambda: listed(self._client, kind, search_for_all(items)))
            self._searches[kind] = asyncio.ensure_future(asked)
        return await self._searches[kind]


def _with_id(bodies: _Bodies, ident: str) -> Mapping[str, Any] | None:
    return next((body for body in bodies if body.get("id") == ident), None)
