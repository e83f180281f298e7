"""Send entries so that each is there once: nothing is sent again before it was looked for."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ipvscreen.ehr.client import Created, FhirClient
from ipvscreen.ehr.lookup import Found, look, look_for
from ipvscreen.ehr.outcome import (
    NOT_FOUND,
    Sent,
    may_have_happened,
    not_understood,
    of_answer,
    of_error,
    of_found,
    open_ended,
    worse,
)
from ipvscreen.errors import EhrError, EhrRefused
from ipvscreen.messages import message
from ipvscreen.resources.draft import (
    Labelled,
    batch_bundle,
    condition,
    needs,
    order,
    transaction_bundle,
    waves,
    with_ids,
)
from ipvscreen.resources.plan import Bundling, WritePlan
from ipvscreen.resources.written import Check

__all__ = ["NOT_SENT", "Sent", "in_batches", "in_one", "may_have_happened", "one_by_one", "send"]

NOT_SENT = message("Not sent, because an entry before it was not taken.")
_NOT_SENT = Sent(None, Check.FAILED, NOT_SENT)
_Post = Callable[[], Awaitable[Sequence[Created]]]
_Look = Callable[[], Awaitable[Mapping[str, Found]]]


async def send(
    client: FhirClient, plan: WritePlan, items: Sequence[Labelled], there: Mapping[str, Sent]
) -> dict[str, Sent]:
    """By key, what became of each, in batches where the plan has them and no transactions, else one by one.

    `there`: what is known of an earlier try; it is not sent again.
    """
    conditional = plan.conditional_kinds
    if plan.bundling is Bundling.BATCH:
        return await in_batches(client, items, there, conditional=conditional)
    return await one_by_one(client, items, there, conditional=conditional)


async def in_one(
    client: FhirClient, items: Sequence[Labelled], *, conditional: Collection[str]
) -> dict[str, Sent]:
    """By key, what became of all of it sent as one transaction."""
    bundle = transaction_bundle(items, conditional=conditional)
    return await _settled(items, lambda: client.transaction(bundle), lambda: look(client, items))


async def one_by_one(
    client: FhirClient, items: Sequence[Labelled], there: Mapping[str, Sent], *, conditional: Collection[str]
) -> dict[str, Sent]:
    """By key, what became of each, sent in order up to the first that was not taken.

    `there`: what is known of an earlier try; it is not sent again.
    """
    sent = dict(there)
    stopped = any(item.identifier and item.key in there and not there[item.key].reference for item in items)
    for item in order(items):
        if item.key in sent:
            continue
        if stopped:
            sent[item.key] = _NOT_SENT
            continue
        references = _references(items, sent)
        sent[item.key] = await _one(client, item, references, conditional=conditional, again=bool(there))
        stopped = sent[item.key].reference is None
    return sent


async def in_batches(
    client: FhirClient, items: Sequence[Labelled], there: Mapping[str, Sent], *, conditional: Collection[str]
) -> dict[str, Sent]:
    """By key, what became of each, sent in waves: what refers to others goes after them.

    A batch is not atomic: each entry is judged by its own answer, and what refers to one that was not taken
    is not sent. What has no identifier goes alone, for only then can a repetition look for it first.
    """
    sent = dict(there)
    for wave in waves(items):
        missing = {one.full_url for one in items if one.key in sent and not sent[one.key].reference}
        open_ = [item for item in wave if item.key not in sent]
        sent |= {item.key: _NOT_SENT for item in open_ if needs(item) & missing}
        ready = [item for item in open_ if item.key not in sent]
        references = _references(items, sent)
        together = [item for item in ready if item.identifier]
        if together:
            sent |= await _batch(client, together, references, conditional=conditional)
        for item in (one for one in ready if not one.identifier):
            sent[item.key] = await _one(client, item, references, conditional=conditional, again=bool(there))
    return sent


async def _batch(
    client: FhirClient,
    items: Sequence[Labelled],
    references: Mapping[str, str],
    *,
    conditional: Collection[str],
) -> dict[str, Sent]:
    """One wave. What was lost is looked for, and what is surely not there goes once more, alone.

    So does everything where batches are declared and then not understood.
    """

    async def alone(item: Labelled) -> Sent:
        return await _one(client, item, references, conditional=conditional, again=False)

    answers = await _answers(client, batch_bundle(items, references, conditional=conditional))
    if answers is None:
        return {item.key: await alone(item) for item in items}
    pairs = list(zip(items, answers, strict=True))
    sent = {item.key: of_answer(answer) for item, answer in pairs}
    lost = {item.key: answer for item, answer in pairs if open_ended(answer)}
    looked_for = [item for item in items if item.key in lost]
    found = await _looked(looked_for, lambda: look(client, looked_for)) if lost else {}
    for item in looked_for:
        sent[item.key] = of_found(found[item.key], sent[item.key])
        failed = isinstance(lost[item.key], EhrError)
        if failed and sent[item.key].reference is None and found[item.key].sure:
            once_more = await alone(item)
            sent[item.key] = once_more if once_more.reference else worse(sent[item.key], once_more)
    return sent


async def _answers(client: FhirClient, bundle: Mapping[str, Any]) -> Sequence[Created | EhrError] | None:
    """The answer to each entry of a batch; None where there are no batches after all."""
    try:
        return await client.batch(bundle)
    except EhrRefused as refused:
        return None if not_understood(refused) else [refused] * len(bundle["entry"])
    except EhrError as error:
        return [error] * len(bundle["entry"])


async def _one(
    client: FhirClient,
    item: Labelled,
    references: Mapping[str, str],
    *,
    conditional: Collection[str],
    again: bool,
) -> Sent:
    """One create. Only what has no identifier is looked for first here, and only at a repetition."""
    body = with_ids(item.body, references)
    unless = condition(item, conditional)

    async def post() -> Sequence[Created]:
        return [await client.create(body, unless)]

    async def search() -> Mapping[str, Found]:
        return {item.key: await look_for(client, item, references)}

    if again and not item.identifier:
        try:
            found = (await search())[item.key]
        except EhrError as error:
            return Sent(None, Check.UNKNOWN, str(error))  # it may stand from the earlier try
        if found.reference:
            return Sent(found.reference)
    return (await _settled([item], post, search))[item.key]


async def _settled(items: Sequence[Labelled], post: _Post, search: _Look) -> dict[str, Sent]:
    """Post; after an answer that was lost, look, and post once more only where surely nothing is there.

    What is refused after that is not told as not understood: the first may still be at work.
    """
    lost = Sent(None)
    for again in (False, True):
        try:
            created = await post()
        except EhrError as error:
            lost = worse(lost, of_error(error))
            if not may_have_happened(error):
                told = replace(lost, not_understood=not again and not_understood(error))
                return {item.key: told for item in items}
        else:
            return await _accepted(items, created, search)
        found = await _looked(items, search)
        if any(one.reference or not one.sure for one in found.values()):
            return {item.key: of_found(found[item.key], lost) for item in items}
    return {item.key: lost for item in items}


async def _accepted(items: Sequence[Labelled], created: Sequence[Created], search: _Look) -> dict[str, Sent]:
    """The ids as answered, and by identifier where an answer had none (Oracle Health: empty bodies)."""
    told = {item.key: Sent(one.reference) for item, one in zip(items, created, strict=True)}
    if all(sent.reference for sent in told.values()):
        return told
    found = await _looked(items, search)
    missing = Sent(None, Check.UNKNOWN, NOT_FOUND)
    return {key: sent if sent.reference else of_found(found[key], missing) for key, sent in told.items()}


async def _looked(items: Sequence[Labelled], search: _Look) -> Mapping[str, Found]:
    try:
        return await search()
    except EhrError:
        return {item.key: Found(None, sure=False) for item in items}


def _references(items: Sequence[Labelled], sent: Mapping[str, Sent]) -> dict[str, str]:
    return {one.full_url: ref for one in items if one.key in sent and (ref := sent[one.key].reference)}
