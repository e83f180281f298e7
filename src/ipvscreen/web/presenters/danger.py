"""The danger page: the telephone first, then what became of the call."""

from collections.abc import Mapping
from dataclasses import dataclass

from ipvscreen.ipv.assessment import Assessment, Danger
from ipvscreen.ipv.draft import Call
from ipvscreen.messages import message
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.results import danger_lines
from ipvscreen.web.words import Numbers

CALLS = {
    Call.MADE: message("The call was made"),
    Call.DECLINED: message("The patient does not want a call"),
    Call.IMPOSSIBLE: message("A call is not possible now"),
}


@dataclass(frozen=True, slots=True)
class DangerPage:
    """The page."""

    frame: Frame
    first: str
    lines: tuple[str, ...]
    neck: str
    neck_open: bool
    calls: tuple[tuple[str, str, bool], ...]
    mistakes: Mapping[str, str]


def danger_page(
    frame: Frame, visit: Visit, assessment: Assessment, numbers: Numbers, mistakes: Mapping[str, str]
) -> DangerPage:
    """What to do now; the strangulation text opens itself where the neck item was answered yes."""
    return DangerPage(
        frame=frame,
        first=words.immediate_danger(numbers),
        lines=danger_lines(assessment),
        neck=words.strangulation(numbers),
        neck_open=Danger.NECK in assessment.dangers,
        calls=tuple((call.value, label, visit.draft.call is call) for call, label in CALLS.items()),
        mistakes=mistakes,
    )
