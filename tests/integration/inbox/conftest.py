"""People of services and stewards, each with a browser and a key of their own."""

import html
import json
import re
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from authenticator import Key, text

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.lasting import INVITATION
from ipvscreen.ipv.members import Member, Organisation, Role
from ipvscreen.ipv.person import Person as PersonOfVisit
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.proposals import Kind, Proposal
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, ReferralState, SafeContact
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.plan import WritePlan
from ipvscreen.settings import Inbox
from ipvscreen.store.asked import asked_to_json
from ipvscreen.store.grant import Grant
from ipvscreen.store.members import new_id, new_invitation
from ipvscreen.store.outbox import NewJob
from ipvscreen.store.passkeys import Passkey
from ipvscreen.store.referrals import Referral
from ipvscreen.store.sessions import NewSession
from ipvscreen.store.spent import Once
from ipvscreen.store.visits import Visit
from ipvscreen.web import cookies

INBOX, RP_ID = "https://inbox.test", "inbox.test"
MANY = 1_000_000
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": INBOX}


@dataclass
class Person:
    """One person at one browser."""

    house: Any
    browser: httpx.AsyncClient
    key: Key = field(default_factory=lambda: Key(RP_ID))
    page: httpx.Response = field(init=False)

    async def get(self, path: str) -> httpx.Response:
        self.page = await self.browser.get(path)
        return self.page

    @property
    def text(self) -> str:
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.page.text)).split())

    @property
    def token(self) -> str:
        return re.findall(r'name="token" value="([^"]*)"', self.page.text)[0]

    @property
    def options(self) -> dict[str, Any]:
        (found,) = re.findall(r'data-key="([^"]*)"', self.page.text)
        made: dict[str, Any] = json.loads(html.unescape(found))
        return made

    def value(self, name: str, words: str) -> str:
        """The value of the button or choice of that name that says these words."""
        found = re.findall(
            rf'name="{name}" value="([^"]*)"(.*?)</(?:button|label)>', self.page.text, re.DOTALL
        )
        (value,) = {value for value, said in found if words in html.unescape(said)}
        return value

    async def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Post it with the slip of the page that is open."""
        data = {"token": self.token} | fields
        self.page = await self.browser.post(path, data=data, headers=SAME if headers is None else headers)
        return self.page

    async def join(self, code: str, label: str = "phone") -> httpx.Response:
        await self.get(f"/i/join/{code}")
        answer = self.key.make(self.options, INBOX)
        return await self.post(f"/i/join/{code}", answer=answer, label=label)

    async def sign_in(self, key: Key | None = None, **lies: Any) -> httpx.Response:
        await self.get("/i/in")
        return await self.post("/i/in", answer=(key or self.key).sign(self.options, INBOX, **lies))

    async def go(self, page: str, to: str, **fields: str) -> httpx.Response:
        """Open a page, and post one of its forms."""
        await self.get(page)
        return await self.post(to, **fields)


@dataclass
class Town:
    """The house with its inbox, two stewards, two organisations with a coordinator and a worker each."""

    house: Any
    stack: AsyncExitStack
    people: dict[str, Person] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    organisations: dict[str, Organisation] = field(default_factory=dict)

    @property
    def store(self) -> Any:
        return self.house.app.state.rooms.store

    @property
    def now(self) -> Any:
        return self.house.clock()

    def newcomer(self) -> Person:
        browser = httpx.AsyncClient(
            mounts=self.house.transports, base_url=INBOX, follow_redirects=True, headers={}
        )
        self.stack.push_async_callback(browser.aclose)
        return Person(self.house, browser)

    async def invited_steward(self, name: str) -> str:
        """The code of an invitation, as the command line makes one."""
        member = self.members[name] = Member(new_id(), Role.STEWARD, name)
        invitation = new_invitation(member.id, self.now + INVITATION)
        await self.store.doing(Act.INVITED, self.now).members.first_steward(member, invitation, self.now)
        return invitation.code

    async def joins(self, name: str, code: str) -> Person:
        """Somebody new makes a key on the pages."""
        person = self.people[name] = self.newcomer()
        answer = await person.join(code)
        assert answer.status_code == 200, person.text
        return person

    def once(self) -> Once:
        """What marks nothing that anybody else will use."""
        return Once(new_id(), self.now, self.now + INVITATION)

    async def has_key(self, member: Member, code: str) -> Person:
        """Somebody new is there with a key and signed in, without the pages: they are tried elsewhere."""
        person = self.newcomer()
        person.key.user = text(bytes.fromhex(member.id))
        key = Passkey(person.key.credential_id, person.key.public, 0, "phone", member.id, self.now)
        cookie = cookies.fresh()
        session = NewSession(cookies.hashed(cookie), member.id, key.id, self.now)
        store = self.store.doing(Act.JOINED, self.now)
        await store.passkeys.join(code, key, member, session, self.once())
        person.browser.cookies.set(cookies._SESSION, cookie, domain=RP_ID)
        self.people[member.name], self.members[member.name] = person, member
        return person


def link_of(person: Person, name: str) -> str:
    """The code of the invitation that stands beside that name on the page that is open."""
    found = re.search(rf"<strong>{name}<.*?/i/join/([\w-]+)", person.page.text, re.DOTALL)
    assert found is not None, person.text
    return found[1]


async def settle(town: Town) -> None:
    """Sam and Sol are stewards; Cora and Wim are Harbour's, Dora and Xia are Meadow's."""
    until = town.now + INVITATION
    for name in ("Sam", "Sol"):
        code = await town.invited_steward(name)
        await town.has_key(town.members[name], code)
    for name, coordinator, worker in (("Harbour", "Cora", "Wim"), ("Meadow", "Dora", "Xia")):
        home = town.organisations[name] = Organisation(new_id(), name, "020 7946 0123")
        lead = Member(new_id(), Role.COORDINATOR, coordinator, home.id)
        invitation = new_invitation(lead.id, until)
        store = town.store.doing(Act.ORGANISATION_ADDED, town.now)
        await store.organisations.add(town.members["Sam"], home, lead, invitation, town.once())
        await town.has_key(lead, invitation.code)
        other = Member(new_id(), Role.WORKER, worker, home.id)
        invitation = new_invitation(other.id, until)
        store = town.store.doing(Act.INVITED, town.now)
        await store.members.invite(lead, other, invitation, town.once())
        await town.has_key(other, invitation.code)


@pytest.fixture
async def open_town(
    houses: Callable[..., Awaitable[Any]],
) -> AsyncIterator[Callable[..., Awaitable[Town]]]:
    """Opens a house with an inbox; `empty` leaves out the people."""
    async with AsyncExitStack() as stack:

        async def opened(*, empty: bool = False, attempts: int = MANY, **changes: Any) -> Town:
            inbox = Inbox(
                origin=INBOX,
                exit_url="https://weather.test/",
                attempts_per_minute=MANY,
                attempts_per_address=attempts,
            )
            house = await houses(inbox=inbox, **changes)
            house.transports[INBOX] = httpx.ASGITransport(house.app)
            town = Town(house, stack)
            if not empty:
                await settle(town)
            return town

        yield opened


@pytest.fixture
async def town(open_town: Callable[..., Awaitable[Town]]) -> Town:
    return await open_town()


SHEET = {"way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}


async def hosts(town: Town, organisation: str, service: str) -> None:
    """Two stewards have agreed, long enough ago, that its referrals go to that organisation's inbox."""
    before = town.now - timedelta(hours=80)
    proposal = Proposal(
        id=new_id(),
        kind=Kind.INBOX,
        about=service,
        value=town.organisations[organisation].id,
        by=town.members["Sam"].id,
        proposed_at=before,
        agreed_by=town.members["Sol"].id,
        agreed_at=before,
    )
    store = town.store.doing(Act.PROPOSED, town.now)
    await store.proposals.propose(town.members["Sam"], proposal, town.once())


async def refers(
    town: Town, patient: str = "anna-woman", service: str = "mentor-mothers", **sheet: Any
) -> str:
    """A clinician refers that patient; the key of the case, once the dispatcher has brought it."""
    visitor = town.house.visitor()
    town.stack.push_async_callback(visitor.browser.aclose)
    await visitor.launch(patient)
    await visitor.post({"door": "told"})
    await visitor.post({"safe-today": "yes", "neck": "no", "suicide": "no"})
    await visitor.post(SHEET | {"service": service} | sheet)
    await visitor.until("Received by")
    (referral,) = await town.store.referrals.of_visit(visitor.visit)
    return str(referral.id)


def visit_of(town: Town, number: int) -> Visit:
    """A visit as it lies in the store, made without its pages: they are tried elsewhere."""
    return Visit(
        id=f"visit-{number}",
        ehr="sandbox",
        iss="https://ehr.test/fhir",
        patient_id=f"patient-{number}",
        encounter_id=None,
        user="Practitioner/1",
        user_key="https://ehr.test/fhir Practitioner/1",
        user_name="Dr Example",
        state=VisitState.RECORDED,
        setting=Setting.GP,
        opened_at=town.now,
        expires_at=town.now + timedelta(hours=1),
        person=PersonOfVisit("Anna Whitfield", None, Sex.FEMALE),
        plan=WritePlan(True, True, ()),
        draft=Draft(),
        written=None,
        last_form=None,
        cookie_hash=secrets.token_hex(32),
        age_confirmed=False,
    )


async def arrives(
    town: Town, number: int, organisation: str, service: str, review: date = date(2026, 3, 30)
) -> str:
    """A referral that has come to that organisation's inbox; its key."""
    key, visit = str(uuid.UUID(int=number, version=4)), visit_of(town, number)
    ours = town.organisations[organisation].id
    agreed = Agreement(out=True, back=True, until=date(2026, 9, 2))
    contact = SafeContact(
        ContactWay.PHONE, "07700 900123", code_word="blue <b>lamp", not_to_know="Jo {who}", review=review
    )
    request = ReferralRequest(service, contact, frozenset({"housing"}), agreement=agreed)
    referral = Referral(
        id=key,
        visit_id=visit.id,
        service_id=service,
        service_name=service,
        phone="020 7946 0000",
        state=ReferralState.QUEUED,
        queued_at=town.now,
        reply_by=town.now + timedelta(hours=48),
    )
    bundle = {"resourceType": "Bundle", "type": "message"}
    job = NewJob(key, key, f"inbox:{ours}", bundle, asked_to_json(request, visit.person.name))
    grant = Grant("token", town.now + timedelta(minutes=5), None, "https://ehr.test/token", "launch")
    stored = await town.store.visits.create(visit, grant)
    await town.store.referrals.add(stored, referral, job, state=VisitState.REFERRED)
    await town.store.cases.take_in(key, request, visit.person.name, town.now, ours)
    return key


@dataclass
class Cases:
    """A town with two inboxes and a case in each, and the way to take steps there by forms."""

    town: Town
    own: str = ""
    other: str = ""

    def member(self, name: str) -> str:
        return self.town.members[name].id

    async def does(self, who: str, event: str, key: str = "", **fields: str) -> httpx.Response:
        """Open the case, and post that form of it."""
        person, path = self.town.people[who], f"/i/cases/{key or self.own}"
        await person.get(path)
        seen = re.findall(r'name="seen" value="(\d+)"', person.page.text)
        return await person.post(path, event=event, seen=seen[0] if seen else "0", **fields)

    async def names(self, who: str, key: str = "", **fields: str) -> httpx.Response:
        person, path = self.town.people[who], f"/i/cases/{key or self.own}"
        await person.get(path)
        return await person.post(f"{path}/names", **fields)

    async def state(self, key: str = "") -> Any:
        """The case as it is stored."""
        return (await self.town.store.cases.of_referrals([key or self.own]))[key or self.own].case

    async def accepted(self, mentor: str = "Wim", key: str = "") -> None:
        """Up to a mentor who may get in touch."""
        ident = self.member(mentor)
        for event, said in (
            ("open", {}),
            ("check", {"both": "no", f"knows-{ident}": "no"}),
            ("accept", {}),
            ("assign", {"mentor": ident}),
        ):
            answer = await self.does("Cora", event, key, **said)
            assert answer.status_code == 200, self.town.people["Cora"].text


@pytest.fixture
async def cases(town: Town) -> Cases:
    await hosts(town, "Harbour", "mentor-mothers")
    await hosts(town, "Meadow", "specialist")
    made = Cases(town)
    made.own = await arrives(town, 1 << 100, "Harbour", "mentor-mothers")
    made.other = await arrives(town, 2 << 100, "Meadow", "specialist")
    return made


@pytest.fixture
def refer_to() -> Any:
    """`refers`, `hosts` and `arrives`, for tests that set up their own."""
    return refers, hosts, arrives
