"""A clinician puts right what was written before, told as a clinical story."""

from typing import Any

HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NO, YES = "LA32-8", "LA33-6"


def test_an_answer_was_heard_wrong_and_later_the_patient_withdraws_all(clinician: Any, running: Any) -> None:
    c = clinician
    c.examined = False  # the pages up to here are looked at elsewhere
    c.launch("irene-proxy")
    c.door("ask")
    c.see("questions")
    c.answer(dict.fromkeys(HARK, NO) | {"aas-1": "no"})
    c.primary()
    c.see("done")

    c.launch("irene-proxy")
    c.examined = True
    c.click("summary:has-text('Earlier forms')")
    c.click("button[name=earlier]")
    c.see("earlier")
    assert "the answers: as it was recorded, protected" in c.text()
    c.click("button[name=correct]")
    c.page.wait_for_selector(f"input[name='{HARK[1]}']")
    c.see("earlier")
    assert c.page.is_checked(f"input[name='{HARK[1]}'][value='{NO}']")
    c.choose(HARK[1], YES)
    c.primary()
    c.page.wait_for_selector("button[value='first-page']")
    assert "the results: corrected, protected" in c.text()

    c.click("summary:has-text('does not agree any more')")
    c.click("button[value='withdraw']")
    c.page.wait_for_selector("text=taken back as an error, protected >> visible=true")
    c.primary()
    c.see("start")

    found = [*running.read("Observation", patient="irene-proxy")]
    assert {body["status"] for body in found} == {"entered-in-error"}
    assert all({"R", "NOPAT"} <= {label["code"] for label in body["meta"]["security"]} for body in found)
