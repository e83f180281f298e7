"""What takes two stewards: stages, who may do what, when referrals wait and where they go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.proposals import (
    ALLOWED,
    LAPSE,
    WAIT,
    Destination,
    Event,
    Kind,
    Proposal,
    Stage,
    agreed,
    destination,
    directed,
    held,
    hosted,
    is_turned,
    organisation_at,
    stopped,
)
from ipvscreen.ipv.services import Kind as ServiceKind
from ipvscreen.ipv.services import Service

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SERVICE = Service("s", ServiceKind.SPECIALIST, "S", "S", "all", "9 to 5", "020", 48, "https://old.test")
NEW = Proposal("p", Kind.ENDPOINT, "s", "https://new.test", "sam", AT)
AGREED = agreed(NEW, "sol", AT + timedelta(hours=1))


def test_the_stages_in_their_order() -> None:
    since = AGREED.in_force_at
    assert since == AT + timedelta(hours=1) + WAIT
    assert NEW.stage(AT) is Stage.PROPOSED
    assert NEW.stage(AT + LAPSE - SECOND) is Stage.PROPOSED
    assert NEW.stage(AT + LAPSE) is Stage.LAPSED
    assert AGREED.stage(since - SECOND) is Stage.AGREED
    assert AGREED.stage(since) is Stage.IN_FORCE
    assert stopped(AGREED, "sam", since - SECOND).stage(since + WAIT) is Stage.STOPPED


@pytest.mark.parametrize("kind", Kind)
def test_what_is_about_people_is_done_at_once_and_what_is_about_referrals_waits(kind: Kind) -> None:
    one = agreed(replace(NEW, kind=kind), "sol", AT)
    waits = kind in (Kind.ENDPOINT, Kind.INBOX)
    assert one.stage(AT) is (Stage.AGREED if waits else Stage.IN_FORCE)


def test_nobody_agrees_with_themselves() -> None:
    with pytest.raises(OutOfOrder):
        agreed(NEW, "sam", AT)
    assert agreed(NEW, "sol", AT).agreed_by == "sol"


def test_whoever_proposed_may_stop_it_as_well_as_any_other() -> None:
    for who in ("sam", "sol", "sid"):
        assert stopped(NEW, who, AT).stopped_by == who


@pytest.mark.parametrize("stage", Stage)
def test_only_what_the_table_allows_is_possible(stage: Stage) -> None:
    there = {
        Stage.PROPOSED: (NEW, AT),
        Stage.AGREED: (AGREED, AT + WAIT),
        Stage.IN_FORCE: (AGREED, AT + 2 * WAIT),
        Stage.STOPPED: (stopped(NEW, "sid", AT), AT),
        Stage.LAPSED: (NEW, AT + LAPSE),
    }
    one, now = there[stage]
    assert one.stage(now) is stage
    for event, do in ((Event.AGREE, agreed), (Event.STOP, stopped)):
        if event in ALLOWED[stage]:
            do(one, "sol", now)
        else:
            with pytest.raises(OutOfOrder):
                do(one, "sol", now)


def test_referrals_wait_from_the_proposal_until_it_is_in_force_stopped_or_over() -> None:
    wait = held([NEW], SERVICE, AT)
    assert wait is not None
    assert (wait.service, wait.phone, wait.until) == ("s", "020", AT + LAPSE)
    later = held([AGREED], SERVICE, AT + WAIT)
    assert later is not None
    assert later.until == AGREED.in_force_at
    assert held([AGREED], SERVICE, AGREED.in_force_at or AT) is None
    assert held([NEW], SERVICE, AT + LAPSE) is None
    assert held([stopped(NEW, "sol", AT)], SERVICE, AT) is None
    assert held([], SERVICE, AT) is None
    assert held([replace(NEW, about="other")], SERVICE, AT) is None
    assert held([replace(NEW, kind=Kind.END)], SERVICE, AT) is None


def test_referrals_go_where_two_decided_last_and_else_where_the_directory_says() -> None:
    inbox = agreed(
        replace(NEW, id="q", kind=Kind.INBOX, value="home", proposed_at=AT + WAIT), "sol", AT + WAIT
    )
    assert destination([], SERVICE, AT) == Destination("https://old.test")
    assert destination([NEW, AGREED], SERVICE, AT + WAIT) == Destination("https://old.test")
    assert destination([AGREED], SERVICE, AT + 2 * WAIT) == Destination("https://new.test")
    both = [inbox, AGREED]
    for order in (both, both[::-1]):
        assert destination(order, SERVICE, AT + 3 * WAIT) == Destination(organisation="home")
    undone = stopped(replace(inbox, id="r"), "sam", AT + WAIT)
    assert destination([AGREED, undone], SERVICE, AT + 3 * WAIT) == Destination("https://new.test")


def test_an_inbox_has_an_address_that_leads_nowhere_else() -> None:
    here = Destination(organisation="0" * 32)
    assert organisation_at(here.address) == "0" * 32
    assert urlsplit(here.address).scheme not in ("http", "https")
    for elsewhere in ("https://service.test/fhir", ""):
        assert Destination(endpoint=elsewhere).address == elsewhere
        assert organisation_at(elsewhere) is None


def test_an_organisation_has_the_services_whose_referrals_go_to_it_now() -> None:
    inbox = agreed(replace(NEW, kind=Kind.INBOX, value="harbour"), "sol", AT)
    since = inbox.in_force_at
    other = replace(SERVICE, id="t")
    assert hosted([inbox], [SERVICE, other], "harbour", since) == (SERVICE,)
    assert hosted([inbox], [SERVICE, other], "meadow", since) == ()
    assert hosted([inbox], [SERVICE, other], "harbour", since - SECOND) == ()
    assert hosted([inbox], [SERVICE, other], None, since) == (), "a steward has none"
    assert directed([inbox], SERVICE, since).endpoint == Destination(organisation="harbour").address
    assert directed([inbox], SERVICE, since - SECOND) == SERVICE


@pytest.mark.parametrize(
    ("proposals", "address", "after", "turned"),
    [
        ([], "https://old.test", timedelta(), False),
        ([NEW], "https://old.test", timedelta(), True),
        ([NEW], "https://old.test", LAPSE, False),
        ([AGREED], "https://old.test", LAPSE, True),
        ([AGREED], "https://old.test", WAIT * 2, True),
        ([AGREED], "https://new.test/", WAIT * 2, False),
        ([stopped(AGREED, "sam", AT + SECOND)], "https://old.test", WAIT, False),
        ([replace(AGREED, about="another")], "https://old.test", WAIT * 2, False),
        ([replace(AGREED, kind=Kind.STEWARD)], "https://old.test", WAIT * 2, False),
        ([replace(AGREED, kind=Kind.INBOX, value="org")], "https://old.test", WAIT * 2, True),
        ([replace(AGREED, kind=Kind.INBOX, value="org")], "inbox:org", WAIT * 2, False),
        ([AGREED, replace(NEW, proposed_at=AT + WAIT * 2)], "https://new.test", WAIT * 2, True),
    ],
)
def test_what_was_queued_goes_only_where_nobody_doubts_that_it_should(
    proposals: list[Proposal], address: str, after: timedelta, *, turned: bool
) -> None:
    assert is_turned(proposals, "s", address, AT + after) is turned
