"""What a decline leads to, what may be told back, and what a referrer sees."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from ipvscreen.ipv.case import CLOSED, BusinessStatus, CaseEvent, CaseState, TaskStatus
from ipvscreen.ipv.case_codes import DECLINE_WORDS, OUTCOME_WORDS, STATE_WORDS, Decline, Outcome
from ipvscreen.ipv.case_step import Case, Release, case_of
from ipvscreen.ipv.loop import (
    LEADS,
    Happened,
    Lead,
    Progress,
    Proposal,
    Sending,
    Telling,
    Told,
    after_decline,
    progress_of,
    telling,
    timeline,
)
from ipvscreen.ipv.loop import (
    proposed as proposed_for,
)
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact, Sharing
from ipvscreen.ipv.services import Kind, Need, Service

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY = AT.date()
AGREED = Agreement(out=True, back=True, until=date(2026, 9, 2))
CASE = case_of("key-1", ReferralRequest("s-1", SafeContact(ContactWay.SHE_CALLS), agreement=AGREED), AT)
NEED = Need(age=30, sex=Sex.FEMALE, setting=Setting.GP, current=True, past=False, danger=False, day=DAY)
LAST = timedelta(days=1)


def service(ident: str, kind: Kind = Kind.SPECIALIST, **other: Any) -> Service:
    words = {"name": ident, "short_name": ident, "for_whom": "Anybody.", "hours": "always", "phone": "1"}
    return Service(
        ident, kind, **words, reply_hours=48, endpoint="https://x.test", contact_rules_signed=DAY, **other
    )


SERVICES = (
    service("a"),
    service("b"),
    service("men", sexes=frozenset({Sex.MALE})),
    service("h", Kind.HIGH_RISK),
)


def proposed(reason: Decline, *declined: str) -> tuple[Lead, str | None]:
    found = after_decline(SERVICES, NEED, declined, reason)
    return found.lead, found.service and found.service.service.id


def test_a_decline_leads_to_the_next_best_that_has_not_declined() -> None:
    assert proposed(Decline.NO_CAPACITY) == (Lead.ANOTHER, "a")
    assert proposed(Decline.NO_CAPACITY, "a") == (Lead.ANOTHER, "b")
    assert proposed(Decline.OUT_OF_AREA, "a", "b", "h") == (Lead.ANOTHER, None), "one for men does not fit"
    assert proposed(Decline.ABOVE_THRESHOLD, "a") == (Lead.HIGHER, "h"), "who takes more goes first"
    assert proposed(Decline.ABOVE_THRESHOLD, "a", "h") == (Lead.HIGHER, "b")


@pytest.mark.parametrize("reason", Decline)
def test_nobody_else_is_proposed_where_that_is_not_wanted(reason: Decline) -> None:
    lead = LEADS[reason]
    quiet = lead in (Lead.NOTHING, Lead.ASK)
    assert (after_decline(SERVICES, NEED, (), reason) == Proposal(lead)) is quiet


def test_the_reasons_after_which_it_rests() -> None:
    rests = {reason.value for reason, lead in LEADS.items() if lead is Lead.NOTHING}
    assert rests == {
        "person-declined", "agreement-withdrawn", "already-known", "duplicate", "sent-in-error",
    }  # fmt: skip
    assert {reason.value for reason, lead in LEADS.items() if lead is Lead.ASK} == {
        "insufficient-info", "no-way-to-contact",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("case", "day", "told"),
    [
        (CASE, DAY, Told.ALL),
        (CASE, AGREED.until, Told.ALL),
        (CASE, AGREED.until + LAST, Told.NOT_TAKEN),
        (replace(CASE, agreement=replace(AGREED, back=False)), DAY, Told.NOT_TAKEN),
        (replace(CASE, agreement=None), DAY, Told.NOT_TAKEN),
        (replace(CASE, told_nothing=True), DAY, Told.NOT_TAKEN),
    ],
)
def test_what_was_agreed_decides(case: Case, day: date, told: Told) -> None:
    found = telling(case, day, release_required=False)
    assert found.told is told
    assert bool(found.why) is (told is not Told.ALL)


def test_sharing_without_agreement_lets_nothing_back() -> None:
    shared = ReferralRequest(
        "s-1", SafeContact(ContactWay.SHE_CALLS), sharing=Sharing("Dr Clark", "child", told=True)
    )
    assert telling(case_of("k", shared, AT), DAY, release_required=False).told is Told.NOT_TAKEN


RELEASE = Release(DAY, DAY + timedelta(days=30))


@pytest.mark.parametrize(
    ("release", "day", "told"),
    [
        (None, DAY, Told.RECEIPT),
        (RELEASE, DAY - LAST, Told.RECEIPT),
        (RELEASE, DAY, Told.ALL),
        (RELEASE, RELEASE.until, Told.ALL),
        (RELEASE, RELEASE.until + LAST, Told.RECEIPT),
    ],
)
def test_where_a_release_is_required_nothing_is_told_without_one(
    release: Release | None, day: date, told: Told
) -> None:
    case = replace(CASE, release=release)
    assert telling(case, day, release_required=True).told is told
    assert telling(replace(case, agreement=None), day, release_required=True).told is not Told.ALL, (
        "a release is beside the agreement, not instead of it"
    )


DAYS = st.integers(0, 400).map(lambda number: DAY + timedelta(days=number))
RELEASES = st.none() | st.builds(
    lambda on, for_: Release(on, on + timedelta(days=for_)), DAYS, st.integers(1, 200)
)
CASES = st.builds(
    lambda release, until, back, silent, state: replace(
        CASE,
        release=release,
        agreement=replace(AGREED, back=back, until=until),
        told_nothing=silent,
        state=state,
        reason=Decline.NO_CAPACITY if state is CaseState.DECLINED else None,
    ),
    RELEASES,
    DAYS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(CaseState),
)


def tells_without_a_release(case: Case, day: date, *, release_required: bool) -> bool:
    """Whether a state or what comes next is seen on a day that no release holds for."""
    if case.release and case.release.signed_on <= day <= case.release.until:
        return False
    may = telling(case, day, release_required=release_required)
    seen = timeline(SENDING, case, [Happened(AT, CaseEvent.OPEN, case.state)], may)
    next_one = proposed_for([service("s-2")], NEED, {"s-1"}, case, may)
    return may.told is not Told.RECEIPT or len(seen.moments) > 2 or next_one is not None


@given(CASES, DAYS)
def test_where_a_release_is_required_every_other_day_tells_nothing(case: Case, day: date) -> None:
    assert not tells_without_a_release(case, day, release_required=True)
    told = telling(case, day, release_required=True).told
    assert (told is Told.ALL) <= (
        not case.told_nothing and case.agreement is not None and case.agreement.back
    )


def test_the_law_elsewhere_would_be_noticed() -> None:
    """The control of the test above."""
    found = find(
        st.tuples(CASES, DAYS), lambda drawn: tells_without_a_release(*drawn, release_required=False)
    )
    assert found[0].release is None


def test_what_the_record_may_hold_is_codes_and_a_moment() -> None:
    declined = replace(CASE, state=CaseState.DECLINED, reason=Decline.NO_CAPACITY)
    assert progress_of(declined, AT) == Progress(
        TaskStatus.REJECTED, BusinessStatus.CLOSED, AT, Decline.NO_CAPACITY
    )
    ended = replace(CASE, state=CaseState.COMPLETED, outcome=Outcome.MOVED_ON)
    assert progress_of(ended, AT) == Progress(
        TaskStatus.COMPLETED, BusinessStatus.CLOSED, AT, None, Outcome.MOVED_ON
    )


def test_what_nobody_has_brought_yet_was_not_sent() -> None:
    assert timeline(Sending("Willow", None, None), None, (), Telling(Told.RECEIPT)).moments == ()


SENDING = Sending("Willow", AT, AT + timedelta(minutes=1))
WAY = (
    (CaseEvent.OPEN, CaseState.OPENED),
    (CaseEvent.CHECK, CaseState.OPENED),
    (CaseEvent.ACCEPT, CaseState.ACCEPTED),
    (CaseEvent.CONTACT, CaseState.CONTACTED),
    (CaseEvent.CONTACT, CaseState.CONTACTED),
    (CaseEvent.ENGAGE, CaseState.ENGAGED),
    (CaseEvent.DANGER, CaseState.ENGAGED),
    (CaseEvent.WEEKLY, CaseState.ENGAGED),
    (CaseEvent.COMPLETE, CaseState.COMPLETED),
)
HAPPENED = [Happened(AT + timedelta(hours=n), event, state) for n, (event, state) in enumerate(WAY, 1)]


def test_a_referrer_sees_each_state_once_and_what_it_ended_with() -> None:
    ended = replace(CASE, state=CaseState.COMPLETED, outcome=Outcome.AS_PLANNED)
    found = timeline(SENDING, ended, HAPPENED, Telling(Told.ALL))

    assert (found.service, found.why) == ("Willow", "")
    assert [(one.status.value, one.words) for one in found.moments] == [
        ("sent", "sent"),
        ("delivered", "it has arrived"),
        ("opened", "somebody there has opened it"),
        ("opened", "taken on"),
        ("contact-attempted", "they have tried to get in touch"),
        ("engaged", "they are in touch"),
        ("closed", "ended: ended as planned"),
    ]
    assert [one.at for one in found.moments] == sorted(one.at for one in found.moments)


def test_a_state_that_comes_again_is_told_again() -> None:
    states = (CaseState.WAITING, CaseState.ENGAGED, CaseState.WAITING)
    happened = [Happened(AT, CaseEvent.WAIT, state) for state in states]
    found = timeline(SENDING, replace(CASE, state=CaseState.WAITING), happened, Telling(Told.ALL))
    assert [one.words for one in found.moments[2:]] == [STATE_WORDS[state] for state in states]


def test_before_a_service_has_it_there_is_only_the_way() -> None:
    waits = timeline(replace(SENDING, received_at=None), None, (), Telling(Told.ALL))
    assert [one.status for one in waits.moments] == [BusinessStatus.SENT]
    assert timeline(SENDING, None, (), Telling(Told.ALL)).why == ""


def test_without_agreement_only_that_it_was_not_taken_on() -> None:
    why = telling(replace(CASE, told_nothing=True), DAY, release_required=False)
    declined = replace(CASE, state=CaseState.DECLINED, reason=Decline.ELIGIBILITY)
    way = [HAPPENED[0], Happened(AT + timedelta(hours=2), CaseEvent.DECLINE, CaseState.DECLINED)]

    found = timeline(SENDING, declined, way, why)
    assert [one.words for one in found.moments] == ["sent", "it has arrived", "not taken on"]
    assert found.why == why.why
    agreed = timeline(SENDING, declined, way, Telling(Told.ALL))
    assert agreed.moments[-1].words == "not taken on: they are there for other people"


happenings = st.lists(st.sampled_from(CaseState), max_size=12).map(
    lambda states: [Happened(AT, CaseEvent.OPEN, state) for state in states]
)


@given(
    st.sampled_from(CaseState),
    st.none() | st.sampled_from(Decline),
    st.none() | st.sampled_from(Outcome),
    happenings,
    st.booleans(),
)
def test_no_word_of_the_person_comes_back_without_agreement(
    state: CaseState,
    reason: Decline | None,
    outcome: Outcome | None,
    happened: list[Happened],
    release_required: bool,
) -> None:
    case = replace(CASE, state=state, reason=reason, outcome=outcome, agreement=None)
    found = timeline(SENDING, case, happened, telling(case, DAY, release_required=release_required))

    told = {one.words for one in found.moments}
    allowed = {"sent", "it has arrived"} | (set() if release_required else {STATE_WORDS[CaseState.DECLINED]})
    assert told <= allowed
    assert not told & {*DECLINE_WORDS.values(), *OUTCOME_WORDS.values()}
    assert found.why
    assert CLOSED


NOT_TAKEN = replace(CASE, state=CaseState.DECLINED, reason=Decline.ABOVE_THRESHOLD)
ALL, LESS, NONE = (
    Telling(Told.ALL),
    Telling(Told.NOT_TAKEN, "not agreed"),
    Telling(Told.RECEIPT, "no release"),
)


def test_what_is_proposed_tells_no_more_than_may_be_told() -> None:
    def lead(case: Case, telling: Telling) -> Lead | None:
        found = proposed_for(SERVICES, NEED, ("a",), case, telling)
        return found and found.lead

    assert lead(NOT_TAKEN, ALL) is Lead.HIGHER
    assert lead(NOT_TAKEN, LESS) is Lead.ANOTHER, "the reason may not be told"
    assert lead(NOT_TAKEN, NONE) is None
    assert lead(CASE, ALL) is None, "nothing was declined"
    unwanted = replace(NOT_TAKEN, reason=Decline.PERSON_DECLINED)
    assert lead(unwanted, ALL) is None
    assert lead(unwanted, LESS) is Lead.ANOTHER, "or it would tell the reason"
    assert lead(replace(NOT_TAKEN, reason=Decline.INSUFFICIENT_INFO), ALL) is Lead.ASK
