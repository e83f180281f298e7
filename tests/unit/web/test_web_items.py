"""Items as controls: named by linkId, with keys, and hidden until they are due."""

from ipvscreen.sdc.form import Form
from ipvscreen.web.presenters.items import questions, when_all_no


def test_each_control_is_named_by_its_link_id_and_offers_pass(forms: dict[str, Form]) -> None:
    shown = questions(forms["hark"], {})
    assert [q.name for q in shown] == ["76500-8", "76501-6", "76502-4", "76503-2"]
    assert [(c.value, c.label, c.key) for c in shown[0].choices] == [
        ("LA33-6", "Yes", "y"),
        ("LA32-8", "No", "n"),
        ("pass", "Pass", "p"),
    ]
    assert not any(choice.checked for q in shown for choice in q.choices)


def test_what_was_entered_is_chosen_again(forms: dict[str, Form]) -> None:
    shown = questions(forms["hark"], {"76500-8": ("LA33-6",), "76501-6": ("pass",)})
    chosen = [[c.value for c in q.choices if c.checked] for q in shown]
    assert chosen == [["LA33-6"], ["pass"], [], []]


def test_follow_ups_wait_for_their_yes(forms: dict[str, Form]) -> None:
    shown = {q.name: q for q in questions(forms["aas"], {"aas-2-times": ("3",)})}
    assert shown["aas-2"].when == ""
    assert (shown["aas-2-whom"].when, shown["aas-2-whom"].follows) == ("aas-2=yes", True)
    assert (shown["aas-2-times"].control, shown["aas-2-times"].value) == ("number", "3")
    assert shown["aas-2-times"].choices == ()


def test_more_than_one_may_be_chosen_where_it_repeats(forms: dict[str, Form]) -> None:
    help_now = next(q for q in questions(forms["quick"], {}) if q.name == "help-now")
    assert help_now.control == "checkbox"
    assert {c.key for c in help_now.choices} <= {"", "p"}


def test_one_can_be_left_out(forms: dict[str, Form]) -> None:
    everything = [q.name for q in questions(forms["quick"], {})]
    assert [*(q.name for q in questions(forms["quick"], {}, but="contact")), "contact"] == everything


def test_all_no_is_a_condition_over_every_item(forms: dict[str, Form]) -> None:
    assert when_all_no(forms["hark"]) == "76500-8=LA32-8 76501-6=LA32-8 76502-4=LA32-8 76503-2=LA32-8"
