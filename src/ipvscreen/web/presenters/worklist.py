"""What waits for the practice, in neutral words: whose, since when, what to do, and whom to ring."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from ipvscreen.ipv.hearing import CAUSE_WORDS, DONE_WORDS
from ipvscreen.ipv.referral import to_be_asked_again
from ipvscreen.messages import day_said, joined, message
from ipvscreen.store.alerts import Alert
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit
from ipvscreen.web.presenters.frame import NO_NAME, moment_words

_HELD = message(
    "Held, and not sent: where {service} is reached is being changed, or has been since. Ring {phone}, and"
    " tell {clinician}."
)
_NOBODY = message("the clinician")
_A_SERVICE = message("a service")
_NO_PHONE = message("the service")
_ASK_AGAIN = message(
    "What was said about how to be in touch held until {day}: ask again before anybody uses it."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that waits; `old`: for a working day."""

    id: str
    name: str
    since: str
    words: str
    urgent: bool
    old: bool


@dataclass(frozen=True, slots=True)
class About:
    """What alerts are about, by id; `held`: referrals that are not sent while it is not certain where to."""

    visits: Mapping[str, Visit]
    referrals: Mapping[str, Referral]
    held: Collection[str] = ()


def entries(
    alerts: Sequence[Alert], old: frozenset[str], about: About, zone: tzinfo, today: date
) -> tuple[Entry, ...]:
    """Each alert; `old`: the ids of those a working day old.

    What does not open any more is still there, without a name: somebody has to find out.
    """
    return tuple(
        Entry(
            id=one.id,
            name=_name(about.visits.get(one.visit_id)),
            since=_since(one.since, zone),
            words=_words(one, about, today),
            urgent=one.urgent,
            old=one.id in old,
        )
        for one in alerts
    )


def _name(visit: Visit | None) -> str:
    return (visit.person.name if visit else None) or NO_NAME


def _words(alert: Alert, about: About, today: date) -> str:
    visit, referral = about.visits.get(alert.visit_id), about.referrals.get(alert.about)
    words = (_HELD if alert.about in about.held else CAUSE_WORDS[alert.cause]).given(
        service=referral.service_name if referral else _A_SERVICE,
        phone=referral.phone if referral else _NO_PHONE,
        clinician=(visit.user_name if visit else None) or _NOBODY,
    )
    review = referral.review if referral else None
    if review and to_be_asked_again(review, today):
        return joined(" ", (words, _ASK_AGAIN.given(day=day_said(review))))
    return words


def _since(moment: datetime, zone: tzinfo) -> str:
    return moment_words(moment, zone)


DONE = tuple((done.value, words) for done, words in DONE_WORDS.items())
