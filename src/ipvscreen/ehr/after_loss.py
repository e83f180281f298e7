"""Once a record system has lost a label: nothing more is sent there, and what was written is taken out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import structlog

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.gate import Gate, Read
from ipvscreen.ehr.lookup import patient_of
from ipvscreen.ehr.removal import Fate, Removed, remove
from ipvscreen.ehr.sending import NOT_SENT, Sent, one_by_one
from ipvscreen.ehr.verify import TOLD, read_twice
from ipvscreen.messages import joined, message
from ipvscreen.resources.draft import Labelled, order
from ipvscreen.resources.labels import lost
from ipvscreen.resources.written import Check, Written, WrittenOne

OnLoss = Literal["withdraw", "leave"]
"""The deployer's policy (`on_label_loss`) for what was written when a label is lost."""

WITHHELD = message("Withheld: the record system has not kept the protection of what was recorded before.")
_GONE = message("It was taken out of the record again, and is no longer there.")
_MARKED = message("It could not be deleted. It is marked as entered in error there, with its protection.")
_LEFT = message("It could not be taken out of the record again.")
_NOT_TRIED = message("It was left there, as your organisation has set.")
_ALONG = message("An entry of the same visit lost its protection.")
_STANDS = frozenset({Check.LABEL_LOST, Check.VERIFIED, Check.UNCONFIRMED, Check.UNKNOWN})


def withheld(items: Sequence[Labelled], before: Written | None) -> Written:
    """What an earlier write came to, and of everything else that it is withheld; nothing is sent."""
    earlier = before.items if before else ()
    told = {one.key for one in earlier}
    rest = (item for item in items if item.key not in told)
    return Written((*earlier, *(WrittenOne(i.key, i.kind, None, Check.FAILED, WITHHELD) for i in rest)))


async def first_alone(
    client: FhirClient,
    items: Sequence[Labelled],
    there: Mapping[str, Sent],
    gate: Gate,
    *,
    conditional: Collection[str],
    lag: float,
) -> dict[str, Sent]:
    """`there`, with the first entry sent and read back, and every other withheld where it was not kept.

    `there`: what is known of an earlier try, as for `one_by_one`. What is read goes into `gate`.
    """
    first = order(items)[0]
    known = {first.key: there[first.key]} if first.key in there else {}
    sent = {**there, **await one_by_one(client, [first], known, conditional=conditional)}
    reference = sent[first.key].reference
    if reference is None:
        return sent
    _, read = await read_twice(client, first, reference, gate, lag)
    why = _spoiled(first, read)
    return {item.key: Sent(None, Check.FAILED, why) for item in items} | sent if why else sent


async def taken_back(
    client: FhirClient, items: Sequence[Labelled], written: Written, on_loss: OnLoss
) -> Written:
    """`written` as it is after the policy was followed; untouched where no label was lost.

    All of one write is taken out, what refers to others first: a record system does not delete what something
    refers to, and half a record misleads. What kept its labels is deleted or left, never marked as an error.
    """
    if not any(one.check is Check.LABEL_LOST for one in written.items):
        return written
    fates = await _removed(client, items, written) if on_loss == "withdraw" else {}
    return Written(tuple(_afterwards(one, fates.get(one.key), on_loss) for one in written.items))


def tell(written: Written) -> None:
    """One line in the log, of the ways in which labels were lost and nothing else; none where none was."""
    if written.label_lost:
        structlog.get_logger().error("labels lost", kind=" ".join(written.losses))


def _spoiled(item: Labelled, read: Read) -> str:
    """Why nothing more may be sent after what that read shows of an entry; "" where all is well."""
    if read.body is None:
        return ""
    if patient_of(read.body) != patient_of(item.body):
        return NOT_SENT
    return WITHHELD if lost(item.body, read.body) else ""


async def _removed(client: FhirClient, items: Sequence[Labelled], written: Written) -> dict[str, Removed]:
    """By key, what became of each; no more is tried once the record system has stopped answering."""
    told = {one.key: one for one in written.items}
    fates: dict[str, Removed] = {}
    for item in reversed(order([item for item in items if item.key in told])):
        one = told[item.key]
        if one.reference is None or one.check not in _STANDS:
            continue
        mark = one.check is Check.LABEL_LOST
        fates[item.key] = await remove(client, item, one.reference, mark=mark)
        if not fates[item.key].seen:
            break
    return fates


def _afterwards(one: WrittenOne, removed: Removed | None, on_loss: OnLoss) -> WrittenOne:
    lost = one.check is Check.LABEL_LOST
    happened = _ALONG if not lost else TOLD[one.loss][1] if one.loss else one.words
    if removed is not None and removed.fate is not Fate.LEFT:
        done = _GONE if removed.fate is Fate.DELETED else _MARKED
        return replace(one, check=Check.WITHDRAWN, words=joined(" ", (happened, done)))
    if not lost:
        return one
    said = removed.said if removed else ""
    left = (_NOT_TRIED,) if on_loss == "leave" else (_LEFT, said) if said else (_LEFT,)
    return replace(one, words=joined(" ", (happened, *left)))
