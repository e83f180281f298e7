"""What stands around every page."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ipvscreen.ipv.person import Person, Sex
from ipvscreen.ipv.visit import Step, VisitState
from ipvscreen.store.visits import Visit
from ipvscreen.web.presenters.frame import banner, clock_words, day_words, frame, moment_words

TODAY = date(2026, 3, 2)
LONDON = ZoneInfo("Europe/London")


def test_the_banner_tells_who_it_is() -> None:
    shown = banner(Person("Rosa Delgado", date(1994, 5, 1), Sex.FEMALE, "tr"), TODAY)
    assert (shown.name, shown.age, shown.sex) == ("Rosa Delgado", "31 years", "female")
    assert shown.interpreter == "tr"


def test_the_banner_says_what_is_not_known() -> None:
    shown = banner(Person(None, None), TODAY)
    assert (shown.name, shown.age, shown.sex) == ("Name not known", "age not known", "sex not known")


def test_the_danger_link_is_where_the_visit_may_show_that_page(visit: Callable[..., Visit]) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert frame(visit(state=VisitState.ASKING), Step.QUESTIONS, "t", now).danger
    assert not frame(visit(state=VisitState.CLOSED), Step.FINISH, "t", now).danger


def test_times_are_those_of_the_place() -> None:
    summer = datetime(2026, 6, 1, 13, 5, tzinfo=UTC)
    assert clock_words(summer, LONDON) == "14:05"
    assert moment_words(summer, LONDON) == "Monday 1 June, 14:05"
    assert day_words(date(2026, 11, 3)) == "3 November 2026"
