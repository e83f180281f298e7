"""The page of a visit that was stopped: whose it is, so that nobody goes on with the wrong one."""

from dataclasses import dataclass

from ipvscreen.messages import message
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.words import Numbers

WHY = message(
    "A patient's record was opened after this page, so this page was stopped. Nothing was saved or sent from"
    " it since."
)
CARRIED = message(
    "What you have just entered is not saved. If you go on, it is shown again, to be saved then."
)


@dataclass(frozen=True, slots=True)
class StoppedPage:
    """The page; `entered` is what its form carries on, sealed, empty for nothing.

    `telephones`: who and number. Danger does not wait until somebody has said whose page this is.
    """

    frame: Frame
    sentences: tuple[str, ...]
    go_on: str
    entered: str
    telephones: tuple[tuple[str, str], ...]


def stopped_page(frame: Frame, visit: Visit, entered: str, numbers: Numbers) -> StoppedPage:
    """The page of that visit."""
    return StoppedPage(
        frame=frame,
        sentences=(WHY, CARRIED) if entered else (WHY,),
        go_on=message("Go on with {patient}", patient=visit.person.name or message("this patient")),
        entered=entered,
        telephones=words.telephones(numbers),
    )
