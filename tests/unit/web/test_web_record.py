"""What stands in the record is said plainly, the worst first, with what to do."""

from dataclasses import replace

import pytest

from ipvscreen.resources.fallback import Rest
from ipvscreen.resources.plan import Ability, WritePlan
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.web.presenters.record import by_hand, kind_words, notices

PLAN = WritePlan(
    True, True, (Ability("Observation", True), Ability("Flag", False, "No flags.", "Set the alert by hand."))
)


def one(kind: str, check: Check, words: str = "") -> WrittenOne:
    return WrittenOne("k", kind, f"{kind}/1", check, words)


def test_all_verified_is_one_good_sentence() -> None:
    written = Written((one("Observation", Check.VERIFIED), one("QuestionnaireResponse", Check.VERIFIED)))
    (good,) = notices(written, PLAN)
    assert (good.tone, good.heading) == ("good", "Recorded and checked: the answers, the results.")


@pytest.mark.parametrize("written", [None, Written()])
def test_nothing_written_is_said(written: Written | None) -> None:
    (said,) = notices(written, PLAN)
    assert said.heading == "Nothing was added to the health record."


@pytest.mark.parametrize(
    ("check", "tone", "words"),
    [
        (Check.LABEL_LOST, "alarm", "ALARM"),
        (Check.WITHDRAWN, "alarm", "so it was taken back"),
        (Check.FAILED, "warning", "NOT recorded"),
        (Check.UNKNOWN, "warning", "may be there or not"),
        (Check.UNCONFIRMED, "warning", "not yet found again"),
    ],
)
def test_each_other_fate_says_what_to_do(check: Check, tone: str, words: str) -> None:
    (said,) = notices(Written((one("Observation", check, "Its own words."),)), PLAN)
    assert said.tone == tone
    assert words in said.heading
    assert said.details == ("Its own words.",)
    assert said.do_this


def test_what_was_not_offered_says_what_the_plan_says() -> None:
    (said,) = notices(Written((one("Flag", Check.NOT_OFFERED),)), PLAN)
    assert said.do_this == "Set the alert by hand."
    (fallback,) = notices(Written((one("Observation", Check.NOT_OFFERED),)), replace(PLAN, abilities=()))
    assert "by hand" in fallback.do_this


def test_an_alarm_comes_before_what_went_well() -> None:
    written = Written((one("Observation", Check.VERIFIED), one("Flag", Check.LABEL_LOST)))
    assert [said.tone for said in notices(written, PLAN)] == ["alarm", "good"]


@pytest.mark.parametrize("check", [Check.LABEL_LOST, Check.WITHDRAWN])
def test_after_a_loss_nobody_is_told_to_try_again(check: Check) -> None:
    written = Written((one("Observation", check), one("Flag", Check.FAILED, "Withheld.")))
    alarm, withheld = notices(written, PLAN)
    assert alarm.tone == "alarm"
    assert "by hand" in withheld.do_this
    assert "Try again" not in withheld.do_this
    (control,) = notices(Written((one("Flag", Check.FAILED),)), PLAN)
    assert "Try again" in control.do_this


def test_a_label_that_came_late_is_said_and_good() -> None:
    (said,) = notices(Written((one("Flag", Check.VERIFIED, "It came late."),)), PLAN)
    assert (said.tone, said.details[1:]) == ("good", ("It came late.",))


def test_the_same_words_are_said_once() -> None:
    written = Written((one("Observation", Check.FAILED, "No."), one("Flag", Check.FAILED, "No.")))
    (said,) = notices(written, PLAN)
    assert said.details == ("No.",)


def test_a_kind_that_is_not_ours_has_no_words() -> None:
    assert kind_words(["Device", "Flag"], PLAN) == ("a flag",)


KEEPS = WritePlan(
    False,
    False,
    (
        Ability("ServiceRequest", False, "No requests.", "As a task.", rest=Rest.NOTHING, carrier="Task"),
        Ability("Task", True),
        Ability("Provenance", False, "No provenance.", "The audit has it.", rest=Rest.NOTHING),
        Ability("Flag", False, "No flags.", "Set the alert by hand."),
    ),
)


def test_what_is_kept_elsewhere_is_said_last_and_asks_for_nothing() -> None:
    written = Written((one("Provenance", Check.NOT_OFFERED), one("Flag", Check.NOT_OFFERED, "Words.")))
    flag, kept = notices(written, KEEPS)
    assert (flag.tone, flag.details, flag.do_this) == ("warning", ("Words.",), "Set the alert by hand.")
    assert kept.heading == "Not in the record: who recorded it. Nothing has to be done."
    assert (kept.tone, kept.details, kept.do_this) == ("good", ("The audit has it.",), "")


def test_what_a_person_has_to_enter_can_be_said_alone() -> None:
    written = Written((one("Provenance", Check.NOT_OFFERED), one("Flag", Check.NOT_OFFERED, "Words.")))
    (flag,) = by_hand(written, KEEPS)
    assert flag.details == ("Words.",)
    assert by_hand(Written(written.items[:1]), KEEPS) == ()
    assert by_hand(None, KEEPS) == ()


def test_a_task_that_carries_the_referral_is_called_so() -> None:
    (good,) = notices(Written((one("Task", Check.VERIFIED),)), KEEPS)
    assert good.heading == "Recorded and checked: the referral, as a task."
