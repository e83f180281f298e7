"""Malformed requests to the pages of services, signed in and not: no failure, and nothing that changes.

What the store holds is compared after each: it may only differ where a form of ours was taken, which leaves a
row in the audit log and spends the form. A failure tells the seed, as in `test_malformed`.
"""

import asyncio
import os
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from malformed import FORM, METHODS, ODD, TOKEN, USED_TOKEN, Generator, Malformed, answer_to, faults

from ipvscreen.ipv.access import OPEN, SIGNED_IN, may_open
from ipvscreen.ipv.case import CaseEvent
from ipvscreen.ipv.members import Role
from ipvscreen.store import members as members_module
from ipvscreen.web import cookies
from ipvscreen.web.inbox import cases as case_pages

SEED = int(os.environ.get("IPVSCREEN_SEED") or random.SystemRandom().randrange(10**6))
IN_ONE_TOWN = 400
TOWNS = 10 if int(os.environ.get("IPVSCREEN_SOAK") or 1) > 1 else 1
REPRINTED = 8  # requests, after which somebody else is asking, or nobody
INBOX, HOST = "https://inbox.test", b"inbox.test"
WHO = {"Wim": Role.WORKER, "Cora": Role.COORDINATOR, "Sam": Role.STEWARD}

OWN, OTHER, MEMBER, STRANGER, CODE, SESSION = (
    f"{word}OFOURS" for word in ("OWNCASE", "OTHERCASE", "MEMBER", "STRANGER", "CODE", "SESSION")
)
NAMES = (
    *("token", "who", "name", "role", "service", "places", "event", "seen", "both", "apart", "mentor"),
    *("reason", "outcome", "way", "tried", "passed_on", "signed_on", "until", "sheet", "key", "label"),
    *("answer", "kind", "endpoint", "organisation", "phone", "coordinator", "proposal", "knows-", "seen"),
    f"knows-{MEMBER}",
)
FITTING = (
    *(
        "worker",
        "coordinator",
        "free",
        "full",
        "yes",
        "no",
        "true",
        "phone",
        "steward",
        "end",
        "again",
        "0",
        "1",
    ),
    *(
        "mentor-mothers",
        "specialist",
        "2026-03-09",
        "https://n.test/fhir",
        "{}",
        *CaseEvent,
        MEMBER,
        STRANGER,
    ),
)
POLICY = re.compile(
    "default-src 'none'; img-src 'self'; style-src 'self'; connect-src 'self';"
    rf" script-src {INBOX}/s/page\.js {INBOX}/s/key\.js; require-trusted-types-for 'script';"
    " trusted-types 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ROUTES = (*OPEN, *SIGNED_IN)
PATHS = (
    *sorted({route for _, route in ROUTES if "{" in route}),
    *("/v/{visit}/start", "/v/{visit}/letter/{key}", "/v/x/{step}", "/v/{visit}/exit", "/v/{visit}/cover"),
    *("/l/{sitting}", "/s/{name}", "/callback/{ehr}", "/n/{code}"),
)
PAGES = [route for method, route in SIGNED_IN if method == "GET"]


class OfInbox(Generator):
    """Requests to what lies below `/i/`."""

    odd = (*ODD, TOKEN, USED_TOKEN, OWN, OTHER, MEMBER, CODE, SESSION)
    fitting, names = FITTING, NAMES
    methods = (*METHODS, *("GET",) * 6)
    near = ""  # the page that stands open; its form is good for what begins alike

    def path(self, *, posted: bool) -> str:
        pick, odd = self.chance.choice, self.chance.random()
        key, code = (pick(self.odd), pick(self.odd)) if odd < 0.3 else (pick((OWN, OWN, OTHER)), CODE)
        routes = [route for method, route in ROUTES if method == "POST" or not posted]
        close = [route for route in routes if self.near and route.startswith(self.near)]
        route = pick(close if close and self.chance.random() < 0.7 else routes)
        path = route.replace("{key}", key).replace("{code}", code)
        return path + pick(self.odd) if odd > 0.95 else path

    def cookies(self) -> tuple[Any, ...]:
        name = cookies._SESSION
        return (*super().cookies(), (f"{name}=; {name}={SESSION}", f'{name}="\\377\\000"', name))

    def doors(self) -> Iterator[tuple[bytes, bytes]]:
        if self.chance.random() < 0.97:
            yield b"host", HOST
        if self.chance.random() < 0.9:
            yield b"cookie", f"{cookies._SESSION}={SESSION}".encode()
        if self.chance.random() < 0.9:
            yield b"sec-fetch-site", b"same-origin"
            yield b"origin", INBOX.encode()
        if self.chance.random() < 0.9:
            yield b"content-type", FORM.encode()


class Siege:
    """The town under attack: whose browser it comes from, which page is open there, what has come of it."""

    def __init__(self, cases: Any, chance: random.Random, stays: tuple[str, str] | None = None) -> None:
        self.stays = stays  # at one page of somebody's
        self.cases, self.town, self.chance = cases, cases.town, chance
        self.wrong: list[str] = []
        self.tally: Counter[str] = Counter()
        self.taken = 0
        self.count = 0
        self.ours: dict[bytes, bytes] = {}
        self.fields: list[str] = []
        self.version, self.stored = 0, dict[str, Counter[Any]]()
        self.person: Any = None
        self.signed_in, self.near = False, ""
        self.transport = httpx.ASGITransport(self.town.house.app, raise_app_exceptions=True)
        self.db = sqlite3.connect(self.town.house.settings.database.removeprefix("sqlite+aiosqlite:///"))

    async def run(self, generator: OfInbox, count: int) -> None:
        with closing(self.db):
            for _ in range(200):  # the dispatcher runs beside the test
                if self.db.execute("SELECT 1 FROM outbox WHERE status = 'ready'").fetchone() is None:
                    break
                await asyncio.sleep(0.02)
            for _ in range(count):
                generator.near = self.near
                await self.send(generator.request(self.fields))

    async def send(self, malformed: Malformed) -> None:
        """One request, a look at what came back, and one at what is stored."""
        if self.count % REPRINTED == 0:
            await self._print()
        self.count += 1
        sent, before = malformed.filled(self.ours), self._stored()
        told, answer = await answer_to(self.transport, sent, self.wrong)
        if answer is None:
            return
        told = f"{told} -> {answer.status_code}"
        self.wrong += [f"{fault} at {told}" for fault in self._faults(sent, answer)]
        self.wrong += [f"{fault} at {told}" for fault in self._changes(sent, answer, before)]
        self.tally[f"{answer.status_code}"] += 1

    def _faults(self, sent: Malformed, answer: httpx.Response) -> Iterator[str]:
        first = next((value for name, value in sent.headers if name == b"host"), b"")  # which one counts
        ours = first == HOST and self.signed_in
        policy = POLICY if HOST in answer.headers.get("content-security-policy", "").encode() else ANYWHERE
        yield from faults(sent, answer, policy=policy, ours=ours)
        if "Whitfield" in answer.text and not (sent.method == "POST" and b"/names" in sent.target):
            yield "a name where none was opened"

    def _changes(
        self, sent: Malformed, answer: httpx.Response, before: dict[str, Counter[Any]]
    ) -> Iterator[str]:
        """None but by a form that was taken: it is spent, and it stands in the log."""
        after = self._stored()
        if after == before:
            return
        new = {name: (after[name] - before[name]).total() for name in after}
        if sent.method != "POST" or answer.status_code not in (200, 303):
            yield f"changed: {[name for name in after if after[name] != before[name]]}"
        elif new["spent"] != 1 or new["audit"] < 1:
            yield f"changed, and not accounted for: {new}"
        self.taken += 1

    def _stored(self) -> dict[str, Counter[Any]]:
        """Everything stored, but for what runs beside (alerts, chores) and when a session was last used."""
        (version,) = self.db.execute("PRAGMA data_version").fetchone()  # another one after any change
        if version == self.version:
            return self.stored
        names = [name for (name,) in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {
            name: Counter(self.db.execute(f"SELECT * FROM {name}"))  # noqa: S608
            for name in names
            if name not in ("alerts", "chores")
        }
        rows["sessions"] = Counter(row[:3] + row[4:] for row in rows["sessions"].elements())
        self.version, self.stored = version, rows
        return rows

    async def _print(self) -> None:
        """Another browser, with a page of it: its form is good."""
        if self.stays:
            await self.person_at(*self.stays)
            return
        name = self.chance.choice((*WHO, *WHO, None))
        if name is None:
            await self.person_at(None, self.chance.choice(("/i/in", f"/i/n/{self._known(CODE)}")))
        else:
            mine = [route for route in PAGES if may_open(WHO[name], "GET", route)]
            await self.person_at(name, self.chance.choice(mine).replace("{key}", self.cases.own))

    async def person_at(self, name: str | None, page: str) -> Any:
        """Somebody, or a stranger, has opened that page; what is ours is theirs from now on."""
        town = self.town
        self.person = await self._signed_in(name) if name else town.newcomer()
        self.signed_in = name is not None
        shown = (await self.person.get(page)).text
        self.near = "/".join(page.split("/")[:3])
        self._know(
            {
                USED_TOKEN: self._known(TOKEN),
                TOKEN: (re.findall(r'name="token" value="([^"]*)"', shown) or ["none"])[0],
                SESSION: self.person.browser.cookies.get(cookies._SESSION, "none"),
                OWN: self.cases.own,
                OTHER: self.cases.other,
                MEMBER: town.members["Wim"].id,
                STRANGER: town.members["Xia"].id,
                CODE: await town.store.links.make(town.organisations["Harbour"].id, town.now),
            }
        )
        self.fields = sorted(set(re.findall(r'<(?:input|button|select)[^>]* name="([^"]+)"', shown)))
        return self.person

    async def _signed_in(self, name: str) -> Any:
        """That person; who was signed out comes back, and where a worker has left another begins."""
        person, town = self.town.people[name], self.town
        if (await person.get("/i/home")).status_code == 200 or (await person.sign_in()).status_code == 200:
            return person
        cora, called = await self._signed_in("Cora"), f"Yan{self.count}"
        await cora.go("/i/team", "/i/team", name=called, role="worker")
        team = await town.store.members.of(town.members["Cora"].organisation)
        new = next(one for one in team if one.name == called)
        code = (await town.store.members.invitations([new], town.now))[new.id].code
        town.people["Wim"], town.members["Wim"] = await town.has_key(new, code), new
        return town.people["Wim"]

    def _known(self, word: str) -> str:
        return self.ours.get(word.encode(), b"none").decode()

    def _know(self, ours: dict[str, str]) -> None:
        self.ours |= {word.encode(): value.encode() for word, value in ours.items()}


# At another origin than the inbox's the headers are those of all other pages, which are looked at there.
ANYWHERE = re.compile(".*")


@pytest.mark.parametrize("number", range(TOWNS))
async def test_no_malformed_request_fails_or_changes_anything(cases: Any, number: int) -> None:
    siege = Siege(cases, random.Random(SEED + number))  # noqa: S311  repeatable on purpose, and no secret

    await siege.run(OfInbox(siege.chance), IN_ONE_TOWN)

    print(f"IPVSCREEN_SEED={SEED}", dict(sorted(siege.tally.items())), siege.taken)  # noqa: T201  to repeat it
    assert siege.wrong[:5] == [], f"seed {SEED}: {len(siege.wrong)} of {IN_ONE_TOWN}"
    assert siege.tally.keys() >= {"200", "403", "404", "405", "413", "422"}, "it has got in"
    assert await cases.town.store.audit.verify() == []


async def test_a_zero_byte_in_a_path_names_nothing_on_postgres_either(open_town: Any, postgres: Any) -> None:
    """Which takes no text with one: the same page as for what is not there, of both origins."""
    name = postgres.new()
    town = await open_town(database=postgres.url(name))
    browsers = (town.people["Wim"].browser, town.house.browser())
    asked = 0
    for route in PATHS:
        browser = browsers[not route.startswith("/i/")]
        nul, nothing = [await browser.get(re.sub(r"{\w+}", key, route)) for key in ("a%00b", "aXXXb")]
        assert nul.status_code == 404, route
        assert nothing.status_code in (200, 400, 404, 405, 410), route
        asked += 1
    await browsers[1].aclose()
    assert asked >= 10


async def test_a_page_that_fails_is_found(cases: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control, behind all doors: only who may see the case, with a form that is good, gets there."""

    def broken(*_: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(case_pages, "step_of", broken)
    at_a_case = ("Cora", f"/i/cases/{cases.own}")
    siege = Siege(cases, random.Random(SEED), at_a_case)  # noqa: S311  as above
    await siege.run(OfInbox(siege.chance), 200)

    assert any(one.startswith("RuntimeError: broken on purpose at POST") for one in siege.wrong), (
        f"seed {SEED}"
    )


async def test_a_change_that_is_not_accounted_for_is_found(
    cases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control: a form that is taken and not spent."""

    async def not_spent(*_: Any) -> None: ...

    siege = Siege(cases, random.Random(SEED))  # noqa: S311  as above
    doors = ((b"host", HOST), (b"content-type", FORM.encode()), (b"origin", INBOX.encode()))
    cookie = (b"cookie", f"{cookies._SESSION}={SESSION}".encode())
    body = f"token={TOKEN}&name=Zoe&role=worker".encode()
    invites = Malformed("POST", b"/i/team", (*doors, cookie, (b"sec-fetch-site", b"same-origin")), body)
    with closing(siege.db):
        for taken in (True, False):
            siege.count = 1  # no other page
            cora = await siege.person_at("Cora", "/i/team")
            assert cora.page.status_code == 200
            await siege.send(invites)
            assert bool(siege.wrong) is not taken, siege.wrong
            monkeypatch.setattr(members_module, "spend", not_spent)
    assert "changed, and not accounted for" in siege.wrong[0]
