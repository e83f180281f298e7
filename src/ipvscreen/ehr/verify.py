"""Read back what was written, by id and by search, and believe only that."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.exchange import GONE
from ipvscreen.ehr.gate import Gate, Kin, Read
from ipvscreen.ehr.lookup import patient_of
from ipvscreen.errors import EhrError, EhrRefused, EhrUnreachable
from ipvscreen.messages import joined, message
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.labels import lost
from ipvscreen.resources.loss import Loss, Seen, loss_of
from ipvscreen.resources.standing import IN_ERROR, status_of
from ipvscreen.resources.written import Check, WrittenOne

_T = TypeVar("_T")
_Look = Callable[[Labelled, str], Awaitable[Mapping[str, Any] | None]]
_Bodies = tuple[Mapping[str, Any], ...]

LAG_SECONDS = 1.0  # between two looks: some servers index, and replicate, a moment after they have answered

_UNREAD = message("The record system took it, but it could not be read back:")
_VANISHED = message("The record system took it, but does not hold it.")
_OTHER_PATIENT = message("It stands in the record of another patient. Have it removed there at once.")
_IN_ERROR = message("It is marked as entered in error there.")
_NOT_LISTED = message("It is saved and protected, but searches do not show it yet.")

# Of a loss, what is true of the entry; of a late label all else is verified as ever.
TOLD: dict[Loss, tuple[Check, str]] = {
    Loss.DROPPED: (Check.LABEL_LOST, message("It was saved without its protection.")),
    Loss.DOWNGRADED: (Check.LABEL_LOST, message("It was saved with less protection than was sent.")),
    Loss.ON_UPDATE: (
        Check.LABEL_LOST,
        message("It was protected at first, and lost that when the record system changed it."),
    ),
    Loss.OTHER_SYSTEM: (
        Check.LABEL_LOST,
        message("Its protection was saved as a code of another system, which others do not understand."),
    ),
    Loss.IN_SEARCH: (
        Check.UNCONFIRMED,
        message(
            "It is saved and protected, but lists in the record system may show it without its protection."
        ),
    ),
    Loss.IN_HISTORY: (
        Check.UNCONFIRMED,
        message("It is saved and protected, but its earlier versions may show without protection."),
    ),
    Loss.NOT_SAVED: (Check.FAILED, _VANISHED),
}
_LATE = message("Its protection showed only at a second look, a moment after it was saved.")
_NO_VERSIONS = frozenset({400, 403, 404, 405, 501})  # of a history: not offered, to us or to nobody


async def verify(
    client: FhirClient,
    item: Labelled,
    reference: str,
    *,
    gate: Gate,
    kin: Kin | None = None,
    lag: float = LAG_SECONDS,
    lists_bare: bool = False,
) -> WrittenOne:
    """What is true of the entry at `reference`; a second look after `lag` seconds where something is missing.

    Reading by id decides over the labels and the patient; a search only confirms (HAPI 8.10 leaves labels
    out of search results: hapifhir/hapi-fhir#8362). `kin`: what is read back together with it.
    `lists_bare`: that is known of it, and not waited for.
    """
    together = kin or Kin(client, gate, (item,))
    ident = reference.partition("/")[2]
    listed, listed_alone = (partial(_listed, look, item, ident) for look in (together.listed, together.alone))

    def whole(*bodies: Mapping[str, Any]) -> bool:
        return lists_bare or not any(lost(item.body, body) for body in bodies)

    look_back = partial(_versions, client, reference, gate)
    reading = asyncio.ensure_future(read_twice(client, item, reference, gate, lag))
    own, shown, versions = await asyncio.gather(
        reading,
        _twice(listed, lambda body: body is not None and whole(body), gate, lag, again=listed_alone),
        _older(look_back, lambda bodies: whole(*bodies), item, together, reading, gate, lag),
    )
    first, last = (
        Seen(by_id.body, by_id.gone, body, before)
        for by_id, body, before in zip(own, shown, versions, strict=True)
    )
    loss = loss_of(item.body, first, last)
    check, words = _judged(item, last, own[1].words, loss)
    return WrittenOne(item.key, item.kind, reference, check, words, loss)


async def read_twice(
    client: FhirClient, item: Labelled, reference: str, gate: Gate, lag: float
) -> tuple[Read, Read]:
    """The first read by id and the last, which is the same where the first showed every label."""
    if reference not in gate.by_id:
        kind, _, ident = reference.partition("/")
        gate.by_id[reference] = await _twice(
            lambda: _read(client, kind, ident, gate),
            lambda read: read.body is not None and not lost(item.body, read.body),
            gate,
            lag,
        )
    return gate.by_id[reference]


async def _twice(
    look: Callable[[], Awaitable[_T]],
    enough: Callable[[_T], bool],
    gate: Gate,
    lag: float,
    *,
    again: Callable[[], Awaitable[_T]] | None = None,
) -> tuple[_T, _T]:
    """What the first look shows and the last: the same, or `again` where that is another way of looking."""
    seen = await look()
    if enough(seen) or gate.shut:
        return seen, seen
    await asyncio.sleep(lag)
    return seen, await (again or look)()


async def _read(client: FhirClient, kind: str, ident: str, gate: Gate) -> Read:
    try:
        return Read(await gate.look(lambda: client.read(kind, ident)))
    except EhrRefused as refused:
        return Read(None, gone=refused.status in GONE, words=str(refused))
    except EhrUnreachable as unreachable:
        return Read(None, words=str(unreachable))


async def _listed(look: _Look, item: Labelled, ident: str) -> Mapping[str, Any] | None:
    try:
        return await look(item, ident)
    except EhrError:
        return None


async def _versions(client: FhirClient, reference: str, gate: Gate) -> _Bodies:
    """From its history, else its first version by number, as most count; none where neither is offered."""
    kind, _, ident = reference.partition("/")

    async def first() -> list[dict[str, Any]]:
        return [await client.vread(kind, ident, "1")]

    for ask in (lambda: client.history(kind, ident), first):
        if kind in gate.without_versions:
            break
        try:
            return tuple(await gate.look(ask))
        except EhrRefused as refused:
            if refused.status not in _NO_VERSIONS:
                return ()
        except EhrUnreachable:
            return ()
    gate.without_versions.add(kind)
    return ()


async def _older(
    look: Callable[[], Awaitable[_Bodies]],
    enough: Callable[[_Bodies], bool],
    item: Labelled,
    kin: Kin,
    reading: Awaitable[tuple[Read, Read]],
    gate: Gate,
    lag: float,
) -> tuple[_Bodies, _Bodies]:
    """The versions of one of each type, and of what has lost something there or by id: they tell how."""
    seen: tuple[_Bodies, _Bodies] = (), ()
    if not kin.stands_for_its_type(item):
        stored = (await reading)[1].body
        bare = stored is not None and lost(item.body, stored)
        return (await look(),) * 2 if bare or await kin.bare_versions(item.kind) else seen
    try:
        seen = await _twice(look, enough, gate, lag)
    finally:
        kin.tell(item, seen[1])
    return seen


def _judged(item: Labelled, last: Seen, words: str, loss: Loss | None) -> tuple[Check, str]:
    stored = last.by_id
    if stored is None:
        return TOLD[loss] if loss else (Check.UNKNOWN, joined(" ", (_UNREAD, words)))
    if patient_of(stored) != patient_of(item.body):
        return Check.FAILED, _OTHER_PATIENT
    if status_of(stored) == IN_ERROR != status_of(item.body):
        return Check.WITHDRAWN, _IN_ERROR
    if loss is not None and loss in TOLD:
        return TOLD[loss]
    if last.by_search is None:
        return Check.UNCONFIRMED, _NOT_LISTED
    return Check.VERIFIED, _LATE if loss else ""
