"""The page that responds: what to say, a few quick items about today, and how it is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ipvscreen.ipv.assessment import Assessment
from ipvscreen.ipv.instruments import CONTACT, QUICK
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.validity import Row
from ipvscreen.ipv.visit import Door
from ipvscreen.messages import joined, message
from ipvscreen.resources.fitting import exactly
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.items import Question
from ipvscreen.web.presenters.others import contact_words, known_choices, known_words
from ipvscreen.web.presenters.questions import (
    FurtherForm,
    RecordingChoice,
    asked,
    further,
    recordings,
    shown,
    told,
)
from ipvscreen.web.presenters.results import ResultLine, result_lines

PAST_RAISES_NO_FLAG = message(
    "An answer about the past alone raises no flag for now. Ask whether there is still contact."
)


@dataclass(frozen=True, slots=True)
class ConcernChoice:
    """Whether a health concern is written, and what it will say; `instead`: why it is not to be chosen."""

    says: str
    chosen: bool
    instead: str


@dataclass(frozen=True, slots=True)
class RespondPage:
    """The page."""

    frame: Frame
    say: tuple[str, ...]
    quick: tuple[Question, ...]
    results: tuple[ResultLine, ...]
    flag: bool
    flag_hint: str
    flag_says: str
    concern: ConcernChoice | None
    known: tuple[tuple[str, str, bool], ...]
    others: tuple[str, ...]
    recordings: tuple[RecordingChoice, ...]
    main: tuple[Question, ...]
    past: tuple[Question, ...]
    further: tuple[FurtherForm, ...]
    mistakes: Mapping[str, str]


def respond_page(
    frame: Frame,
    visit: Visit,
    assessment: Assessment,
    pack: Pack,
    rows: Sequence[Row],
    today: date,
    mistakes: Mapping[str, str],
    *,
    seen_by: str | None = None,
) -> RespondPage:
    """What is asked after any yes, or through a door that says so."""
    past_only = assessment.past_only
    quick = shown(QUICK, visit, pack, mistakes, but=None if past_only else CONTACT)
    main, past = asked(visit, pack, mistakes)
    return RespondPage(
        frame=frame,
        say=_say(visit.draft.door),
        quick=quick,
        results=result_lines(assessment, visit, rows, today, pack.language),
        flag=visit.draft.flag,
        flag_hint=PAST_RAISES_NO_FLAG if past_only else "",
        flag_says=visit.policy.flag(visit.opened_at.date()),
        concern=_concern(visit),
        known=known_choices(visit.draft.known),
        others=(*contact_words(visit.contacts), *known_words(visit.draft.known, seen_by)),
        recordings=recordings(visit.draft),
        main=main,
        past=past,
        further=further(visit.draft, pack),
        mistakes=told((*quick, *main, *past), mistakes),
    )


def _concern(visit: Visit) -> ConcernChoice | None:
    """Nothing where the deployer has not asked for it."""
    ability = visit.plan.ability("Condition")
    if ability is None:
        return None
    says = visit.policy.concern(visit.opened_at.date())
    instead = "" if ability.allowed else joined(" ", (ability.why, ability.do_instead, exactly(says)))
    return ConcernChoice(says, visit.draft.concern, instead)


def _say(door: Door | None) -> tuple[str, ...]:
    if door is Door.FROM_RECORD:
        return ()
    return (words.AFTER_POSITIVE, words.CHILDREN, words.LIMITS)
