"""The first page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

from ipvscreen.ipv.gate import age_gate
from ipvscreen.ipv.packs import Packs
from ipvscreen.ipv.person import Person, Setting
from ipvscreen.ipv.visit import Step
from ipvscreen.resources.fallback import Rest
from ipvscreen.resources.plan import Ability
from ipvscreen.store.visits import Visit
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.start import StartPage, start_page

TODAY = date(2026, 3, 2)
Make = Callable[..., Visit]
Framed = Callable[[Visit, Step], Frame]


def page(
    visit: Visit,
    framed: Framed,
    packs: Packs,
    *,
    unfinished: tuple[Visit, ...] = (),
    services: int = 1,
    pack: str | None = None,
) -> StartPage:
    asked = packs.of(pack, visit.setting, "en-GB")
    return start_page(
        framed(visit, Step.START),
        visit,
        age_gate(visit.person, TODAY, asked.age_from),
        asked,
        unfinished=unfinished,
        services=services,
        zone=UTC,
        mistakes={},
    )


def test_five_doors_and_asking_first(visit: Make, framed: Framed, packs: Packs) -> None:
    shown = page(visit(), framed, packs)
    assert [door.value for door in shown.doors] == ["ask", "told", "worried", "danger", "not-now"]
    assert [door.value for door in shown.doors if door.primary] == ["ask"]
    assert (shown.cannot, shown.no_service, shown.sentences) == ((), False, ())


def test_mental_health_has_a_sixth(visit: Make, framed: Framed, packs: Packs) -> None:
    shown = page(visit(setting=Setting.MENTAL_HEALTH), framed, packs)
    assert "from-record" in [door.value for door in shown.doors]
    assert [value for value, _, selected in shown.settings if selected] == ["mental-health"]


def test_a_child_is_not_asked(visit: Make, framed: Framed, packs: Packs) -> None:
    shown = page(visit(person=Person("Kim", date(2011, 1, 1))), framed, packs)
    assert "ask" not in [door.value for door in shown.doors]
    assert [door.value for door in shown.doors if door.primary] == ["not-now"]
    assert shown.sentences


def test_an_unknown_age_has_to_be_confirmed(visit: Make, framed: Framed, packs: Packs) -> None:
    assert page(visit(person=Person(None, None)), framed, packs).needs_age_confirmed


def test_what_cannot_be_recorded_is_said(visit: Make, framed: Framed, packs: Packs) -> None:
    plan = replace(visit().plan, abilities=(Ability("Flag", False, "No flags.", "By hand."),))
    shown = page(visit(plan=plan), framed, packs, services=0)
    assert [ability.kind for ability in shown.cannot] == ["Flag"]
    assert (shown.can, shown.no_service) == ((), True)
    assert shown.by_hand


def test_what_is_kept_elsewhere_opens_nothing(visit: Make, framed: Framed, packs: Packs) -> None:
    kept = Ability("Provenance", False, "No.", "Our own audit has it.", rest=Rest.NOTHING)
    shown = page(visit(plan=replace(visit().plan, abilities=(kept,))), framed, packs)
    assert shown.cannot == (kept,)
    assert not shown.by_hand


def test_another_patient_is_neither_named_nor_resumed(visit: Make, framed: Framed, packs: Packs) -> None:
    begun = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    same = visit(id="old1", opened_at=begun)
    other = visit(id="old2", opened_at=begun, patient_id="p2", person=Person("Anna Whitfield", None))
    first, second = page(visit(), framed, packs, unfinished=(same, other)).unfinished
    assert (first.words, first.resume) == ("This patient, begun Sunday 1 March, 09:30", "old1")
    assert second.resume is None
    assert "Anna" not in second.words


def test_where_no_form_may_be_asked_the_other_doors_are_open_and_it_says_why(
    visit: Make, framed: Framed, packs: Packs
) -> None:
    shown = page(visit(), framed, packs, pack="nl")
    doors = {door.value: door.primary for door in shown.doors}
    assert "ask" not in doors
    assert [value for value, primary in doors.items() if primary] == ["not-now"]
    assert {"told", "worried", "danger"} < set(doors)
    assert "no reviewed Dutch version" in shown.sentences[0]


def test_the_age_to_confirm_is_the_packs_and_is_not_asked_in_vain(
    visit: Make, framed: Framed, packs: Packs
) -> None:
    ageless = visit(person=Person("A", None))
    shown = page(ageless, framed, packs)
    assert (shown.needs_age_confirmed, shown.age_from) == (True, 16)
    assert not page(ageless, framed, packs, pack="nl").needs_age_confirmed
