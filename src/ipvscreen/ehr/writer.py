"""Write labelled entries into the record system, once each, and say of each what is true of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ipvscreen.ehr.after_loss import WITHHELD, OnLoss, taken_back, tell, withheld
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.gate import Gate, Kin
from ipvscreen.ehr.lookup import Found, look, look_first
from ipvscreen.ehr.meanwhile import meanwhile
from ipvscreen.ehr.points import Point, Reached, unheard
from ipvscreen.ehr.sending import Sent
from ipvscreen.ehr.verify import LAG_SECONDS, verify
from ipvscreen.ehr.ways import send_best
from ipvscreen.errors import EhrError
from ipvscreen.messages import message
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.fitting import instead_of
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.written import Check, Written, WrittenOne

_CANNOT_LOOK = message(
    "It may be there from an earlier try, and the record system does not let us look for it."
)


_Known = Callable[[Written], Awaitable[None]]


async def _nobody(_: Written) -> None:
    """Nobody keeps what is known meanwhile."""


async def write(
    client: FhirClient,
    plan: WritePlan,
    items: Sequence[Labelled],
    *,
    before: Written | None = None,
    silent: EhrError | None = None,
    on_loss: OnLoss = "withdraw",
    lost: bool = False,
    found: Mapping[str, Found] | None = None,
    lag: float = LAG_SECONDS,
    known: _Known = _nobody,
    reached: Reached = unheard,
) -> Written:
    """What became of each of `items`, in their order; what fails is told in the result, never raised.

    May be called again with the same items after any failure: what is there already is found by its
    identifier and not written twice. `before`, the result of the earlier call, helps where the record system
    lets nobody search. `silent` is why it could not be asked what must be known first: then nothing is sent.
    `found`: what was there just now, of a first try; else it is looked for here. `lag` is the pause before a
    second look at what did not show up. `known` keeps the ids meanwhile, and a loss before anything is taken
    out. Once a label was lost nothing more is sent, also when called again, and `on_loss` says what becomes
    of what was; `lost`: that happened to another write of the same visit.
    """
    if before is not None and before.label_lost:
        return await taken_back(client, items, withheld(items, before), on_loss)
    gate, offered, earlier = Gate(), _offered(plan, items), before or Written()
    sent: Mapping[str, Sent] = _unsent(offered, earlier, WITHHELD)
    if not lost:
        sent = await _sent(client, plan, offered, earlier, silent, found, gate, lag, reached)
    reached(Point.SENT)
    so_far = [_so_far(plan, item, sent.get(item.key)) for item in items]
    async with meanwhile(_read_back(client, plan, items, so_far, gate, lag)) as reading:
        await known(Written(tuple(so_far)))
        reached(Point.KNOWN)
        written = await reading
    if written.label_lost:
        await known(written)
    tell(written)
    return await taken_back(client, items, written, on_loss)


async def _read_back(
    client: FhirClient,
    plan: WritePlan,
    items: Sequence[Labelled],
    so_far: Sequence[WrittenOne],
    gate: Gate,
    lag: float,
) -> Written:
    pairs = list(zip(items, so_far, strict=True))
    kin = Kin(client, gate, (item for item, one in pairs if one.reference))
    bare = plan.lists_bare

    async def one(item: Labelled, known: WrittenOne) -> WrittenOne:
        if known.reference is None:
            return known
        return await verify(client, item, known.reference, gate=gate, kin=kin, lag=lag, lists_bare=bare)

    return Written(tuple(await asyncio.gather(*(one(*pair) for pair in pairs))))


def _offered(plan: WritePlan, items: Sequence[Labelled]) -> list[Labelled]:
    """What the plan allows; a Provenance only where something that it names is written too."""
    allowed = [item for item in items if plan.allows(item.kind)]
    urls = {item.full_url for item in allowed}

    def names_any(item: Labelled) -> bool:
        return any(target.get("reference") in urls for target in item.body.get("target", ()))

    return [item for item in allowed if item.kind != "Provenance" or names_any(item)]


async def _sent(
    client: FhirClient,
    plan: WritePlan,
    items: Sequence[Labelled],
    before: Written,
    silent: EhrError | None,
    found: Mapping[str, Found] | None,
    gate: Gate,
    lag: float,
    reached: Reached,
) -> Mapping[str, Sent]:
    if not items:
        return {}
    if silent is not None:
        return _unsent(items, before, _nothing_sent(silent))
    try:
        if found is None or before.items:
            found = await _found(client, plan, items, before)
    except EhrError as error:
        return _unsent(items, before, _nothing_sent(error))
    reached(Point.LOOKED)
    return await send_best(client, plan, items, _there(plan, items, found, before), gate, lag)


def _nothing_sent(error: EhrError) -> str:
    return message("{why} Nothing was sent.", why=str(error))


def _unsent(items: Sequence[Labelled], before: Written, why: str) -> dict[str, Sent]:
    """Nothing was sent now; what an earlier try has left, or may have left, is still there."""
    told = {one.key: one for one in before.items}

    def one(earlier: WrittenOne | None) -> Sent:
        if earlier and earlier.reference and earlier.check is not Check.FAILED:
            return Sent(earlier.reference)
        open_ended = earlier is not None and earlier.check in (Check.UNKNOWN, Check.PENDING)
        return Sent(None, Check.UNKNOWN if open_ended else Check.FAILED, why)

    return {item.key: one(told.get(item.key)) for item in items}


async def _found(
    client: FhirClient, plan: WritePlan, items: Sequence[Labelled], before: Written
) -> Mapping[str, Found]:
    """By key, what an earlier try has left."""
    if before.items:
        return await look(client, items)
    return await look_first(client, items, plan.bundling)


def _there(
    plan: WritePlan, items: Sequence[Labelled], found: Mapping[str, Found], before: Written
) -> dict[str, Sent]:
    """What is not to be sent again: what was found now or had an id before, and what is not sure.

    An id from before counts although the search does not show it: it may lag. What could not be looked for
    is sent only where that cannot make a second one.
    """
    there = {key: Sent(one.reference) for key, one in found.items() if one.reference}
    repeated = bool(there or before.items)
    told = {one.key: one for one in before.items}
    for item in (item for item in items if item.key in found and item.key not in there):
        earlier = told.get(item.key)
        if earlier and earlier.reference and earlier.check is not Check.FAILED:
            there[item.key] = Sent(earlier.reference)
        elif repeated and not (found[item.key].sure or _harmless(item, earlier, plan)):
            there[item.key] = Sent(None, Check.UNKNOWN, _CANNOT_LOOK)
    return there


def _harmless(item: Labelled, earlier: WrittenOne | None, plan: WritePlan) -> bool:
    """Whether it surely failed before, or is sent with a condition that the server checks."""
    refused = earlier is not None and earlier.check in (Check.FAILED, Check.NOT_OFFERED)
    return refused or item.kind in plan.conditional_kinds


def _so_far(plan: WritePlan, item: Labelled, sent: Sent | None) -> WrittenOne:
    """What is known before it has been read back."""
    if sent is None:
        return WrittenOne(item.key, item.kind, None, Check.NOT_OFFERED, instead_of(plan, item))
    if sent.reference is None:
        return WrittenOne(item.key, item.kind, None, sent.check or Check.UNKNOWN, sent.words)
    return WrittenOne(item.key, item.kind, sent.reference, Check.PENDING)
