"""What is planned for each child, which services fit the child, and the form for one more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ipvscreen.ipv import children
from ipvscreen.ipv.children import Exposure
from ipvscreen.ipv.person import Sex
from ipvscreen.ipv.services import Match
from ipvscreen.messages import joined, message
from ipvscreen.store.child_plans import KeptPlan
from ipvscreen.web.presenters.done import FOLLOW_UP_AFTER
from ipvscreen.web.presenters.frame import day_words

_NOT_SAID = message("Not known")
_SEXES = {"": _NOT_SAID, Sex.FEMALE.value: message("girl"), Sex.MALE.value: message("boy")}
_EXPOSURES = {
    "": _NOT_SAID,
    Exposure.ONGOING.value: message("It goes on"),
    Exposure.INTERMITTENT.value: message("On and off"),
    Exposure.PAST.value: message("It is over"),
}
_SEQUENCES = {
    "": _NOT_SAID,
    children.Sequence.SAFETY_FIRST.value: message("Safety first, then care"),
    children.Sequence.TOGETHER.value: message("Both together"),
    children.Sequence.CARE_FIRST.value: message("Care at once"),
}
_CHILD = message("A child aged {age}")
_NO_AGE = message("A child whose age is not known")
_PLAN = message("{owner} keeps the child. Meanwhile: {interim} Looked at again on {day}.")
_NOTHING = message("Nothing listed fits this child: {why} The gap is counted without a name; the plan holds.")


@dataclass(frozen=True, slots=True)
class ChildLine:
    """One child; `fits` are services with their reasons, `key` what the button posts that chooses one."""

    words: str
    plan: str
    fits: tuple[str, ...]
    nothing: str
    key: str


@dataclass(frozen=True, slots=True)
class ChildForm:
    """Value, label and whether chosen of each list; `values` by field."""

    sexes: tuple[tuple[str, str, bool], ...]
    exposures: tuple[tuple[str, str, bool], ...]
    sequences: tuple[tuple[str, str, bool], ...]
    values: Mapping[str, str]
    mistakes: Mapping[str, str]


def child_line(kept: KeptPlan, matches: Sequence[Match]) -> ChildLine:
    """The child without a name, the plan, and what fits the child's own need."""
    plan, fitting = kept.plan, [one for one in matches if one.fits]
    age = kept.need.age
    return ChildLine(
        words=_NO_AGE if age is None else _CHILD.given(age=age),
        plan=_PLAN.given(owner=plan.owner, interim=_stopped(plan.interim), day=day_words(plan.review)),
        fits=tuple(joined(" ", (f"{one.service.short_name}:", *one.reasons)) for one in fitting),
        nothing="" if fitting else _NOTHING.given(why=_why(matches)),
        key=kept.id if fitting else "",
    )


def child_form(values: Mapping[str, str], mistakes: Mapping[str, str], today: date) -> ChildForm:
    """Nothing is preset but the day on which it is looked at again."""

    def listed(name: str, labels: Mapping[str, str]) -> tuple[tuple[str, str, bool], ...]:
        chosen = values.get(name, "")
        return tuple((value, label, value == chosen) for value, label in labels.items())

    return ChildForm(
        sexes=listed("child_sex", _SEXES),
        exposures=listed("exposure", _EXPOSURES),
        sequences=listed("sequence", _SEQUENCES),
        values={"review": (today + FOLLOW_UP_AFTER).isoformat()} | dict(values),
        mistakes=mistakes,
    )


def _why(matches: Sequence[Match]) -> str:
    """Of the service that comes nearest; children's services stand before others in what rules out."""
    told = next((one.reasons[0] for one in matches if one.reasons), "")
    return told or message("the directory is empty.")


def _stopped(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
