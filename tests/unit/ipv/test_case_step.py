"""One step of a case: what must be said with it, what a role may do, and no way that is not safe."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.errors import IpvscreenError, StepRefused
from ipvscreen.ipv.case import CLOSED, HANDED_OVER, MAY, TRANSITIONS, CaseEvent, CaseRole, CaseState
from ipvscreen.ipv.case_codes import Decline, Outcome, PassedOn, Tried
from ipvscreen.ipv.case_step import (
    DETAILS,
    SAID,
    Case,
    Release,
    Step,
    case_of,
    possible,
    safe_ways,
    shown_to,
    taken,
)
from ipvscreen.ipv.conflict import Answer, Facts
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact, Sharing

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PHONE = SafeContact(ContactWay.PHONE, "07700 900123")
AGREED = Agreement(out=True, back=True, until=date(2026, 9, 2))
REQUEST = ReferralRequest("s-1", PHONE, frozenset({"housing"}), agreement=AGREED, urgent=True)
NEW = case_of("key-1", REQUEST, AT)
MINE = replace(NEW, state=CaseState.ACCEPTED, mentor="m")
GIVEN: dict[str, Any] = {
    "reason": Decline.NO_CAPACITY,
    "outcome": Outcome.AS_PLANNED,
    "way": ContactWay.PHONE,
    "tried": Tried.REACHED,
    "passed_on": PassedOn.ADVOCATE,
    "mentor": "m",
    "facts": Facts(Answer.NO, mentors={"m": Answer.NO}),
    "release": Release(date(2026, 3, 2), date(2026, 9, 2)),
}


def step(event: CaseEvent, role: CaseRole = CaseRole.COORDINATOR, member: str = "c", **other: Any) -> Step:
    said = {name: GIVEN[name] for name in SAID[event]} | other
    if event is CaseEvent.FAIL and "outcome" not in other:
        said["outcome"] = Outcome.NOT_REACHED
    return Step(event, role, member, **said)


def test_a_case_arrives_with_what_was_agreed_and_without_a_name() -> None:
    ways = frozenset({ContactWay.PHONE, ContactWay.SHE_CALLS})
    expected = Case("key-1", "s-1", AT, ways, False, frozenset({"housing"}), True, AGREED)
    assert expected == NEW
    assert (NEW.state, NEW.steps) == (CaseState.DELIVERED, 0)


@pytest.mark.parametrize(
    ("contact", "ways"),
    [
        (PHONE, {"phone"}),
        (replace(PHONE, text=True, letter=True, email=True), {"phone", "text", "letter", "email"}),
        (SafeContact(ContactWay.EMAIL, "a@b.test"), {"email"}),
        (SafeContact(ContactWay.SHE_CALLS, text=True, letter=True, email=True), set()),
    ],
)
def test_only_what_was_said_to_be_safe_is(contact: SafeContact, ways: set[str]) -> None:
    assert safe_ways(contact) == {ContactWay.SHE_CALLS, *map(ContactWay, ways)}


@pytest.mark.parametrize("event", [CaseEvent.CONTACT, CaseEvent.WEEKLY])
@pytest.mark.parametrize("way", ContactWay)
@pytest.mark.parametrize("safe", ContactWay)
def test_contact_is_never_tried_by_another_way(event: CaseEvent, way: ContactWay, safe: ContactWay) -> None:
    case = replace(NEW, state=CaseState.ENGAGED, ways=frozenset({safe}))
    if way is safe:
        assert taken(case, step(event, way=way), AT).steps == 1
        return
    with pytest.raises(StepRefused, match="not said to be safe"):
        taken(case, step(event, way=way), AT)


def test_nothing_is_left_on_voicemail_unless_that_was_said() -> None:
    left = step(CaseEvent.CONTACT, tried=Tried.VOICEMAIL)
    with pytest.raises(StepRefused, match="voicemail"):
        taken(MINE, left, AT)
    assert taken(replace(MINE, voicemail=True), left, AT).state is CaseState.CONTACTED


def test_each_event_goes_with_its_own_details_and_no_others() -> None:
    open_state = {CaseEvent.OPEN: CaseState.DELIVERED, CaseEvent.WEEKLY: CaseState.ENGAGED}
    early = {CaseEvent.ACCEPT, CaseEvent.DECLINE}
    for event in CaseEvent:
        state = CaseState.OPENED if event in early else open_state.get(event, CaseState.ACCEPTED)
        case = replace(NEW, state=state, facts=GIVEN["facts"])
        good = step(event)
        assert taken(case, good, AT).steps == 1, event
        for name in DETAILS:
            other = None if name in SAID[event] else GIVEN[name]
            with pytest.raises(ValueError, match="goes with"):
                taken(case, replace(good, **{name: other}), AT)


def test_what_a_step_says_is_kept() -> None:
    case = replace(MINE, facts=GIVEN["facts"])
    for event, name in (
        (CaseEvent.ASSIGN, "mentor"),
        (CaseEvent.RELEASE, "release"),
        (CaseEvent.COMPLETE, "outcome"),
    ):
        assert getattr(taken(case, step(event), AT), name) == GIVEN[name]
    declined = taken(replace(NEW, state=CaseState.OPENED), step(CaseEvent.DECLINE), AT)
    assert (declined.reason, declined.closed_at, declined.state) == (
        Decline.NO_CAPACITY,
        AT,
        CaseState.DECLINED,
    )
    checked = taken(MINE, step(CaseEvent.CHECK, facts=Facts(mentors={"m": Answer.YES})), AT)
    assert (checked.facts.both, checked.facts.mentors) == (None, {"m": Answer.YES})
    again = taken(checked, step(CaseEvent.CHECK, facts=Facts(Answer.YES, apart=True)), AT)
    assert again.facts == Facts(Answer.YES, apart=True, mentors={"m": Answer.YES})
    silent = taken(case, step(CaseEvent.TELL_NOTHING), AT)
    assert silent.told_nothing
    assert not taken(silent, step(CaseEvent.RELEASE), AT).told_nothing


@pytest.mark.parametrize(
    ("event", "outcome"), [(CaseEvent.COMPLETE, Outcome.NOT_REACHED), (CaseEvent.FAIL, Outcome.AS_PLANNED)]
)
def test_the_outcome_fits_the_end(event: CaseEvent, outcome: Outcome) -> None:
    with pytest.raises(StepRefused, match="does not fit"):
        taken(MINE, step(event, outcome=outcome), AT)


def test_a_role_does_what_its_table_says() -> None:
    for role in CaseRole:
        for event in CaseEvent:
            made = step(event, role, member="m")
            case = replace(MINE, facts=GIVEN["facts"])
            if event not in TRANSITIONS[case.state]:
                continue
            if event in MAY[role]:
                assert taken(case, made, AT).steps == 1
                continue
            whose = "Only the service" if role is CaseRole.REFERRER else "for a coordinator"
            with pytest.raises(StepRefused, match=whose):
                taken(case, made, AT)


def test_a_worker_acts_on_what_was_handed_over_to_her() -> None:
    other = step(CaseEvent.ENGAGE, CaseRole.WORKER, member="another")
    with pytest.raises(StepRefused, match="handed over"):
        taken(MINE, other, AT)
    assert taken(MINE, replace(other, member="m"), AT).state is CaseState.ENGAGED
    assert taken(MINE, step(CaseEvent.DANGER, CaseRole.WORKER, member="another"), AT).state is MINE.state
    assert taken(NEW, step(CaseEvent.OPEN, CaseRole.WORKER, member="another"), AT).state is CaseState.OPENED


def test_nothing_is_handed_over_before_the_check() -> None:
    with pytest.raises(StepRefused, match="nobody sees names"):
        taken(replace(MINE, mentor=None), step(CaseEvent.ASSIGN), AT)


@pytest.mark.parametrize("days", [0, -1])
def test_a_release_ends(days: int) -> None:
    with pytest.raises(ValueError, match="must end"):
        Release(date(2026, 3, 2), date(2026, 3, 2) + timedelta(days=days))


steps = st.builds(
    Step,
    event=st.sampled_from(CaseEvent),
    role=st.sampled_from(CaseRole),
    member=st.sampled_from(("m", "n")),
    reason=st.none() | st.sampled_from(Decline),
    outcome=st.none() | st.sampled_from(Outcome),
    way=st.none() | st.sampled_from(ContactWay),
    tried=st.none() | st.sampled_from(Tried),
    mentor=st.none() | st.just("m"),
    facts=st.none() | st.just(GIVEN["facts"]),
)
sensible = st.tuples(st.sampled_from(CaseEvent), st.sampled_from(CaseRole), st.sampled_from(("m", "c"))).map(
    lambda one: step(*one)
)


@given(st.lists(steps | sensible, max_size=30))
def test_whatever_is_tried_a_case_is_only_closed_once_and_keeps_its_promises(tried: list[Step]) -> None:
    case = NEW
    for number, one in enumerate(tried):
        try:
            later = taken(case, one, AT + timedelta(minutes=number))
        except (IpvscreenError, ValueError):
            continue
        assert case.state not in CLOSED
        assert later.steps == case.steps + 1
        assert (later.closed_at is None) is (later.state not in CLOSED)
        assert one.way is None or one.way in case.ways
        assert one.event in MAY[one.role]
        assert later.mentor is None or later.facts.mentors[later.mentor] is Answer.NO
        assert (later.reason is None) is (later.state is not CaseState.DECLINED)
        assert (later.outcome is None) is (later.state not in (CaseState.COMPLETED, CaseState.FAILED))
        case = later


def test_a_worker_does_not_see_what_another_has() -> None:
    whose = {None: True, "w": True, "x": False}
    for mentor, seen in whose.items():
        one = replace(NEW, mentor=mentor)
        assert shown_to(one, CaseRole.WORKER, "w") is seen
        assert shown_to(one, CaseRole.COORDINATOR, "c")


@pytest.mark.parametrize(("state", "role"), list(product(CaseState, CaseRole)))
def test_what_is_possible_is_what_the_tables_allow(state: CaseState, role: CaseRole) -> None:
    for mentor in (None, "w", "x"):
        one = replace(NEW, state=state, mentor=mentor)
        allowed = {
            event
            for event in MAY[role] & set(TRANSITIONS[state])
            if role is not CaseRole.WORKER or mentor == "w" or event not in HANDED_OVER
        }
        assert set(possible(one, role, "w")) == allowed


def test_whether_the_person_knows_comes_along_where_it_was_shared() -> None:
    for told in (True, False):
        sharing = Sharing("Dr Osei", "child", told, None if told else "It would add to the danger")
        request = ReferralRequest("s", SafeContact(ContactWay.SHE_CALLS), sharing=sharing)
        assert case_of("key", request, AT, "o").knows is told
    assert (NEW.knows, NEW.organisation) == (None, None)
