"""What became of each referral: received or not, by when an answer, who is told if none comes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.referral import ReferralState, is_late
from ipvscreen.messages import Message, message
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.written import Written
from ipvscreen.store.referrals import Referral
from ipvscreen.web import words
from ipvscreen.web.presenters.by_hand import ByHandView
from ipvscreen.web.presenters.frame import Frame, clock_words, moment_words
from ipvscreen.web.presenters.record import Notice, by_hand, can_be_tried, notices

_ENDED: dict[ReferralState, Message] = {
    ReferralState.REFUSED: message("{service} did not take it. Nothing was lost: ring {phone} now."),
    ReferralState.CANCELLED: message("{service}: stopped, nothing more is sent. To be sure, ring {phone}."),
    ReferralState.LAPSED: message("{service}: not sent, because what was agreed had ended. Ask again."),
}
_UNSENT = message("Not sent yet: hand it over to {service}, or ring {phone}. What to say stands below.")
_UNSENT_LATE = message(
    "Not sent yet, and waiting since {at}: ring {phone} now, or hand it over. {service} knows nothing of it."
)
_BY_LETTER = message(
    "{service}: sent by letter, {at}, by {who}. Nobody there has said that it came. {awaited}"
)
_TOLD = message("{service}: told by telephone to {to}, {at}, by {who}. {awaited}")
_STOPPABLE = frozenset({ReferralState.QUEUED, ReferralState.REFUSED})
_LATE = message(
    "Kept safely since {at}, but still not received by {service}: do not wait for it, ring {phone} now. It is"
    " tried again until it arrives."
)


@dataclass(frozen=True, slots=True)
class SentLine:
    """One referral; `tone` is good, waiting or alarm. `stop` is what its button posts, empty without one."""

    tone: str
    text: str
    service: str = ""
    stop: str = ""


@dataclass(frozen=True, slots=True)
class SentPage:
    """The page; `waiting` while a service has not yet answered, `again` offers another try of the record.

    `told`: what came of stopping one, where there is something to do.
    """

    frame: Frame
    lines: tuple[SentLine, ...]
    waiting: bool
    record: tuple[Notice, ...]
    again: bool
    bringing: tuple[ByHandView, ...] = ()
    told: tuple[str, ...] = ()


def sent_page(
    frame: Frame,
    referrals: Sequence[Referral],
    in_record: Written | None,
    plan: WritePlan,
    *,
    before: Written | None = None,
    told: str | None,
    zone: tzinfo,
    now: datetime,
    again: bool = False,
    bringing: Sequence[ByHandView] = (),
    told_now: Mapping[str, str] | None = None,
    open_cases: Collection[str] = (),
) -> SentPage:
    """Each referral of the visit, the newest first, and what stands of it in the record.

    `before`: what was written of the visit itself. What has to be entered by hand of that is said here too,
    for this page may come without the one that says it first. `open_cases`: those of which a service here has
    a case, so that it can be told. `told_now`: what came of stopping one just now.
    """
    again = again and can_be_tried(in_record, before)
    return SentPage(
        frame=frame,
        lines=tuple(
            replace(_line(one, told, zone, now), service=one.service_name, stop=_stop(one, open_cases))
            for one in referrals
        ),
        waiting=any(one.state is ReferralState.QUEUED for one in referrals),
        record=(*_in_record(in_record, plan, again), *by_hand(before, plan)),
        again=again,
        bringing=tuple(bringing),
        told=tuple((told_now or {}).values()),
    )


def _stop(one: Referral, open_cases: Collection[str]) -> str:
    """Its id while stopping it still does something: nothing was sent, or the service can be told."""
    return one.id if one.state in _STOPPABLE or one.id in open_cases else ""


def _in_record(written: Written | None, plan: WritePlan, again: bool) -> tuple[Notice, ...]:
    return notices(written, plan, again=again) if written and written.items else ()


def _line(one: Referral, told: str | None, zone: tzinfo, now: datetime) -> SentLine:
    reply_by = moment_words(one.reply_by, zone)
    if one.state in (ReferralState.UNSENT, ReferralState.SENT) or one.handed is not None:
        return _brought(one, words.awaited(reply_by, told, one.phone), zone, now)
    if one.state is ReferralState.RECEIVED and one.received_at is not None:
        at = clock_words(one.received_at, zone)
        return SentLine("good", words.received(one.service_name, at, reply_by, told, one.phone))
    if one.state in _ENDED:
        return SentLine("alarm", _ENDED[one.state].given(service=one.service_name, phone=one.phone))
    if is_late(one.state, one.queued_at, now):
        at = moment_words(one.queued_at, zone)
        return SentLine("alarm", _LATE.given(service=one.service_name, phone=one.phone, at=at))
    return SentLine(
        "waiting",
        message(
            "Kept safely, not yet received by {service}; it is tried again until it is. {awaited}",
            service=one.service_name,
            awaited=words.awaited(reply_by, told, one.phone),
        ),
    )


def _brought(one: Referral, awaited: str, zone: tzinfo, now: datetime) -> SentLine:
    told = {"service": one.service_name, "phone": one.phone}
    if one.handed is None:
        late = is_late(one.state, one.queued_at, now)
        said = _UNSENT_LATE if late else _UNSENT
        return SentLine(
            "alarm" if late else "waiting", said.given(at=moment_words(one.queued_at, zone), **told)
        )
    brought = {"at": moment_words(one.handed.at, zone), "who": one.handed.who, "awaited": awaited}
    if one.handed.way is ByHand.LETTER:
        return SentLine("waiting", _BY_LETTER.given(**told, **brought))
    return SentLine("good", _TOLD.given(**told, **brought, to=one.handed.to))
