"""The pages of questions, and the one that responds."""

import json
from collections.abc import Callable
from datetime import date

import pytest

from ipvscreen.ipv.draft import Draft, Recording
from ipvscreen.ipv.packs import Pack, Packs, Reason
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.validity import Row
from ipvscreen.ipv.visit import Door, Step, VisitState
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


def entry(who_can_see: str | None = None) -> EhrEntry:
    return EhrEntry(
        "sandbox", "https://ehr.test/fhir", "c", Setting.GP, "https://x.test/", None, who_can_see=who_can_see
    )


def asked(visit: Visit, framed: Framed, packs: Packs) -> QuestionsPage:
    return questions_page(framed(visit, Step.QUESTIONS), visit, of(packs, visit), entry(), {})


def of(packs: Packs, visit: Visit) -> Pack:
    return packs.of(None, visit.setting, "en-GB")


def responded(visit: Visit, framed: Framed, packs: Packs, rows: tuple[Row, ...]) -> RespondPage:
    assessment = assess_draft(visit.draft, of(packs, visit))
    return respond_page(framed(visit, Step.RESPOND), visit, assessment, of(packs, visit), rows, TODAY, {})


def lines(visit: Visit, packs: Packs, rows: tuple[Row, ...]) -> tuple[ResultLine, ...]:
    return result_lines(assess_draft(visit.draft, of(packs, visit)), visit, rows, TODAY)


def test_in_general_practice_the_past_item_waits_for_four_times_no(
    visit: Make, framed: Framed, packs: Packs
) -> None:
    shown = asked(visit(), framed, packs)
    assert [q.name for q in shown.main] == list(ITEMS)
    assert [q.name for q in shown.past] == ["aas-1"]
    assert json.loads(shown.past[0].when) == [[item, True, "LA32-8", [0]] for item in ITEMS]
    assert shown.hint
    assert shown.seen_by == SEEN_UNKNOWN


def test_in_mental_health_it_always_shows(visit: Make, framed: Framed, packs: Packs) -> None:
    shown = asked(visit(setting=Setting.MENTAL_HEALTH), framed, packs)
    assert (shown.past[0].when, shown.hint) == ("", False)


def test_antenatal_care_asks_the_whole_screen(visit: Make, framed: Framed, packs: Packs) -> None:
    shown = asked(visit(setting=Setting.ANTENATAL), framed, packs)
    assert {q.name for q in shown.main} >= {"aas-1", "aas-2", "aas-2-whom", "aas-3", "aas-5"}
    assert shown.past == ()


def test_who_can_see_it_is_said_where_it_is_known(visit: Make, framed: Framed, packs: Packs) -> None:
    shown = questions_page(
        framed(visit(), Step.QUESTIONS), visit(), of(packs, visit()), entry("Only the practice."), {}
    )
    assert shown.seen_by == "Only the practice."


def test_the_way_of_recording_is_kept(visit: Make, framed: Framed, packs: Packs) -> None:
    shown = asked(visit(draft=Draft(recording=Recording.NOTHING)), framed, packs)
    assert [way.value for way in shown.recordings if way.checked] == ["nothing"]


def test_respond_asks_five_quick_items(
    visit: Make, framed: Framed, packs: Packs, rows: tuple[Row, ...]
) -> None:
    draft = Draft(door=Door.ASK, entered={"hark": {"76500-8": YES}})
    shown = responded(visit(draft=draft), framed, packs, rows)
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
    visit: Make, framed: Framed, packs: Packs, rows: tuple[Row, ...]
) -> None:
    draft = Draft(door=Door.ASK, entered={"hark": dict.fromkeys(ITEMS, NO), "aas-1": {"aas-1": ("yes",)}})
    shown = responded(visit(draft=draft), framed, packs, rows)
    assert "contact" in [q.name for q in shown.quick]
    assert "raises no flag" in shown.flag_hint


def test_from_the_record_nothing_is_said_to_the_patient(
    visit: Make, framed: Framed, packs: Packs, rows: tuple[Row, ...]
) -> None:
    of_record = visit(setting=Setting.MENTAL_HEALTH, draft=Draft(door=Door.FROM_RECORD))
    assert responded(of_record, framed, packs, rows).say == ()


def test_a_result_says_in_whom_the_form_was_validated(
    visit: Make, packs: Packs, rows: tuple[Row, ...]
) -> None:
    draft = Draft(door=Door.ASK, entered={"hark": dict.fromkeys(ITEMS, YES)})
    man = visit(draft=draft, person=Person("Peter", date(1980, 1, 1), Sex.MALE))
    (hark,) = lines(man, packs, rows)
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
    packs: Packs,
    rows: tuple[Row, ...],
    hark: dict[str, tuple[str, ...]],
    names: list[str],
) -> None:
    asked_so_far = visit(state=VisitState.DISCLOSED, draft=Draft(door=Door.ASK, entered={"hark": hark}))
    assert [line.name for line in lines(asked_so_far, packs, rows)] == names


def test_incomplete_is_said_and_has_no_number(visit: Make, packs: Packs, rows: tuple[Row, ...]) -> None:
    (hark,) = lines(visit(draft=Draft(door=Door.ASK, entered={"hark": {"76500-8": NO}})), packs, rows)
    assert hark.outcome.startswith("Incomplete")
    assert hark.score == ""


def test_dangers_are_in_words(packs: Packs) -> None:
    draft = Draft(door=Door.DANGER, entered={"quick": {"neck": ("yes-recent",), "suicide": ("yes",)}})
    said = danger_lines(assess_draft(draft, packs.by_name["gp"]))
    assert said[0].startswith("Neck squeezed")
    assert said[-1] == "Your own judgement: danger now"


def test_general_practice_asks_why_today_in_one_tap_and_routine_does_not(
    visit: Make, framed: Framed, packs: Packs
) -> None:
    shown = asked(visit(draft=Draft(reason=Reason.INJURY)), framed, packs)
    assert [value for value, _, _ in shown.reasons] == [reason.value for reason in Reason]
    assert [value for value, _, chosen in shown.reasons if chosen] == ["injury"]
    assert not any(chosen for _, _, chosen in asked(visit(), framed, packs).reasons), "nothing is preset"
    routine = packs.by_name["gp-routine"]
    page = questions_page(framed(visit(), Step.QUESTIONS), visit(), routine, entry(), {})
    assert page.reasons == ()


def test_each_further_form_has_a_button_that_says_whether_it_was_begun(
    visit: Make, framed: Framed, packs: Packs, rows: tuple[Row, ...]
) -> None:
    draft = Draft(entered={"children": {"access": ("yes",)}, "impact": {}})
    shown = asked(visit(draft=draft), framed, packs)
    assert [(one.name, one.begun) for one in shown.further] == [
        ("children", True),
        ("impact", False),
        ("dash-result", False),
    ]
    of_record = visit(setting=Setting.MENTAL_HEALTH, draft=Draft(door=Door.FROM_RECORD))
    offered = [one.name for one in responded(of_record, framed, packs, rows).further]
    assert {"past", "impact"} <= set(offered)


def test_a_mistake_leads_to_its_place(visit: Make, framed: Framed, packs: Packs) -> None:
    found = {"76500-8": "Choose one.", "open": "Finish these, or leave them out: Children."}
    shown = questions_page(framed(visit(), Step.QUESTIONS), visit(), of(packs, visit()), entry(), found)
    assert shown.main[0].mistake == "Choose one."
    assert shown.mistakes[shown.main[0].id].endswith("by your partner or ex-partner? Choose one.")
    assert shown.mistakes["open"] == found["open"]
