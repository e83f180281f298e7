"""What became of earlier referrals, for the fold of earlier forms: neutral, each with a fold of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from ipvscreen.ipv.case_codes import Decline
from ipvscreen.ipv.loop import Lead, Proposal
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
ENDS: dict[ReferralState, Message] = {
    ReferralState.UNSENT: message("{service}: not sent yet. Hand it over, or ring {phone}."),
    ReferralState.REFUSED: message("{service} did not take it."),
    ReferralState.CANCELLED: message("{service}: stopped, nothing more is sent. To be sure, ring {phone}."),
    ReferralState.STOPPING: message(
        "{service} had it when it was stopped, and has not heard that yet. Ring {phone}."
    ),
    ReferralState.TOLD: message(
        "{service} had it when it was stopped. Its system has heard that; to be sure, ring {phone}."
    ),
    ReferralState.UNTOLD: message(
        "{service} had it when it was stopped, and cannot be told from here: ring {phone}."
    ),
}
_NEXT = message("Next: {service}, telephone {phone}. Ask the patient first; nothing is sent by itself.")
_NONE_LEFT = message("Nothing else that is listed fits. The patient still needs somebody who keeps contact.")
_NEEDED: dict[Decline, Message] = {
    Decline.INSUFFICIENT_INFO: message(
        "{service} needs to know more before it can say yes. Ring {phone} and hear what; say only what the"
        " patient agrees to. Then it can be sent once more."
    ),
    Decline.NO_WAY_TO_CONTACT: message(
        "{service} needs another safe way to make contact. Ask the patient for one; then it can be sent once"
        " more. Telephone {phone}."
    ),
}
_LOST = frozenset({Check.LABEL_LOST, Check.WITHDRAWN})
_FINE = frozenset({Check.VERIFIED, Check.UNCONFIRMED})


@dataclass(frozen=True, slots=True)
class LoopLine:
    """One referral; `moments`, `why` and what is `proposed` stand in a fold, `failed` does not.

    `again` is what the button posts that leads to the sheet for another service.
    """

    words: str
    moments: tuple[str, ...]
    why: str
    failed: tuple[str, ...]
    proposed: tuple[str, ...] = ()
    again: str = ""


def loop_lines(
    looped: Sequence[Looped], zone: tzinfo, proposals: Mapping[str, Proposal] | None = None
) -> dict[str, tuple[LoopLine, ...]]:
    """The referrals of each earlier visit, by its id; `proposals` by that of the referral."""
    lines: dict[str, tuple[LoopLine, ...]] = {}
    for one in looped:
        proposal = (proposals or {}).get(one.referral.id)
        lines[one.visit.id] = (*lines.get(one.visit.id, ()), _line(one, zone, proposal))
    return lines


def _line(one: Looped, zone: tzinfo, proposal: Proposal | None) -> LoopLine:
    moments = (
        _MOMENT.given(at=moment_words(each.at, zone), what=each.words) for each in one.timeline.moments
    )
    ended = ENDS.get(one.referral.state)
    given = {"service": one.referral.service_name, "phone": one.referral.phone}
    return LoopLine(
        words=_LINE.given(service=one.timeline.service),
        moments=(*moments, *((ended.given(**given),) if ended else ())),
        why=one.timeline.why,
        failed=tuple(_failures(one)),
        proposed=tuple(_proposed(one, proposal)) if proposal else (),
        again=one.referral.id if proposal else "",
    )


def _proposed(one: Looped, proposal: Proposal) -> Iterator[str]:
    """What comes next, with its reasons; of one that needs to know more, what."""
    given = {"service": one.referral.service_name, "phone": one.referral.phone}
    reason = one.kept.case.reason if one.kept else None
    if proposal.lead is Lead.ASK and reason in _NEEDED:
        yield _NEEDED[reason].given(**given)
    elif proposal.service is None:
        yield _NONE_LEFT
    else:
        best = proposal.service.service
        yield _NEXT.given(service=best.short_name, phone=best.phone)
        yield from proposal.service.reasons


def _failures(one: Looped) -> Iterator[str]:
    """One sentence, however many entries it is about; the alarm outranks the rest."""
    service = one.referral.service_name
    wrong = [item for item in one.written.items if item.check not in _FINE]
    if any(item.check in _LOST for item in wrong):
        yield _ALARM.given(service=service)
    elif wrong:
        told = _NOT_IN_RECORD.given(service=service, why=wrong[0].words)
        yield joined(" ", (told, _BY_HAND if wrong[0].check is Check.NOT_OFFERED else _AGAIN))
