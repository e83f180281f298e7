"""What the page of an earlier form says: what could not be changed, and what to do by hand."""

import pytest

from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.reasons import REASONS, Why
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.web.presenters.amended import failures

PLAN = WritePlan(transaction=True, conditional=True, abilities=())


def told(check: Check, why: Why, kind: str = "Observation", words: str = "Said.") -> str:
    one = WrittenOne("Observation/1", kind, "Observation/1", check, words)
    return failures(Written((one,)), why, PLAN).get("Observation/1", "")


@pytest.mark.parametrize("why", Why)
def test_what_stands_as_wanted_says_nothing(why: Why) -> None:
    assert told(Check.VERIFIED, why) == told(Check.UNCONFIRMED, why) == ""


@pytest.mark.parametrize("why", Why)
@pytest.mark.parametrize("check", [Check.FAILED, Check.UNKNOWN, Check.NOT_OFFERED])
def test_each_failure_says_what_to_do_by_hand(check: Check, why: Why) -> None:
    said = told(check, why, "Task" if why is Why.REFERRAL_WITHDRAWN else "Observation")
    assert "Said." in said
    assert ("Try again" in said) is (check is not Check.NOT_OFFERED), "again would be in vain"
    by_hand = {
        Why.CORRECTED: "which answer is wrong",
        Why.HIDDEN: "hide it from online access",
        Why.REFERRAL_WITHDRAWN: "end the referral",
    }
    assert by_hand.get(why, "mark it as entered in error") in said


def test_an_unprotected_entry_is_an_alarm_and_no_matter_of_trying_again() -> None:
    said = told(Check.LABEL_LOST, Why.OTHER)
    assert said.startswith("ALARM")
    assert "by hand at once" in said
    assert "Try again" not in said


def test_nobody_is_asked_to_write_a_provenance_by_hand_as_an_error() -> None:
    assert "mark it as" not in told(Check.NOT_OFFERED, REASONS[0], "Provenance")
    unknown = failures(Written((WrittenOne("", "Basic", None, Check.FAILED),)), REASONS[0], PLAN)
    assert "Basic" in unknown["Basic"]
