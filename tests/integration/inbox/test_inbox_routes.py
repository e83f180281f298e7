"""Every route below `/i/`: who may open it, what it carries, that looking changes nothing, what it leaves."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx

from ipvscreen.ipv.access import OPEN, SIGNED_IN
from ipvscreen.ipv.members import Role
from ipvscreen.resources.neutral import topic_word
from ipvscreen.web import cookies

APP, INBOX = "https://app.test", "https://inbox.test"
SAME = {"Sec-Fetch-Site": "same-origin"}
WHO = {Role.WORKER: "Wim", Role.COORDINATOR: "Cora", Role.STEWARD: "Sam"}
ALL = {**dict.fromkeys(OPEN), **SIGNED_IN}
NOBODYS = "0" * 36


def path_of(route: str, key: str = NOBODYS, code: str = "x" * 43) -> str:
    """The route with a case and a code in it."""
    return route.replace("{key}", key).replace("{code}", code)


# What a post needs besides the slip to do something; where it differs, by role.
SCRIPTS = f"{INBOX}/s/page.js {INBOX}/s/key.js"


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path template of every route, those of included routers too."""
    for route in app.routes:
        inside = getattr(route, "original_router", None)
        if inside is not None:
            yield from routes_of(inside)
        else:
            yield from ((method, route.path) for method in route.methods)


def file_of(town: Any) -> str:
    name: str = town.house.settings.database.removeprefix("sqlite+aiosqlite:///")
    return name


def standing(town: Any) -> dict[str, list[Any]]:
    """Everything stored, but for the moment at which a session was last used."""
    with closing(sqlite3.connect(file_of(town))) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608
    rows["sessions"] = [row[:3] + row[4:] for row in rows["sessions"]]
    return rows


def page_of(route: str) -> str:
    return "/".join(route.split("/")[:3])


async def forms(town: Any) -> dict[str, tuple[str, dict[str, str]]]:
    """Of each post that needs a session: who makes it here, and its fields."""
    stored = town.store.proposals
    return {
        "/i/home/out": ("Wim", {}),
        "/i/home/places": ("Cora", {"service": "mentor-mothers", "places": "full"}),
        "/i/cases/{key}": ("Cora", {"event": "open", "seen": "0"}),
        "/i/cases/{key}/names": ("Cora", {}),
        "/i/keys": ("Wim", {"answer": "{}", "label": "x"}),
        "/i/keys/end": ("Wim", {"key": "x"}),
        "/i/team": ("Cora", {"name": "Zoe", "role": "worker"}),
        "/i/team/again": ("Cora", {"who": town.members["Wim"].id}),
        "/i/team/end": ("Cora", {"who": town.members["Wim"].id}),
        "/i/organisations": ("Sam", {"name": "Hill", "phone": "020 1234", "coordinator": "Eve"}),
        "/i/services": ("Sam", {"service": "mentor-mothers", "endpoint": "https://new.test/fhir"}),
        "/i/proposals": ("Sam", {"kind": "steward", "name": "Sid"}),
        "/i/proposals/agree": ("Sol", {"proposal": next((one.id for one in await stored.all()), "")}),
        "/i/proposals/stop": ("Sam", {"proposal": next((one.id for one in await stored.all()), "")}),
    }


async def glance(person: Any, method: str, path: str) -> httpx.Response:
    """One request of a browser that keeps its cookies whatever the answer says."""
    jar = person.browser.cookies.jar
    kept = list(jar)
    answer: httpx.Response = await person.browser.request(method, path, headers=SAME, follow_redirects=False)
    jar.clear()
    for cookie in kept:
        jar.set_cookie(cookie)
    return answer


def test_every_route_is_in_the_table_and_no_other(house: Any) -> None:
    found = {route for route in routes_of(house.app) if route[1].startswith("/i/")}
    assert found == set(ALL)
    assert not set(OPEN) & set(SIGNED_IN)


async def test_a_route_that_stands_in_no_table_opens_for_nobody(town: Any) -> None:
    """As well as failing the test above: who forgets the table gives nothing away."""
    from fastapi import APIRouter, Depends

    from ipvscreen.web.inbox.desk import admitted

    router = APIRouter(dependencies=[Depends(admitted)])

    @router.get("/i/everything")
    async def everything() -> str:
        return "everything"

    town.house.app.include_router(router)
    for person in [*town.people.values(), town.newcomer()]:
        answer = await person.get("/i/everything")
        assert answer.status_code == 404
        assert '"everything"' not in answer.text


async def test_each_role_opens_what_the_table_says(cases: Any) -> None:
    town, key = cases.town, cases.own
    missing = await town.people["Wim"].get("/i/nothing")
    hidden = await town.people["Wim"].get("/i/team")
    plain = [re.sub(r'<p class="hint">Reference \w+</p>', "", one.text).split() for one in (missing, hidden)]
    assert plain[0] == plain[1], "what is not for you is as if it were not there"
    posts = await forms(town)
    # Looking first, and signing out last.
    order = sorted(SIGNED_IN.items(), key=lambda one: (one[0][0] == "POST", one[0][1] == "/i/home/out"))
    for (method, route), roles in order:
        for role in (*Role, None):
            person = town.people[WHO[role]] if role else town.newcomer()
            if method == "GET":
                answer = await person.get(path_of(route, key))
            else:
                await person.get("/i/home" if role else "/i/in")
                answer = await person.post(path_of(route, key), **posts[route][1])
            told = (method, route, role, answer.status_code)
            if role is None:
                assert answer.status_code == 403, told
                assert "not signed in" in person.text or method == "POST", told
            elif role not in roles:
                assert answer.status_code in (403, 404), told
                assert method == "POST" or answer.status_code == 404, told
            elif method == "GET":
                assert answer.status_code == 200, told


async def test_one_organisation_learns_nothing_of_another(town: Any) -> None:
    """Each id of Meadow, put into each form of Harbour's coordinator: 404, the same as an id of nobody."""
    cora, before = town.people["Cora"], standing(town)
    (key,) = await town.store.passkeys.of(town.members["Xia"])
    for route in ("/i/team/again", "/i/team/end"):
        for who in ("Xia", "Dora", "Sam", "Cora"):
            await cora.get("/i/team")
            answer = await cora.post(route, who=town.members[who].id)
            nobody = await cora.go("/i/team", route, who="0" * 32)
            assert (answer.status_code, nobody.status_code) == (404, 404), (route, who)
            assert re.sub(r"Reference \w+", "", answer.text) == re.sub(r"Reference \w+", "", nobody.text)
    await cora.get("/i/keys")
    foreign = await cora.post("/i/keys/end", key=key.id)
    nobody = await cora.go("/i/keys", "/i/keys/end", key="0" * 64)
    assert (foreign.status_code, nobody.status_code) == (403, 403)
    assert re.sub(r"Reference \w+", "", foreign.text) == re.sub(r"Reference \w+", "", nobody.text)
    after = standing(town)
    assert after == before
    for path in ("/i/home", "/i/team", "/i/keys"):
        page = await cora.get(path)
        for words in ("Meadow", "Dora", "Xia", "Sam", town.members["Xia"].id):
            assert words not in page.text, (path, words)
    assert "Wim" in (await cora.get("/i/team")).text, "the control: her own are shown"


async def test_a_form_is_taken_once_from_our_own_page_by_whom_it_was_printed_for(town: Any) -> None:
    cora, dora = town.people["Cora"], town.people["Dora"]
    await cora.get("/i/team")
    slip, before = cora.token, standing(town)
    given = {"name": "Zoe", "role": "worker"}
    for headers in (
        {},
        {"Origin": "null"},
        {"Origin": APP},
        {"Sec-Fetch-Site": "cross-site", "Origin": INBOX},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = await cora.browser.post("/i/team", data={"token": slip, **given}, headers=headers)
        assert answer.status_code == 403, headers
    for token in ("", "x", "A" * 200, slip[:-2]):
        answer = await cora.browser.post("/i/team", data={"token": token, **given}, headers=SAME)
        assert answer.status_code == 403, token
    await cora.get("/i/home")
    assert (await cora.post("/i/team", **given)).status_code == 403, "a slip of another page"
    assert (
        await dora.browser.post("/i/team", data={"token": slip, **given}, headers=SAME)
    ).status_code == 403
    answer = await cora.browser.post("/i/team", data={"token": slip, **given, "more": "x"}, headers=SAME)
    assert answer.status_code == 422
    assert standing(town) == before

    first = await cora.browser.post("/i/team", data={"token": slip, **given}, headers=SAME)
    second = await cora.browser.post("/i/team", data={"token": slip, **given}, headers=SAME)
    assert (first.status_code, second.status_code) == (200, 409)
    team = await town.store.members.of(town.members["Cora"].organisation)
    assert [one.name for one in team] == ["Cora", "Wim", "Zoe"]


async def test_looking_changes_nothing(cases: Any) -> None:
    """GET and HEAD of every page by everybody, twice, as a prefetch would."""
    town, key = cases.town, cases.own
    await settled(town)
    notice = await town.store.links.make(town.organisations["Harbour"].id, town.now)
    await town.people["Sam"].go(
        "/i/services", "/i/services", service="mentor-mothers", endpoint="https://n.test/fhir"
    )
    code = (await town.store.members.invitations(list(town.members.values()), town.now)).values()
    assert not list(code), "every invitation was used"
    await town.people["Cora"].go("/i/team", "/i/team", name="Zoe", role="worker")
    link = re.findall(r"/i/join/([\w-]+)", town.people["Cora"].page.text)[0]
    before = standing(town)
    for method in ("GET", "HEAD"):
        for _, route in [one for one in ALL if one[0] == "GET"]:
            for person in [*town.people.values(), town.newcomer()]:
                answer = await glance(person, method, path_of(route, key, link))
                assert answer.status_code in (200, 303, 403, 404, 405), (route, answer.status_code)
            answer = await glance(person, method, f"/i/n/{notice}")
            assert answer.status_code in (200, 405)
    assert standing(town) == before


async def settled(town: Any) -> None:
    """Until the dispatcher, which runs beside the test, has nothing left to do."""
    for _ in range(200):
        if not [row for row in standing(town)["outbox"] if "ready" in row]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("messages still wait")


async def test_each_post_that_changes_something_leaves_one_row(cases: Any) -> None:
    town, key = cases.town, cases.own
    await settled(town)
    code = await town.store.links.make(town.organisations["Harbour"].id, town.now)
    rows = len([row async for row in town.store.audit.entries()])
    order = ["/i/cases/{key}", "/i/cases/{key}/names", "/i/home/places", "/i/n/{code}"]
    order += ["/i/team", "/i/organisations", "/i/services", "/i/proposals/agree", "/i/proposals/stop"]
    order += ["/i/proposals", "/i/team/again", "/i/team/end", "/i/home/out"]
    left = {}
    for route in order:
        who, fields = {"/i/n/{code}": ("Cora", {})}.get(route) or (await forms(town))[route]
        person = town.people[who]
        if route.endswith("/names"):
            await cases.does("Cora", "check", both="no")
        if who == "Wim":
            person = await town.has_key(*await _fresh(town))
        before = standing(town)
        shown = route.removesuffix("/names") if "{" in route else page_of(route)
        await person.get(path_of(shown, key, code))
        assert standing(town) == before, "a page that was opened"
        rows = len([row async for row in town.store.audit.entries()])
        answer = await person.post(path_of(route, key, code), **fields)
        assert answer.status_code == 200, (route, person.text)
        new = [row async for row in town.store.audit.entries()][rows:]
        left[route] = [row.act.value for row in new]
        assert standing(town) != before, route
    without = {"/i/in", "/i/in/{code}", "/i/join/{code}", "/i/keys", "/i/keys/end"}  # see test_inbox_keys
    assert {route for method, route in ALL if method == "POST"} == {*left, *without}, (
        "a form that nobody posts"
    )
    assert left == {
        "/i/cases/{key}": ["case-opened"],
        "/i/cases/{key}/names": ["names-read"],
        "/i/home/places": ["places-said"],
        "/i/n/{code}": ["notice-taken-up"],
        "/i/team": ["invited"],
        "/i/organisations": ["organisation-added"],
        "/i/services": ["proposed"],
        "/i/proposals/agree": ["agreed"],
        "/i/proposals/stop": ["proposal-stopped"],
        "/i/proposals": ["proposed"],
        "/i/team/again": ["invited-again"],
        "/i/team/end": ["member-ended"],
        "/i/home/out": ["signed-out"],
    }
    assert await town.store.audit.verify() == []
    assert [row for row in left.values() if topic_word(row[0])] == []


async def _fresh(town: Any) -> tuple[Any, str]:
    """One worker more of Harbour, and the code of the invitation."""
    cora = town.people["Cora"]
    await cora.go("/i/team", "/i/team", name="Yan", role="worker")
    team = await town.store.members.of(town.members["Cora"].organisation)
    (yan,) = [one for one in team if one.name == "Yan"]
    return yan, (await town.store.members.invitations([yan], town.now))[yan.id].code


# Two origins


async def test_each_origin_serves_its_own_pages_alone(town: Any) -> None:
    async with town.house.browser() as browser:
        for method, route in ALL:
            url = f"{APP}{path_of(route)}"
            answer = await browser.request(method, url, headers=SAME, follow_redirects=False)
            assert answer.status_code == 404, (method, route)
    stranger = town.newcomer()
    for path in (
        "/launch",
        "/list",
        "/callback/sandbox",
        "/v/x/start",
        "/v/x/exit",
        "/l/x",
        "/jwks.json",
        "/",
    ):
        answer = await stranger.get(path)
        assert answer.status_code == 404, path
        assert "patient" not in answer.text
    for path in ("/s/page.css", "/s/key.js", "/favicon.ico", "/healthz"):
        assert (await stranger.get(path)).status_code == 200, path


async def test_without_an_inbox_there_is_none(house: Any) -> None:
    async with house.browser() as browser:
        for method, route in ALL:
            answer = await browser.request(method, path_of(route), headers=SAME, follow_redirects=False)
            assert answer.status_code == 404, (method, route)


async def test_every_answer_carries_the_full_set(town: Any) -> None:
    seen = set()
    for route in sorted({route for _, route in ALL}):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            for person in (town.people["Sam"], town.newcomer()):
                answer = await glance(person, method, path_of(route))
                seen.add(answer.status_code)
                _check(answer)
    transport = httpx.ASGITransport(town.house.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=INBOX) as browser:
        browser.cookies.set(cookies._SESSION, "x", domain="inbox.test")
        await asyncio.to_thread(without_sessions, file_of(town))
        answer = await browser.get("/i/home")
        seen.add(answer.status_code)
        _check(answer)
    assert seen >= {200, 303, 403, 404, 405, 500}


def without_sessions(file: str) -> None:
    """In a thread of its own: the app has to go on meanwhile, or it keeps its lock."""
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DROP TABLE sessions")


def _check(answer: httpx.Response) -> None:
    told = (answer.request.method, answer.request.url.path, answer.status_code)
    policy = answer.headers["content-security-policy"]
    assert f"script-src {SCRIPTS};" in policy, told
    assert "frame-ancestors 'none'" in policy, told
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy, told
    assert answer.headers["cache-control"] == "no-store", told
    assert answer.headers["referrer-policy"] == "no-referrer", told
    assert answer.headers["x-content-type-options"] == "nosniff", told
    assert answer.headers["cross-origin-opener-policy"] == "same-origin", told
    assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains", told
    headers = " ".join(f"{name} {value}" for name, value in answer.headers.multi_items())
    assert topic_word(f"{answer.request.url} {headers}") is None, told
    if answer.text and "text/html" in answer.headers["content-type"]:
        assert re.findall(r"<title>(.*?)</title>", answer.text) == ["Health questionnaire"], told


async def test_every_page_has_its_way_out_one_primary_button_and_no_word(cases: Any) -> None:
    town = cases.town
    await town.people["Sam"].go(
        "/i/services", "/i/services", service="mentor-mothers", endpoint="https://n.test/fhir"
    )
    for method, route in SIGNED_IN:
        for name in ("Wim", "Cora", "Sol"):
            page = await town.people[name].get(path_of(route, cases.own)) if method == "GET" else None
            if page is None or page.status_code == 404:
                continue
            main = page.text.split("<main", 1)[1]
            assert len(re.findall(r'class="button primary"', main)) == 1, route
            assert "/i/exit" in page.text
            assert len(page.content) % 16_384 == 0


async def test_words_of_others_stay_words(town: Any) -> None:
    hostile = '<script>alert(1)</script>"><img src=x>'
    cora, sam = town.people["Cora"], town.people["Sam"]
    await cora.go("/i/team", "/i/team", name=hostile, role="worker")
    given = {"name": hostile, "phone": hostile[:30], "coordinator": hostile}
    await sam.go("/i/organisations", "/i/organisations", **given)
    for person in (cora, sam):
        assert "<img" not in person.page.text
        assert "<script>" not in person.page.text
        assert "&lt;script&gt;" in person.page.text
