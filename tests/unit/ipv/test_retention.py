"""How long what is stored is kept."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.retention import (
    ENDED_REFERRALS,
    RULES,
    WAITING_REFERRALS,
    WAITING_VISITS,
    Days,
    Rule,
    Waits,
    due,
)
from ipvscreen.ipv.visit import VisitState

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def test_the_daily_job_never_comes_to_what_waits_for_somebody() -> None:
    assert {one.rule.waits for one in due(Days(), NOW)} == {Waits.NO, Waits.EITHER}
    by_hand = {one.rule.table for one in due(Days(), NOW, by_hand=True) if one.rule.by_hand}
    assert by_hand == {"cases", "referrals", "visits"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.table} {rule.waits}")
def test_each_rule_counts_its_own_days(rule: Rule) -> None:
    names = [field.name for field in fields(Days)]
    days = Days(**{name: number for number, name in enumerate(names, 2)})

    (one,) = [one for one in due(days, NOW, by_hand=True) if one.rule is rule]

    assert one.before == NOW - timedelta(days=names.index(rule.days) + 2)


def test_every_setting_has_a_rule() -> None:
    assert {rule.days for rule in RULES} == {field.name for field in fields(Days)}


def test_what_refers_to_a_visit_goes_before_it() -> None:
    tables = [rule.table for rule in RULES]

    assert all(tables.index("visits") > tables.index(name) for name in ("referrals", "followups", "accounts"))
    assert tables.index("referrals") > tables.index("cases")


def test_a_referral_that_is_queued_is_never_over() -> None:
    assert not ENDED_REFERRALS & WAITING_REFERRALS
    over = ENDED_REFERRALS | WAITING_REFERRALS
    assert set(ReferralState) - over == {
        ReferralState.QUEUED,
        ReferralState.DRAFTED,
        ReferralState.STOPPING,
    }


def test_a_visit_that_is_sent_on_or_finished_waits_for_nobody() -> None:
    not_waiting = set(VisitState) - WAITING_VISITS

    on_its_way = {VisitState.SAVING, VisitState.INTERRUPTED}  # an open row of the journal says that it waits
    looking = {VisitState.OPENED, VisitState.ACCOUNT, VisitState.EARLIER}
    assert not_waiting == {VisitState.REFERRED, VisitState.CLOSED} | on_its_way | looking
