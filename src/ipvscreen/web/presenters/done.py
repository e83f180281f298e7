"""The page after Save: what stands in the record, what to say, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ipvscreen.ipv.assessment import Assessment
from ipvscreen.ipv.validity import Row
from ipvscreen.ipv.visit import VisitState
from ipvscreen.messages import message
from ipvscreen.resources.written import Check
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.frame import Frame, day_words
from ipvscreen.web.presenters.others import contact_words, known_words
from ipvscreen.web.presenters.record import Notice, can_be_tried, notices
from ipvscreen.web.presenters.results import ResultLine, danger_lines, result_lines

FOLLOW_UP_AFTER = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class DonePage:
    """The page; `unrecorded` offers "by hand", `retry` another try; `disclosed` puts a service first."""

    frame: Frame
    heading: str
    notices: tuple[Notice, ...]
    unrecorded: bool
    retry: bool
    disclosed: bool
    say: str
    private: tuple[str, ...]
    dangers: tuple[str, ...]
    results: tuple[ResultLine, ...]
    follow_up: str
    noted: str


def done_page(
    frame: Frame,
    visit: Visit,
    assessment: Assessment,
    rows: Sequence[Row],
    today: date,
    *,
    disclosed: bool,
    noted: date | None,
    language: str = "en",
    seen_by: str | None = None,
) -> DonePage:
    """What was recorded, and support offered whatever the answers were."""
    retry = can_be_tried(visit.written, visit.referred_in_record)
    return DonePage(
        frame=frame,
        heading=_heading(visit),
        notices=notices(visit.written, visit.plan, again=retry),
        unrecorded=visit.state in (VisitState.UNRECORDED, VisitState.INTERRUPTED),
        retry=retry,
        disclosed=disclosed,
        say=_say(visit, disclosed=disclosed),
        private=_private(visit, disclosed=disclosed, seen_by=seen_by),
        dangers=danger_lines(assessment),
        results=result_lines(assessment, visit, rows, today, language),
        follow_up=(today + FOLLOW_UP_AFTER).isoformat(),
        noted=noted_words(noted),
    )


def noted_words(due: date | None) -> str:
    """That a follow-up is noted, and for when."""
    return message("Follow-up noted for {day}.", day=day_words(due)) if due else ""


def _private(visit: Visit, *, disclosed: bool, seen_by: str | None) -> tuple[str, ...]:
    """What concerns others is said after a disclosure alone: after a negative the page stays as it is."""
    if not disclosed:
        return () if visit.draft.declined else (words.NO_YES,)
    return (*contact_words(visit.contacts), *known_words(visit.draft.known, seen_by))


def _say(visit: Visit, *, disclosed: bool) -> str:
    if disclosed:
        return ""
    return words.DECLINED if visit.draft.declined else words.AFTER_NEGATIVE


def _heading(visit: Visit) -> str:
    if visit.state is VisitState.INTERRUPTED:
        return message("Interrupted: not finished")
    if visit.state is VisitState.UNRECORDED:
        return message("Not yet recorded")
    items = visit.written.items if visit.written else ()
    there = any(item.check in (Check.VERIFIED, Check.UNCONFIRMED) for item in items)
    return message("Saved") if there else message("Nothing recorded")
