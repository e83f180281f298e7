"""What follows from what a patient says of own conduct: who else may be in danger, and nothing else."""

from collections.abc import Iterator
from enum import StrEnum

from ipvscreen.ipv.instruments import USE
from ipvscreen.sdc.answers import Answers

TOLD, CHILDREN, AGAIN, HELP, LAST = "use-told", "use-children", "use-again", "use-help", "use-last"
_YES, _RECENT = "yes", "within-3-months"


class Concern(StrEnum):
    """What somebody has to do something about, the most pressing first."""

    AGAIN = "again"
    RECENT = "recent"
    CHILDREN = "children"
    WANTS_HELP = "wants-help"


_WHERE: tuple[tuple[Concern, str, str], ...] = (
    (Concern.AGAIN, AGAIN, _YES),
    (Concern.RECENT, LAST, _RECENT),
    (Concern.CHILDREN, CHILDREN, _YES),
    (Concern.WANTS_HELP, HELP, _YES),
)


def concerns(answers: Answers) -> tuple[Concern, ...]:
    """What these answers call for; nothing is inferred from a pass or a gap. ValueError for another form."""
    if answers.form.name != USE:
        raise ValueError(f"'{answers.form.name}' does not ask about own conduct")
    return tuple(_found(answers))


def _found(answers: Answers) -> Iterator[Concern]:
    for concern, item, code in _WHERE:
        if answers.value(item) == code:
            yield concern
