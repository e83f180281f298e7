"""Dates and times moved by an amount of time: as precise as they were, at the offset that they had."""

import re
from calendar import monthrange
from datetime import datetime, timedelta
from typing import Any

from ipvscreen.sdc.fhirpath.limits import Fault

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d)?(?::(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?)?)?)?)?(Z|[+-]\d\d:\d\d)?"
)
_FIRST = (1, 1, 1, 0, 0, 0, 0)
_FORMS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
# UCUM's year and month are no calendar units and are not used.
_MONTHS = {"year": 12, "month": 1}
_SECONDS = {
    "week": 604_800.0, "day": 86_400.0, "hour": 3_600.0, "minute": 60.0, "second": 1.0, "millisecond": 0.001,
    "'wk'": 604_800.0, "'d'": 86_400.0, "'h'": 3_600.0, "'min'": 60.0, "'s'": 1.0, "'ms'": 0.001,
}  # fmt: skip
_COARSE = (365 * 86_400.0, 30 * 86_400.0, 86_400.0, 3_600.0, 60.0)  # seconds of what a date is precise to


def read(text: str) -> tuple[datetime, int, str]:
    """The moment, how many of year, month, day … are said, and the offset. ValueError if there is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("no date")
    said = [part for part in found.groups()[:7] if part is not None]
    parts = [*map(int, said[:6]), *(int(part.ljust(3, "0")) * 1000 for part in said[6:])]
    year, month, day, *time = (*parts, *_FIRST[len(parts) :])
    return datetime(year, month, day, *time), len(said), found.group(8) or ""  # type: ignore[arg-type]  # noqa: DTZ001  # the offset is kept apart


def moved(text: str, value: Any, unit: str) -> str:
    """The date or dateTime that much later, as precise as it was. Fault for any other unit."""
    moment, said, offset = read(text)
    months, seconds = _amount(value, unit)
    if said < 6 and seconds:
        whole = int(seconds / _COARSE[said - 1])
        months, seconds = (whole * (12, 1)[said - 1], 0.0) if said < 3 else (0, whole * _COARSE[said - 1])
    if said == 1:
        months = 12 * int(months / 12)
    later = _months_later(moment, months) + timedelta(seconds=seconds)
    if said < 7:
        return later.strftime(_FORMS[said - 1]) + offset
    return later.isoformat(timespec="milliseconds") + offset


def moved_time(text: str, value: Any, unit: str) -> str:
    """The time of day that much later, round the clock."""
    return moved(f"2000-01-01T{text}", value, unit).partition("T")[2]


def _amount(value: Any, unit: str) -> tuple[int, float]:
    name = unit if unit.startswith("'") else unit.removesuffix("s")
    if name in _MONTHS:
        return int(value) * _MONTHS[name], 0.0
    if name in _SECONDS:
        return 0, int(value) * _SECONDS[name]
    raise Fault("The expression moves a date by something that is no time.")


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
