"""Thirty days, twice: nothing that waits is older than its limit before somebody has received it.

The store, the list and the mail are real; the clock is passed in. An alert counts once a mail server has
taken its notice, or once a page with it was sent to somebody of the role.
"""

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ipvscreen.app import notices_of
from ipvscreen.delivery.mail import sender_of
from ipvscreen.errors import DeliveryLater
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.visit import Door, VisitState
from ipvscreen.resources.plan import WritePlan
from ipvscreen.sandbox.mailbox import Mailbox, open_mailbox
from ipvscreen.store.grant import Grant
from ipvscreen.store.outbox import NewJob
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit
from ipvscreen.web.watch import Watch

LONDON = ZoneInfo("Europe/London")
TICK = timedelta(minutes=10)  # ten times rarer than the watch looks: what holds here holds for it
DAYS = 30
REFERRALS = 12 * int(os.environ.get("IPVSCREEN_SOAK") or 1)
EHR = "https://ehr.test"
# 29 February, and the clock forward; the clock back.
RUNS = {"spring": datetime(2028, 2, 27, tzinfo=UTC), "autumn": datetime(2028, 10, 7, tzinfo=UTC)}
Houses = Callable[..., Awaitable[Any]]


def limit_of(since: datetime, *, urgent: bool) -> datetime:
    """By hand, a minute at a time: half an hour, or four hours of 08:00 to 18:30 from Monday to Friday."""
    if urgent:
        return since + timedelta(minutes=30)
    moment, left = since, 240
    while left:
        wall = moment.astimezone(LONDON)
        left -= wall.weekday() < 5 and 480 <= wall.hour * 60 + wall.minute < 1110
        moment += timedelta(minutes=1)
    return moment


@dataclass
class Sent:
    """One referral; `answers` after how long its service takes the message, None for never."""

    key: str
    at: datetime
    urgent: bool
    answers: timedelta | None
    limit: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.limit = limit_of(self.at, urgent=self.urgent)

    def waits(self, now: datetime) -> bool:
        return self.answers is None or now < self.at + self.answers


class Month:
    """A practice, its mail server, and those who open the list."""

    def __init__(self, house: Any, box: Mailbox, seed: int, begun: datetime) -> None:
        self.house, self.box, self.begun = house, box, begun
        self.chance = random.Random(seed)  # noqa: S311  one that can be told
        self.rooms = house.app.state.rooms
        self.store = self.rooms.store
        self.watch: Watch | None = Watch(self.rooms, notices_of(house.settings, self.rooms, self.send))
        self.mail_works = True
        self.down: list[tuple[datetime, datetime]] = []
        self.opened: list[datetime] = []
        self.reader: Any = None
        self.overdue: list[str] = []
        self.keys: list[str] = []

    async def send(self, recipient: str, address: str, now: datetime) -> None:
        """The app's own way to a real server, which nobody reaches at times."""
        away = any(begins <= now < ends for begins, ends in self.down)
        server = self.house.settings.mail
        if away or not self.mail_works:
            raise DeliveryLater("away")
        await sender_of(server.model_copy(update={"port": self.box.port}))(recipient, address, now)

    def plan(self) -> list[Sent]:
        """Referrals at random moments of the month, most in working hours; half never answered or late."""
        sent = []
        for number in range(REFERRALS):
            at = self.begun + timedelta(minutes=self.chance.randrange(DAYS * 1440 - 4 * 1440))
            answers = self.chance.choice([timedelta(minutes=5), timedelta(hours=9), timedelta(days=3), None])
            sent.append(Sent(f"r{number}", at, self.chance.random() < 0.4, answers))
        # The edges: Friday 17:55, and before each change of the clock or of the month.
        friday = self.begun + timedelta(days=(4 - self.begun.weekday()) % 7, hours=17, minutes=55)
        for number, at in enumerate((friday, datetime(2028, 2, 29, 23, 50, tzinfo=UTC), *CHANGES)):
            if self.begun <= at < self.begun + timedelta(days=DAYS - 4):
                sent += [Sent(f"e{number}{urgent}", at, urgent, None) for urgent in (False, True)]
        return sorted(sent, key=lambda one: one.at)

    async def run(self, days: int = DAYS, *, list_opened: bool = True) -> None:
        waiting, sent = self.plan(), list[Sent]()
        self.down = _outages(self.chance, self.begun)
        for number in range(days * 144):
            self.house.clock.at = now = self.begun + number * TICK
            while waiting and waiting[0].at <= now:
                sent.append(waiting.pop(0))
                await self.refer(sent[-1])
            live = [one for one in sent if one.waits(now) and now < one.limit + 2 * TICK]
            settled = [one for one in sent if one.answers and now - TICK < one.at + one.answers <= now]
            for one in settled:
                await self.answered(one)
            hasty = any(one.urgent for one in live)
            if not settled and not hasty and (not live or number % 3):
                continue  # a look would find what the last one found, or half an hour is soon enough
            if self.watch is not None:
                await self.watch.run_once()
            if list_opened and self.is_looked_at(now, hasty):
                await self.open_list()
            await self.judge(live, now)

    def is_looked_at(self, now: datetime, hasty: bool) -> bool:
        """On working days every other hour; while mail is down whoever runs the app has them rung."""
        wall = now.astimezone(LONDON)
        rung = any(begins + timedelta(minutes=5) <= now < ends for begins, ends in self.down)
        return (rung and (hasty or wall.minute == 0)) or (
            wall.weekday() < 5 and wall.hour in (9, 11, 13, 15, 17) and wall.minute == 0
        )

    async def open_list(self) -> None:
        async with self.house.browser() as browser:
            answer = await browser.get(f"{EHR}/launch/list", params={"clinician": "dr-marsh"})
            assert answer.status_code == 200, answer.text
        self.opened.append(self.house.clock.at)

    async def judge(self, live: list[Sent], now: datetime) -> None:
        """Every referral past its limit that still waits has been received of by then."""
        for one in live:
            if now < one.limit:
                continue
            alerts = [alert for alert in await self.store.alerts.of_visit(f"v-{one.key}")]
            heard = [at for alert in alerts for at in (alert.shown_at, alert.sent_at) if at]
            if not heard or min(heard) > one.limit:
                self.overdue.append(f"{one.key} of {one.at} urgent {one.urgent}, until {one.limit}: {heard}")

    async def refer(self, one: Sent) -> None:
        visit = _visit(f"v-{one.key}", one.at)
        self.keys.append(one.key)
        await self.store.visits.create(visit, Grant("t", one.at, None, f"{EHR}/token", "launch"))
        row = Referral(
            one.key,
            visit.id,
            "mentor-mothers",
            "Mentors",
            "020 7946 0000",
            ReferralState.QUEUED,
            one.at,
            one.at + timedelta(days=10),
            urgent=one.urgent,
        )
        job = NewJob(one.key, one.key, "https://nobody.test/fhir", {"resourceType": "Bundle"})
        await self.store.referrals.add(visit, row, job, state=VisitState.CLOSED, held=False)

    async def answered(self, one: Sent) -> None:
        """Its service takes the message; the dispatcher of this house is not what is looked at."""
        for job in await self.store.outbox.claim(self.house.clock.at + timedelta(days=60), 500, 1, 500):
            if job.key == one.key:
                assert await self.store.outbox.finish(job, "taken", self.house.clock.at)


CHANGES = (
    datetime(2028, 3, 25, 23, 50, tzinfo=UTC),
    datetime(2028, 3, 26, 0, 50, tzinfo=UTC),
    datetime(2028, 10, 29, 0, 50, tzinfo=UTC),
    datetime(2028, 10, 29, 1, 20, tzinfo=UTC),
)


def _outages(chance: random.Random, begun: datetime) -> list[tuple[datetime, datetime]]:
    """Five times in the month nobody takes mail, for one to nine hours."""
    starts = [begun + timedelta(minutes=chance.randrange(DAYS * 1440)) for _ in range(5)]
    return [(at, at + timedelta(hours=chance.randrange(1, 10))) for at in starts]


def _visit(ident: str, at: datetime) -> Visit:
    return Visit(
        id=ident,
        ehr="sandbox",
        iss=f"{EHR}/fhir",
        patient_id="anna-woman",
        encounter_id=None,
        user="Practitioner/dr-osei",
        user_key=f"{EHR}/fhir {ident}",
        user_name="Dr Grace Osei",
        state=VisitState.RECORDED,
        setting=Setting.GP,
        opened_at=at,
        expires_at=at + timedelta(hours=1),
        person=Person("Anna Whitfield", date(1991, 5, 17), Sex.FEMALE),
        plan=WritePlan(True, True, ()),
        draft=Draft(door=Door.TOLD),
        written=None,
        last_form=None,
        cookie_hash="c" * 64,
        age_confirmed=True,
    )


@asynccontextmanager
async def month(houses: Houses, run: str, seed: int = 1) -> AsyncIterator[Month]:
    """A house whose own dispatcher and watch sleep while the month goes by."""
    async with open_mailbox() as box:
        house = await houses()
        yield Month(house, box, seed, RUNS[run])


@pytest.mark.parametrize("run", RUNS)
async def test_no_referral_is_older_than_its_limit_unheard(houses: Houses, run: str) -> None:
    async with month(houses, run) as one:
        await one.run()
        assert one.overdue == []
        assert one.opened, "a control: somebody opened the list"
        assert len(one.box.messages) >= 8, "a control: and mail was taken"
        alerts = [alert for key in one.keys for alert in await one.store.alerts.of_visit(f"v-{key}")]
        told = sorted((alert.cause, alert.about) for alert in alerts)
        assert len(told) == len(set(told)) > len(one.box.messages) / 2, "one for each thing that waits"
        assert len(one.box.messages) <= len(told), "and one notice of each"


async def test_with_the_watch_off_and_nobody_at_the_list_it_is_noticed(houses: Houses) -> None:
    async with month(houses, "spring") as one:
        one.watch = None
        await one.run(10, list_opened=False)
        assert len(one.overdue) > 3


async def test_with_mail_refused_and_nobody_at_the_list_it_is_noticed(houses: Houses) -> None:
    async with month(houses, "spring") as one:
        one.mail_works = False
        await one.run(10, list_opened=False)
        assert len(one.overdue) > 3
        assert one.box.messages == []
