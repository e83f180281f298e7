"""The two sheets for a service: with the patient's agreement, or shared without it."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.ipv.by_hand import goes_by_hand
from ipvscreen.ipv.instruments import HELP_NOW, QUICK
from ipvscreen.ipv.matching import match
from ipvscreen.ipv.need import need_of
from ipvscreen.ipv.proposals import destination, directed, held
from ipvscreen.ipv.referral import ReferralRequest, default_until
from ipvscreen.ipv.services import Match, Service
from ipvscreen.ipv.visit import Step
from ipvscreen.messages import message
from ipvscreen.pathway.refer import refer
from ipvscreen.resources.directory import kept_service
from ipvscreen.sdc.form import Form
from ipvscreen.web.fields import (
    NOT_OFFERED,
    FieldsRefused,
    Posted,
    ReferFields,
    ShareFields,
    SheetFields,
    own,
)
from ipvscreen.web.footing import LONGEST, Mistakes, agreement, contact, sharing, values
from ipvscreen.web.presenters.refer import (
    NOTHING,
    UNHEARD,
    Entered,
    Sheet,
    refer_page,
    share_page,
    sheet,
    unsent,
)
from ipvscreen.web.turn import Turn, go
from ipvscreen.web.writing import written


async def show_refer(turn: Turn) -> Response:
    """The sheet with agreement."""
    until = default_until(turn.today, turn.pack.agreed_months)
    page = refer_page(turn.frame(), turn.visit, await _sheet(turn), until=until, latest=turn.today + LONGEST)
    return turn.render(page)


async def show_share(turn: Turn) -> Response:
    """The sheet without it."""
    return turn.render(share_page(turn.frame(), await _sheet(turn)))


async def submit_refer(turn: Turn, posted: Posted) -> Response:
    """Send with agreement, or show again what is missing."""
    fields = own(ReferFields, posted)
    service, wrong = await _chosen(turn, fields)
    safe, unsafe = contact(fields, turn.visit.contacts)
    agreed, missing = agreement(fields, turn.today)
    if service is None or safe is None or agreed is None:
        return await turn.refuse(wrong | unsafe | missing, values(fields), fields.help)
    wanted = frozenset(fields.help)
    request = ReferralRequest(service.id, safe, wanted, agreement=agreed, urgent=fields.urgent)
    return await _send(turn, service, request)


async def submit_share(turn: Turn, posted: Posted) -> Response:
    """Send without agreement, with the decision, or show again what is missing."""
    fields = own(ShareFields, posted)
    service, wrong = await _chosen(turn, fields)
    safe, unsafe = contact(fields, turn.visit.contacts)
    decision, missing = sharing(fields)
    if service is None or safe is None or decision is None:
        return await turn.refuse(wrong | unsafe | missing, values(fields), fields.help)
    wanted = frozenset(fields.help)
    request = ReferralRequest(service.id, safe, wanted, sharing=decision, urgent=fields.urgent)
    return await _send(turn, service, request)


async def _send(turn: Turn, service: Service, request: ReferralRequest) -> Response:
    rooms = turn.rooms
    begun = await refer(
        rooms.store,
        turn.client,
        turn.pack,
        await turn.claim(),
        service,
        request,
        source=rooms.public_url,
        now=turn.now,
        care=rooms.care,
        ring_back=turn.entry.ring_back,
    )
    rooms.dispatcher.kick()
    return go(turn.rooms, await written(turn, begun), Step.SENT)


async def _matches(turn: Turn) -> tuple[Match, ...]:
    store = turn.rooms.store
    proposals = await store.proposals.all()
    services = [directed(proposals, kept_service(one), turn.now) for one in await store.services.all()]
    need = need_of(turn.assessment(), turn.visit.person, turn.visit.setting, turn.today)
    return match(services, need)


async def _sheet(turn: Turn) -> Sheet:
    rooms, kept = turn.rooms, turn.mistaken
    entered = Entered(kept.values, kept.chosen, kept.mistakes) if kept else NOTHING
    made = sheet(turn.visit, turn.assessment(), await _matches(turn), _quick(turn), rooms.numbers, entered)
    return made if turn.entry.heard else unsent(made)


def _quick(turn: Turn) -> Form:
    """The form that asks what would help, in the language of the visit."""
    return next(form for form in turn.pack.today if form.name == QUICK)


async def _chosen(turn: Turn, fields: SheetFields) -> tuple[Service | None, Mistakes]:
    """The service, one of those that fit; and the help wanted, checked against what the item offers."""
    if not turn.entry.heard:
        return None, {"service": UNHEARD}
    offered = {option.code for option in _quick(turn).item(HELP_NOW).options}
    if not set(fields.help) <= offered:
        raise FieldsRefused(NOT_OFFERED)
    if fields.service is None:
        return None, {"service": message("Choose a service.")}
    fitting = (found.service for found in await _matches(turn) if found.fits)
    service = next((one for one in fitting if one.id == fields.service), None)
    if service is None:
        return None, {"service": message("This service is not offered here. Choose another.")}
    return await _where(turn, service)


async def _where(turn: Turn, service: Service) -> tuple[Service | None, Mistakes]:
    """The service with the place where its referrals go now; none while two stewards are changing it."""
    proposals = await turn.rooms.store.proposals.all()
    told = {"service": service.short_name, "phone": service.phone}
    if held(proposals, service, turn.now):
        words = message("Referrals to {service} wait: where they go is being changed. Ring {phone}.", **told)
        return None, {"service": words}
    goes = destination(proposals, service, turn.now)
    elsewhere = bool(goes.endpoint or goes.organisation)
    if goes_by_hand(service.by_hand, sent_elsewhere=elsewhere, first=turn.entry.by_hand_first):
        return replace(service, endpoint=""), {}
    if goes.endpoint is None and turn.rooms.inbox is None:
        words = message("Referrals to {service} cannot be sent from here. Ring {phone}.", **told)
        return None, {"service": words}
    return replace(service, endpoint=goes.address), {}
