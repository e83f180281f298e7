"""What became of earlier referrals, for the fold of earlier forms: neutral, each with a fold of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from ipvscreen.ipv.referral import ReferralState
from ipvscreen.messages import Message, joined, message
from ipvscreen.pathway.mirror import Looped
from ipvscreen.resources.written import Check
from ipvscreen.web.presenters.frame import moment_words

_LINE = message("Sent on to {service}")
_MOMENT = message("{at}: {what}")
_NOT_IN_RECORD = message("NOT in the record: what {service} has told. {why}")
_AGAIN = message("It is tried again when this record is next opened. Until then it stands here alone.")
_BY_HAND = message("Note it by hand, as restricted and hidden from online access.")
_ALARM = message(
    "ALARM: stored without protection: what {service} has told. Hide it in the record system by hand at once,"
    " and tell whoever runs it."
)
# Where a service does not have it; while it is under way there is nothing more to say.
_ENDS: dict[ReferralState, Message] = {
    ReferralState.UNSENT: message("{service}: not sent yet. Hand it over, or ring {phone}."),
    ReferralState.REFUSED: message("{service} did not take it."),
    ReferralState.CANCELLED: message("{service}: stopped, nothing more is sent. To be sure, ring {phone}."),
}
_LOST = frozenset({Check.LABEL_LOST, Check.WITHDRAWN})
_FINE = frozenset({Check.VERIFIED, Check.UNCONFIRMED})


@dataclass(frozen=True, slots=True)
class LoopLine:
    """One referral; `moments` and `why` stand in a fold, `failed` does not."""

    words: str
    moments: tuple[str, ...]
    why: str
    failed: tuple[str, ...]


def loop_lines(looped: Sequence[Looped], zone: tzinfo) -> dict[str, tuple[LoopLine, ...]]:
    """The referrals of each earlier visit, by its id."""
    lines: dict[str, tuple[LoopLine, ...]] = {}
    for one in looped:
        lines[one.visit.id] = (*lines.get(one.visit.id, ()), _line(one, zone))
    return lines


def _line(one: Looped, zone: tzinfo) -> LoopLine:
    moments = (
        _MOMENT.given(at=moment_words(each.at, zone), what=each.words) for each in one.timeline.moments
    )
    ended = _ENDS.get(one.referral.state)
    given = {"service": one.referral.service_name, "phone": one.referral.phone}
    return LoopLine(
        words=_LINE.given(service=one.timeline.service),
        moments=(*moments, *((ended.given(**given),) if ended else ())),
        why=one.timeline.why,
        failed=tuple(_failures(one)),
    )


def _failures(one: Looped) -> Iterator[str]:
    """One sentence, however many entries it is about; the alarm outranks the rest."""
    service = one.referral.service_name
    wrong = [item for item in one.written.items if item.check not in _FINE]
    if any(item.check in _LOST for item in wrong):
        yield _ALARM.given(service=service)
    elif wrong:
        told = _NOT_IN_RECORD.given(service=service, why=wrong[0].words)
        yield joined(" ", (told, _BY_HAND if wrong[0].check is Check.NOT_OFFERED else _AGAIN))
