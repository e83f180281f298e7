"""The letter of a referral, for who refers and in her visit alone: shown, and nothing is changed by that."""

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from ipvscreen.delivery.letter import printed
from ipvscreen.errors import LetterNotMade
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.visit import Step, shows
from ipvscreen.messages import message
from ipvscreen.pathway.hand_over import Bringing, to_bring
from ipvscreen.store.audit import of_visit
from ipvscreen.web.errors import NOT_HERE, PageRefused, Problem
from ipvscreen.web.languages import language_of
from ipvscreen.web.turn import Turn, home, href, opened

router = APIRouter()

_NAME = "letter.pdf"
_NO_LETTER = message("There is no letter")
_BACK = message("Back")


@router.get("/v/{visit_id}/letter/{key}")
async def letter(request: Request, visit_id: str, key: str) -> Response:
    """The PDF as a file; it leaves a row in the log and is counted as nothing."""
    turn = await opened(request, visit_id, Step.SENT)
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise PageRefused(NOT_HERE)
    if turn.visit.stopped or _of(turn) is None:
        raise PageRefused(NOT_HERE)
    one = await _named(turn, key)
    if one is None or one.letter is None or not one.printable:
        raise PageRefused(NOT_HERE)
    try:
        spoken = language_of(turn.pack.locale)
        body = await asyncio.to_thread(
            printed, turn.rooms.letter, one.letter, turn.entry.zone, spoken.locale, spoken.said
        )
    except LetterNotMade as words:
        back = href(turn.rooms, turn.visit, home(turn.visit))
        raise PageRefused(Problem(409, _NO_LETTER, (str(words),), href=back, label=_BACK)) from None
    await turn.rooms.doing(Act.LETTER_SHOWN).store.audit.note(of_visit(turn.visit))
    disposition = {"Content-Disposition": f'attachment; filename="{_NAME}"'}
    return Response(body, media_type="application/pdf", headers=disposition)


async def _named(turn: Turn, key: str) -> Bringing | None:
    visit_id = _of(turn)
    found = await to_bring(turn.rooms.store, visit_id, turn.now) if visit_id else ()
    return next((one for one in found if one.referral.id == key), None)


def _of(turn: Turn) -> str | None:
    """The visit whose letters this one may print: itself, or the earlier one of hers that is open in it."""
    if shows(turn.visit.state, Step.EARLIER):
        earlier = turn.visit.draft.earlier
        return earlier.visit_id if earlier else None
    return turn.visit.id if shows(turn.visit.state, Step.SENT) else None
