"""The two sheets for a service: with the patient's agreement, or shared without it."""

from dataclasses import replace
from datetime import date

from starlette.responses import Response

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.by_hand import goes_by_hand
from ipvscreen.ipv.child import Child
from ipvscreen.ipv.gap import left_after
from ipvscreen.ipv.instruments import HELP_NOW, QUICK
from ipvscreen.ipv.proposals import destination, held
from ipvscreen.ipv.referral import ReferralRequest, default_review, default_until
from ipvscreen.ipv.services import Service
from ipvscreen.ipv.visit import Step
from ipvscreen.messages import message
from ipvscreen.pathway.keep_contact import keep_contact
from ipvscreen.pathway.refer import refer
from ipvscreen.sdc.form import Form
from ipvscreen.web.fields import NOT_OFFERED, FieldsRefused, Posted, own
from ipvscreen.web.footing import (
    LONGEST,
    Mistakes,
    agreement,
    contact,
    grounds,
    kept_by,
    release,
    sharing,
    values,
    within,
)
from ipvscreen.web.presenters.refer import (
    NOTHING,
    UNHEARD,
    About,
    Entered,
    Sheet,
    refer_page,
    share_page,
    sheet,
    unsent,
)
from ipvscreen.web.sheet_fields import OnSheet, ReferFields, ShareFields, SheetFields
from ipvscreen.web.steps.choosing import Choice, choice
from ipvscreen.web.steps.closing import noted
from ipvscreen.web.turn import Turn, go
from ipvscreen.web.writing import written


async def show_refer(turn: Turn) -> Response:
    """The sheet with agreement."""
    until = default_until(turn.today, turn.pack.agreed_months)
    turn, one = await _sheet(turn)
    signed = turn.pack.release_required
    page = refer_page(turn.frame(), turn.visit, one, until=until, latest=turn.today + LONGEST, release=signed)
    return turn.render(page)


async def show_share(turn: Turn) -> Response:
    """The sheet without it."""
    turn, one = await _sheet(turn)
    return turn.render(share_page(turn.frame(), one, grounds(turn.pack.nation)))


async def submit_refer(turn: Turn, posted: Posted) -> Response:
    """Send with agreement, or show again what is missing."""
    fields = own(ReferFields, posted)
    if fields.action is OnSheet.KEEP:
        return await _keep(turn, fields)
    found = await _as_shown(turn, fields)
    service, wrong = await _chosen(turn, fields, found)
    safe, unsafe = contact(fields, turn.visit.contacts, turn.today, _review(turn))
    agreed, missing = agreement(fields, turn.today)
    signed, unsigned = release(fields, turn.today, required=turn.pack.release_required)
    if service is None or safe is None or agreed is None or unsigned:
        return await turn.refuse(wrong | unsafe | missing | unsigned, values(fields), fields.help)
    wanted = frozenset(fields.help)
    request = ReferralRequest(
        service.id, within(safe, agreed), wanted, agreement=agreed, urgent=fields.urgent, release=signed
    )
    return await _send(turn, service, request, found)


async def submit_share(turn: Turn, posted: Posted) -> Response:
    """Send without agreement, with the decision, or show again what is missing."""
    fields = own(ShareFields, posted)
    if fields.action is OnSheet.KEEP:
        return await _keep(turn, fields)
    found = await _as_shown(turn, fields)
    service, wrong = await _chosen(turn, fields, found)
    safe, unsafe = contact(fields, turn.visit.contacts, turn.today, _review(turn))
    decision, missing = sharing(fields, turn.pack.nation)
    if service is None or safe is None or decision is None:
        return await turn.refuse(wrong | unsafe | missing, values(fields), fields.help)
    wanted = frozenset(fields.help)
    request = ReferralRequest(service.id, safe, wanted, sharing=decision, urgent=fields.urgent)
    return await _send(turn, service, request, found)


def _review(turn: Turn) -> date:
    """Until when the safe way is believed where nobody says otherwise; also on a sheet with no agreement."""
    return default_review(turn.today, turn.pack.review_days)


async def _as_shown(turn: Turn, fields: SheetFields) -> Choice:
    """What the sheet offers; OutOfOrder for one that was shown for another child, or for the patient."""
    if fields.child != turn.visit.draft.child:
        raise OutOfOrder(turn.visit.state, "chosen for somebody else")
    return await choice(turn)


async def _send(turn: Turn, service: Service, request: ReferralRequest, found: Choice) -> Response:
    rooms, need = turn.rooms, found.need
    request = replace(request, child=Child(need.age) if turn.visit.draft.child else None)
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
        need=need,
    )
    rooms.dispatcher.kick()
    return go(turn.rooms, await written(turn, begun), Step.SENT)


async def _keep(turn: Turn, fields: SheetFields) -> Response:
    """Nothing fits: somebody is named, and a day; the same page then says so, and can be left."""
    who, due, wrong = kept_by(fields, turn.today)
    if who is None or due is None:
        return await turn.refuse(wrong, values(fields))
    turn.rooms.act(Act.NOTED)
    found = await choice(turn)
    visit = await turn.claim()
    visit = await keep_contact(turn.rooms.store, visit, found.matches, found.need, who=who, due=due)
    return go(turn.rooms, visit, turn.step)


async def _sheet(turn: Turn) -> tuple[Turn, Sheet]:
    """The sheet, and the turn: its visit knows by then whether it may be left as it is."""
    found, kept = await choice(turn), turn.mistaken
    turn = await _marked(turn, fits=any(one.fits for one in found.matches))
    entered = Entered(kept.values, kept.chosen, kept.mistakes) if kept else NOTHING
    about = About(
        wishes=found.need.wishes,
        urgent=found.need.danger,
        whom=found.whom,
        preset=found.preset,
        today=turn.today,
        noted=await noted(turn),
        review=_review(turn),
        draft=turn.pack.draft or turn.pack.nation is None or turn.pack.nation.draft,
    )
    assessment, quick = turn.assessment(), _quick(turn)
    made = sheet(turn.visit, assessment, found.matches, quick, turn.numbers, entered, about)
    return turn, made if turn.entry.heard else unsent(made)


async def _marked(turn: Turn, *, fits: bool) -> Turn:
    """Who was shown that nothing fits must not be left without a named person."""
    draft = turn.visit.draft
    left = left_after(draft.left, fits=fits)
    if left is draft.left:
        return turn
    async with turn.rooms.locks.of(turn.visit.id):
        try:
            visit = await turn.rooms.store.visits.change(turn.visit, draft=replace(draft, left=left))
        except OutOfOrder:  # the same page is being shown twice: the other one has marked it
            return turn
    return replace(turn, visit=visit)


def _quick(turn: Turn) -> Form:
    """The form that asks what would help, in the language of the visit."""
    return next(form for form in turn.pack.today if form.name == QUICK)


async def _chosen(turn: Turn, fields: SheetFields, found: Choice) -> tuple[Service | None, Mistakes]:
    """The service, one of those that fit; and the help wanted, checked against what the item offers."""
    if not turn.entry.heard:
        return None, {"service": UNHEARD}
    offered = {option.code for option in _quick(turn).item(HELP_NOW).options}
    if not set(fields.help) <= offered:
        raise FieldsRefused(NOT_OFFERED)
    if fields.service is None:
        return None, {"service": message("Choose a service.")}
    fitting = (one.service for one in found.matches if one.fits)
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
