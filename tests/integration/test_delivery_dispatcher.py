"""The dispatcher with the real outbox and the sandbox charity: it arrives once, or a person hears."""

import asyncio
import socket
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from structlog.testing import capture_logs

from ipvscreen.cli.logs import ALLOWED
from ipvscreen.delivery import dispatcher as module
from ipvscreen.delivery.dispatcher import Dispatcher
from ipvscreen.delivery.pace import Pace
from ipvscreen.delivery.points import Point
from ipvscreen.sandbox.charity import create_charity
from ipvscreen.sandbox.switches import Refuse
from ipvscreen.store.outbox import Job, Standing

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def message():
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": "https://codes.example", "code": "referral"},
        "source": {"endpoint": "https://app.test"},
    }
    return {
        "resourceType": "Bundle",
        "type": "message",
        "identifier": {"system": "https://ids.example", "value": str(uuid.uuid4())},
        "entry": [{"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": header}],
    }


def job(name="one", attempts=1, queued_at=NOW, endpoint="https://service.test/fhir"):
    return Job(
        id=f"job-{name}",
        referral_id=f"referral-{name}",
        key=f"key-{name}",
        correlation=f"correlation-{name}",
        endpoint=endpoint,
        body=message(),
        attempts=attempts,
        lease="lease",
        queued_at=queued_at,
    )


class Outbox:
    """An outbox that remembers how each job was settled."""

    def __init__(self, *jobs):
        self.jobs = list(jobs)
        self.settled = {}
        self.claims = []
        self.fault = None
        self.standings = {}
        self.hurried = []
        self.waiting_long = 0

    async def name_recipients(self):
        pass

    async def late(self, now):
        return self.waiting_long

    async def standing(self, job, now):
        return self.standings.get(job.id, Standing.GO)

    async def hold(self, job, due):
        self.settled[job.id] = ("held", due)
        return True

    async def lapse(self, job, standing):
        self.settled[job.id] = (standing,)
        return True

    async def claim(self, now, limit, lease_seconds, each):
        self.claims.append((now, limit, lease_seconds))
        if self.fault:
            raise self.fault
        claimed, self.jobs = self.jobs[:limit], self.jobs[limit:]
        return claimed

    async def finish(self, job, receipt, now, hurry=None):
        self.hurried += [(job.id, hurry)] if hurry else []
        self.settled[job.id] = ("finished", receipt, now)
        return True

    async def fail(self, job, due, words):
        self.settled[job.id] = ("later", due, words)
        return True

    async def refuse(self, job, words):
        if job.id == "job-broken":
            raise RuntimeError("the store is gone")
        self.settled[job.id] = ("refused", words)
        return True


class ByHand:
    """What people bring, of which there is nothing here."""

    async def lapse(self, now):
        return 0


class Store:
    def __init__(self, outbox):
        self.outbox, self.by_hand, self.cases = outbox, ByHand(), None


class Clock:
    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at


@pytest.fixture
def charity():
    return create_charity(base_url="https://service.test", token="reads", clock=lambda: NOW)


@pytest.fixture
async def http(charity):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(charity)) as client:
        yield client


def made(outbox, http, **more):
    return Dispatcher(Store(outbox), http, Clock(), spread=lambda: 0.0, **more)


async def test_what_is_due_arrives_and_is_finished_with_a_receipt(charity, http):
    outbox = Outbox(job("one"), job("two"))

    assert await made(outbox, http).run_once() == 2

    received = [body["id"] for body in charity.state.sandbox.received()]
    assert len(received) == 2
    assert set(outbox.settled) == {"job-one", "job-two"}
    assert {how for how, _, _ in outbox.settled.values()} == {"finished"}
    assert {receipt for _, receipt, _ in outbox.settled.values()} == {f"Bundle/{ident}" for ident in received}


async def test_the_claim_outlives_the_push(http):
    outbox = Outbox()

    assert await made(outbox, http).run_once() == 0

    ((_, limit, lease),) = outbox.claims
    assert limit == Pace().at_once
    assert lease / 2 > Pace().push


@pytest.mark.parametrize("lose", [True, "hang-up"])
async def test_a_lost_answer_leads_to_a_second_try_and_one_message(charity, http, lose):
    first = job()
    outbox = Outbox(first)
    dispatcher = made(outbox, http)
    charity.state.sandbox.switches.lose_answer = lose

    await dispatcher.run_once()
    assert outbox.settled["job-one"][0] == "later"

    charity.state.sandbox.switches.lose_answer = False
    outbox.jobs = [first]
    await dispatcher.run_once()

    (received,) = charity.state.sandbox.received()
    assert outbox.settled["job-one"] == ("finished", f"Bundle/{received['id']}", NOW)


async def test_the_wait_is_what_the_service_asks_for_where_that_is_longer(charity, http):
    outbox = Outbox(job("one"), job("two", attempts=9, queued_at=NOW - timedelta(days=9)))
    charity.state.sandbox.switches.refuse = 429  # Retry-After: 7

    await made(outbox, http).run_once()

    assert outbox.settled["job-one"][1] == NOW + timedelta(seconds=7)
    assert outbox.settled["job-two"][1] == NOW + timedelta(seconds=1280)


async def test_a_service_cannot_put_a_message_off_for_a_week(monkeypatch, http):
    async def asks_for_a_week(*_, **__):
        raise module.DeliveryLater("Later.", after=7 * 86_400.0)

    monkeypatch.setattr(module, "push", asks_for_a_week)
    outbox = Outbox(job())

    await made(outbox, http).run_once()

    assert outbox.settled["job-one"] == ("later", NOW + timedelta(days=1), "Later.")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_refusal_is_told_and_not_repeated(charity, http, status):
    outbox = Outbox(job())
    charity.state.sandbox.switches.refuse = status

    await made(outbox, http).run_once()

    how, words = outbox.settled["job-one"]
    assert how == "refused"
    assert words


@pytest.mark.parametrize(
    ("waited", "how"), [(timedelta(hours=335), "later"), (timedelta(hours=336), "refused")]
)
async def test_after_two_weeks_a_person_hears(charity, http, waited, how):
    outbox = Outbox(job(attempts=99, queued_at=NOW - waited))
    charity.state.sandbox.switches.refuse = 503

    await made(outbox, http).run_once()

    assert outbox.settled["job-one"][0] == how
    assert ("two weeks" in outbox.settled["job-one"][-1]) == (how == "refused")


async def test_one_job_that_cannot_be_settled_does_not_hold_up_the_others(charity, http):
    outbox = Outbox(job("broken", endpoint="http://not-safe.example"), job("two"), job("three"))
    charity.state.sandbox.switches.hang = 0.02

    with pytest.raises(RuntimeError, match="the store is gone"):
        await made(outbox, http).run_once()

    assert set(outbox.settled) == {"job-two", "job-three"}


@pytest.mark.parametrize(
    ("attempts", "age", "spread", "seconds"),
    [
        (1, timedelta(days=9), 0.0, 5),
        (2, timedelta(days=9), 0.0, 10),
        (3, timedelta(days=9), 0.0, 20),
        (10, timedelta(days=9), 0.0, 2560),
        (14, timedelta(days=9), 0.0, 40_960),
        (15, timedelta(days=9), 0.0, 81_920),
        (16, timedelta(days=9), 0.0, 86_400),
        (10_000, timedelta(days=9), 0.0, 86_400),
        (1, timedelta(days=9), 1.0, 2.5),
        (99, timedelta(days=9), 0.5, 64_800),
        (10_000, timedelta(), 0.0, 5),
        (10_000, timedelta(hours=1), 0.0, 900),
        (10_000, timedelta(days=1), 0.0, 21_600),
    ],
)
def test_waits_double_up_to_a_day_never_pass_a_quarter_of_the_age_and_are_spread(
    attempts, age, spread, seconds
):
    assert Pace().wait(attempts, age, spread) == seconds


@pytest.mark.parametrize("standing", [Standing.GONE, Standing.STOPPED, Standing.LAPSED])
async def test_what_may_not_be_sent_any_more_is_not_sent(charity, http, standing):
    """Asked after the claim, right before the try."""
    outbox = Outbox(job("one"), job("two"))
    outbox.standings = {"job-one": standing}

    await made(outbox, http).run_once()

    assert len(charity.state.sandbox.received()) == 1
    assert outbox.settled.get("job-one") == (None if standing is Standing.GONE else (standing,))
    assert outbox.settled["job-two"][0] == "finished"


async def test_once_a_service_takes_messages_again_the_others_are_hurried(charity, http):
    outbox = Outbox(job("first-try"), job("again", attempts=2))

    await made(outbox, http).run_once()

    assert outbox.hurried == [("job-again", NOW + timedelta(seconds=Pace().hurry))]


async def test_what_is_late_is_told_by_number_alone(http):
    outbox = Outbox()
    outbox.waiting_long = 3
    dispatcher = made(outbox, http)

    with capture_logs() as lines:
        for _ in range(2):
            await dispatcher.run_once()

    assert lines == [{"event": "delivery.late", "rows": 3, "log_level": "warning"}]
    assert "rows" in ALLOWED, "a server's log leaves out every other key"


async def test_each_point_of_a_delivery_is_reached_in_its_order(charity, http):
    reached = []
    async with served(charity) as url, httpx.AsyncClient() as client:
        one = job(endpoint=f"{url}/fhir")
        await made(Outbox(one), client, reached=reached.append).run_once()

    assert reached == list(Point)


@asynccontextmanager
async def served(app):
    """On a socket: only then is there a moment between sending and the answer."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.should_exit = True
        await serving


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  what it waits for has no event
            await asyncio.sleep(0.005)


class Running:
    """A dispatcher at work."""

    def __init__(self, dispatcher):
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(dispatcher.run(self.stop))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        async with asyncio.timeout(2):
            await self.task


async def test_a_kick_sends_at_once_and_a_stop_ends_at_once(charity, http):
    outbox = Outbox()
    dispatcher = made(outbox, http)

    async with Running(dispatcher):
        await until(lambda: len(outbox.claims) == 1)
        outbox.jobs.append(job())
        dispatcher.kick()
        await until(lambda: "job-one" in outbox.settled)

    assert len(outbox.claims) >= 2


async def test_a_full_claim_is_followed_by_the_next_without_a_rest(charity, http):
    outbox = Outbox(*(job(str(number)) for number in range(Pace().at_once + 1)))

    async with Running(made(outbox, http, pace=Pace(idle=60.0))):
        await until(lambda: len(outbox.settled) == Pace().at_once + 1)


async def test_one_that_hangs_holds_up_no_other(charity, http):
    """The places of the others are claimed for again while it hangs."""
    outbox = Outbox(job("hangs"), *(job(str(number)) for number in range(40)))
    hanging = asyncio.Event()

    async def standing(one, now):
        if one.id == "job-hangs":
            await hanging.wait()
        return Standing.GO

    outbox.standing = standing
    async with Running(made(outbox, http, pace=Pace(idle=60.0))):
        await until(lambda: len(outbox.settled) == 40)
        assert "job-hangs" not in outbox.settled
        hanging.set()

    assert "job-hangs" in outbox.settled, "a stop waits for what is on its way"


async def test_without_a_kick_it_looks_again_by_itself(http):
    outbox = Outbox()

    async with Running(made(outbox, http, pace=Pace(idle=0.01))):
        await until(lambda: len(outbox.claims) >= 3)


async def test_a_fault_of_the_store_is_told_and_delivery_goes_on(charity, http):
    faults = []
    outbox = Outbox(job())
    outbox.fault = RuntimeError("locked")
    dispatcher = made(outbox, http, on_fault=faults.append)

    async with Running(dispatcher):
        await until(lambda: faults)
        outbox.fault = None
        dispatcher.kick()
        await until(lambda: "job-one" in outbox.settled)

    assert [str(fault) for fault in faults] == ["locked"]


async def test_a_fault_is_logged_by_its_kind_alone(capsys, http):
    outbox = Outbox()
    outbox.fault = RuntimeError("canary")

    async with Running(made(outbox, http)):
        await until(lambda: outbox.claims)

    said = capsys.readouterr().out
    assert "RuntimeError" in said
    assert "canary" not in said


async def test_two_dispatchers_or_a_crash_in_between_make_one_message(charity, http):
    """The same job again, as after a kill between the answer and its settling."""
    again = job()

    for outbox in (Outbox(again), Outbox(again)):
        await made(outbox, http).run_once()
        assert outbox.settled["job-one"][0] == "finished"

    assert len(charity.state.sandbox.received()) == 1


async def test_a_charity_that_is_down_for_a_while_gets_the_message_in_the_end(charity, http):
    one = job()
    outbox = Outbox(one)
    charity.state.sandbox.switches.refuse = Refuse(503, times=3)
    dispatcher = made(outbox, http)

    for _ in range(4):
        outbox.jobs = [one]
        await dispatcher.run_once()

    assert outbox.settled["job-one"][0] == "finished"
    assert len(charity.state.sandbox.received()) == 1


async def test_what_is_held_is_not_sent_and_asked_about_again(charity, http):
    outbox = Outbox(job("one"), job("two"))
    outbox.standings["job-one"] = Standing.HELD

    await made(outbox, http).run_once()

    assert outbox.settled["job-one"] == ("held", NOW + timedelta(seconds=Pace().held))
    assert outbox.settled["job-two"][0] == "finished"
    assert len(charity.state.sandbox.received()) == 1
