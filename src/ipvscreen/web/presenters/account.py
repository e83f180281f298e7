"""The page about own conduct: the form, what it calls for, and where it is kept."""

from dataclasses import dataclass
from datetime import tzinfo

from ipvscreen.ipv.account import Concern, concerns
from ipvscreen.messages import message
from ipvscreen.sdc.answers import Answers
from ipvscreen.store.accounts import Account
from ipvscreen.web.presenters.form import Part
from ipvscreen.web.presenters.frame import Frame, moment_words
from ipvscreen.web.words import NOT_SET, Numbers

_APART = message(
    "It is kept here alone, sealed: not in the health record, and beside no other answer. Only you see it"
    " again, in this patient's visits. Whether and how it stands in the record is yours to decide."
)
_KEPT = message("Kept {moment}.")
_OTHER_FORM = message(
    "What was kept {moment} belongs to another version of this form, and is not shown in it."
)
_SILENCE = message(
    "Say nothing to the other person, and write nothing in their record. If both are your patients, let a"
    " colleague see one of the two."
)
_CONCERNS = {
    Concern.AGAIN: message(
        "It could happen again: somebody may be in danger. Ring the safeguarding lead ({lead}) before the"
        " patient leaves, and agree who is told."
    ),
    Concern.RECENT: message(
        "It happened within three months. Speak with the safeguarding lead ({lead}) about whoever may be in"
        " danger."
    ),
    Concern.CHILDREN: message(
        "Children were there, or could see or hear it: speak with the safeguarding lead ({lead}) today."
    ),
    Concern.WANTS_HELP: message(
        "Help is wanted: agree now what comes next and when you meet again. Nothing is sent from this page."
    ),
}


@dataclass(frozen=True, slots=True)
class AccountPage:
    """The page; `calls_for` is empty until something was kept in this visit."""

    frame: Frame
    part: Part
    apart: str
    kept: str
    calls_for: tuple[str, ...]


def account_page(
    frame: Frame,
    part: Part,
    answers: Answers | None,
    kept: Account | None,
    numbers: Numbers,
    zone: tzinfo,
    *,
    other_form: bool,
) -> AccountPage:
    """`answers` are those kept in this visit; of an earlier one nothing is called for anew."""
    lead = numbers.lead or NOT_SET
    called = [_CONCERNS[one].given(lead=lead) for one in concerns(answers)] if answers else []
    told = _OTHER_FORM if other_form else _KEPT
    return AccountPage(
        frame=frame,
        part=part,
        apart=_APART,
        kept=told.given(moment=moment_words(kept.kept_at, zone)) if kept else "",
        calls_for=(*called, _SILENCE) if answers else (),
    )
