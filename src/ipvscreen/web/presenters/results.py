"""What the forms say, with what they do not say beside it; never on a page unless the clinician opens it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ipvscreen.ipv.assessment import Assessment, Danger, Outcome, Result
from ipvscreen.ipv.instruments import AAS, AAS_1, HARK
from ipvscreen.ipv.validity import Row, validity_of
from ipvscreen.messages import joined, message
from ipvscreen.store.visits import Visit

_NAMES = {HARK: "HARK", AAS: "AAS", AAS_1: message("AAS, first item")}
_OUTCOMES = {
    Outcome.POSITIVE: message("At least one yes"),
    Outcome.NEGATIVE: message("All answered, no yes"),
    Outcome.INCOMPLETE: message("Incomplete: not every item was answered, so it says neither yes nor no"),
    Outcome.DECLINED: message("Declined"),
}
DANGERS = {
    Danger.NOT_SAFE_TODAY: message("Not safe to go home today"),
    Danger.NECK: message("Neck squeezed, or breathing stopped"),
    Danger.SUICIDE: message("Thoughts of ending life: ask about them now, and follow your own pathway today"),
    Danger.AFRAID_NOW: message("Afraid now"),
    Danger.CHILD: message("A child or dependant is not safe today: safeguarding comes first"),
    Danger.CLINICIAN: message("Your own judgement: danger now"),
}


@dataclass(frozen=True, slots=True)
class ResultLine:
    """Of one instrument; `score` is in words, or empty where there is no number."""

    name: str
    outcome: str
    score: str
    validity: str


def result_lines(
    assessment: Assessment, visit: Visit, rows: Sequence[Row], today: date, language: str = "en"
) -> tuple[ResultLine, ...]:
    """One line for each instrument that was asked, in that language; our own prompts are none."""
    return tuple(
        _line(result, visit, rows, today, language)
        for result in assessment.results
        if _was_asked(result, assessment)
    )


def _was_asked(result: Result, assessment: Assessment) -> bool:
    """The past item follows a HARK that is all no; where it was never due, "incomplete" would mislead."""
    if result.instrument != AAS_1 or result.outcome is not Outcome.INCOMPLETE:
        return result.instrument in _NAMES
    hark = (one.outcome for one in assessment.results if one.instrument == HARK)
    return next(hark, None) is Outcome.NEGATIVE


def _line(result: Result, visit: Visit, rows: Sequence[Row], today: date, language: str) -> ResultLine:
    validity = validity_of(result.instrument, visit.person, visit.setting, language, today, rows)
    return ResultLine(
        name=_NAMES[result.instrument],
        outcome=_OUTCOMES[result.outcome],
        score="" if result.score is None else message("Total {score}", score=result.score),
        validity=joined(" ", (part for part in (validity.sentence, validity.limits) if part)),
    )


def danger_lines(assessment: Assessment) -> tuple[str, ...]:
    """What needs doing today, in words."""
    return tuple(DANGERS[danger] for danger in assessment.dangers)
