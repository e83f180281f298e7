"""Working hours: known dates, both changes of the clock, and a plain count that knows no formula."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.ipv.hours import DAYS, LONGEST, Hours, Span, after_working, span_of, working_day_after
from ipvscreen.ipv.staffed import Staffed, missing

LONDON, TORONTO, CHATHAM = (
    ZoneInfo(name) for name in ("Europe/London", "America/Toronto", "Pacific/Chatham")
)
WEEKDAYS = dict.fromkeys(DAYS[:5], "08:00-18:00")
OPEN = Staffed(hours=WEEKDAYS, closed=frozenset({date(2027, 12, 27)})).week(LONDON)
ALWAYS = Staffed(hours=dict.fromkeys(DAYS, "00:00-24:00")).week(LONDON)
FOUR = timedelta(hours=4)


def at(text: str, zone: ZoneInfo = LONDON) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


KNOWN = [
    ("2026-03-02 10:00", "2026-03-02 14:00", "a Monday morning"),
    ("2026-03-06 17:55", "2026-03-09 11:55", "Friday 17:55: five minutes count, the rest on Monday"),
    ("2026-03-06 18:00", "2026-03-09 12:00", "Friday, the moment it closes"),
    ("2026-03-06 23:59", "2026-03-09 12:00", "a minute before midnight"),
    ("2026-03-07 00:00", "2026-03-09 12:00", "midnight itself"),
    ("2026-03-09 07:59", "2026-03-09 12:00", "a minute before it opens"),
    ("2026-03-27 17:00", "2026-03-30 11:00", "over the Sunday on which the clock goes forward"),
    ("2026-10-23 17:00", "2026-10-26 11:00", "over the Sunday on which it goes back"),
    ("2028-02-28 16:00", "2028-02-29 10:00", "onto 29 February"),
    ("2028-02-29 16:00", "2028-03-01 10:00", "from 29 February"),
    ("2027-02-26 16:00", "2027-03-01 10:00", "a year without one, over a weekend"),
    ("2027-12-24 17:00", "2027-12-28 11:00", "a Friday before a closed Monday"),
    ("2026-12-31 17:00", "2027-01-01 11:00", "into another year"),
]


@pytest.mark.parametrize(("since", "then", "why"), KNOWN, ids=[why for _, _, why in KNOWN])
def test_four_working_hours_end_when_a_calendar_says(since: str, then: str, why: str) -> None:
    assert after_working(OPEN, at(since), FOUR) == at(then), why


@pytest.mark.parametrize(
    ("since", "hours"),
    [("2026-03-28 22:00", 5), ("2026-10-24 22:00", 3)],  # the wall says so many hours; each day has its own
)
def test_who_is_there_day_and_night_is_there_for_real_hours(since: str, hours: int) -> None:
    begun = at(since)

    then = after_working(ALWAYS, begun, FOUR)

    assert then - begun == FOUR
    assert then.astimezone(LONDON).hour == (22 + hours) % 24


def test_a_span_in_the_hour_that_is_skipped_or_comes_twice_ends_too_early_and_never_too_late() -> None:
    night = Staffed(hours={"sun": "01:30-03:00"}).week(LONDON)

    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        ((opens, closes),) = night.of(day)
        assert closes - opens >= timedelta(hours=0.5)
        assert opens <= closes


def test_without_need_it_is_the_first_moment_that_is_open() -> None:
    assert after_working(OPEN, at("2026-03-07 12:00"), timedelta()) == at("2026-03-09 08:00")
    assert after_working(OPEN, at("2026-03-09 12:00"), timedelta()) == at("2026-03-09 12:00")


def test_nobody_is_closed_for_longer_than_a_month() -> None:
    never = Hours(LONDON, {})

    assert after_working(never, at("2026-03-02 10:00"), FOUR) == at("2026-03-02 10:00") + LONGEST
    assert working_day_after(never, at("2026-03-02 10:00")) >= at("2026-03-02 10:00") + LONGEST


@pytest.mark.parametrize(
    ("since", "then"),
    [
        ("2026-03-02 10:00", "2026-03-03 10:00"),
        ("2026-03-06 17:55", "2026-03-09 17:55"),
        ("2026-03-07 12:00", "2026-03-10 08:00"),
        ("2026-03-27 09:00", "2026-03-30 09:00"),
        ("2028-02-28 09:00", "2028-02-29 09:00"),
    ],
)
def test_a_working_day_later_is_the_same_time_on_the_next_open_day(since: str, then: str) -> None:
    assert working_day_after(OPEN, at(since)) == at(then)


ZONES = st.sampled_from([LONDON, TORONTO, CHATHAM])
QUARTERS = st.integers(min_value=16, max_value=95)  # from 04:00: what the clock skips is a case of its own


@st.composite
def weeks(draw: st.DrawFn) -> Hours:
    """Up to two spans on some days, in quarters of an hour, with some days closed."""
    week: dict[str, str] = {}
    for day in draw(st.lists(st.sampled_from(DAYS), min_size=1, unique=True)):
        marks = sorted(draw(st.lists(QUARTERS, min_size=2, max_size=4, unique=True)))
        spans = zip(marks[::2], marks[1::2], strict=False)
        week[day] = " ".join(f"{_clock(a)}-{_clock(b)}" for a, b in spans)
    closed = draw(st.lists(st.dates(date(2028, 2, 20), date(2028, 4, 5)), max_size=3))
    return Staffed(hours=week, closed=frozenset(closed)).week(draw(ZONES))


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


def is_open(hours: Hours, moment: datetime) -> bool:
    """By the wall clock, without a single computation of `hours`."""
    wall = moment.astimezone(hours.zone)
    return wall.date() not in hours.closed and any(
        span.opens <= wall.time() and (span.closes is None or wall.time() < span.closes)
        for span in hours.week.get(wall.weekday(), ())
    )


@settings(max_examples=60, deadline=None)
@given(weeks(), st.integers(0, 30 * 96), st.integers(1, 20))
def test_it_is_what_counting_quarters_of_an_hour_finds(hours: Hours, begun: int, need: int) -> None:
    """Over March 2028: 29 February, and two zones that change their clocks in it."""
    quarter = timedelta(minutes=15)
    since = datetime(2028, 2, 26, tzinfo=UTC) + begun * quarter
    moment, left = since, need
    while left and moment < since + LONGEST - timedelta(days=2):
        left -= is_open(hours, moment)
        moment += quarter
    if left:
        return  # closed for weeks on end: the other test

    assert after_working(hours, since, need * quarter) == moment


@settings(max_examples=60, deadline=None)
@given(weeks(), st.integers(0, 30 * 96), st.integers(0, 20), st.integers(0, 20))
def test_more_need_never_ends_sooner_and_a_later_start_neither(
    hours: Hours, begun: int, need: int, more: int
) -> None:
    quarter = timedelta(minutes=15)
    since = datetime(2028, 2, 26, tzinfo=UTC) + begun * quarter

    assert since <= after_working(hours, since, need * quarter)
    assert after_working(hours, since, need * quarter) <= after_working(hours, since, (need + more) * quarter)
    assert after_working(hours, since, need * quarter) <= after_working(
        hours, since + more * quarter, need * quarter
    )


@pytest.mark.parametrize("text", ["8:00-18:00", "08:00-24:30", "18:00-08:00", "08:00-08:00", "08:00", ""])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"hours|span"):
        span_of(text)


def test_a_day_can_last_until_midnight() -> None:
    assert span_of("18:00-24:00") == Span(time(18), None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"members": ["dr-a"]}, "no fhirUser"),
        ({"members": ["Patient/1"]}, "no fhirUser"),
        ({"hours": {"monday": "08:00-18:00"}}, "no day"),
        ({"hours": {"mon": "  "}}, "left out"),
        ({"hours": {"mon": "8-18"}}, "no span"),
        ({"mailbox": "Duty <duty@practice.test>"}, "address alone"),
        ({"mailbox": "duty@practice.test\r\nBcc: other@practice.test"}, "address alone"),
    ],
)
def test_a_role_that_cannot_be_one_is_refused(given: dict[str, object], words: str) -> None:
    made = {name: frozenset(value) if name == "members" else value for name, value in given.items()}
    with pytest.raises(ValueError, match=words):
        Staffed(**made)  # type: ignore[arg-type]


def test_what_is_missing_is_named() -> None:
    whole = Staffed(frozenset({"Practitioner/1"}), WEEKDAYS, "duty@practice.test")

    assert missing(whole, mail=True) == ()
    assert missing(whole, mail=False) == ("[mail]",)
    assert missing(None, mail=True) == ("staffed.members", "staffed.hours", "staffed.mailbox")
