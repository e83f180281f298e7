"""Who may let in whom, and how long a session stands."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from ipvscreen.ipv.lasting import ABSOLUTE, IDLE, stands
from ipvscreen.ipv.members import Member, Role, looks_after, may_invite

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def member(role: Role, organisation: str | None = "home", ident: str = "1") -> Member:
    return Member(ident, role, "N", None if role is Role.STEWARD else organisation)


@pytest.mark.parametrize(
    ("role", "organisation"), [(Role.STEWARD, "home"), (Role.WORKER, None), (Role.COORDINATOR, None)]
)
def test_only_a_steward_has_no_organisation(role: Role, organisation: str | None) -> None:
    with pytest.raises(ValueError, match="steward"):
        Member("1", role, "N", organisation)


def test_only_a_coordinator_invites_and_no_steward() -> None:
    found = {(by, role) for by, role in product(Role, Role) if may_invite(member(by), role)}
    assert found == {(Role.COORDINATOR, Role.WORKER), (Role.COORDINATOR, Role.COORDINATOR)}


def test_a_coordinator_looks_after_the_workers_of_her_own_organisation_alone() -> None:
    found = {
        (by, role, home)
        for by, role, home in product(Role, Role, ("home", "other"))
        if looks_after(member(by), member(role, home, "2"))
    }
    assert found == {(Role.COORDINATOR, Role.WORKER, "home")}


@pytest.mark.parametrize(
    ("opened", "seen", "stood"),
    [
        (timedelta(0), timedelta(0), True),
        (IDLE - timedelta(seconds=1), IDLE - timedelta(seconds=1), True),
        (IDLE, IDLE, False),
        (ABSOLUTE - timedelta(seconds=1), timedelta(0), True),
        (ABSOLUTE, timedelta(0), False),
        (timedelta(0), timedelta(seconds=-1), False),
    ],
)
def test_a_session_stands_while_it_is_used_and_for_eight_hours(
    opened: timedelta, seen: timedelta, stood: bool
) -> None:
    assert stands(AT - opened, AT - seen, AT) is stood
