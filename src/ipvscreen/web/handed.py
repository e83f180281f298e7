"""What comes in by the address of a launch or a callback, and the pages that refuse it."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import message
from ipvscreen.web.errors import PageRefused, Problem

LONGEST = 2048  # of one value: they are opaque to us, and there is no reason to pass on more
_HEADING = message("This page could not be opened")

UNKNOWN = Problem(
    400,
    _HEADING,
    (
        message("Open it from a patient's record."),
        message("If that is what you did, ask your system manager."),
    ),
)
USED = Problem(
    400,
    _HEADING,
    (
        message("It was opened before, too long ago, or in another browser."),
        message("Open it again from the patient's record."),
    ),
)


def one(request: Request, name: str) -> str:
    """A query parameter that comes exactly once."""
    values = request.query_params.getlist(name)
    if len(values) != 1 or not 0 < len(values[0]) <= LONGEST:
        raise PageRefused(UNKNOWN)
    return values[0]


def each_once(request: Request) -> dict[str, str]:
    """All query parameters; refused where one comes twice, as nobody can say which was meant."""
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    if len(given) != len(pairs):
        raise PageRefused(UNKNOWN)
    return given


@contextmanager
def refused(status: int) -> Iterator[None]:
    """The words of a refused launch on a page with that status."""
    try:
        yield
    except LaunchRefused as why:
        raise PageRefused(Problem(status, _HEADING, (str(why),))) from None
