"""Send in the best way that is understood: what is refused as a whole is sent in the next best one."""

from collections.abc import Mapping, Sequence

from ipvscreen.ehr.after_loss import first_alone
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.gate import Gate
from ipvscreen.ehr.lookup import look
from ipvscreen.ehr.sending import Sent, in_one, send
from ipvscreen.errors import EhrError
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.plan import Bundling, WritePlan


async def send_best(
    client: FhirClient,
    plan: WritePlan,
    items: Sequence[Labelled],
    there: Mapping[str, Sent],
    gate: Gate,
    lag: float,
) -> dict[str, Sent]:
    """By key, what became of each: as a transaction, once more without conditions, then apart.

    A further step is taken only where a refusal and then a look say that surely nothing is there: Medplum
    refuses a transaction of more than 8 conditional creates. `there`: what is known of an earlier try; then,
    as where no transaction is offered, each goes on its own, the first of all alone.
    """
    if there or plan.bundling is not Bundling.TRANSACTION:
        return await _apart(client, plan, items, there, gate, lag)
    sent = await in_one(client, items, conditional=plan.conditional_kinds)
    if _understood(sent) or not await _nothing_there(client, items):
        return sent
    if plan.conditional_kinds:
        sent = await in_one(client, items, conditional=())
    return sent if _understood(sent) else await _apart(client, plan, items, {}, gate, lag)


async def _apart(
    client: FhirClient,
    plan: WritePlan,
    items: Sequence[Labelled],
    there: Mapping[str, Sent],
    gate: Gate,
    lag: float,
) -> dict[str, Sent]:
    first = await first_alone(client, items, there, gate, conditional=plan.conditional_kinds, lag=lag)
    return await send(client, plan, items, first)


def _understood(sent: Mapping[str, Sent]) -> bool:
    return not any(one.not_understood for one in sent.values())


async def _nothing_there(client: FhirClient, items: Sequence[Labelled]) -> bool:
    try:
        found = await look(client, items)
    except EhrError:
        return False
    return all(one.sure and one.reference is None for one in found.values())
