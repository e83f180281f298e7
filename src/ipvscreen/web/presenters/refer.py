"""The sheet for a service: which and why, the safe contact, and on what footing it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ipvscreen.ipv.assessment import Assessment, Danger
from ipvscreen.ipv.draft import Left
from ipvscreen.ipv.gate import may_send
from ipvscreen.ipv.instruments import HELP_NOW
from ipvscreen.ipv.referral import ContactWay
from ipvscreen.ipv.services import Match, Verdict
from ipvscreen.messages import message
from ipvscreen.sdc.form import Form
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.done import FOLLOW_UP_AFTER, noted_words
from ipvscreen.web.presenters.frame import Frame, day_words
from ipvscreen.web.presenters.others import shared_words
from ipvscreen.web.presenters.record import Notice, notices
from ipvscreen.web.words import Numbers

WAYS = {
    ContactWay.PHONE: message("Telephone"),
    ContactWay.TEXT: message("Text message"),
    ContactWay.EMAIL: message("Email"),
    ContactWay.LETTER: message("Letter"),
    ContactWay.SHE_CALLS: message("The service does not make contact; the patient rings them"),
}
BASES = {
    "serious-harm": message("Serious harm to the patient or somebody else could otherwise follow"),
    "child": message("A child could be harmed"),
    "court": message("A court or the law requires it"),
    "other": message("Another reason, noted in the record"),
}
SHARED = message(
    "This also belongs to a contact in the record. Ask again; tick below if the patient says that it is safe."
)
UNHEARD = message(
    "Nothing can be sent from here: your organisation has not set who hears if it does not arrive. Ring them."
)
NOBODY_NAMED = message("Nothing fits: name the person who keeps contact, and a day, before you close this.")
CALL_FIRST = message("There is danger. Send opens when the call has been made, declined, or is impossible.")


_NOTED = message("Follow-up noted.")


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One service of the directory."""

    id: str
    name: str
    short_name: str
    reasons: tuple[str, ...]
    hours: str
    phone: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """What both sheets share: who is asked, how the patient can be reached, what is in the way.

    `between`: nothing but a threshold is in the way. Where `none_fits`, `keep` is the one thing to do, and
    `noted` that it is done.
    """

    whom: str
    services: tuple[ServiceLine, ...]
    between: tuple[ServiceLine, ...]
    others: tuple[ServiceLine, ...]
    none_fits: str
    keep: tuple[str, str] | None
    noted: str
    ways: tuple[tuple[str, str, bool], ...]
    help_wanted: tuple[tuple[str, str, bool], ...]
    urgent: bool
    blocked: str
    choosing: str
    contact: str
    children: bool
    shares: tuple[str, ...]
    confirm: bool
    values: Mapping[str, str]
    mistakes: Mapping[str, str]
    ring: tuple[ServiceLine, ...] = ()  # where nothing can be sent
    review: str = ""  # the day until which the safe way is believed
    draft: bool = False  # no lawyer has read what is preset and offered
    child: str = ""


@dataclass(frozen=True, slots=True)
class ReferPage:
    """The sheet with the patient's agreement; `record` is the banner of what was saved before it."""

    frame: Frame
    record: tuple[Notice, ...]
    sheet: Sheet
    consent: str
    until: str
    latest: str
    release: bool


@dataclass(frozen=True, slots=True)
class SharePage:
    """The sheet without it."""

    frame: Frame
    sheet: Sheet
    bases: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Entered:
    """What was posted and did not pass, to be shown again; `values` by field name."""

    values: Mapping[str, str]
    help_wanted: frozenset[str]
    mistakes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class About:
    """For whom a service is chosen, and what is ticked before; `noted` is the day of the follow-up.

    `review`: until when the safe way is believed where nobody says otherwise.
    """

    wishes: frozenset[str] = frozenset()
    urgent: bool = False
    whom: str = ""
    preset: str = ""
    today: date | None = None
    noted: date | None = None
    review: date | None = None
    draft: bool = False


NOTHING = Entered({}, frozenset(), {})


def sheet(
    visit: Visit,
    assessment: Assessment,
    matches: Sequence[Match],
    quick: Form,
    numbers: Numbers,
    entered: Entered,
    about: About = About(),
) -> Sheet:
    """The services that can be asked, the others with their reason, and the patient's own side."""
    values = entered.values
    of = {verdict: [one for one in matches if one.verdict is verdict] for verdict in Verdict}
    fitting, others = of[Verdict.YES], [*of[Verdict.BETWEEN], *of[Verdict.NO]]
    wishes = entered.help_wanted or about.wishes or assessment.wishes
    danger = bool(assessment.dangers)
    kept = visit.draft.left is Left.KEPT and not fitting
    return Sheet(
        whom=about.whom,
        services=tuple(_line(match, values.get("service", about.preset)) for match in fitting),
        between=tuple(_line(match, None) for match in of[Verdict.BETWEEN]),
        others=tuple(_line(match, None) for match in of[Verdict.NO]),
        none_fits="" if fitting else _none_fits(visit, others, numbers),
        keep=None if fitting or kept else _keep(visit, values, about.today),
        noted=(noted_words(about.noted) or _NOTED) if kept else "",
        ways=tuple((way.value, label, values.get("way") == way.value) for way, label in WAYS.items()),
        help_wanted=tuple((o.code, o.display, o.code in wishes) for o in quick.item(HELP_NOW).options),
        urgent=values.get("urgent") == "yes" if values else danger or about.urgent,
        blocked="" if may_send(visit.draft.call, danger=danger) else CALL_FIRST,
        choosing=words.CHOOSING,
        contact=words.SAFE_CONTACT,
        children=bool(assessment.children or assessment.pregnant or Danger.CHILD in assessment.dangers),
        shares=shared_words(visit.contacts),
        confirm=entered.mistakes.get("number") == SHARED or values.get("shared") == "yes",
        values=values,
        mistakes=entered.mistakes,
        review=values.get("review") or (about.review.isoformat() if about.review else ""),
        draft=about.draft,
        child=visit.draft.child,
    )


def unsent(one: Sheet) -> Sheet:
    """The same where nobody would hear if it did not arrive: nothing is sent, and whom to ring."""
    return replace(one, services=(), ring=one.services, none_fits=UNHEARD)


def refer_page(
    frame: Frame, visit: Visit, one: Sheet, *, until: date, latest: date, release: bool = False
) -> ReferPage:
    """The sheet; the consent ends on `until` unless the patient says otherwise, at the `latest` then.

    `release`: whether anything is told back only where that was signed.
    """
    shown = one.values.get("until") or until.isoformat()
    return ReferPage(
        frame=frame,
        record=notices(visit.written, visit.plan),
        sheet=one,
        consent=words.consent(message("the service"), day_words(until)),
        until=shown,
        latest=latest.isoformat(),
        release=release,
    )


def share_page(
    frame: Frame, one: Sheet, bases: Sequence[tuple[str, str]] = tuple(BASES.items())
) -> SharePage:
    """The sheet without agreement; `bases`: code and words of each that can be chosen."""
    chosen = one.values.get("basis")
    return SharePage(frame, one, tuple((code, label, code == chosen) for code, label in bases))


def _line(match: Match, chosen: str | None) -> ServiceLine:
    one = match.service
    return ServiceLine(
        id=one.id,
        name=one.name,
        short_name=one.short_name,
        reasons=match.reasons,
        hours=one.hours,
        phone=one.phone,
        checked=one.id == chosen,
    )


def _keep(visit: Visit, values: Mapping[str, str], today: date | None) -> tuple[str, str]:
    """Who keeps contact and from when, as preset or as it was entered."""
    day = (today + FOLLOW_UP_AFTER).isoformat() if today else ""
    return values.get("who", visit.user_name or ""), values.get("due", day)


def _none_fits(visit: Visit, others: Sequence[Match], numbers: Numbers) -> str:
    reason = _line(others[0], None).reasons[0] if others else message("the directory is empty")
    return words.nothing_fits(
        reason, visit.user_name or message("you"), message("a day you agree now"), numbers
    )
