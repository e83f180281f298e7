"""What was entered into a form, read strictly: nothing unknown passes, nothing is silently dropped."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ipvscreen.sdc.answering.filling import Launch, fill
from ipvscreen.sdc.answering.given import OTHER, PASS, Answer, Answers
from ipvscreen.sdc.form import Form

__all__ = ["OTHER", "PASS", "Answer", "Answers", "read_answers"]


def read_answers(
    form: Form,
    entered: Mapping[str, Sequence[str]],
    *,
    launch: Launch | None = None,
    now: datetime | None = None,
) -> Answers:
    """The answers among what the controls posted (field → option values, a number, a text, or PASS).

    Empty texts are no answer; an answer to an item that is not enabled is left out. AnswerNotOffered for a
    field that is no question to be entered, for an option that is not offered, and for two answers where one
    is taken; what a person can mistype or forget is in `mistakes`. `launch` holds the resources of the form's
    launch contexts; `now` the moment, in the time zone of the practice (UTC without): a form with
    expressions needs it. Where one of them cannot be worked out, `failed` says so.
    """
    return fill(form, entered, launch=launch, now=now).answers
