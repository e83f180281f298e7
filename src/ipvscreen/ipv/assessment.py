"""What the answers say, and what they do not say."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ipvscreen.ipv.instruments import (
    AAS,
    AAS_AFRAID,
    AAS_EVER,
    AAS_WHOM,
    CHILD_NOT_SAFE,
    CHILD_SAFE,
    CHILDREN,
    CHILDREN_OR_PREGNANT,
    CONTACT,
    HARK,
    HELP_NOW,
    INSTRUMENTS,
    NECK,
    OTHER,
    PAST,
    PAST_ITEMS,
    PAST_YES,
    QUICK,
    SAFE_TODAY,
    SUICIDE,
    Instrument,
)
from ipvscreen.ipv.visit import Door
from ipvscreen.sdc.answers import Answers
from ipvscreen.sdc.score import total


class Outcome(StrEnum):
    """Of one instrument. INCOMPLETE is never negative and never a number."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INCOMPLETE = "incomplete"
    DECLINED = "declined"


class Danger(StrEnum):
    """What needs doing today."""

    NOT_SAFE_TODAY = "not-safe-today"
    NECK = "neck"
    SUICIDE = "suicide"
    AFRAID_NOW = "afraid-now"
    CHILD = "child"
    CLINICIAN = "clinician"  # the clinician says so; that outranks every answer


@dataclass(frozen=True, slots=True)
class Result:
    """Of one instrument; `score` only when every scored item was answered."""

    instrument: str
    outcome: Outcome
    score: int | None
    yes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """Of the whole visit so far."""

    results: tuple[Result, ...]
    current: bool
    past: bool
    dangers: tuple[Danger, ...] = ()
    children: bool | None = None
    pregnant: bool | None = None
    wishes: frozenset[str] = frozenset()
    contact: bool | None = None  # whether there still is contact; asked when it is past only

    @property
    def any_yes(self) -> bool:
        """Whether anything was disclosed."""
        return self.current or self.past or any(r.outcome is Outcome.POSITIVE for r in self.results)

    @property
    def past_only(self) -> bool:
        """Past, and nothing that says now."""
        return self.past and not self.current and not self.dangers


# Behind these doors nothing was asked, so a form without answers says nothing, not even "incomplete".
_UNASKED = frozenset(Door) - {Door.ASK}

# quick item → the answer that means danger → which. Long past is not today; the item's own answer stays.
_QUICK_DANGERS = {
    SAFE_TODAY: ("no", Danger.NOT_SAFE_TODAY),
    NECK: ("yes-recent", Danger.NECK),
    SUICIDE: ("yes", Danger.SUICIDE),
}


def assess(
    answers: Mapping[str, Answers],
    *,
    door: Door | None = None,
    declined: bool = False,
    danger: bool = False,
) -> Assessment:
    """What the forms (by name) and the door say; `danger` when the clinician says so on any page.

    Current: any yes of HARK; of the AAS a yes of items 2 to 4 unless it was only by someone who is neither
    partner nor ex-partner (an unanswered "By whom?" must not hide danger), and fear now; "already told me".
    Past: the "ever" item, a yes about more than a year ago, and what comes from the record; none of them ever
    makes it current. A declined form is DECLINED, but a yes that was given before stays a yes.
    """
    asked = {name: form for name, form in answers.items() if _was_asked(name, form, door)}
    results = tuple(_result(INSTRUMENTS[name], form, declined) for name, form in asked.items())
    yes = {link_id for result in results for link_id in result.yes}
    quick = answers.get(QUICK)
    return Assessment(
        results=results,
        current=door is Door.TOLD or _says_now(asked, yes),
        past=door is Door.FROM_RECORD or AAS_EVER in yes or _long_ago(answers.get(PAST)),
        dangers=_dangers(
            quick,
            answers.get(CHILDREN),
            afraid=AAS_AFRAID in yes,
            judged=danger or door is Door.DANGER,
        ),
        children=_mentioned(quick, "children"),
        pregnant=_mentioned(quick, "pregnant"),
        wishes=frozenset(quick.values(HELP_NOW)) if quick else frozenset(),
        contact=_said_yes(quick, CONTACT),
    )


def _was_asked(name: str, form: Answers, door: Door | None) -> bool:
    return name in INSTRUMENTS and (bool(form.given) or door not in _UNASKED)


def _result(instrument: Instrument, answers: Answers, declined: bool) -> Result:
    yes = instrument.yes_items(answers)
    score = total(answers, instrument.items) if instrument.scored else None
    if yes:
        return Result(instrument.name, Outcome.POSITIVE, score, yes)
    if declined:
        return Result(instrument.name, Outcome.DECLINED, None, ())
    outcome = Outcome.NEGATIVE if instrument.all_no(answers) else Outcome.INCOMPLETE
    return Result(instrument.name, outcome, score, ())


def _says_now(asked: Mapping[str, Answers], yes: set[str]) -> bool:
    hark = any(link_id in yes for link_id in INSTRUMENTS[HARK].items)
    return hark or AAS_AFRAID in yes or any(_by_partner(asked[AAS], item) for item in AAS_WHOM if item in yes)


def _long_ago(past: Answers | None) -> bool:
    return past is not None and any(past.value(item) == PAST_YES for item in PAST_ITEMS)


def _by_partner(aas: Answers, link_id: str) -> bool:
    whom = aas.values(AAS_WHOM[link_id])
    return set(whom) != {OTHER}


def _dangers(
    quick: Answers | None, children: Answers | None, *, afraid: bool, judged: bool
) -> tuple[Danger, ...]:
    found = {danger for item, (code, danger) in _QUICK_DANGERS.items() if quick and quick.value(item) == code}
    found |= {Danger.CHILD} if children and _one_not_safe(children) else set()
    found |= {Danger.AFRAID_NOW} if afraid else set()
    found |= {Danger.CLINICIAN} if judged else set()
    return tuple(danger for danger in Danger if danger in found)


def _one_not_safe(children: Answers) -> bool:
    """Whether any of them, in whichever place of the form, is said not to be safe today."""
    return any(
        answer.link_id == CHILD_SAFE and answer.values == (CHILD_NOT_SAFE,)
        for answer in children.given.values()
    )


def _mentioned(quick: Answers | None, code: str) -> bool | None:
    """Whether that answer was chosen; None where none was. A yes outranks a "neither" chosen beside it."""
    given = quick.values(CHILDREN_OR_PREGNANT) if quick else ()
    return code in given if given else None


def _said_yes(quick: Answers | None, item: str) -> bool | None:
    value = quick.value(item) if quick else None
    return None if value is None else value == "yes"
