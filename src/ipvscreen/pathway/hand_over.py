"""Bring a referral to its service by hand: what may be told, from its sealed message, and that it was."""

from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.by_hand import EVENTS, ByHand, Handed, ways, when
from ipvscreen.messages import message
from ipvscreen.resources.agreed import agreed_until
from ipvscreen.resources.directory import kept_service
from ipvscreen.resources.letter import Letter, letter_of
from ipvscreen.store.facade import Store
from ipvscreen.store.referrals import Referral
from ipvscreen.store.sealed import SealBroken
from ipvscreen.store.visit import Visit, VisitChanges

_UNREADABLE = message("The stored message could not be read. Hand nothing over; refer anew.")
_UNSIGNED = message(
    "{service} has not signed the rules for contact, or is not listed any more: hand nothing over."
)
_ENDED = message("What was agreed has ended: hand nothing over. Ask again.")


@dataclass(frozen=True, slots=True)
class Bringing:
    """A referral that a person may bring, and how; or `why_not`, and then there is no letter and no way."""

    referral: Referral
    letter: Letter | None = None
    until: datetime | None = None
    ways: tuple[ByHand, ...] = ()
    why_not: str = ""

    @property
    def printable(self) -> bool:
        """Whether it goes by letter: one that is to be handed over, or is under way and may not come."""
        return self.letter is not None and ByHand.LETTER in self.referral.by_hand


async def to_bring(store: Store, visit_id: str, now: datetime) -> tuple[Bringing, ...]:
    """The referrals of that visit that a person has to bring, or can bring since nothing else has."""
    found = await store.referrals.of_visit(visit_id)
    open_ones = [one for one in found if ways(one.state, one.by_hand)]
    signed = await _signed(store) if open_ones else frozenset()
    return tuple([await _bringing(store, one, now, signed=one.service_id in signed) for one in open_ones])


async def hand_over(
    store: Store, visit: Visit, one: Bringing, handed: Handed, now: datetime, **changes: Unpack[VisitChanges]
) -> Visit:
    """Note that it was brought, with those changes of the visit in which that is said.

    ValueError, in plain words, for a time that cannot be; OutOfOrder where it cannot be brought so.
    """
    if handed.way not in one.ways:
        raise OutOfOrder(one.referral.state, EVENTS[handed.way])
    when(handed.at, since=one.referral.queued_at, until=one.until, now=now)
    return await store.by_hand.brought(visit, one.referral.id, handed, **changes)


async def _bringing(store: Store, one: Referral, now: datetime, *, signed: bool) -> Bringing:
    """The rules are looked at again: whoever took the signature back must not get a way to reach anybody."""
    try:
        stored = await store.by_hand.message(one.id)
    except SealBroken:
        return Bringing(one, why_not=_UNREADABLE)
    until = agreed_until(stored) if stored else None
    if stored is None or (until is not None and now >= until):
        return Bringing(one, why_not=_ENDED)
    if not signed:
        return Bringing(one, why_not=_UNSIGNED.given(service=one.service_name))
    return Bringing(one, letter_of(stored, one.sharing), until, ways(one.state, one.by_hand))


async def _signed(store: Store) -> frozenset[str]:
    services = [kept_service(resource) for resource in await store.services.all()]
    return frozenset(one.id for one in services if one.contact_rules_signed)
