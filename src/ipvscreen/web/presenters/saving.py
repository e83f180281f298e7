"""The page of a visit that is on its way into the record: nothing is claimed yet, and it looks again."""

from dataclasses import dataclass

from ipvscreen.messages import message
from ipvscreen.web.presenters.frame import Frame

_WORDS = (
    message("Everything that was entered is kept. Whether it stands in the record is not known yet."),
    message("This page looks again by itself. It can be closed: what is not finished waits on your list."),
)


@dataclass(frozen=True, slots=True)
class SavingPage:
    """The page."""

    frame: Frame
    sentences: tuple[str, ...]


def saving_page(frame: Frame) -> SavingPage:
    """Of any visit, whatever was said in it."""
    return SavingPage(frame, _WORDS)
