"""The pages of questions, and the one that responds."""

from collections.abc import Callable
from datetime import date

import pytest

from ipvscreen.ipv.draft import Draft, Recording
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.validity import Row
from ipvscreen.ipv.visit import Door, Step, VisitState
from ipvscreen.sdc.form import Form
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.questions import SEEN_UNKNOWN, QuestionsPage, questions_page
from ipvscreen.web.presenters.respond import RespondPage, respond_page
from ipvscreen.web.presenters.results import ResultLine, danger_lines, result_lines
from ipvscreen.web.rooms import EhrEntry

TODAY = date(2026, 3, 2)
YES, NO = ("LA33-6",), ("LA32-8",)
ITEMS = ("76500-8", "76501-6", "76502-4", "76503-2")
Make = Callable[..., Visit]
Framed = Callable[[Visit, Step], Frame]
Forms = dict[str, Form]


def entry(who_can_see: str | None = None) -> EhrEntry:
    return EhrEntry(
        "sandbox", "https://ehr.test/fhir", "c", Setting.GP, "https://x.test/", None, who_can_see=who_can_see
    )


def asked(visit: Visit, framed: Framed, forms: Forms) -> QuestionsPage:
    return questions_page(framed(visit, Step.QUESTIONS), visit, forms, entry())


def responded(visit: Visit, framed: Framed, forms: Forms, rows: tuple[Row, ...]) -> RespondPage:
    assessment = assess_draft(visit.draft, forms, visit.setting)
    return respond_page(framed(visit, Step.RESPOND), visit, assessment, forms, rows, TODAY)


def lines(visit: Visit, forms: Forms, rows: tuple[Row, ...]) -> tuple[ResultLine, ...]:
    return result_lines(assess_draft(visit.draft, forms, visit.setting), visit, rows, TODAY)


def test_in_general_practice_the_past_item_waits_for_four_times_no(
    visit: Make, framed: Framed, forms: Forms
) -> None:
    shown = asked(visit(), framed, forms)
    assert [q.name for q in shown.main] == list(ITEMS)
    assert [q.name for q in shown.past] == ["aas-1"]
    assert shown.past[0].when == " ".join(f"{item}=LA32-8" for item in ITEMS)
    assert shown.hint
    assert shown.seen_by == SEEN_UNKNOWN


def test_in_mental_health_it_always_shows(visit: Make, framed: Framed, forms: Forms) -> None:
    shown = asked(visit(setting=Setting.MENTAL_HEALTH), framed, forms)
    assert (shown.past[0].when, shown.hint) == ("", False)


def test_antenatal_care_asks_the_whole_screen(visit: Make, framed: Framed, forms: Forms) -> None:
    shown = asked(visit(setting=Setting.ANTENATAL), framed, forms)
    assert {q.name for q in shown.main} >= {"aas-1", "aas-2", "aas-2-whom", "aas-3", "aas-5"}
    assert shown.past == ()


def test_who_can_see_it_is_said_where_it_is_known(visit: Make, framed: Framed, forms: Forms) -> None:
    shown = questions_page(framed(visit(), Step.QUESTIONS), visit(), forms, entry("Only the practice."))
    assert shown.seen_by == "Only the practice."


def test_the_way_of_recording_is_kept(visit: Make, framed: Framed, forms: Forms) -> None:
    shown = asked(visit(draft=Draft(recording=Recording.NOTHING)), framed, forms)
    assert [way.value for way in shown.recordings if way.checked] == ["nothing"]


def test_respond_asks_five_quick_items(
    visit: Make, framed: Framed, forms: Forms, rows: tuple[Row, ...]
) -> None:
    draft = Draft(door=Door.ASK, entered={"hark": {"76500-8": YES}})
    shown = responded(visit(draft=draft), framed, forms, rows)
    assert [q.name for q in shown.quick] == [
        "safe-today",
        "neck",
        "suicide",
        "children-or-pregnant",
        "help-now",
    ]
    assert shown.say[0] == words.AFTER_POSITIVE
    assert (shown.flag, shown.flag_hint) == (False, "")


def test_the_past_alone_asks_about_contact_and_raises_no_flag(
    visit: Make, framed: Framed, forms: Forms, rows: tuple[Row, ...]
) -> None:
    draft = Draft(door=Door.ASK, entered={"hark": dict.fromkeys(ITEMS, NO), "aas-1": {"aas-1": ("yes",)}})
    shown = responded(visit(draft=draft), framed, forms, rows)
    assert "contact" in [q.name for q in shown.quick]
    assert "raises no flag" in shown.flag_hint


def test_from_the_record_nothing_is_said_to_the_patient(
    visit: Make, framed: Framed, forms: Forms, rows: tuple[Row, ...]
) -> None:
    of_record = visit(setting=Setting.MENTAL_HEALTH, draft=Draft(door=Door.FROM_RECORD))
    assert responded(of_record, framed, forms, rows).say == ()


def test_a_result_says_in_whom_the_form_was_validated(
    visit: Make, forms: Forms, rows: tuple[Row, ...]
) -> None:
    draft = Draft(door=Door.ASK, entered={"hark": dict.fromkeys(ITEMS, YES)})
    man = visit(draft=draft, person=Person("Peter", date(1980, 1, 1), Sex.MALE))
    (hark,) = lines(man, forms, rows)
    assert (hark.name, hark.score) == ("HARK", "Total 4")
    assert "this patient is a man" in hark.validity


@pytest.mark.parametrize(
    ("hark", "names"),
    [
        (dict.fromkeys(ITEMS, NO), ["HARK", "AAS, first item"]),
        ({"76500-8": YES}, ["HARK"]),
        ({"76500-8": NO}, ["HARK"]),
    ],
)
def test_an_item_that_was_never_due_has_no_result(
    visit: Make,
    forms: Forms,
    rows: tuple[Row, ...],
    hark: dict[str, tuple[str, ...]],
    names: list[str],
) -> None:
    asked_so_far = visit(state=VisitState.DISCLOSED, draft=Draft(door=Door.ASK, entered={"hark": hark}))
    assert [line.name for line in lines(asked_so_far, forms, rows)] == names


def test_incomplete_is_said_and_has_no_number(visit: Make, forms: Forms, rows: tuple[Row, ...]) -> None:
    (hark,) = lines(visit(draft=Draft(door=Door.ASK, entered={"hark": {"76500-8": NO}})), forms, rows)
    assert hark.outcome.startswith("Incomplete")
    assert hark.score == ""


def test_dangers_are_in_words(forms: Forms) -> None:
    draft = Draft(door=Door.DANGER, entered={"quick": {"neck": ("yes-recent",), "suicide": ("yes",)}})
    said = danger_lines(assess_draft(draft, forms, Setting.GP))
    assert said[0].startswith("Neck squeezed")
    assert said[-1] == "Your own judgement: danger now"
