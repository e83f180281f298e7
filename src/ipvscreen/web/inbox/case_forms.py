"""The forms of a case: one for each event that may happen now, with a field for each thing said with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from ipvscreen.ipv.case import CaseEvent, CaseRole
from ipvscreen.ipv.case_codes import DECLINE_WORDS, ENDS, OUTCOME_WORDS, Decline, Outcome, PassedOn, Tried
from ipvscreen.ipv.case_step import SAID, Case, Release, Step, possible
from ipvscreen.ipv.conflict import Answer, Facts, against
from ipvscreen.ipv.referral import ContactWay
from ipvscreen.messages import message
from ipvscreen.web.fields import NOT_OFFERED, FieldsRefused, Own, Posted, own
from ipvscreen.web.inbox.case_words import ANSWERS, EVENTS, HINTS, NO_CONTACT, PASSED_ON, TRIED, WAYS

KNOWS = "knows-"  # before a member's id
NOT_FILLED_IN = message("Fill in what this step asks for. Nothing was changed.")
_NO_MENTOR = message("Say first who knows whom: nobody can be chosen yet.")

# What comes first on a page, the most likely before; what was said already comes later.
_ORDER = (
    *(CaseEvent.OPEN, CaseEvent.CHECK, CaseEvent.ACCEPT, CaseEvent.ASSIGN, CaseEvent.WEEKLY),
    *(CaseEvent.CONTACT, CaseEvent.ENGAGE, CaseEvent.WAIT, CaseEvent.COMPLETE, CaseEvent.FAIL),
    *(CaseEvent.DECLINE, CaseEvent.TELL_NOTHING, CaseEvent.RELEASE, CaseEvent.WITHDRAW, CaseEvent.ERROR),
)

Team = Mapping[str, str]  # names of the organisation's members, by id
Code = TypeVar("Code", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `options` (value, words) of a choice, of kind radio or checkbox; none of a date."""

    name: str
    legend: str
    kind: str = "radio"
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """One step that may be taken; `blocked` says why it cannot yet."""

    event: CaseEvent
    words: str
    fields: tuple[Field, ...]
    hint: str = ""
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a field is asked of."""

    case: Case
    event: CaseEvent
    team: Team


class StepFields(Own):
    """One step, taken from a page that showed so many."""

    event: CaseEvent
    seen: int
    reason: Decline | None = None
    outcome: Outcome | None = None
    way: ContactWay | None = None
    tried: Tried | None = None
    passed_on: PassedOn | None = None
    mentor: str | None = None
    both: Answer | None = None
    apart: bool = False
    signed_on: date | None = None
    until: date | None = None


def forms(case: Case, role: CaseRole, member: str, team: Team) -> tuple[Form, ...]:
    """What `member` may do now but for danger, what is likeliest first."""
    events = [event for event in possible(case, role, member) if event in _ORDER]
    return tuple(form(case, event, team) for event in sorted(events, key=lambda one: _rank(case, one)))


def form(case: Case, event: CaseEvent, team: Team) -> Form:
    """The form of one event."""
    fields = tuple(field for said in sorted(SAID[event]) for field in _FIELDS[said](Asked(case, event, team)))
    hint = NO_CONTACT if event is CaseEvent.CONTACT and _she_calls(case) else HINTS.get(event, "")
    empty = any(one.kind == "radio" and not one.options for one in fields)
    return Form(event, EVENTS[event], fields, hint, _NO_MENTOR if empty else "")


def step_of(posted: Posted, role: CaseRole, member: str, team: Team) -> tuple[Step, int]:
    """The step of a posted form, and how many its page showed; ValueError for a release that does not end.

    FieldsRefused for what the page does not offer.
    """
    known = {name.removeprefix(KNOWS): values for name, values in posted.items() if name.startswith(KNOWS)}
    fields = own(StepFields, {name: one for name, one in posted.items() if not name.startswith(KNOWS)})
    if not {*known, *([fields.mentor] if fields.mentor else [])} <= set(team):
        raise FieldsRefused(NOT_OFFERED)
    step = Step(
        event=fields.event,
        role=role,
        member=member,
        facts=_facts(fields, known),
        release=_release(fields),
        **{name: getattr(fields, name) for name in _PLAIN},
    )
    return step, fields.seen


_PLAIN = ("reason", "outcome", "way", "tried", "passed_on", "mentor")


def _facts(fields: StepFields, known: Mapping[str, tuple[str, ...]]) -> Facts | None:
    """Nothing where nothing was answered."""
    try:
        mentors = {mentor: Answer(one) for mentor, (one,) in known.items()}
    except ValueError:
        raise FieldsRefused(NOT_OFFERED) from None
    if fields.both is None and not mentors:
        return None
    return Facts(fields.both, fields.apart, mentors)


def _release(fields: StepFields) -> Release | None:
    if fields.signed_on is None or fields.until is None:
        return None
    return Release(fields.signed_on, fields.until)


def _rank(case: Case, event: CaseEvent) -> tuple[bool, int]:
    said = {CaseEvent.CHECK: case.facts.both is not None, CaseEvent.ASSIGN: case.mentor is not None}
    return said.get(event, False), _ORDER.index(event)


def _she_calls(case: Case) -> bool:
    return case.ways == {ContactWay.SHE_CALLS}


def _choice(name: str, legend: str, codes: Iterable[Code], words: Mapping[Code, str]) -> Field:
    return Field(name, legend, options=tuple((code.value, words[code]) for code in codes))


def _reason(_: Asked) -> Iterator[Field]:
    yield _choice("reason", message("Why"), Decline, DECLINE_WORDS)


def _outcome(asked: Asked) -> Iterator[Field]:
    ends = [outcome for outcome in Outcome if ENDS[outcome] is asked.event]
    yield _choice("outcome", message("What it ends with"), ends, OUTCOME_WORDS)


def _way(asked: Asked) -> Iterator[Field]:
    safe = [way for way in ContactWay if way in asked.case.ways]
    yield _choice("way", message("By which of the safe ways"), safe, WAYS)


def _tried(asked: Asked) -> Iterator[Field]:
    came = [one for one in Tried if one is not Tried.VOICEMAIL or asked.case.voicemail]
    yield _choice("tried", message("What came of it"), came, TRIED)


def _passed_on(_: Asked) -> Iterator[Field]:
    yield _choice("passed_on", message("Passed on to"), PassedOn, PASSED_ON)


def _mentor(asked: Asked) -> Iterator[Field]:
    free = [(ident, name) for ident, name in asked.team.items() if not against(asked.case.facts, ident)]
    yield Field("mentor", message("Mentor"), options=tuple(free))


def _who_knows(asked: Asked) -> Iterator[Field]:
    yield _choice("both", message("Are both, this person and the other one, known here?"), Answer, ANSWERS)
    apart = (("true", message("Different people see to each of them")),)
    yield Field("apart", message("If both are"), "checkbox", apart)
    for ident, name in asked.team.items():
        legend = message("Does {name} know one of them?", name=name)
        yield _choice(f"{KNOWS}{ident}", legend, Answer, ANSWERS)


def _signed(_: Asked) -> Iterator[Field]:
    yield Field("signed_on", message("Signed on"), "date")
    yield Field("until", message("It ends on"), "date")


_FIELDS: Mapping[str, Callable[[Asked], Iterator[Field]]] = {
    "reason": _reason,
    "outcome": _outcome,
    "way": _way,
    "tried": _tried,
    "passed_on": _passed_on,
    "mentor": _mentor,
    "facts": _who_knows,
    "release": _signed,
}
