"""The page about own conduct: the form, what it calls for, and where it is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from ipvscreen.ipv.account import Concern, Programme, concerns
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
_PROGRAMME = message("{service}: ring {phone}, {hours}. {support}")
_NO_PROGRAMME = message("Nobody who helps with this is listed here: ask the safeguarding lead ({lead}).")


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
    programmes: Sequence[Programme],
    numbers: Numbers,
    zone: tzinfo,
    *,
    other_form: bool,
) -> AccountPage:
    """`answers` are those kept in this visit; of an earlier one nothing is called for anew.

    `programmes`: whom the patient can be told of who wants help with this.
    """
    called = tuple(_called(answers, programmes, numbers.lead or NOT_SET)) if answers else ()
    told = _OTHER_FORM if other_form else _KEPT
    return AccountPage(
        frame=frame,
        part=part,
        apart=_APART,
        kept=told.given(moment=moment_words(kept.kept_at, zone)) if kept else "",
        calls_for=(*called, _SILENCE) if answers else (),
    )


def _called(answers: Answers, programmes: Sequence[Programme], lead: str) -> Iterator[str]:
    found = concerns(answers)
    for concern in found:
        yield _CONCERNS[concern].given(lead=lead)
    if Concern.WANTS_HELP not in found:
        return
    for one in programmes:
        service = one.service
        said = {"service": service.short_name, "phone": service.phone, "hours": service.hours}
        yield _PROGRAMME.given(**said, support=one.support)
    if not programmes:
        yield _NO_PROGRAMME.given(lead=lead)
