"""What waits for the practice, in neutral words: whose, since when, what to do, and whom to ring."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ipvscreen.ipv.hearing import CAUSE_WORDS, DONE_WORDS
from ipvscreen.messages import message
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that waits; `old`: for a working day."""

    id: str
    name: str
    since: str
    words: str
    urgent: bool
    old: bool


def entries(
    alerts: Sequence[Alert],
    old: frozenset[str],
    visits: Mapping[str, Visit],
    referrals: Mapping[str, Referral],
    zone: tzinfo,
    held: Collection[str] = (),
) -> tuple[Entry, ...]:
    """Each alert, by its visit and its referral (by their ids); `old`: the ids of those a working day old.

    `held`: the ids of referrals that are not sent while it is not certain where to.

    What does not open any more is still there, without a name: somebody has to find out.
    """
    return tuple(
        _entry(
            one, visits.get(one.visit_id), referrals.get(one.about), one.id in old, zone, one.about in held
        )
        for one in alerts
    )


def _entry(
    alert: Alert, visit: Visit | None, referral: Referral | None, old: bool, zone: tzinfo, held: bool
) -> Entry:
    words = (_HELD if held else CAUSE_WORDS[alert.cause]).given(
        service=referral.service_name if referral else _A_SERVICE,
        phone=referral.phone if referral else _NO_PHONE,
        clinician=(visit.user_name if visit else None) or _NOBODY,
    )
    name = visit.person.name if visit else None
    return Entry(alert.id, name or NO_NAME, _since(alert.since, zone), words, alert.urgent, old)


def _since(moment: datetime, zone: tzinfo) -> str:
    return moment_words(moment, zone)


DONE = tuple((done.value, words) for done, words in DONE_WORDS.items())
