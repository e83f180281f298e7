"""Every route of the app: who may call it, and what every answer of it carries, whatever the answer is.

Both are read from the router itself, so that a route that nobody has thought of fails here.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from malformed import ALWAYS
from pydantic import SecretStr

from ipvscreen.errors import EhrRefused, EhrUnreachable
from ipvscreen.ipv.visit import Step, VisitState
from ipvscreen.web import cookies, limits

APP, EHR = "https://app.test", "https://ehr.test"
METRICS = "counts-for-the-machine-that-watches"
SAME = {"Sec-Fetch-Site": "same-origin"}
FORM = SAME | {"Content-Type": "application/x-www-form-urlencoded"}
TOPIC = re.compile(r"abuse|violen|domestic|partner|victim|\bhark\b|ipvscreen|rape|assault", re.IGNORECASE)
Houses = Callable[..., Awaitable[Any]]

ANYBODY, LISTED, LAUNCH, VISIT, SITTING, TOKEN = (
    "anybody: it tells and changes nothing",
    "anybody who comes from a record system on the list",
    "the browser that began the launch",
    "the browser with the visit's cookie",
    "the browser with the list's cookie",
    "who shows the token of the settings",
)
# Who may call what. `Origin` and the form's token are asked for besides, wherever something is posted.
TABLE: dict[tuple[str, str], str] = {
    ("GET", "/s/{name}"): ANYBODY,
    ("GET", "/favicon.ico"): ANYBODY,
    ("GET", "/jwks.json"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): TOKEN,
    ("GET", "/launch"): LISTED,
    ("GET", "/list"): LISTED,
    ("GET", "/launch/ready"): LISTED,
    ("GET", "/callback/{ehr}"): LAUNCH,
    ("GET", "/l/{sitting_id}"): SITTING,
    ("GET", "/l/{sitting_id}/exit"): ANYBODY,
    ("POST", "/l/{sitting_id}/seen"): SITTING,
    ("GET", "/n/{token}"): ANYBODY,
    ("GET", "/v/{visit_id}/exit"): ANYBODY,
    ("GET", "/v/{visit_id}/cover"): ANYBODY,
    ("GET", "/v/{visit_id}/{step}"): VISIT,
    ("GET", "/v/{visit_id}/letter/{key}"): VISIT,  # and of a referral of it, see test_web_by_hand
    ("POST", "/v/{visit_id}/{step}"): VISIT,
    ("POST", "/v/{visit_id}/draft"): VISIT,
    ("POST", "/v/{visit_id}/go-on"): VISIT,
}
FRAMED = {"/launch", "/list", "/launch/ready", "/callback/{ehr}"} | {
    path for _, path in TABLE if path.startswith(("/v/", "/l/"))
}


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path template of every route, those of included routers too; another kind of route fails."""
    for route in app.routes:
        inside = getattr(route, "original_router", None)
        if inside is not None:
            assert not route.include_context.prefix, "a prefix that this walk does not know of"
            yield from routes_of(inside)
        else:
            yield from ((method, route.path) for method in route.methods)


@dataclass
class World:
    """A house with one clinician at a first page, one at a list, one between launch and callback."""

    house: Any
    visitor: Any
    sitter: httpx.AsyncClient
    caller: httpx.AsyncClient
    sitting: str = ""
    callback: str = ""
    token: str = ""
    browsers: list[httpx.AsyncClient] = field(default_factory=list)

    def browser(self) -> httpx.AsyncClient:
        self.browsers.append(self.house.browser())
        return self.browsers[-1]

    def path(self, template: str) -> str:
        """The template with what is there: this visit, this list, a file, the record system."""
        if template.startswith("/callback/"):
            return self.callback
        if template in ("/launch", "/list", "/launch/ready"):
            return f"{template}?iss={EHR}/fhir&state=s"
        given = {"visit_id": self.visitor.visit, "sitting_id": self.sitting, "name": "page.css", "token": "t"}
        return template.format(**given, step="start", key="none")

    async def call(
        self, browser: httpx.AsyncClient, method: str, template: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """As a page of ours would, with this visit's own token."""
        posted = method == "POST"
        return await browser.request(
            method,
            f"{APP}{self.path(template).removeprefix(APP)}",
            content=str(httpx.QueryParams({"token": self.token, "door": "ask"})) if posted else None,
            headers=(FORM if posted else {}) | (headers or {}),
            follow_redirects=False,
        )

    def right(self, template: str) -> tuple[httpx.AsyncClient, dict[str, str]]:
        """The browser that may, and what it shows besides its cookies."""
        sits = dict.fromkeys(("/metrics", "/l/{sitting_id}", "/l/{sitting_id}/seen"), self.sitter)
        who = sits | {"/callback/{ehr}": self.caller}
        shown = {"Authorization": f"Bearer {METRICS}"} if template == "/metrics" else {}
        return who.get(template, self.visitor.browser), shown


async def _until(browser: httpx.AsyncClient, url: str, part: str) -> str:
    """Follow redirects by hand up to one to an address with that part."""
    while part not in url:
        answer = await browser.get(url, follow_redirects=False)
        url = urljoin(str(answer.url), answer.headers["location"])
    return url


@pytest.fixture(params=["on its own", "in a frame"])
async def world(
    request: Any, houses: Houses, visitor: Any, visitors: Callable[[], Any]
) -> AsyncIterator[World]:
    """The same in a house whose record system frames the app."""
    frame = (EHR,) if request.param == "in a frame" else ()
    house = await houses(frame_ancestors=frame, metrics_token=SecretStr(METRICS))
    visitor.browser = house.browser()
    made = World(house, visitor, house.browser(), house.browser())
    await visitor.launch()
    made.token = dict(visitor.forms.forms[0]["fields"])["token"]
    listed = await _until(made.sitter, f"{EHR}/launch/list?clinician=dr-marsh", "/l/")
    made.sitting = listed.rsplit("/", 1)[1]
    made.callback = await _until(made.caller, f"{EHR}/launch/new?clinician=dr-lindqvist", "/callback/")
    yield made
    for browser in (visitor.browser, made.sitter, made.caller, *made.browsers):
        await browser.aclose()


# Who may call


def test_every_route_is_in_the_table(house: Any) -> None:
    inbox = {route for route in routes_of(house.app) if route[1].startswith("/i/")}  # see inbox/
    assert sorted(set(routes_of(house.app)) - inbox) == sorted(TABLE)


def test_a_route_that_nobody_has_thought_of_is_noticed(house: Any) -> None:
    @house.app.get("/everything")
    async def everything() -> None: ...

    inbox = {route for route in routes_of(house.app) if route[1].startswith("/i/")}
    assert set(routes_of(house.app)) - inbox - set(TABLE) == {("GET", "/everything")}


async def test_who_may_gets_through(world: World) -> None:
    """A control: what is refused below is not refused to everybody."""
    order = sorted(TABLE, key=lambda one: ("exit" in one[1], "cover" in one[1], one[0] == "POST"))
    for method, template in order:
        browser, shown = world.right(template)
        answer = await world.call(browser, method, template, shown)
        # a field of another page; and a referral that is not there
        expected = {
            "/v/{visit_id}/go-on": 422,
            "/l/{sitting_id}/seen": 422,
            "/v/{visit_id}/letter/{key}": 404,
        }.get(template)
        assert answer.status_code == expected or (expected is None and answer.status_code < 400), (
            method,
            template,
            answer.status_code,
        )


async def _wrong(world: World, path: str) -> dict[str, tuple[httpx.AsyncClient, dict[str, str]]]:
    """Browsers that must not, by what they come with."""
    elsewhere = world.browser()
    await elsewhere.get(f"{EHR}/launch/new", params={"patient": "helen-woman", "clinician": "dr-lindqvist"})
    forged, renamed = world.browser(), world.browser()
    value = world.visitor.browser.cookies.get(cookies.visit_cookie(world.visitor.visit))
    for name in (cookies.visit_cookie(world.visitor.visit), cookies.sitting_cookie(world.sitting)):
        forged.cookies.set(name, cookies.fresh(), domain="app.test")
    renamed.cookies.set(cookies.visit_cookie("another"), str(value), domain="app.test")
    return {
        "nothing": (world.browser(), {}),
        "another visit": (elsewhere, {}),
        "a forged cookie": (forged, {}),
        "the right value under another name": (renamed, {}),
        "another token": (world.browser(), {"Authorization": "Bearer another"}),
        "a token that begins like it": (world.browser(), {"Authorization": f"Bearer {METRICS[:-1]}"}),
        "the token in another scheme": (world.browser(), {"Authorization": f"Basic {METRICS}"}),
    } | (
        {"a page of another site": (world.visitor.browser, {"Sec-Fetch-Site": "cross-site"})}
        if path.startswith("POST")
        else {}
    )


async def test_nobody_else_gets_through_or_learns_anything(world: World) -> None:
    store = world.house.app.state.rooms.store
    stood = await store.visits.get(world.visitor.visit)
    for (method, template), who in TABLE.items():
        for what, (browser, shown) in (await _wrong(world, f"{method} {template}")).items():
            answer = await world.call(browser, method, template, shown)
            told = (method, template, what, answer.status_code)
            assert "Whitfield" not in answer.text, told
            if who in (ANYBODY, LISTED):
                assert answer.status_code < 400, told
            else:
                assert answer.status_code in (400, 403, 404), told
                assert world.visitor.visit not in answer.text, told
    assert await store.visits.get(world.visitor.visit) == stood
    assert (await world.visitor.get("start")).status_code == 200
    assert (await world.sitter.get(f"/l/{world.sitting}")).status_code == 200


async def test_a_visit_opens_to_its_own_cookie_and_to_no_other_of_the_same_browser(world: World) -> None:
    """One browser, two patients: each route with the other one's id and this one's form."""
    first, token = world.visitor.visit, world.token
    await world.visitor.launch("helen-woman")
    second = world.visitor.visit
    for template in ("/v/{visit_id}/{step}", "/v/{visit_id}/draft", "/v/{visit_id}/go-on"):
        world.visitor.visit, world.token = second, token
        answer = await world.call(world.visitor.browser, "POST", template)
        assert answer.status_code == 403, template
    world.visitor.visit = first
    world.visitor.browser.cookies.delete(cookies.visit_cookie(first))
    assert (await world.visitor.get("start")).status_code == 404


# What every answer carries

CONTENT = (
    "default-src 'none'; img-src 'self'; style-src 'self'; connect-src 'self';"
    f" script-src {APP}/s/page.js; require-trusted-types-for 'script'; trusted-types 'none';"
    " form-action 'self'; frame-ancestors {framed}; base-uri 'none'"
)
SOMETIMES = {
    *("content-type", "content-length", "location", "set-cookie", "allow", "retry-after"),
    "clear-site-data",
}


def check(answer: httpx.Response, framed: str = "'none'") -> None:
    """The whole set, each header once, and none that is not known here; no word of the topic anywhere."""
    told = (answer.request.method, answer.request.url.path, answer.status_code)
    names = [name.lower() for name, _ in answer.headers.multi_items()]
    single = [name for name in names if name != "set-cookie"]
    assert len(single) == len(set(single)), told
    stored = "public, max-age=300" if (told[1], told[2]) == ("/jwks.json", 200) else "no-store"
    expected = ALWAYS | {"content-security-policy": CONTENT.format(framed=framed), "cache-control": stored}
    assert {name: answer.headers.get(name) for name in expected} == expected, told
    assert set(names) - set(expected) <= SOMETIMES, told
    assert TOPIC.search(" ".join(f"{k} {v}" for k, v in answer.headers.multi_items())) is None, told
    if answer.text and "text/html" in answer.headers["content-type"]:
        assert re.findall(r"<title>(.*?)</title>", answer.text) == ["Health questionnaire"], told


class Broken:
    """The rooms, of which everything but what a problem page needs is broken."""

    def __init__(self, rooms: Any) -> None:
        self.templates, self.policy = rooms.templates, rooms.policy

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"the {name} is broken")


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


async def _answers(world: World) -> AsyncIterator[tuple[str, httpx.Response]]:
    """Every route by every method, and too long, while all inside is broken, and from who may."""
    templates = sorted({path for _, path in TABLE}, key=lambda path: ("exit" in path, "cover" in path))
    rooms = world.house.app.state.rooms
    transport = httpx.ASGITransport(world.house.app, raise_app_exceptions=False)
    for template in templates:
        for method in METHODS:
            yield template, await world.call(world.browser(), method, template)
        for method in ("GET", "POST"):
            too_long = {"Content-Length": str(limits.BODY_BYTES + 1)}
            yield template, await world.call(world.browser(), method, template, too_long)
            async with httpx.AsyncClient(transport=transport) as browser:
                world.house.app.state.rooms = Broken(rooms)
                answer = await world.call(browser, method, template)
                world.house.app.state.rooms = rooms
            yield template, answer
            browser, shown = world.right(template)
            yield template, await world.call(browser, method, template, shown)
    for path in ("/", "/nothing", "/v/", "/v/a", "/v/a/b/c", "/launch/", "/s/", "/docs", "/openapi.json"):
        for method in METHODS:
            yield "none", await world.browser().request(method, path, follow_redirects=False)


def _knows_its_record_system(template: str, answer: httpx.Response) -> bool:
    """A refusal may come before anybody has looked whose page it is; then nobody may frame it."""
    if template not in FRAMED or answer.status_code in (405, 413, 500):
        return False
    refused = answer.status_code in (400, 403)
    return not refused or "frame-ancestors 'none'" not in answer.headers["content-security-policy"]


async def test_every_answer_of_every_route_carries_the_full_set(world: World) -> None:
    framed = EHR if world.house.settings.ehr[0].frame_ancestors else "'none'"
    seen: dict[str, set[int]] = {}
    async for template, answer in _answers(world):
        seen.setdefault(template, set()).add(answer.status_code)
        check(answer, framed if _knows_its_record_system(template, answer) else "'none'")
    for template in {path for _, path in TABLE}:
        assert {405, 413} <= seen[template], template
        reached = {200, 204, 303, 409, 422} | ({404} if "{key}" in template else set())
        assert seen[template] & reached, (template, seen[template])
        if template != "/healthz" and template != "/metrics":
            assert seen[template] & {500, 503}, (template, seen[template])
    assert seen["none"] >= {404}
    assert not any(307 in codes for codes in seen.values()), "a redirect built from the Host header"


async def test_every_status_that_a_visit_can_end_in_carries_it_too(
    houses: Houses, visitor: Any, visitors: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await houses(frame_ancestors=(EHR,), launches_per_address=4)
    rooms, seen = house.app.state.rooms, set()
    visitor.browser = house.browser()

    def look(answer: httpx.Response, framed: str = EHR) -> None:
        seen.add(answer.status_code)
        check(answer, framed)

    look(await visitor.browser.get("/launch", params={"iss": "https://evil.test"}), "'none'")
    await visitor.launch()
    for answer in (*visitor.page.history, visitor.page):
        if answer.url.host == "app.test":
            look(answer)
    look(await visitor.get("done"))  # out of order
    await visitor.get("start")
    await visitor.post({"door": "ask"})
    token = dict(visitor.forms.forms[0]["fields"])["token"]
    kept = await visitor.browser.post(f"/v/{visitor.visit}/draft", data={"token": token}, headers=SAME)
    look(kept)
    look(await visitor.browser.post(f"/v/{visitor.visit}/questions", json={}, headers=SAME))
    look(await visitor.browser.post(f"/v/{visitor.visit}/questions", data={"token": "x"}, headers=SAME))
    for error in (EhrRefused(403, "No."), EhrUnreachable("Silent.", may_have_happened=True)):

        async def failing(*_: Any, error: Exception = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(rooms.store.services, "all", failing)
            patch.setattr(rooms.store.visits, "unfinished", failing)
            await visitor.launch()
            look(visitor.page)
    await visitor.launch()
    look(await visitor.get("start"))
    for _ in range(3):
        await visitor.launch()
    look(visitor.page)
    assert visitor.page.headers["retry-after"]
    house.clock.forward(minutes=61)
    ended = await visitor.get("start")
    look(ended)
    assert ended.headers["clear-site-data"] == '"cache"'
    assert "Max-Age=0; Path=/; Secure; HttpOnly; SameSite=None; Partitioned" in ended.headers["set-cookie"]
    assert seen >= {200, 204, 303, 400, 403, 409, 410, 422, 429, 502, 504}


async def test_one_record_system_does_not_frame_the_pages_of_another(
    houses: Houses, visitors: Callable[[], Any]
) -> None:
    house = await houses(two=True, frame_ancestors=(EHR,))
    framed, other = visitors(), visitors()
    framed.browser, other.browser = house.browser(), house.browser()
    await framed.launch()
    check(framed.page, EHR)
    other.page = await other.browser.get("https://second.test/launch/new")
    assert "/v/" in other.page.url.path
    check(other.page)


# No change by a GET


async def test_a_page_that_is_only_read_changes_nothing_anywhere(house: Any, visitor: Any) -> None:
    """Every page and way out of a visit where it stands, read by who may, twice: as a prefetch would."""
    moves = ({"door": "ask"}, {"76500-8": "LA33-6"}, {"safe-today": "yes"})
    store, memory = house.app.state.rooms.store, house.ehr.state.sandbox.memory
    gets = [template for method, template in TABLE if method == "GET" and "visit_id" in template]
    assert len(gets) == 4
    await visitor.launch()
    for fields in (None, *moves):
        if fields is not None:
            await visitor.get(visitor.step)
            await visitor.post(fields)
        stood, held = await store.visits.get(visitor.visit), len(list(memory.everything()))
        here = visitor.page.url.path.rpartition("/")[2]
        for template in [*gets, *gets]:
            for step in Step if "{step}" in template else (None,):
                path = template.format(visit_id=visitor.visit, step=step, key="none")
                cookies_before = dict(visitor.browser.cookies)
                await visitor.browser.get(path, follow_redirects=False, headers=SAME)
                visitor.browser.cookies.update(cookies_before)  # a way out drops it, and nothing else
        assert await store.visits.get(visitor.visit) == stood
        assert len(list(memory.everything())) == held
        assert (await visitor.get(here)).status_code == 200
    assert stood.state is VisitState.RECORDED
