"""Who may see names at a service, and when: decided from what a coordinator answers before they are opened.

The answers are blind facts: whether both of a couple are known there, and whether a mentor knows either of
them. Each is given on the coordinator's own knowledge or after asking the referrer; none needs a name here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ipvscreen.ipv.case import CaseRole
from ipvscreen.messages import message


class Answer(StrEnum):
    """What a coordinator answers; who is not sure is treated as one who says yes."""

    YES = "yes"
    NO = "no"
    NOT_SURE = "not-sure"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was answered so far.

    `both`: whether both of the couple are known to the service, None before it was asked. `apart`: where
    they are, that different people see to each. `mentors`: by member, whether that one knows either of them.
    """

    both: Answer | None = None
    apart: bool = False
    mentors: Mapping[str, Answer] = field(default_factory=dict)

    def with_more(self, more: "Facts") -> "Facts":
        """These with what was answered since; the later answer stands."""
        first = self if more.both is None else more
        return Facts(first.both, first.apart, {**self.mentors, **more.mentors})


@dataclass(frozen=True, slots=True)
class Sight:
    """What one person at the service sees: the names, or not; and why, which only a coordinator is told."""

    names: bool
    hint: str = ""


_FIRST = message("Say first whether both are known here; until then nobody sees names.")
_BOTH = message(
    "Both are, or may be, known here. Nobody but you sees names until different people see to each of them."
)
_MENTOR = message("This mentor knows, or may know, one of them. Choose another one.")
_NOT_ASKED = message("Ask first whether this mentor knows one of them, without saying a name.")


def sight(facts: Facts, role: CaseRole, member: str, mentor: str | None) -> Sight:
    """What `member` in that `role` sees of a case that was handed over to `mentor`.

    A coordinator once the first question is answered, whatever the answer; a worker only of a case handed
    over to her, and only where nothing is left that could harm. The hint is for the coordinator alone.
    """
    hint = _hint(facts, mentor)
    if role is CaseRole.COORDINATOR:
        return Sight(facts.both is not None, hint)
    return Sight(role is CaseRole.WORKER and member == mentor and not hint)


def against(facts: Facts, mentor: str) -> str:
    """Why a case cannot be handed over to that mentor, for the coordinator; empty where it can."""
    return _hint(facts, mentor)


def _hint(facts: Facts, mentor: str | None) -> str:
    if facts.both is None:
        return _FIRST
    if facts.both is not Answer.NO and not facts.apart:
        return _BOTH
    if mentor is None:
        return ""
    return {None: _NOT_ASKED, Answer.NO: ""}.get(facts.mentors.get(mentor), _MENTOR)
