"""Working hours of a staffed role, and when so many of them have gone by, whatever the clocks do."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Nobody is closed for longer: what waits is due then, whatever a calendar says.
LONGEST = timedelta(days=30)
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Open from `opens` to `closes` of one day, by the wall clock there; `closes` None is midnight after."""

    opens: time
    closes: time | None

    def __post_init__(self) -> None:
        """ValueError for one that ends before it begins."""
        if self.closes is not None and self.closes <= self.opens:
            raise ValueError("hours must end after they begin; give those after midnight to the next day")


@dataclass(frozen=True, slots=True)
class Hours:
    """`week`: the spans of each day of the week (0 is Monday); on `closed` days there are none."""

    zone: tzinfo
    week: Mapping[int, tuple[Span, ...]]
    closed: frozenset[date] = frozenset()

    def of(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """The moments (UTC) from and to which somebody is there on that day, in their order.

        Where a change of the clock makes one of them ambiguous or skips it, the longer reading is taken: then
        a limit comes too early, and never too late.
        """
        if day in self.closed:
            return
        for span in self.week.get(day.weekday(), ()):
            end = day + _DAY if span.closes is None else day
            opens = min(self._readings(day, span.opens))
            closes = max(self._readings(end, span.closes or time()))
            yield opens, closes

    def _readings(self, day: date, at: time) -> tuple[datetime, datetime]:
        local = datetime.combine(day, at, self.zone)
        return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def span_of(text: str) -> Span:
    """The span that `08:30-18:00` or `18:00-24:00` says; ValueError for anything else."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no span of hours such as 08:30-18:00")
    opens = time(int(found[1]), int(found[2]))
    return Span(opens, time(int(found[3]), int(found[4])) if found[3] else None)


def after_working(hours: Hours, since: datetime, need: timedelta) -> datetime:
    """When `need` of working time has gone by since `since` (UTC); with no need, the first that is open."""
    left, day = need, since.astimezone(hours.zone).date() - _DAY
    while day <= (since + LONGEST).astimezone(hours.zone).date():
        for opens, closes in hours.of(day):
            begins = max(opens, since)
            if begins < closes and left <= closes - begins:
                return min(begins + left, since + LONGEST)
            left -= max(closes - begins, timedelta())
        day += _DAY
    return since + LONGEST


def working_day_after(hours: Hours, since: datetime) -> datetime:
    """The same time of day on the next day on which somebody is there, from when somebody first is."""
    begins = after_working(hours, since, timedelta()).astimezone(hours.zone)
    for number in range(1, LONGEST.days):
        day = begins.date() + number * _DAY
        if any(hours.of(day)):
            return datetime.combine(day, begins.time(), hours.zone).astimezone(UTC)
    return since + LONGEST
