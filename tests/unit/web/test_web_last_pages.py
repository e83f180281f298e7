"""Danger, the sheets, sent, done, not now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ipvscreen.ipv.assessment import Assessment, Danger
from ipvscreen.ipv.case import CaseState
from ipvscreen.ipv.draft import Call, Draft
from ipvscreen.ipv.referral import LATE, ReferralState
from ipvscreen.ipv.services import Kind, Match, Service, Verdict
from ipvscreen.ipv.validity import Row
from ipvscreen.ipv.visit import Door, Step, VisitState
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.sdc.form import Form
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.closing import CODES, REASONS, not_now_page
from ipvscreen.web.presenters.danger import danger_page
from ipvscreen.web.presenters.done import done_page
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.refer import NOTHING, Entered, Sheet, refer_page, share_page, sheet
from ipvscreen.web.presenters.sent import sent_page
from ipvscreen.web.words import Numbers

TODAY = date(2026, 3, 2)
UNTIL, LATEST = date(2026, 9, 2), date(2027, 3, 2)
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
QUIET = Assessment((), current=False, past=False)
DANGER = Assessment((), current=True, past=False, dangers=(Danger.NECK,))
SERVICE = Service(
    "s1",
    Kind.SPECIALIST,
    "Harbour Service",
    "Harbour",
    "For all.",
    "Mon-Fri",
    "01632 1",
    48,
    "https://s.test",
)
FITS = Match(SERVICE, Verdict.YES, ("Answers what the person asked for.",))
FITS_NOT = Match(replace(SERVICE, id="s2", short_name="Young"), Verdict.NO, ("For children; no child.",))
Make = Callable[..., Visit]
Framed = Callable[[Visit, Step], Frame]
Forms = dict[str, Form]


def a_sheet(
    visit: Visit,
    forms: Forms,
    assessment: Assessment = QUIET,
    matches: tuple[Match, ...] = (FITS, FITS_NOT),
    entered: Entered = NOTHING,
) -> Sheet:
    return sheet(visit, assessment, matches, forms["quick"], Numbers(), entered)


def a_referral(**changes: object) -> Referral:
    made = Referral("k", "v1", "s1", "Harbour", "01632 1", ReferralState.QUEUED, NOW, NOW)
    return replace(made, **changes)  # type: ignore[arg-type]  # changed by name, as each test says


STOPPING = a_referral(state=ReferralState.STOPPING, received_at=NOW, stopped_at=NOW)


def test_danger_opens_what_was_answered(visit: Make, framed: Framed) -> None:
    shown = danger_page(
        framed(visit(), Step.DANGER), visit(draft=Draft(call=Call.MADE)), DANGER, Numbers(), {}
    )
    assert (shown.neck_open, len(shown.lines)) == (True, 1)
    assert [value for value, _, checked in shown.calls if checked] == ["made"]
    assert not danger_page(framed(visit(), Step.DANGER), visit(), QUIET, Numbers(), {}).neck_open


def test_a_sheet_presets_nothing_but_the_help_that_was_wished_for(visit: Make, forms: Forms) -> None:
    shown = a_sheet(visit(), forms, replace(QUIET, wishes=frozenset({"safety"})))
    assert not any(checked for _, _, checked in shown.ways)
    assert not any(one.checked for one in shown.services)
    assert [value for value, _, checked in shown.help_wanted if checked] == ["safety"]
    assert (shown.blocked, shown.urgent, shown.values) == ("", False, {})


def test_a_service_that_does_not_fit_is_told_with_its_reason(visit: Make, forms: Forms) -> None:
    shown = a_sheet(visit(), forms)
    assert [one.id for one in shown.services] == ["s1"]
    assert [(one.id, one.reasons) for one in shown.others] == [("s2", ("For children; no child.",))]


def test_what_is_between_thresholds_stands_apart_with_its_reasons(visit: Make, forms: Forms) -> None:
    reasons = ("The risk is too low for them.", "Not for this age.")
    between = Match(replace(SERVICE, id="s3"), Verdict.BETWEEN, reasons)
    shown = a_sheet(visit(), forms, matches=(FITS, between, FITS_NOT))
    assert [(one.id, one.reasons) for one in shown.between] == [("s3", reasons)]
    assert [one.id for one in shown.others] == ["s2"]
    assert [one.id for one in shown.services] == ["s1"], "only a yes is offered"


@pytest.mark.parametrize(
    ("matches", "reason"), [((FITS_NOT,), "For children; no child. "), ((), "the directory is empty. ")]
)
def test_when_nothing_fits_somebody_keeps_contact(
    visit: Make, forms: Forms, matches: tuple[Match, ...], reason: str
) -> None:
    shown = a_sheet(visit(), forms, matches=matches)
    assert shown.none_fits.startswith(
        f"Nothing listed fits: {reason}The gap is counted without a name. The patient still needs someone: Dr"
    )
    assert shown.keep == ("Dr Osei", "")


def test_in_danger_send_waits_for_the_call(visit: Make, forms: Forms) -> None:
    assert a_sheet(visit(), forms, DANGER).blocked
    assert a_sheet(visit(), forms, DANGER).urgent
    called = visit(draft=Draft(call=Call.DECLINED))
    assert not a_sheet(called, forms, DANGER).blocked


def test_what_did_not_pass_is_shown_again(visit: Make, framed: Framed, forms: Forms) -> None:
    values = {"service": "s1", "way": "text", "until": "2026-04-01", "basis": "child", "urgent": "no"}
    entered = Entered(values, frozenset({"legal"}), {"number": "Give the number."})
    shown = a_sheet(visit(), forms, DANGER, entered=entered)
    assert (shown.services[0].checked, shown.urgent) == (True, False)
    assert [value for value, _, checked in shown.ways if checked] == ["text"]
    assert [value for value, _, checked in shown.help_wanted if checked] == ["legal"]
    page = refer_page(framed(visit(), Step.REFER), visit(), shown, until=UNTIL, latest=LATEST)
    assert page.until == "2026-04-01"
    bases = share_page(framed(visit(), Step.SHARE), shown).bases
    assert [value for value, _, checked in bases if checked] == ["child"]


def test_an_agreement_has_an_end_preset(visit: Make, framed: Framed, forms: Forms) -> None:
    page = refer_page(
        framed(visit(), Step.REFER),
        visit(),
        a_sheet(visit(), forms),
        until=date(2026, 9, 2),
        latest=date(2027, 3, 2),
    )
    assert (page.until, page.latest) == ("2026-09-02", "2027-03-02")
    assert "It ends on 2 September 2026" in page.consent
    assert page.record[0].heading == "Nothing was added to the health record."


@pytest.mark.parametrize(
    ("referral", "tone", "start"),
    [
        (a_referral(), "waiting", "Kept safely, not yet received by Harbour"),
        (a_referral(state=ReferralState.RECEIVED, received_at=NOW), "good", "Received by Harbour at 10:00"),
        (a_referral(state=ReferralState.REFUSED), "alarm", "Harbour did not take it."),
        (a_referral(state=ReferralState.CANCELLED), "alarm", "Harbour: stopped, nothing more is sent."),
        (a_referral(state=ReferralState.LAPSED), "alarm", "Harbour: not sent, because what was agreed"),
        (a_referral(queued_at=NOW - LATE), "alarm", "Kept safely since"),
        (STOPPING, "waiting", "Harbour had it, and is being told that it is not wanted any more. It has not"),
        (replace(STOPPING, stopped_at=NOW - LATE), "alarm", "Harbour had it, and is being told"),
        (
            replace(STOPPING, state=ReferralState.TOLD, told_at=NOW),
            "good",
            "Harbour had it, and has heard that it is not wanted any more, Monday 2 March",
        ),
        (replace(STOPPING, state=ReferralState.UNTOLD), "alarm", "Harbour has it, and nobody there has been"),
    ],
)
def test_sent_says_what_became_of_it(
    visit: Make, framed: Framed, referral: Referral, tone: str, start: str
) -> None:
    page = sent_page(
        framed(visit(), Step.SENT), [referral], None, visit().plan, told="the manager", zone=UTC, now=NOW
    )
    assert page.lines[0].tone == tone
    assert page.lines[0].text.startswith(start)
    assert page.waiting is (referral.state in (ReferralState.QUEUED, ReferralState.STOPPING))
    assert page.record == ()


@pytest.mark.parametrize(
    ("state", "case", "can"),
    [
        (ReferralState.QUEUED, None, True),
        (ReferralState.RECEIVED, None, True),
        (ReferralState.RECEIVED, CaseState.OPENED, True),
        (ReferralState.RECEIVED, CaseState.COMPLETED, False),
        (ReferralState.RECEIVED, CaseState.CANCELLED, False),
        (ReferralState.STOPPING, None, False),
        (ReferralState.TOLD, None, False),
        (ReferralState.UNTOLD, None, False),
    ],
)
def test_it_can_be_stopped_while_that_does_something(
    visit: Make, framed: Framed, state: ReferralState, case: CaseState | None, *, can: bool
) -> None:
    one = a_referral(state=state, received_at=NOW, stopped_at=NOW)
    cases = {one.id: case} if case else {}
    page = sent_page(
        framed(visit(), Step.SENT), [one], None, visit().plan, told=None, zone=UTC, now=NOW, cases=cases
    )
    assert bool(page.lines[0].stop) is can
    assert ("sees now that it is not wanted" in page.lines[0].text) is (case is CaseState.CANCELLED)


def test_sent_says_who_has_to_ring_and_what_the_record_holds(visit: Make, framed: Framed) -> None:
    written = Written((WrittenOne("k", "Task", "Task/1", Check.VERIFIED),))
    page = sent_page(
        framed(visit(), Step.SENT), [a_referral()], written, visit().plan, told=None, zone=UTC, now=NOW
    )
    assert "If none comes, ring them: this app tells nobody by itself yet." in page.lines[0].text
    assert page.record[0].heading == "Recorded and checked: the task that follows it."


def test_a_negative_offers_words_and_no_reassurance(
    visit: Make, framed: Framed, rows: tuple[Row, ...]
) -> None:
    saved = Written((WrittenOne("k", "Observation", "Observation/1", Check.VERIFIED),))
    one = visit(state=VisitState.RECORDED, draft=Draft(door=Door.ASK), written=saved)
    page = done_page(framed(one, Step.DONE), one, QUIET, rows, TODAY, disclosed=False, noted=None)
    assert (page.say, page.private, page.heading) == (words.AFTER_NEGATIVE, (words.NO_YES,), "Saved")
    assert (page.follow_up, page.noted) == ("2026-03-16", "")


def test_declined_and_disclosed_have_words_of_their_own(
    visit: Make, framed: Framed, rows: tuple[Row, ...]
) -> None:
    one = visit(state=VisitState.UNRECORDED, draft=Draft(declined=True))
    page = done_page(framed(one, Step.DONE), one, DANGER, rows, TODAY, disclosed=False, noted=TODAY)
    assert (page.say, page.private) == (words.DECLINED, ())
    assert (page.unrecorded, page.heading) == (True, "Not yet recorded")
    assert page.noted == "Follow-up noted for 2 March 2026."
    after_yes = done_page(framed(one, Step.DONE), one, DANGER, rows, TODAY, disclosed=True, noted=None)
    assert (after_yes.say, len(after_yes.dangers)) == ("", 1)
    assert "could not be looked up" in " ".join(after_yes.private)


def test_not_now_is_the_same_for_everybody_until_a_reason_is_recorded(visit: Make, framed: Framed) -> None:
    one = visit(state=VisitState.DEFERRED)
    page = not_now_page(framed(one, Step.NOT_NOW), one, TODAY, noted=None)
    assert (page.text, page.notices, len(page.reasons)) == (words.NOT_NOW, (), len(REASONS))
    recorded = replace(one, written=Written((WrittenOne("k", "Observation", "o/1", Check.VERIFIED),)))
    page = not_now_page(framed(one, Step.NOT_NOW), recorded, TODAY, noted=TODAY)
    assert (page.text, len(page.notices), page.reasons) == ("", 1, ())


def test_codes_are_distinct() -> None:
    assert len({code for code, _ in CODES}) == len(CODES)
