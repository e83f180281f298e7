"""The inbox as a channel: the same dispatcher, and the same promises as towards a service's own system."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from ipvscreen.delivery.dispatcher import Dispatcher
from ipvscreen.delivery.hosted import take_in
from ipvscreen.delivery.points import Point
from ipvscreen.errors import DeliveryRefused
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.child import Child
from ipvscreen.ipv.referral import (
    Agreement,
    ContactWay,
    ReferralRequest,
    ReferralState,
    SafeContact,
    Sharing,
)
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.asked import asked_from_json, asked_to_json
from ipvscreen.store.facade import Store
from ipvscreen.store.jobs import Job

CONTACT = SafeContact(
    ContactWay.LETTER,
    "1 Mill Lane",
    times="mornings",
    letter=True,
    says_who=True,
    portal=True,
    code_word="lamp",
    not_to_know="Jo",
    review=date(2026, 3, 3),
)
AGREED = ReferralRequest(
    "mentors", CONTACT, frozenset({"housing", "legal"}), agreement=Agreement(True, False, date(2026, 3, 4))
)
SHARED = ReferralRequest(
    "mentors", SafeContact(ContactWay.SHE_CALLS), sharing=Sharing("Dr Osei", "child", True), urgent=True
)
KEY, HARBOUR = "key-1", "h" * 32


def consent(until: date) -> dict[str, Any]:
    """A message that says until when it was agreed, as far as that is read."""
    body = {"resourceType": "Consent", "provision": {"period": {"end": until.isoformat()}}}
    return {"resourceType": "Bundle", "type": "message", "entry": [{"resource": body}]}


@pytest.fixture
def queued(store: Store, new_visit, new_grant, new_referral) -> Callable[..., Any]:
    """Queues a referral for Harbour's inbox."""

    async def queue(request: ReferralRequest = AGREED) -> None:
        visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
        referral, job = new_referral()
        until = request.agreement.until if request.agreement else date(2027, 1, 1)
        asked = asked_to_json(request, "Anna Example")
        job = replace(job, endpoint=f"inbox:{HARBOUR}", body=consent(until), asked=asked)
        await store.referrals.add(visit, referral, job, state=VisitState.REFERRED)

    return queue


class Ended(BaseException):
    """As a process that ends."""


def dispatcher(store: Store, now: datetime, *, dies_at: Point | None = None) -> Dispatcher:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"nothing goes over a line: {request.url}")

    def reached(point: Point) -> None:
        if point is dies_at:
            raise Ended

    http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    return Dispatcher(store, http, lambda: now, reached=reached)


async def acts(store: Store) -> list[Act]:
    return [row.act async for row in store.audit.entries()]


@pytest.mark.parametrize(
    "request_",
    [AGREED, SHARED, replace(AGREED, child=Child(7)), replace(SHARED, child=Child(None))],
    ids=["agreed", "shared", "for a child", "for a child of no age"],
)
def test_what_is_asked_is_read_as_it_was_kept(request_: ReferralRequest) -> None:
    assert asked_from_json(asked_to_json(request_, "Anna")) == (request_, "Anna")
    assert asked_from_json(asked_to_json(request_, None)) == (request_, None)


def test_what_was_kept_before_there_was_a_code_word_is_read() -> None:
    stored = asked_to_json(SHARED, "Anna")
    for name in ("portal", "code_word", "not_to_know", "review"):
        del stored["whom"]["contact"][name]

    assert asked_from_json(stored) == (SHARED, "Anna")


async def test_it_becomes_a_case_and_the_referrer_has_the_receipt(store: Store, at: datetime, queued):
    await queued(replace(AGREED, child=Child(7)))
    later = at + timedelta(seconds=3)

    assert await dispatcher(store, later).run_once() == 1

    kept = await store.cases.in_inbox(KEY, HARBOUR)
    referral = await store.referrals.get(KEY)
    assert kept is not None
    assert referral is not None
    assert (kept.case.agreement, kept.case.help_wanted) == (AGREED.agreement, AGREED.help_wanted)
    assert (kept.case.organisation, kept.case.knows) == (HARBOUR, None)
    assert kept.case.child == Child(7)
    assert (referral.state, referral.received_at) == (ReferralState.RECEIVED, later)
    assert await store.cases.in_inbox(KEY, "m" * 32) is None
    assert await store.cases.of_organisation(HARBOUR) == [kept.case]
    assert await store.cases.of_organisation("m" * 32) == []
    assert await dispatcher(store, later).run_once() == 0, "the message is settled"
    assert await acts(store) == [Act.TAKEN_IN]


@pytest.mark.parametrize("point", [Point.CLAIMED, Point.ANSWERED, Point.SETTLED])
async def test_wherever_the_sender_ends_there_is_one_case(store: Store, at: datetime, queued, point: Point):
    await queued(SHARED)

    with pytest.raises(Ended):
        await dispatcher(store, at, dies_at=point).run_once()
    later = at + timedelta(minutes=1)  # the lease is over
    assert await dispatcher(store, later).run_once() == (point is not Point.SETTLED)

    case = (await store.cases.of_referrals([KEY]))[KEY].case
    referral = await store.referrals.get(KEY)
    assert referral is not None
    assert (referral.state, case.knows, case.steps) == (ReferralState.RECEIVED, True, 0)
    assert case.taken_in == (later if point is Point.CLAIMED else at)
    assert referral.received_at == case.taken_in, "the moment at which it was there"
    assert await acts(store) == [Act.TAKEN_IN]


@pytest.mark.parametrize("what", ["stopped", "ended"])
async def test_what_is_stopped_or_not_agreed_any_more_is_not_taken_in(
    store: Store, at: datetime, queued, what: str
):
    await queued()
    if what == "stopped":
        await store.outbox.cancel(KEY, at)
    day = at + timedelta(days=3 if what == "ended" else 0)

    await dispatcher(store, day).run_once()

    referral = await store.referrals.get(KEY)
    assert referral is not None
    state = {"stopped": ReferralState.CANCELLED, "ended": ReferralState.LAPSED}[what]
    assert referral.state is state
    assert await store.cases.of_referrals([KEY]) == {}
    assert await acts(store) == []


async def test_a_sender_that_comes_too_late_takes_nothing_in(store: Store, at: datetime, queued):
    """Paused for longer than its lease: another has found meanwhile that it lapsed."""
    await queued()
    (job,) = await store.outbox.claim(at, 1, 30.0)
    await dispatcher(store, at + timedelta(days=3)).run_once()

    with pytest.raises(DeliveryRefused):
        await take_in(store.cases, job, HARBOUR, at)

    assert await store.cases.of_referrals([KEY]) == {}


async def test_a_message_that_does_not_say_what_is_asked_is_refused(store: Store, at: datetime):
    job = Job("1", KEY, KEY, KEY, f"inbox:{HARBOUR}", {}, 1, "lease", at)

    with pytest.raises(DeliveryRefused):
        await take_in(store.cases, job, HARBOUR, at)
