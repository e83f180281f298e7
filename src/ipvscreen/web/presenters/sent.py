"""What became of each referral: received or not, by when an answer, who is told if none comes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.case import CLOSED, CaseState
from ipvscreen.ipv.child import Child
from ipvscreen.ipv.referral import LATE, ReferralState, is_late
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
_HELD = message(
    "Held, and NOT sent: where {service} is reached is being changed, or has been since. Do not wait for it,"
    " ring {phone} now."
)
_THERE = frozenset({ReferralState.SENT, ReferralState.RECEIVED})
_STOPPING = message(
    "{service} had it, and is being told that it is not wanted any more. It has not heard that yet: ring"
    " {phone}, or look again here."
)
_TOLD_STOPPED = message(
    "{service} had it, and has heard that it is not wanted any more, {at}. If they are in touch with the"
    " patient already, ring {phone} too."
)
_UNTOLD = message(
    "{service} has it, and nobody there has been told from here that it is not wanted any more: ring {phone}."
)
_IN_INBOX = message(
    "{service} had it, and sees now that it is not wanted any more. Whether anybody has looked is not known:"
    " to be sure, ring {phone}."
)
_LATE = message(
    "Kept safely since {at}, but still not received by {service}: do not wait for it, ring {phone} now. It is"
    " tried again until it arrives."
)


@dataclass(frozen=True, slots=True)
class SentLine:
    """One referral; `tone` is good, waiting or alarm; `whom`: the child for whom it is.

    `stop` is what its button posts, empty without one.
    """

    tone: str
    text: str
    whom: str = ""
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
    cases: Mapping[str, CaseState] | None = None,
    held: Collection[str] = (),
) -> SentPage:
    """Each referral of the visit, the newest first, and what stands of it in the record.

    `before`: what was written of the visit itself. What has to be entered by hand of that is said here too,
    for this page may come without the one that says it first. `cases`: how those stand that have come into an
    inbox here. `held`: those that are not sent while it is not certain where to. `told_now`: what came of
    stopping one just now.
    """
    cases = cases or {}
    again = again and can_be_tried(in_record, before)
    return SentPage(
        frame=frame,
        lines=tuple(
            replace(line, whom=_whom(one), service=one.service_name, stop=_stop(one, cases))
            for one in referrals
            for line in [_held(one) if one.id in held else _line(one, cases, told, zone, now)]
        ),
        waiting=any(one.state in (ReferralState.QUEUED, ReferralState.STOPPING) for one in referrals),
        record=(*_in_record(in_record, plan, again), *by_hand(before, plan)),
        again=again,
        bringing=tuple(bringing),
        told=tuple((told_now or {}).values()),
    )


def _whom(one: Referral) -> str:
    """Where it is not for the patient."""
    return Child(one.need.age).words if one.need and one.need.child else ""


def _held(one: Referral) -> SentLine:
    return SentLine("alarm", _HELD.given(service=one.service_name, phone=one.phone))


def _stop(one: Referral, cases: Mapping[str, CaseState]) -> str:
    """Its id while stopping it still does something: nothing was sent, or the service can be told."""
    there = one.state in _THERE and cases.get(one.id) not in CLOSED
    return one.id if one.state in _STOPPABLE or there else ""


def _in_record(written: Written | None, plan: WritePlan, again: bool) -> tuple[Notice, ...]:
    return notices(written, plan, again=again) if written and written.items else ()


def _line(
    one: Referral, cases: Mapping[str, CaseState], told: str | None, zone: tzinfo, now: datetime
) -> SentLine:
    if stopped := _stopped(one, cases.get(one.id), zone, now):
        return stopped
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


def _stopped(one: Referral, case: CaseState | None, zone: tzinfo, now: datetime) -> SentLine | None:
    """What came of stopping what the service had; None where that was not done."""
    given = {"service": one.service_name, "phone": one.phone}
    if case is CaseState.CANCELLED:
        return SentLine("waiting", _IN_INBOX.given(**given))
    if one.state is ReferralState.UNTOLD:
        return SentLine("alarm", _UNTOLD.given(**given))
    if one.told_at is not None:
        return SentLine("good", _TOLD_STOPPED.given(**given, at=moment_words(one.told_at, zone)))
    if one.stopped_at is None:
        return None
    return SentLine("alarm" if now - one.stopped_at >= LATE else "waiting", _STOPPING.given(**given))


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
