"""A case as a page shows it: what is wanted and the safe ways; name and number only once they were opened."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ipvscreen.ipv.case import CaseEvent, CaseRole
from ipvscreen.ipv.case_codes import why_words
from ipvscreen.ipv.case_step import Case, Whom, possible
from ipvscreen.ipv.conflict import Sight
from ipvscreen.ipv.contact_words import NO_CONTACT, limits
from ipvscreen.ipv.referral import ContactWay, to_be_asked_again
from ipvscreen.messages import day_said, joined, message
from ipvscreen.resources.terminology import HELP_WORDS
from ipvscreen.store.case_rows import Done, Kept
from ipvscreen.web.inbox.case_forms import Form, Team, form, forms
from ipvscreen.web.inbox.case_words import EVENTS, STATES, WAYS
from ipvscreen.web.inbox.desk import Desk
from ipvscreen.web.inbox.presenters import GONE, moment
from ipvscreen.web.words import telephones

_COMMA = message(", ")
_NOT_LISTED = message("a service that is no longer listed")
_NOBODY = message("nobody yet")
_ASK_AGAIN = message(
    "The safe way was believed until {day}. Ask again before you use this: ask whoever has referred."
)
_SHOWN = 8  # characters of a key: enough to tell cases apart on the telephone


@dataclass(frozen=True, slots=True)
class Line:
    """One case of a list, without whose it is."""

    key: str
    reference: str
    service: str
    arrived: str
    state: str
    urgent: bool
    mentor: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What everybody who sees the case may know of it: (what, words) in lines.

    `warning`: that the safe way is not to be used as it stands.
    """

    lines: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """The person, opened; `rules` are sentences, `number` is empty where nobody may make contact."""

    name: str
    way: str
    number: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CasePage:
    """One case for one member; `seen` is what each of its forms gives back."""

    line: Line
    seen: int
    facts: Facts
    sight: Sight
    forms: tuple[Form, ...]
    danger: Form | None
    telephones: tuple[tuple[str, str], ...]


def reference_of(key: str) -> str:
    """What people call a case by."""
    return key[:_SHOWN]


def line(desk: Desk, case: Case, team: Team, services: Mapping[str, str]) -> Line:
    """The case in a list."""
    return Line(
        key=case.key,
        reference=reference_of(case.key),
        service=services.get(case.service_id, _NOT_LISTED),
        arrived=moment(desk, case.taken_in),
        state=STATES[case.state],
        urgent=case.urgent,
        mentor=team.get(case.mentor, GONE) if case.mentor else _NOBODY,
    )


def case_page(
    desk: Desk, kept: Kept, role: CaseRole, sight: Sight, team: Team, services: Mapping[str, str]
) -> CasePage:
    """The page of a case; names are not in it."""
    case, member = kept.case, desk.who.id
    passes = CaseEvent.DANGER in possible(case, role, member)
    return CasePage(
        line=line(desk, case, team, services),
        seen=case.steps,
        facts=_known(desk, kept, team),
        sight=sight,
        forms=forms(case, role, member, team),
        danger=form(case, CaseEvent.DANGER, team) if passes else None,
        telephones=telephones(desk.rooms.numbers),
    )


def reached(whom: Whom) -> Reached:
    """Whom a member has opened. Where the person rings, no number is shown, whatever was noted."""
    contact = whom.contact
    return Reached(
        name=whom.name or message("No name was given"),
        way=WAYS[contact.way],
        number="" if contact.way is ContactWay.SHE_CALLS else contact.number or "",
        rules=tuple(limits(contact)),
    )


def _known(desk: Desk, kept: Kept, team: Team) -> Facts:
    review, warning = kept.case.review, ""
    if review and to_be_asked_again(review, desk.today):
        warning = _ASK_AGAIN.given(day=day_said(review))
    steps = tuple(_step(desk, one, team) for one in kept.done)
    return Facts(tuple(_facts(desk, kept.case)), steps, warning)


def _facts(desk: Desk, case: Case) -> Iterable[tuple[str, str]]:
    wanted = [words for code, words in HELP_WORDS.items() if code in case.help_wanted]
    safe = [WAYS[way] for way in ContactWay if way in case.ways]
    if case.child:
        yield message("Whom"), case.child.words
    yield message("Wanted"), joined(_COMMA, wanted) if wanted else message("Nothing was named")
    yield message("Safe ways"), NO_CONTACT if case.ways == {ContactWay.SHE_CALLS} else joined(_COMMA, safe)
    yield message("Voicemail"), message("safe") if case.voicemail else message("not safe")
    if case.review:
        yield message("Safe way believed until"), day_said(case.review)
    yield message("Agreed"), _agreed(case)
    if why := why_words(case.reason, case.outcome):
        yield message("How it ended"), why
    if case.release:
        yield message("Signed release until"), day_said(case.release.until)
    if case.closed_at:
        yield message("Ended"), moment(desk, case.closed_at)


def _agreed(case: Case) -> str:
    agreed = case.agreement
    if agreed is None:
        told = message("the person knows") if case.knows else message("the person does NOT know")
        return message("shared without agreement; {told}", told=told)
    if case.told_nothing or not agreed.back:
        return message("until {day}; nothing is told back", day=day_said(agreed.until))
    return message("until {day}; what becomes of it may be told back", day=day_said(agreed.until))


def _step(desk: Desk, done: Done, team: Team) -> str:
    who = message("who has referred") if done.step.role is CaseRole.REFERRER else ""
    return joined(
        message(" · "),
        (moment(desk, done.at), EVENTS[done.step.event], who or team.get(done.step.member, GONE)),
    )
