"""Send entries so that each is there once: nothing is sent again before it was looked for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from ipvscreen.ehr.client import Created, FhirClient
from ipvscreen.ehr.lookup import Found, look, look_for
from ipvscreen.errors import EhrError, EhrRefused, EhrUnreachable
from ipvscreen.messages import message
from ipvscreen.resources.draft import Labelled, order, transaction_bundle, with_ids
from ipvscreen.resources.written import Check

NOT_SENT = message("Not sent, because an entry before it was not taken.")
_NOT_FOUND = message("The record system took it, and then could not find it.")
_TRIES = 2

# Answered by a gateway or in the middle of the work: the request may have been carried out all the same.
_MAY_HAVE_HAPPENED = frozenset({408, 500, 502, 504})


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an entry stands (`Type/id`), to be verified; else FAILED or UNKNOWN, and why."""

    reference: str | None
    check: Check | None = None
    words: str = ""


_Post = Callable[[], Awaitable[Sequence[Created]]]
_Look = Callable[[], Awaitable[Mapping[str, Found]]]


async def in_one(client: FhirClient, items: Sequence[Labelled], *, conditional: bool) -> dict[str, Sent]:
    """By key, what became of all of it sent as one transaction."""
    bundle = transaction_bundle(items, conditional=conditional)
    return await _settled(items, lambda: client.transaction(bundle), lambda: look(client, items))


async def one_by_one(
    client: FhirClient, items: Sequence[Labelled], there: Mapping[str, Sent], *, conditional: bool
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
            sent[item.key] = Sent(None, Check.FAILED, NOT_SENT)
            continue
        references = {
            one.full_url: ref for one in items if one.key in sent and (ref := sent[one.key].reference)
        }
        sent[item.key] = await _one(client, item, references, conditional=conditional, again=bool(there))
        stopped = sent[item.key].reference is None
    return sent


async def _one(
    client: FhirClient, item: Labelled, references: Mapping[str, str], *, conditional: bool, again: bool
) -> Sent:
    """One create. Only what has no identifier is looked for first here, and only at a repetition."""
    body = with_ids(item.body, references)
    unless = f"identifier={item.identifier}" if conditional and item.identifier else None

    async def post() -> Sequence[Created]:
        return [await client.create(body, unless)]

    async def search() -> Mapping[str, Found]:
        return {item.key: await look_for(client, item, references)}

    if again and not item.identifier:
        try:
            found = (await search())[item.key]
        except EhrError as error:
            return Sent(None, Check.FAILED, str(error))
        if found.reference:
            return Sent(found.reference)
    return (await _settled([item], post, search))[item.key]


async def _settled(items: Sequence[Labelled], post: _Post, search: _Look) -> dict[str, Sent]:
    """Post; after an answer that was lost, look, and post once more only where surely nothing is there."""
    lost = Sent(None)
    for _ in range(_TRIES):
        try:
            created = await post()
        except EhrError as error:
            lost = _worse(lost, _of_error(error))
            if not may_have_happened(error):
                return {item.key: lost for item in items}
        else:
            return await _accepted(items, created, search)
        found = await _looked(items, search)
        if any(one.reference or not one.sure for one in found.values()):
            return {item.key: _of_found(found[item.key], lost) for item in items}
    return {item.key: lost for item in items}


async def _accepted(items: Sequence[Labelled], created: Sequence[Created], search: _Look) -> dict[str, Sent]:
    """The ids as answered, and by identifier where an answer had none (Oracle Health: empty bodies)."""
    told = {item.key: Sent(one.reference) for item, one in zip(items, created, strict=True)}
    if all(sent.reference for sent in told.values()):
        return told
    found = await _looked(items, search)
    missing = Sent(None, Check.UNKNOWN, _NOT_FOUND)
    return {key: sent if sent.reference else _of_found(found[key], missing) for key, sent in told.items()}


async def _looked(items: Sequence[Labelled], search: _Look) -> Mapping[str, Found]:
    try:
        return await search()
    except EhrError:
        return {item.key: Found(None, sure=False) for item in items}


def _of_found(found: Found, otherwise: Sent) -> Sent:
    if found.reference:
        return Sent(found.reference)
    return otherwise if found.sure else Sent(None, Check.UNKNOWN, otherwise.words)


def _of_error(error: EhrError) -> Sent:
    """No answer at all leaves it open what happened, even where nothing is found: it may still be at work."""
    open_ended = isinstance(error, EhrUnreachable) and error.may_have_happened
    return Sent(None, Check.UNKNOWN if open_ended else Check.FAILED, str(error))


def _worse(earlier: Sent, later: Sent) -> Sent:
    """Once it is open what happened, a later refusal does not close it."""
    return earlier if earlier.check is Check.UNKNOWN else later


def may_have_happened(error: EhrError) -> bool:
    """Whether a request that ended so may have been carried out all the same."""
    if isinstance(error, EhrUnreachable):
        return error.may_have_happened
    return isinstance(error, EhrRefused) and error.status in _MAY_HAVE_HAPPENED
