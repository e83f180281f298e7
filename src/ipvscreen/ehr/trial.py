"""Write the doctor's probe, and look at each entry in every way in which a record system shows it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.lookup import AT_ONCE, look_for, search_for
from ipvscreen.ehr.sending import may_have_happened
from ipvscreen.errors import EhrError
from ipvscreen.resources.draft import Labelled, condition, order, transaction_bundle, with_ids
from ipvscreen.resources.plan import WritePlan

LAG_SECONDS = 1.0  # some servers index a moment after they have answered
_T = TypeVar("_T")
Bodies = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Ledger:
    """What has been sent so far, by key; kept outside the calls, so that it survives their being broken off.

    `there`: `Type/id`. `open`: it may be there, for the answer was lost. `refused`: the reasons.
    """

    there: dict[str, str] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    whole: str | None = None  # why the transaction was refused; None where it was taken, or not offered


@dataclass(frozen=True, slots=True)
class Shown:
    """How one entry is shown; None where that is not offered, an error in words where it failed."""

    by_id: Mapping[str, Any] | str
    by_search: Mapping[str, Any] | str
    by_version: Mapping[str, Any] | str | None
    by_history: Bodies | str | None


async def write_probe(client: FhirClient, plan: WritePlan, items: Sequence[Labelled], ledger: Ledger) -> None:
    """Send `items` as a visit would, all at once where that is offered; then one by one what was not taken.

    What became of each stands in `ledger`; nothing is sent any more once an answer did not come.
    """
    if plan.transaction:
        await _all_at_once(client, plan, items, ledger)
    for item in order(items):
        if ledger.open:
            return
        if item.key not in ledger.there:
            await _one(client, plan, item, items, ledger)


async def settle(client: FhirClient, items: Sequence[Labelled], ledger: Ledger) -> None:
    """Look for everything whose answer was lost; what is found moves from `open` to `there`."""
    for item in order([item for item in items if item.key in ledger.open]):
        try:
            found = await look_for(client, item, _references(items, ledger))
        except EhrError:
            continue
        if found.reference:
            ledger.there[item.key] = found.reference
            del ledger.open[item.key]


async def show(
    client: FhirClient, item: Labelled, reference: str, offered: frozenset[str], *, lag: float = LAG_SECONDS
) -> Shown:
    """The entry by id, by search, by version and by history; `offered` are its type's interactions."""
    kind, _, ident = reference.partition("/")
    by_id = await _tried(lambda: client.read(kind, ident))
    meta = by_id.get("meta") if isinstance(by_id, Mapping) else None
    version = meta.get("versionId") if isinstance(meta, Mapping) else None
    return Shown(
        by_id=by_id,
        by_search=await _searched(client, item, ident, lag),
        by_version=await _tried(lambda: client.vread(kind, ident, str(version)))
        if version and "vread" in offered
        else None,
        by_history=await _tried(lambda: client.history(kind, ident))
        if "history-instance" in offered
        else None,
    )


async def show_all(
    client: FhirClient,
    items: Sequence[Labelled],
    ledger: Ledger,
    offered: Mapping[str, frozenset[str]],
    *,
    lag: float = LAG_SECONDS,
) -> dict[str, Shown]:
    """By key, how each entry that is there is shown; six at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(item: Labelled) -> Shown:
        async with places:
            return await show(client, item, ledger.there[item.key], offered[item.kind], lag=lag)

    written = [item for item in items if item.key in ledger.there]
    shown = await asyncio.gather(*map(one, written))
    return {item.key: how for item, how in zip(written, shown, strict=True)}


async def _all_at_once(
    client: FhirClient, plan: WritePlan, items: Sequence[Labelled], ledger: Ledger
) -> None:
    bundle = transaction_bundle(items, conditional=plan.conditional_kinds)
    ledger.open = dict.fromkeys((item.key for item in items), "")
    try:
        created = await client.transaction(bundle)
    except EhrError as error:
        if may_have_happened(error):
            ledger.open = dict.fromkeys(ledger.open, str(error))
        else:
            ledger.open, ledger.whole = {}, str(error)
        return
    for item, one in zip(items, created, strict=True):
        _enter(item, one.reference, ledger)
    await settle(client, items, ledger)


async def _one(
    client: FhirClient, plan: WritePlan, item: Labelled, items: Sequence[Labelled], ledger: Ledger
) -> None:
    if item.kind == "Provenance" and not ledger.there:
        ledger.refused[item.key] = "Nothing that it would be about was taken."
        return
    unless = condition(item, plan.conditional_kinds)
    body = with_ids(item.body, _references(items, ledger))
    ledger.open[item.key] = ""
    try:
        created = await client.create(body, unless)
    except EhrError as error:
        if may_have_happened(error):
            ledger.open[item.key] = str(error)
        else:
            del ledger.open[item.key]
            ledger.refused[item.key] = str(error)
        return
    _enter(item, created.reference, ledger)
    await settle(client, [item], ledger)


def _enter(item: Labelled, reference: str | None, ledger: Ledger) -> None:
    if reference is not None:
        ledger.there[item.key] = reference
        ledger.open.pop(item.key, None)


def _references(items: Sequence[Labelled], ledger: Ledger) -> dict[str, str]:
    return {item.full_url: ledger.there[item.key] for item in items if item.key in ledger.there}


async def _searched(client: FhirClient, item: Labelled, ident: str, lag: float) -> Mapping[str, Any] | str:
    params = search_for(item) if item.identifier else {"_id": ident}
    for pause in (0.0, lag):
        await asyncio.sleep(pause)
        found = await _tried(lambda: client.search(item.kind, params))
        if isinstance(found, str):
            return found
        if same := [body for body in found if body.get("id") == ident]:
            return same[0]
    return ""


async def _tried(ask: Callable[[], Awaitable[_T]]) -> _T | str:
    try:
        return await ask()
    except EhrError as error:
        return str(error)
    except ValueError:
        return "Its version number is none that FHIR knows."
