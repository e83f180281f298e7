"""The first page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

from ipvscreen.ipv.gate import age_gate
from ipvscreen.ipv.person import Person, Setting
from ipvscreen.ipv.visit import Step
from ipvscreen.resources.plan import Ability
from ipvscreen.store.visits import Visit
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.start import StartPage, start_page

TODAY = date(2026, 3, 2)
Make = Callable[..., Visit]
Framed = Callable[[Visit, Step], Frame]


def page(visit: Visit, framed: Framed, *, unfinished: tuple[Visit, ...] = (), services: int = 1) -> StartPage:
    return start_page(
        framed(visit, Step.START),
        visit,
        age_gate(visit.person, TODAY),
        unfinished=unfinished,
        services=services,
        zone=UTC,
        mistakes={},
    )


def test_five_doors_and_asking_first(visit: Make, framed: Framed) -> None:
    shown = page(visit(), framed)
    assert [door.value for door in shown.doors] == ["ask", "told", "worried", "danger", "not-now"]
    assert [door.value for door in shown.doors if door.primary] == ["ask"]
    assert (shown.cannot, shown.no_service, shown.sentences) == ((), False, ())


def test_mental_health_has_a_sixth(visit: Make, framed: Framed) -> None:
    shown = page(visit(setting=Setting.MENTAL_HEALTH), framed)
    assert "from-record" in [door.value for door in shown.doors]
    assert [value for value, _, selected in shown.settings if selected] == ["mental-health"]


def test_a_child_is_not_asked(visit: Make, framed: Framed) -> None:
    shown = page(visit(person=Person("Kim", date(2011, 1, 1))), framed)
    assert "ask" not in [door.value for door in shown.doors]
    assert [door.value for door in shown.doors if door.primary] == ["not-now"]
    assert shown.sentences


def test_an_unknown_age_has_to_be_confirmed(visit: Make, framed: Framed) -> None:
    assert page(visit(person=Person(None, None)), framed).needs_age_confirmed


def test_what_cannot_be_recorded_is_said(visit: Make, framed: Framed) -> None:
    plan = replace(visit().plan, abilities=(Ability("Flag", False, "No flags.", "By hand."),))
    shown = page(visit(plan=plan), framed, services=0)
    assert [ability.kind for ability in shown.cannot] == ["Flag"]
    assert (shown.can, shown.no_service) == ((), True)


def test_another_patient_is_neither_named_nor_resumed(visit: Make, framed: Framed) -> None:
    begun = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    same = visit(id="old1", opened_at=begun)
    other = visit(id="old2", opened_at=begun, patient_id="p2", person=Person("Anna Whitfield", None))
    first, second = page(visit(), framed, unfinished=(same, other)).unfinished
    assert (first.words, first.resume) == ("This patient, begun Sunday 1 March, 09:30", "old1")
    assert second.resume is None
    assert "Anna" not in second.words
