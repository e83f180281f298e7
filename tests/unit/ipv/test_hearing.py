"""When something is visible, told and too late: a table of known moments, and what holds for any."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.ipv.hearing import (
    CAUSE_WORDS,
    DONE_WORDS,
    URGENT,
    Cause,
    Done,
    Fact,
    begins,
    due,
    is_old,
)
from ipvscreen.ipv.hours import DAYS
from ipvscreen.ipv.referral import LATE, ReferralState, is_late
from ipvscreen.ipv.staffed import Staffed
from ipvscreen.resources.neutral import topic_word

MINUTE = timedelta(minutes=1)
LONDON = ZoneInfo("Europe/London")
HOURS = Staffed(hours=dict.fromkeys(DAYS[:5], "08:00-18:00")).week(LONDON)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


def fact(cause: Cause, since: str, *, urgent: bool = False) -> Fact:
    return Fact(cause, "r", "v", at(since), urgent)


@pytest.mark.parametrize(
    ("since", "urgent", "visible", "told", "limit"),
    [
        ("2026-03-06 17:55", False, "2026-03-06 18:10", "2026-03-09 11:25", "2026-03-09 11:55"),
        ("2026-03-06 17:55", True, "2026-03-06 18:10", "2026-03-06 18:10", "2026-03-06 18:25"),
        ("2026-03-28 23:50", True, "2026-03-29 00:05", "2026-03-29 00:05", "2026-03-29 00:20"),
        # The clock goes forward at one, and back at two: half an hour is half an hour.
        ("2026-03-29 00:50", True, "2026-03-29 02:05", "2026-03-29 02:05", "2026-03-29 02:20"),
        ("2028-02-28 17:00", False, "2028-02-28 17:15", "2028-02-29 10:30", "2028-02-29 11:00"),
        ("2028-02-29 23:45", True, "2028-03-01 00:00", "2028-03-01 00:00", "2028-03-01 00:15"),
    ],
)
def test_a_referral_without_receipt(since: str, urgent: bool, visible: str, told: str, limit: str) -> None:
    found = due(fact(Cause.UNRECEIVED, since, urgent=urgent), HOURS)

    assert [found.visible, found.told, found.limit] == [at(visible), at(told), at(limit)]


def test_it_is_visible_exactly_when_the_page_of_the_visit_says_that_it_is_late() -> None:
    one = due(fact(Cause.UNRECEIVED, "2026-03-06 17:55"), HOURS)
    begun = one.fact.since

    assert is_late(ReferralState.QUEUED, begun, one.visible)
    assert not is_late(ReferralState.QUEUED, begun, one.visible - timedelta(seconds=1))


@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.LAPSED, Cause.UNTOLD, Cause.DECLINED, Cause.ARRIVED])
def test_what_is_decided_is_told_at_once_day_or_night(cause: Cause) -> None:
    found = due(fact(cause, "2026-03-07 03:00"), HOURS)

    assert found.visible == found.told == at("2026-03-07 03:00")


@pytest.mark.parametrize("urgent", [False, True])
def test_a_stop_that_is_not_heard_of_is_as_a_referral_without_receipt(*, urgent: bool) -> None:
    stop, referral = (
        due(fact(cause, "2026-03-06 17:55", urgent=urgent), HOURS)
        for cause in (Cause.STOPPING, Cause.UNRECEIVED)
    )
    assert (stop.visible, stop.told, stop.limit) == (referral.visible, referral.told, referral.limit)


@pytest.mark.parametrize("cause", [Cause.UNANSWERED, Cause.UNFINISHED, Cause.UNCONFIRMED, Cause.FOLLOW_UP])
def test_what_waits_for_a_person_is_visible_at_once_and_told_in_working_hours(cause: Cause) -> None:
    found = due(fact(cause, "2026-03-07 03:00"), HOURS)

    assert found.visible == at("2026-03-07 03:00")
    assert found.told == at("2026-03-09 11:30")


@given(
    st.sampled_from(Cause),
    st.integers(0, 270 * 1440).map(lambda minutes: datetime(2028, 2, 20, tzinfo=UTC) + minutes * MINUTE),
    st.booleans(),
)
def test_it_is_told_before_it_is_too_late_and_never_before_it_is_visible(
    cause: Cause, since: datetime, urgent: bool
) -> None:
    found = due(Fact(cause, "r", "v", since, urgent), HOURS)

    assert since <= found.visible <= found.told < found.limit
    if urgent:
        assert found.limit == since + URGENT
    if cause is Cause.UNRECEIVED:
        assert found.visible == since + LATE


def test_a_day_begins_at_midnight_where_the_role_is() -> None:
    assert begins(date(2026, 3, 29), HOURS) == datetime(2026, 3, 29, tzinfo=UTC)
    assert begins(date(2026, 3, 30), HOURS) == datetime(2026, 3, 29, 23, tzinfo=UTC)


def test_the_lead_sees_what_is_a_working_day_old() -> None:
    friday = at("2026-03-06 17:55")

    assert not is_old(friday, HOURS, at("2026-03-09 17:54"))
    assert is_old(friday, HOURS, at("2026-03-09 17:55"))


def test_every_cause_of_the_practice_and_everything_done_has_neutral_words() -> None:
    assert set(CAUSE_WORDS) == set(Cause) - {Cause.ARRIVED}
    assert set(DONE_WORDS) == set(Done)
    for words in (*CAUSE_WORDS.values(), *DONE_WORDS.values()):
        assert topic_word(words) is None
    told = [words.given(service="S", phone="1", clinician="C") for words in CAUSE_WORDS.values()]
    assert not any("{" in words for words in told)
