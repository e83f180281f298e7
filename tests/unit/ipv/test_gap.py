"""What was missing when nothing fitted: without a name, an id or a day."""

from dataclasses import asdict, replace
from datetime import date

import pytest

from ipvscreen.ipv.children import ChildNeed, Exposure, Sequence, child_plan
from ipvscreen.ipv.draft import Left
from ipvscreen.ipv.gap import Gap, gap_of, left_after
from ipvscreen.ipv.matching import match
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Kind, Need, Rule, Service, Verdict

TODAY = date(2026, 3, 2)
MENTORS = Service(
    id="mentors-77",
    kind=Kind.MENTOR_MOTHER,
    name="Mentors of Nowhere",
    short_name="Mentors",
    for_whom="For mothers.",
    hours="9-5",
    phone="01632 960111",
    reply_hours=48,
    endpoint="https://mentors.example/fhir",
    sexes=frozenset({Sex.FEMALE}),
    contact_rules_signed=date(2026, 1, 15),
)
YOUNG = replace(MENTORS, id="young", kind=Kind.CHILDREN, sexes=frozenset(), age_to=11)
MAN = Need(40, Sex.MALE, Setting.GP, current=True, past=False, danger=False, day=TODAY, children=False)


def test_no_gap_where_something_fits() -> None:
    woman = replace(MAN, sex=Sex.FEMALE)
    assert gap_of(match((MENTORS,), woman), woman) is None


def test_only_what_was_wished_for_is_looked_at() -> None:
    need = replace(MAN, wishes=frozenset({"someone-who-has-been-there", "nothing-now"}), area="E1")
    gap = gap_of(match((MENTORS, YOUNG), need), need)
    assert gap == Gap(
        kinds=frozenset({Kind.MENTOR_MOTHER, Kind.PEER_MENTOR, Kind.PEER_GROUP}),
        excluded_by=frozenset({Rule.SEX}),
        area="E1",
        month="2026-03",
    )


def test_without_a_wish_every_service_counts() -> None:
    gap = gap_of(match((MENTORS, YOUNG), MAN), MAN)
    assert gap is not None
    assert (gap.kinds, gap.excluded_by) == (frozenset(), {Rule.SEX, Rule.CHILDREN})


def test_an_empty_directory_is_a_gap_without_a_rule() -> None:
    assert gap_of((), MAN) == Gap(frozenset(), frozenset(), None, "2026-03")


def test_a_gap_names_nobody_and_no_service() -> None:
    told = repr(asdict(gap_of(match((MENTORS, YOUNG), MAN), MAN) or pytest.fail("there is a gap")))
    for part in ("40", "male'", "mentors-77", "Nowhere", "960111", "2026-03-02"):
        assert part not in told


@pytest.mark.parametrize(
    ("exposure", "takes", "verdict"),
    [
        (Exposure.ONGOING, False, Verdict.NO),
        (Exposure.INTERMITTENT, False, Verdict.NO),
        (Exposure.PAST, False, Verdict.YES),
        (None, False, Verdict.YES),
        (Exposure.ONGOING, True, Verdict.YES),
    ],
)
def test_what_goes_on_and_off_goes_on_for_a_child(
    exposure: Exposure | None, takes: bool, verdict: Verdict
) -> None:
    need = ChildNeed(9, exposure).need(Setting.GP, TODAY)
    (found,) = match((replace(YOUNG, takes_current=takes),), need)
    assert found.verdict is verdict


def test_a_child_has_its_own_gap() -> None:
    need = ChildNeed(12, Exposure.ONGOING, area="E1").need(Setting.GP, TODAY)
    gap = gap_of(match((MENTORS, YOUNG), need), need)
    assert gap == Gap(
        frozenset({Kind.CHILDREN, Kind.CHILDREN_MENTAL_HEALTH}),
        frozenset({Rule.AGE}),
        "E1",
        "2026-03",
        child=True,
    )


def test_a_child_without_a_service_has_an_owner_an_interim_plan_and_a_day() -> None:
    plan = child_plan(" Dr Clark ", "a talk at school ", date(2026, 3, 16), Sequence.SAFETY_FIRST, day=TODAY)
    assert (plan.owner, plan.interim, plan.review) == ("Dr Clark", "a talk at school", date(2026, 3, 16))
    assert plan.sequence is Sequence.SAFETY_FIRST


@pytest.mark.parametrize(
    ("owner", "interim", "review", "wrong"),
    [
        (" ", "a talk", date(2026, 3, 16), "named owner"),
        ("Dr Clark", "", date(2026, 3, 16), "what is done meanwhile"),
        ("Dr Clark", "a talk", TODAY, "later day"),
    ],
)
def test_a_plan_with_a_hole_is_no_plan(owner: str, interim: str, review: date, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        child_plan(owner, interim, review, day=TODAY)


@pytest.mark.parametrize(
    ("before", "fits", "then"),
    [
        (None, True, None),
        (None, False, Left.OPEN),
        (Left.OPEN, False, Left.OPEN),
        (Left.OPEN, True, None),
        (Left.KEPT, True, Left.KEPT),
        (Left.KEPT, False, Left.KEPT),
    ],
)
def test_who_was_shown_that_nothing_fits_is_not_left_without_somebody(
    before: Left | None, fits: bool, then: Left | None
) -> None:
    assert left_after(before, fits=fits) is then
