"""Which failures of a read pass by themselves, and how long to wait before it is asked for once more."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import inf

import httpx

from ipvscreen.ehr.guard import REPEATED, LeftAlone

TRIES = 3
PAUSE_SECONDS = (0.1, 0.4)  # the least and the most
ASKED_SECONDS = 2.0  # a clinician waits: no longer than that, whatever a record system asks for

_PASSES = frozenset({429, 500, 502, 503, 504})


def after_answer(status: int, headers: Mapping[str, str], spread: float) -> float | None:
    """Seconds until the next try after that answer; None where there is to be none.

    `spread`, from 0 to 1, keeps those who failed together from coming again together. What is asked for
    by Retry-After (RFC 9110, 10.2.3) is waited for in addition.
    """
    asked = _asked(headers)
    return None if status not in _PASSES or asked > ASKED_SECONDS else asked + _own(spread)


def after_error(error: httpx.RequestError, spread: float) -> float | None:
    """The same where no answer came."""
    passes = isinstance(error, REPEATED) and not isinstance(error, LeftAlone)
    return _own(spread) if passes else None


def _own(spread: float) -> float:
    least, most = PAUSE_SECONDS
    return least + spread * (most - least)


def _asked(headers: Mapping[str, str]) -> float:
    """Seconds, of either form; for ever where it cannot be read. A date counts from that of the answer."""
    said = headers.get("Retry-After", "0").strip()
    if said.isascii() and said.isdecimal():
        return float(said)
    until, now = _date(said), _date(headers.get("Date", ""))
    return inf if until is None or now is None else max((until - now).total_seconds(), 0.0)


def _date(said: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    return at if at.tzinfo else None
