"""What a clinician says of a referral that she brings herself: a letter that is on its way, or a call."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from starlette.responses import Response

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.by_hand import ByHand, Handed
from ipvscreen.messages import message
from ipvscreen.pathway.hand_over import Bringing, hand_over, to_bring
from ipvscreen.web.fields import NOT_OFFERED, FieldsRefused, Own, Posted, own
from ipvscreen.web.presenters.by_hand import FIELDS, ByHandView, by_hand_view
from ipvscreen.web.turn import Turn, go

_ACTS = {ByHand.LETTER: Act.SENT_BY_HAND, ByHand.TELEPHONE: Act.TOLD_BY_TELEPHONE}
_NO_TIME = message("Give the day and the time.")


class ByHandFields(Own):
    """Which referral, how it was brought, by whom, to whom, and when (local, to the minute)."""

    referral: str
    way: ByHand
    who: str = ""
    to: str = ""
    at: str = ""


def is_one(posted: Posted) -> bool:
    """Whether it is this form that was posted."""
    return "referral" in posted


async def views(turn: Turn, visit_id: str) -> tuple[ByHandView, ...]:
    """What the page shows of each referral of that visit that a person can bring."""
    kept = turn.mistaken
    return tuple(
        by_hand_view(
            one,
            who=turn.visit.user_name,
            now=turn.now,
            zone=turn.entry.zone,
            values=kept.values if kept else {},
            mistakes=turn.mistakes,
        )
        for one in await to_bring(turn.rooms.store, visit_id, turn.now)
    )


async def submit(turn: Turn, posted: Posted, visit_id: str) -> Response:
    """Note it, or show again what is wrong; FieldsRefused for a referral that is not of that visit."""
    fields = own(ByHandFields, posted)
    one = _named(await to_bring(turn.rooms.store, visit_id, turn.now), fields)
    turn.rooms.act(_ACTS[fields.way])
    try:
        handed = Handed(fields.way, fields.who, _moment(turn, fields.at), fields.to)
        draft = replace(turn.visit.draft, mistaken=None)
        noted = hand_over(
            turn.rooms.store, turn.visit, one, handed, turn.now, last_form=turn.nonce, draft=draft
        )
        visit = await turn.claimed(noted)
    except ValueError as wrong:
        values = {name: getattr(fields, name) for name in ("referral", "way", *FIELDS)}
        return await turn.refuse({_field(fields): str(wrong)}, values)
    return go(turn.rooms, visit, turn.step)


def _named(found: Sequence[Bringing], fields: ByHandFields) -> Bringing:
    for one in found:
        if one.referral.id == fields.referral:
            return one
    raise FieldsRefused(NOT_OFFERED)


def _moment(turn: Turn, text: str) -> datetime:
    """In the place where the app is used; ValueError in plain words."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_NO_TIME) from None
    if local.tzinfo is not None:
        raise ValueError(_NO_TIME)
    return local.replace(tzinfo=turn.entry.zone).astimezone(turn.now.tzinfo)


def _field(fields: ByHandFields) -> str:
    """The first that is empty is the one that is wrong; else it is the time."""
    needed = ("who", "to") if fields.way is ByHand.TELEPHONE else ("who",)
    return next((name for name in needed if not getattr(fields, name)), "at")
