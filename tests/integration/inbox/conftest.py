"""People of services and stewards, each with a browser and a key of their own."""

import html
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from authenticator import Key

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import INVITATION
from ipvscreen.ipv.members import Member, Role
from ipvscreen.settings import Inbox
from ipvscreen.store.members import new_id, new_invitation

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
        found = re.findall(rf'name="{name}" value="([^"]*)"(.*?)</(?:button|label)>', self.page.text, re.DOTALL)
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
        member = Member(new_id(), Role.STEWARD, name)
        invitation = new_invitation(member.id, self.now + INVITATION)
        await self.store.doing(Act.INVITED, self.now).members.first_steward(member, invitation, self.now)
        self.members[name] = member
        return invitation.code

    async def joins(self, name: str, code: str) -> Person:
        person = self.people[name] = self.newcomer()
        answer = await person.join(code)
        assert answer.status_code == 200, person.text
        return person


def link_of(person: Person, name: str) -> str:
    """The code of the invitation that stands beside that name on the page that is open."""
    found = re.search(rf"{name}.*?/i/join/([\w-]+)", person.page.text, re.DOTALL)
    assert found is not None, person.text
    return found[1]


async def settle(town: Town) -> None:
    for name in ("Sam", "Sol"):
        await town.joins(name, await town.invited_steward(name))
    for organisation, coordinator, worker in (("Harbour", "Cora", "Wim"), ("Meadow", "Dora", "Xia")):
        sam = town.people["Sam"]
        await sam.go(
            "/i/organisations",
            "/i/organisations",
            name=organisation,
            phone="020 7946 0123",
            coordinator=coordinator,
        )
        lead = await town.joins(coordinator, link_of(sam, coordinator))
        await lead.go("/i/team", "/i/team", name=worker, role="worker")
        await town.joins(worker, link_of(lead, worker))
    for name, one in [(m.name, m) for o in await town.store.organisations.all() for m in await town.store.members.of(o.id)]:
        town.members[name] = one


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
