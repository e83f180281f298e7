"""The page that responds: what to say, a few quick items about today, and how it is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ipvscreen.ipv.assessment import Assessment
from ipvscreen.ipv.instruments import CONTACT, QUICK
from ipvscreen.ipv.validity import Row
from ipvscreen.ipv.visit import Door
from ipvscreen.sdc.form import Form
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.items import Question, questions
from ipvscreen.web.presenters.questions import RecordingChoice, asked, recordings
from ipvscreen.web.presenters.results import ResultLine, result_lines

PAST_RAISES_NO_FLAG = (
    "An answer about the past alone raises no flag for now. Ask whether there is still contact."
)


@dataclass(frozen=True, slots=True)
class RespondPage:
    """The page."""

    frame: Frame
    say: tuple[str, ...]
    quick: tuple[Question, ...]
    results: tuple[ResultLine, ...]
    flag: bool
    flag_hint: str
    recordings: tuple[RecordingChoice, ...]
    main: tuple[Question, ...]
    past: tuple[Question, ...]


def respond_page(
    frame: Frame,
    visit: Visit,
    assessment: Assessment,
    forms: Mapping[str, Form],
    rows: Sequence[Row],
    today: date,
) -> RespondPage:
    """What is asked after any yes, or through a door that says so."""
    entered = visit.draft.entered.get(QUICK, {})
    past_only = assessment.past_only
    main, past = asked(visit.draft, visit.setting, forms)
    return RespondPage(
        frame=frame,
        say=_say(visit.draft.door),
        quick=questions(forms[QUICK], entered, but=None if past_only else CONTACT),
        results=result_lines(assessment, visit, rows, today),
        flag=visit.draft.flag,
        flag_hint=PAST_RAISES_NO_FLAG if past_only else "",
        recordings=recordings(visit.draft),
        main=main,
        past=past,
    )


def _say(door: Door | None) -> tuple[str, ...]:
    if door is Door.FROM_RECORD:
        return ()
    return (words.AFTER_POSITIVE, words.CHILDREN, words.LIMITS)
