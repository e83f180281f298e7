"""What could not be changed in an earlier form, and what the clinician does by hand instead."""

from collections.abc import Mapping, Sequence

from ipvscreen.messages import Message, joined, message
from ipvscreen.resources.correction import ENDED
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.reasons import Why
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.store.outbox import Cancelled
from ipvscreen.store.referrals import Referral
from ipvscreen.web.presenters.record import kind_words

_TOLD: dict[Check, Message] = {
    Check.FAILED: message("NOT changed: {what}."),
    Check.WITHDRAWN: message("NOT changed: {what}."),
    Check.UNKNOWN: message("It is not known whether this was changed: {what}."),
    Check.NOT_OFFERED: message("NOT changed: {what}."),
    Check.LABEL_LOST: message(
        "ALARM: stored without protection: {what}. Hide it in the record system by hand at once, and tell"
        " whoever runs it."
    ),
}
_IN_ERROR = message(
    "In the record system, mark it as entered in error, and keep it hidden from online access."
)
_BY_HAND: dict[Why, str] = {
    Why.CORRECTED: message(
        "Write in the record, as restricted and hidden from online access, which answer is wrong and what it"
        " should be."
    ),
    Why.HIDDEN: message("In the record system, hide it from online access and restrict who may open it."),
    Why.REFERRAL_WITHDRAWN: message("In the record system, end the referral and what was agreed for it."),
}
NOBODY_TO_TELL = message(
    "No service reads here that it may tell nothing any more. Ring those that were asked, and say so."
)
UNREADABLE = message(
    "It cannot be corrected here: the form would not say the same again. Correct it by hand."
)
_AGAIN = message("Try again; what is done already is not done twice.")
_STOPPED: dict[Cancelled, Message] = {
    Cancelled.TRIED: message(
        "{service}: stopped. It had been tried before and may have arrived all the same: ring {phone}."
    ),
    Cancelled.ON_ITS_WAY: message(
        "{service}: it is being sent at this moment and could not be stopped. Ring {phone}, and look again"
        " here in a minute."
    ),
    Cancelled.TOO_LATE: message(
        "{service} has it, in a system of its own: what is there cannot be stopped from here. Ring {phone}"
        " and say that it is not wanted."
    ),
    Cancelled.ARRIVED: message(
        "{service} had it. Whether it is seen there in time that it is not wanted any more is not known here:"
        " ring {phone}."
    ),
    Cancelled.TELLING: message(
        "{service} had it, and is being told that it is not wanted any more. Until this page says that it has"
        " heard, ring {phone}."
    ),
    Cancelled.RING: message(
        "{service} has it, and no message from here reaches it: ring {phone} now, and say that it is not"
        " wanted. The practice's list says so, too."
    ),
    Cancelled.TOLD: message(
        "{service} had it, and sees now that it is not wanted any more. What they know already they know:"
        " if they are in touch with the patient, ring {phone} too."
    ),
}


def failures(written: Written, why: Why, plan: WritePlan) -> dict[str, str]:
    """One sentence for each entry that a person must look at, by its key; what is as wanted says nothing."""
    return {one.key or one.kind: _sentence(one, why, plan) for one in written.items if one.check in _TOLD}


def stopped_words(stopped: Mapping[str, Cancelled], referrals: Sequence[Referral]) -> dict[str, str]:
    """One sentence for each referral that may still reach somebody, by its id."""
    return {
        one.id: _STOPPED[stopped[one.id]].given(service=one.service_name, phone=one.phone)
        for one in referrals
        if stopped.get(one.id) in _STOPPED
    }


def _sentence(one: WrittenOne, why: Why, plan: WritePlan) -> str:
    what = kind_words([one.kind], plan)
    told = _TOLD[one.check].given(what=joined(", ", what) if what else one.kind)
    if one.check is Check.LABEL_LOST:
        return told
    again = (_AGAIN,) if one.check is not Check.NOT_OFFERED else ()
    hand = () if one.kind == "Provenance" else (_hand(one.kind, why),)
    return joined(" ", filter(None, (told, one.words, *again, *hand)))


def _hand(kind: str, why: Why) -> str:
    return _BY_HAND.get(why, _IN_ERROR) if kind in ENDED or why is not Why.REFERRAL_WITHDRAWN else _IN_ERROR
