"""Change entries that stand in the record, each only from the version that was seen, and read them back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.gate import Gate
from ipvscreen.ehr.lookup import AT_ONCE, look_for
from ipvscreen.ehr.sending import may_have_happened
from ipvscreen.ehr.verify import LAG_SECONDS, verify
from ipvscreen.errors import EhrError, EhrRefused
from ipvscreen.messages import message
from ipvscreen.resources.correction import Change, stands
from ipvscreen.resources.draft import Labelled, condition
from ipvscreen.resources.written import Check, Written, WrittenOne

_CHANGED_MEANWHILE = frozenset({409, 412})
_STALE = message(
    "It was changed in the record meanwhile, and is shown as it stands now. Look, and try again."
)
_NOT_OFFERED = message("The record system, or this sign-in, does not let the app change it.")
_OTHERWISE = message("The record system took the change, and shows something else.")
_NOBODY_NAMED = message("Who changed it and why is not recorded there: note it by hand, as restricted.")
_NOT_LOOKED_FOR = message("It could not be looked for whether it is there already, so it was not added.")
_UNANSWERED = message("Whether the record system took it is not known.")
_STANDS = frozenset({Check.VERIFIED, Check.UNCONFIRMED})

_Look = Callable[[Labelled, str], Awaitable[WrittenOne]]


async def amend(
    client: FhirClient,
    changes: Sequence[Change],
    may: frozenset[str],
    *,
    lists_bare: bool = False,
    lag: float = LAG_SECONDS,
) -> Written:
    """What became of each change, by its reference; nothing is raised. `may`: the types that can be changed.

    What stands as wanted already is not sent again, so the same can be asked for again after any failure.
    `lists_bare`: as for `verify`.
    """
    places = asyncio.Semaphore(AT_ONCE)
    look = partial(verify, client, gate=Gate(), lag=lag, lists_bare=lists_bare)

    async def one(change: Change) -> WrittenOne:
        async with places:
            return await _one(client, change, may, look)

    return Written(tuple(await asyncio.gather(*(one(change) for change in changes))))


def changed(changes: Sequence[Change], written: Written) -> list[str]:
    """The references of what is another than before, as far as is known."""
    sent = {change.reference for change in changes if change.body is not None}
    stand = {one.key for one in written.items if one.check in (*_STANDS, Check.LABEL_LOST)}
    return sorted(sent & stand)


def unsent(changes: Sequence[Change], error: EhrError) -> Written:
    """Nothing was changed, because the record system could not be asked about the patient."""
    words = message("{why} Nothing was sent.", why=str(error))
    return Written(tuple(_so(_told(change), Check.FAILED, words) for change in changes))


async def say_who(
    client: FhirClient,
    item: Labelled,
    *,
    allowed: bool,
    lists_bare: bool = False,
    lag: float = LAG_SECONDS,
) -> WrittenOne:
    """The Provenance of changes; told like a change. `allowed`: whether the plan has new ones written."""
    if not allowed:
        return WrittenOne(item.key, item.kind, None, Check.NOT_OFFERED, _NOBODY_NAMED)
    try:
        created = await client.create(item.body)
    except EhrError as error:
        return WrittenOne(item.key, item.kind, None, Check.FAILED, str(error))
    if created.reference is None:
        return WrittenOne(item.key, item.kind, None, Check.UNKNOWN, _UNANSWERED)
    return await verify(client, item, created.reference, gate=Gate(), lag=lag, lists_bare=lists_bare)


async def add_once(
    client: FhirClient,
    item: Labelled,
    *,
    once: bool,
    lists_bare: bool = False,
    lag: float = LAG_SECONDS,
) -> WrittenOne:
    """A new entry beside those that change, unless it is there already; `once`: by If-None-Exist, too.

    Where nobody can look whether it is there, and nothing else keeps it from being made twice, it is not.
    """
    try:
        found = await look_for(client, item, {})
        if not found.sure and not once:
            return WrittenOne(item.key, item.kind, None, Check.FAILED, _NOT_LOOKED_FOR)
        made = found.reference or (await client.create(item.body, condition(item, once))).reference
    except EhrError as error:
        return WrittenOne(item.key, item.kind, None, Check.FAILED, str(error))
    if made is None:
        return WrittenOne(item.key, item.kind, None, Check.UNKNOWN, _UNANSWERED)
    return await verify(client, item, made, gate=Gate(), lag=lag, lists_bare=lists_bare)


async def _one(client: FhirClient, change: Change, may: frozenset[str], look: _Look) -> WrittenOne:
    told = _told(change)
    item = change.as_labelled()
    if item is None:
        return told
    if change.kind not in may:
        return _so(told, Check.NOT_OFFERED, _NOT_OFFERED)
    said = ""
    try:
        await client.update(item.body, change.version)
    except EhrError as error:
        said = str(error)
        if isinstance(error, EhrRefused) and error.status in _CHANGED_MEANWHILE:
            return _so(told, Check.FAILED, _STALE)
        if not may_have_happened(error):
            return _so(told, Check.FAILED, said)
    return await _seen(client, item, told, said, look)


async def _seen(client: FhirClient, item: Labelled, told: WrittenOne, said: str, look: _Look) -> WrittenOne:
    """What a read says of it, whatever the answer to the update was."""
    verified = await look(item, told.key)
    if verified.check not in _STANDS:
        return replace(_so(told, verified.check, said or verified.words), loss=verified.loss)
    kind, _, ident = told.key.partition("/")
    try:
        stored = await client.read(kind, ident)
    except EhrError as error:
        return _so(told, Check.UNKNOWN, str(error))
    if not stands(item.body, stored):
        return _so(told, Check.UNKNOWN if said else Check.FAILED, said or _OTHERWISE)
    return _so(told, verified.check, verified.words)


def _told(change: Change) -> WrittenOne:
    return WrittenOne(change.reference, change.kind, change.reference, Check.VERIFIED)


def _so(told: WrittenOne, check: Check, words: str) -> WrittenOne:
    return WrittenOne(told.key, told.kind, told.reference, check, words)
