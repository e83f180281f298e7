"""Every route below `/i/` that is about one thing of an organisation × role × whose it is, from the router.

What is about a case, a member or a service is named here with what it is about: a route that is not named
fails, and another's is answered as nobody's is: in the same words, and by the same work of the store.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from ipvscreen.ipv.access import OPEN, SIGNED_IN, may_open
from ipvscreen.ipv.members import Role
from ipvscreen.store.cases import Cases
from ipvscreen.store.members import Members
from ipvscreen.store.sealed import SealedTable
from ipvscreen.web.inbox import team as team_pages

SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "https://inbox.test"}
WHO = {Role.WORKER: ("Wim", "Xia"), Role.COORDINATOR: ("Cora", "Dora"), Role.STEWARD: ("Sam", "Sol")}
NOBODY = "0" * 36

# What each route is about, besides who is signed in: in its path, or in a field of its form.
CASE, SERVICE, MEMBER, NOTHING, DIRECTORY = "case", "service", "member", "nothing", "directory"
ABOUT: dict[tuple[str, str], str] = {
    ("GET", "/i/home"): NOTHING,
    ("POST", "/i/home/out"): NOTHING,
    ("POST", "/i/home/places"): SERVICE,
    ("GET", "/i/keys"): NOTHING,
    ("POST", "/i/keys"): NOTHING,
    ("POST", "/i/keys/end"): NOTHING,  # one's own alone: see test_inbox_keys
    ("GET", "/i/cases"): NOTHING,
    ("GET", "/i/closed"): NOTHING,
    ("GET", "/i/cases/{key}"): CASE,
    ("POST", "/i/cases/{key}"): CASE,
    ("POST", "/i/cases/{key}/names"): CASE,
    ("GET", "/i/cases/{key}/print"): CASE,
    ("GET", "/i/team"): NOTHING,
    ("POST", "/i/team"): NOTHING,
    ("POST", "/i/team/again"): MEMBER,
    ("POST", "/i/team/end"): MEMBER,
    # Stewards see all organisations, and nothing of any case.
    ("GET", "/i/organisations"): DIRECTORY,
    ("POST", "/i/organisations"): DIRECTORY,
    ("GET", "/i/services"): DIRECTORY,
    ("POST", "/i/services"): DIRECTORY,
    ("GET", "/i/proposals"): DIRECTORY,
    ("POST", "/i/proposals"): DIRECTORY,
    ("POST", "/i/proposals/agree"): DIRECTORY,
    ("POST", "/i/proposals/stop"): DIRECTORY,
}


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path template of every route below `/i/`, those of included routers too."""
    for route in app.routes:
        inside = getattr(route, "original_router", None)
        if inside is not None:
            yield from routes_of(inside)
        elif route.path.startswith("/i/"):
            yield from ((method, route.path) for method in route.methods)


def unlisted(app: Any) -> set[tuple[str, str]]:
    """The routes that nobody has thought of."""
    return set(routes_of(app)) ^ (set(ABOUT) | set(OPEN))


def test_every_route_says_what_it_is_about(house: Any) -> None:
    assert unlisted(house.app) == set()
    assert set(ABOUT) == set(SIGNED_IN)


def test_a_route_more_is_noticed(house: Any) -> None:
    @house.app.get("/i/everything")
    async def everything() -> None: ...

    assert unlisted(house.app) == {("GET", "/i/everything")}


def plain(answer: Any) -> str:
    """The page without what differs from one to the next of the same."""
    return re.sub(r"Reference \w+|name=\"token\" value=\"[^\"]*\"", "", answer.text).strip()


async def ask(cases: Any, person: Any, method: str, route: str, about: str) -> Any:
    """One request of that person about that thing, as a form of ours would make it."""
    page = "/".join(route.split("/")[:3])
    path = route.replace("{key}", about)
    if method == "GET":
        return await person.browser.get(path)
    fields = {
        "/i/home/places": {"service": about, "places": "free"},
        "/i/cases/{key}": {"event": "open", "seen": "0"},
        "/i/cases/{key}/names": {},
        "/i/team/again": {"who": about},
        "/i/team/end": {"who": about},
    }[route]
    shown = await person.get(
        f"/i/cases/{cases.own if any(one is person for one in mine(cases)) else cases.other}"
    )
    if page != "/i/cases" or shown.status_code != 200:
        await person.get(page)
    tokens = re.findall(r'name="token" value="([^"]*)"', person.page.text)
    data = {"token": tokens[0] if tokens else "x"} | fields
    return await person.browser.post(path, data=data, headers=SAME)


class Work:
    """What the store did for the last request of a person: its statements, and how many values were opened.

    Of the task of the test alone, in which the app answers: what runs beside it does not count.
    """

    def __init__(self, person: Any) -> None:
        self.statements: list[str] = []
        self.opened = 0
        self._task = asyncio.current_task()
        person.browser.event_hooks["request"].append(self._begun)

    async def _begun(self, _: Any) -> None:
        self.statements, self.opened = [], 0

    def stated(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if asyncio.current_task() is self._task:
            self.statements.append(statement)

    def one_opened(self) -> None:
        self.opened += asyncio.current_task() is self._task

    @property
    def done(self) -> tuple[tuple[str, ...], int]:
        return tuple(self.statements), self.opened


@contextmanager
def watched(cases: Any, person: Any) -> Iterator[Work]:
    """The work of the store for that person, for as long as the block lasts."""
    work, engine, opens = Work(person), cases.town.store._engine.sync_engine, SealedTable.open

    def opened(self: Any, *given: Any) -> Any:
        work.one_opened()
        return opens(self, *given)

    event.listen(engine, "before_cursor_execute", work.stated)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SealedTable, "open", opened)
        yield work
    event.remove(engine, "before_cursor_execute", work.stated)


def mine(cases: Any) -> list[Any]:
    return [cases.town.people[name] for name in ("Wim", "Cora")]


@pytest.mark.parametrize("role", [*Role, None], ids=str)
async def test_each_route_for_each_role_and_organisation(cases: Any, role: Role | None) -> None:
    """Own: as the table says. Another's: 404, the same as what is not there. Signed out: nothing."""
    town = cases.town
    await cases.does("Cora", "open")
    await cases.does("Cora", "check", both="no")
    things = {
        CASE: (cases.own, cases.other, NOBODY),
        SERVICE: ("mentor-mothers", "specialist", "nothing"),
        MEMBER: (cases.member("Wim"), cases.member("Xia"), NOBODY),
    }
    person = town.people[WHO[role][0]] if role else town.newcomer()
    for (method, route), about in ABOUT.items():
        if about not in things or (role is Role.WORKER and about is MEMBER):
            continue
        own, others, nobody = things[about]
        with watched(cases, person) as work:
            theirs = await ask(cases, person, method, route, others)
            for_theirs = work.done
            none = await ask(cases, person, method, route, nobody)
        told = (role, method, route, theirs.status_code)
        assert for_theirs == work.done, told
        assert for_theirs[0] or role is None, "it has looked"
        assert theirs.status_code == none.status_code, told
        assert plain(theirs) == plain(none), told
        assert len(theirs.content) == len(none.content), told
        if role is None:
            assert theirs.status_code == 403, told
            continue
        may = may_open(role, method, route)
        assert theirs.status_code == 404 or not may, told
        assert theirs.status_code in (403, 404), told
        if may and about is CASE:
            answer = await ask(cases, person, method, route, own)
            refused = {
                "/i/cases/{key}": 409,
                "/i/cases/{key}/names": 200 if role is Role.COORDINATOR else 403,
            }
            expected = refused.get(route, 200) if method == "POST" else 200
            assert answer.status_code == expected, (*told, answer.status_code)
        elif not may and role is not None:
            answer = await ask(cases, person, method, route, own)
            assert answer.status_code in (403, 404), told
    assert (await cases.state(cases.other)).steps == 0


async def test_anothers_within_one_organisation_is_asked_for_as_nobodys_is(cases: Any, refer_to: Any) -> None:
    """That there is a case which another worker has."""
    town, wim = cases.town, cases.town.people["Wim"]
    hidden = await refer_to[2](town, 3 << 100, "Harbour", "mentor-mothers")
    await cases.accepted("Cora", hidden)
    routes = [one for one, about in ABOUT.items() if about is CASE]
    assert len(routes) == 4
    with watched(cases, wim) as work:
        for method, route in routes:
            found = []
            for key in (hidden, NOBODY):
                answer = await ask(cases, wim, method, route, key)
                assert answer.status_code == 404, (method, route)
                found.append((plain(answer), len(answer.content), work.done[0]))
            assert found[0] == found[1], (method, route)


async def test_a_store_that_would_look_first_and_then_refuse_is_seen(
    cases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a case by its key alone, and its steps; a member by the id alone, whose name opens."""
    get, looked_up = Members.get, set()

    async def first_looked(self: Cases, key: str, organisation: str) -> Any:
        found = (await self.of_referrals([key])).get(key)
        return found if found and found.case.organisation == organisation else None

    async def by_id(desk: Any) -> Any:
        other = await get(desk.rooms.store.members, desk.fields["who"][0])
        looked_up.add(other and other.name)
        raise team_pages.PageRefused(team_pages.NOT_HERE)

    monkeypatch.setattr(Cases, "in_inbox", first_looked)
    monkeypatch.setattr(team_pages, "_own_worker", by_id)
    cora = cases.town.people["Cora"]
    for route, others in (("/i/cases/{key}", cases.other), ("/i/team/end", cases.member("Xia"))):
        method = "GET" if "{key}" in route else "POST"
        with watched(cases, cora) as work:
            theirs = await ask(cases, cora, method, route, others)
            before = work.done
            none = await ask(cases, cora, method, route, NOBODY)
        assert (theirs.status_code, plain(theirs)) == (404, plain(none)), "the words alone do not tell"
        assert before != work.done, route
    assert looked_up == {"Xia", None}


async def test_no_steward_sees_anything_of_a_case(cases: Any) -> None:
    sam = cases.town.people["Sam"]
    for method, route in SIGNED_IN:
        if method == "GET":
            page = await sam.get(route.replace("{key}", cases.own))
            assert cases.own[:8] not in page.text
            assert page.status_code == (200 if may_open(Role.STEWARD, method, route) else 404)
