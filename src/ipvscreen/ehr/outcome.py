"""What one try to write came to: where an entry stands, or how sure it is that it does not."""

from dataclasses import dataclass

from ipvscreen.ehr.client import Created
from ipvscreen.ehr.lookup import Found
from ipvscreen.errors import EhrError, EhrRefused, EhrUnreachable
from ipvscreen.messages import message
from ipvscreen.resources.written import Check

NOT_FOUND = message("The record system took it, and then could not find it.")

# Answered by a gateway or in the middle of the work: the request may have been carried out all the same.
_MAY_HAVE_HAPPENED = frozenset({408, 500, 502, 504})
_NOT_UNDERSTOOD = frozenset({400, 404, 405, 413, 415, 422, 501})


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an entry stands (`Type/id`), to be verified; else FAILED or UNKNOWN, and why.

    `not_understood`: what was sent was refused so that surely nothing was done, and another way may be taken.
    """

    reference: str | None
    check: Check | None = None
    words: str = ""
    not_understood: bool = False


def of_answer(answer: Created | EhrError) -> Sent:
    """By the answer alone, before anything is looked for."""
    if isinstance(answer, EhrError):
        return of_error(answer)
    return Sent(answer.reference) if answer.reference else Sent(None, Check.UNKNOWN, NOT_FOUND)


def open_ended(answer: Created | EhrError) -> bool:
    """Whether it may be there although its answer gives no id."""
    return may_have_happened(answer) if isinstance(answer, EhrError) else answer.reference is None


def of_found(found: Found, otherwise: Sent) -> Sent:
    """By what a search finds; `otherwise` where surely nothing is there."""
    if found.reference:
        return Sent(found.reference)
    return otherwise if found.sure else Sent(None, Check.UNKNOWN, otherwise.words)


def of_error(error: EhrError) -> Sent:
    """No answer at all leaves it open what happened, even where nothing is found: it may still be at work."""
    open_ended = isinstance(error, EhrUnreachable) and error.may_have_happened
    return Sent(None, Check.UNKNOWN if open_ended else Check.FAILED, str(error))


def worse(earlier: Sent, later: Sent) -> Sent:
    """Once it is open what happened, a later refusal does not close it."""
    return earlier if earlier.check is Check.UNKNOWN else later


def may_have_happened(error: EhrError) -> bool:
    """Whether a request that ended so may have been carried out all the same."""
    if isinstance(error, EhrUnreachable):
        return error.may_have_happened
    return isinstance(error, EhrRefused) and error.status in _MAY_HAVE_HAPPENED


def not_understood(error: EhrError) -> bool:
    """Whether a request that ended so was refused as it is, before anything of it was done."""
    return isinstance(error, EhrRefused) and error.status in _NOT_UNDERSTOOD
