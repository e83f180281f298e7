"""Read back what was written, by id and by search, and believe only that."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.exchange import GONE
from ipvscreen.ehr.lookup import AT_ONCE, listed, patient_of, search_for
from ipvscreen.errors import EhrError, EhrRefused, EhrUnreachable
from ipvscreen.messages import joined, message
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.labels import lost
from ipvscreen.resources.written import Check, WrittenOne

_T = TypeVar("_T")

LAG_SECONDS = 1.0  # between two looks: some servers index, and replicate, a moment after they have answered

_UNREAD = message("The record system took it, but it could not be read back:")
_SILENT = message("The record system has stopped answering.")
_VANISHED = message("The record system took it, but does not hold it.")
_OTHER_PATIENT = message("It stands in the record of another patient. Have it removed there at once.")
_LABEL_LOST = message("It is saved without its protection. Hide it in the record system by hand at once.")
_NOT_LISTED = message("It is saved and protected, but searches do not show it yet.")
_BARE_IN_LISTS = message(
    "It is saved and protected, but lists in the record system may show it without its protection."
)


@dataclass(frozen=True, slots=True)
class _Read:
    """The stored resource, or why there is none; `gone` where the record system says that it has none."""

    body: Mapping[str, Any] | None
    gone: bool = False
    words: str = ""


class Gate:
    """Lets AT_ONCE looks through at a time, and none once as many got no answer.

    Else each of a dozen entries would wait its ten seconds, twice, with the clinician before the page.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._silences = 0

    @property
    def shut(self) -> bool:
        """Whether the record system has stopped answering."""
        return self._silences >= AT_ONCE

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


async def verify(
    client: FhirClient, item: Labelled, reference: str, *, gate: Gate, lag: float = LAG_SECONDS
) -> WrittenOne:
    """What is true of the entry at `reference`; a second look after `lag` seconds where something is missing.

    Reading by id decides over the labels and the patient; a search only confirms (HAPI 8.10 leaves labels
    out of search results: hapifhir/hapi-fhir#8362).
    """
    kind, _, ident = reference.partition("/")
    by_id, listed = await asyncio.gather(
        _twice(lambda: _read(client, kind, ident, gate), lambda read: read.body is not None, gate, lag),
        _twice(lambda: _listed(client, item, ident, gate), lambda body: body is not None, gate, lag),
    )
    check, words = _judged(item, by_id, listed)
    return WrittenOne(item.key, item.kind, reference, check, words)


async def _twice(
    look: Callable[[], Awaitable[_T]], enough: Callable[[_T], bool], gate: Gate, lag: float
) -> _T:
    seen = await look()
    if enough(seen) or gate.shut:
        return seen
    await asyncio.sleep(lag)
    return await look()


async def _read(client: FhirClient, kind: str, ident: str, gate: Gate) -> _Read:
    try:
        return _Read(await gate.look(lambda: client.read(kind, ident)))
    except EhrRefused as refused:
        return _Read(None, gone=refused.status in GONE, words=str(refused))
    except EhrUnreachable as unreachable:
        return _Read(None, words=str(unreachable))


async def _listed(client: FhirClient, item: Labelled, ident: str, gate: Gate) -> Mapping[str, Any] | None:
    params = search_for(item) if item.identifier else {"_id": ident}
    try:
        bodies = await gate.look(lambda: listed(client, item, params))
    except EhrError:
        return None
    return next((body for body in bodies if body.get("id") == ident), None)


def _judged(item: Labelled, by_id: _Read, listed: Mapping[str, Any] | None) -> tuple[Check, str]:
    stored = by_id.body
    if stored is None:
        if by_id.gone and listed is None:
            return Check.FAILED, _VANISHED
        return Check.UNKNOWN, joined(" ", (_UNREAD, by_id.words))
    if patient_of(stored) != patient_of(item.body):
        return Check.FAILED, _OTHER_PATIENT
    if lost(item.body, stored):
        return Check.LABEL_LOST, _LABEL_LOST
    if listed is None:
        return Check.UNCONFIRMED, _NOT_LISTED
    return (Check.UNCONFIRMED, _BARE_IN_LISTS) if lost(item.body, listed) else (Check.VERIFIED, "")
