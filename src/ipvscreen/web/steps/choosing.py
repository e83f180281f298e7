"""Whom a service is chosen for: the patient, a child, or the patient again after a decline; and what fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.draft import Again
from ipvscreen.ipv.loop import Lead, Proposal, Told, proposed
from ipvscreen.ipv.matching import match
from ipvscreen.ipv.need import need_again, need_of
from ipvscreen.ipv.proposals import directed
from ipvscreen.ipv.services import Match, Need, Service
from ipvscreen.messages import message
from ipvscreen.pathway.mirror import Looped, look
from ipvscreen.resources.directory import kept_service
from ipvscreen.store.child_plans import KeptPlan
from ipvscreen.store.referrals import Referral
from ipvscreen.web.turn import Turn

_CHILD = message("For a child aged {age}; whoever keeps the child safe is reached as said below.")
_CHILD_OF_NO_AGE = message("For a child; whoever keeps the child safe is reached as said below.")
_AGAIN = message("Instead of {service}. Nothing goes before the patient agrees anew.")
_FOR_CHILDREN = "children"  # code of "what would help now"


@dataclass(frozen=True, slots=True)
class Choice:
    """The need and every service with its verdict; `preset` is the one that is proposed.

    `whom` says on the page for whom it is, where that is not plainly the patient as asked today.
    """

    need: Need
    matches: tuple[Match, ...]
    whom: str = ""
    preset: str = ""


async def choice(turn: Turn) -> Choice:
    """What the sheet offers."""
    draft, services = turn.visit.draft, await services_of(turn)
    if draft.child:
        return for_child(await child_of(turn, draft.child), services, turn)
    if draft.again is not None:
        return await _again(draft.again, services, turn)
    need = need_of(turn.assessment(), turn.visit.person, turn.visit.setting, turn.today)
    return Choice(need, match(services, need))


async def services_of(turn: Turn) -> list[Service]:
    """The directory, each service with the address that its referrals go to."""
    store = turn.rooms.store
    decided = await store.proposals.all()
    return [directed(decided, kept_service(one), turn.now) for one in await store.services.all()]


async def child_of(turn: Turn, ident: str) -> KeptPlan:
    """The plan of that child of this visit; OutOfOrder where there is none."""
    plans = await turn.rooms.store.child_plans.of_visit(turn.visit.id)
    if (found := next((one for one in plans if one.id == ident), None)) is None:
        raise OutOfOrder(turn.visit.state, "no such child")
    return found


def for_child(kept: KeptPlan, services: Sequence[Service], turn: Turn) -> Choice:
    """What a child's own need finds; nothing of the patient's is taken over."""
    need = kept.need.need(turn.visit.setting, turn.today)
    whom = _CHILD_OF_NO_AGE if need.age is None else _CHILD.given(age=need.age)
    return Choice(replace(need, wishes=frozenset({_FOR_CHILDREN})), match(services, need), whom)


def proposals(looped: Sequence[Looped], services: Sequence[Service], turn: Turn) -> Mapping[str, Proposal]:
    """What each referral that was declined leads to, by its id; nothing once another was sent."""
    last, declined = max((one.referral.queued_at for one in looped), default=None), declined_by(looped)
    found: dict[str, Proposal] = {}
    for one in looped:
        if one.kept is None or last is None or one.kept.at < last:
            continue
        need = _need_of(one.referral, turn)
        proposal = proposed(services, need, declined, one.kept.case, one.may)
        if proposal is not None:
            found[one.referral.id] = proposal
    return found


async def again(turn: Turn, referral_id: str) -> Again:
    """What the proposal for that referral says; OutOfOrder where there is none."""
    looped = await look(
        turn.rooms.store, turn.visit, today=turn.today, release_required=turn.pack.release_required
    )
    one = next((one for one in looped if one.referral.id == referral_id), None)
    proposal = proposals(looped, await services_of(turn), turn).get(referral_id)
    if one is None or proposal is None:
        raise OutOfOrder(turn.visit.state, "nothing is proposed")
    asks = proposal.lead is Lead.ASK  # the same one, once it knows what it needs
    best = proposal.service.service.id if proposal.service else ""
    service = one.referral.service_id if asks else best
    return Again(referral_id, service, tuple(sorted(declined_by(looped) - {service})))


def declined_by(looped: Sequence[Looped]) -> frozenset[str]:
    """The services that have declined this patient, as far as that may be known."""
    told = [one for one in looped if one.may.told is not Told.RECEIPT]
    return frozenset(one.referral.service_id for one in told if one.kept and one.kept.case.reason)


def _need_of(referral: Referral, turn: Turn) -> Need:
    """As it was, today; of a referral of an earlier version only what is known of every patient."""
    visit = turn.visit
    if referral.need is not None:
        return need_again(referral.need, visit.person, turn.today)
    need = need_of(turn.assessment(), visit.person, visit.setting, turn.today)
    return replace(need, danger=referral.urgent)


async def _again(one: Again, services: Sequence[Service], turn: Turn) -> Choice:
    referral = await turn.rooms.store.referrals.get(one.referral)
    if referral is None:
        raise OutOfOrder(turn.visit.state, "no such referral")
    need = _need_of(referral, turn)
    left = [service for service in services if service.id not in one.declined]
    return Choice(need, match(left, need), _AGAIN.given(service=referral.service_name), one.service)
