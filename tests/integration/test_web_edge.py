"""What a browser, a bystander or a stranger gets: nothing that tells, and nothing that lets them in."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

TOPIC = re.compile(
    r"abuse|violen|domestic|partner|victim|\bhark\b|\bipv|ipvscreen|geweld|rape|assault", re.IGNORECASE
)
TEMPLATES = Path(__file__).parents[2] / "smart_app"
SAME = {"Sec-Fetch-Site": "same-origin"}


def check_headers(answer: httpx.Response) -> None:
    """Every protection, and no word."""
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "script-src https://app.test/s/page.js;" in answer.headers["content-security-policy"]
    assert (
        "require-trusted-types-for 'script'; trusted-types 'none'"
        in answer.headers["content-security-policy"]
    )
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers.get_list("content-security-policy").__len__() == 1
    told = " ".join(f"{name} {value}" for name, value in answer.headers.multi_items())
    assert TOPIC.search(told) is None, told
    assert TOPIC.search(str(answer.url)) is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("GET", "/launch", 400),
        ("GET", "/callback", 404),
        ("GET", "/callback/sandbox", 400),
        ("GET", "/callback/unknown", 404),
        ("GET", "/v/unknown/start", 404),
        ("GET", "/v/unknown/nothing", 404),
        ("POST", "/v/unknown/start", 403),
        ("DELETE", "/v/unknown/start", 405),
        ("GET", "/v/unknown/exit", 303),
        ("GET", "/v/unknown/cover", 200),
        ("GET", "/s/page.css", 200),
        ("GET", "/s/page.js", 200),
        ("GET", "/s/icon.svg", 200),
        ("GET", "/favicon.ico", 200),
        ("GET", "/s/nothing.css", 404),
        ("GET", "/s/..%2fpyproject.toml", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/docs", 404),
    ],
)
async def test_every_answer_is_protected(house: Any, method: str, path: str, status: int) -> None:
    async with house.browser() as browser:
        answer = await browser.request(method, path, follow_redirects=False)
    assert answer.status_code == status
    check_headers(answer)
    if "text/html" in answer.headers.get("content-type", ""):
        assert re.findall(r"<title>(.*?)</title>", answer.text) == ["Health questionnaire"]


async def test_a_failure_inside_is_a_neutral_page(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(house.app.state.rooms.store.visits, "with_grant", broken)
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://app.test") as browser:
        answer = await browser.get("/v/x/start")
    assert answer.status_code == 500
    check_headers(answer)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert re.search(r"Reference [0-9a-f]{8}", answer.text)


async def test_without_its_cookie_a_visit_is_as_if_it_were_not(visitors: Callable[[], Any]) -> None:
    one, stranger = visitors(), visitors()
    await one.launch()
    answer = await stranger.browser.get(f"/v/{one.visit}/start")
    unknown = await stranger.browser.get("/v/unknown/start")
    assert (answer.status_code, unknown.status_code) == (404, 404)
    without_reference = [re.sub(r"Reference \w+", "", page.text) for page in (answer, unknown)]
    assert without_reference[0] == without_reference[1]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.test"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_posted_from_elsewhere_changes_nothing(visitor: Any, headers: dict[str, str]) -> None:
    await visitor.launch()
    token = dict(visitor.forms.forms[0]["fields"])["token"]
    answer = await visitor.browser.post(
        visitor.page.url, data={"token": token, "door": "ask"}, headers=headers
    )
    assert answer.status_code == 403
    assert (await visitor.get("start")).status_code == 200


@pytest.mark.parametrize("token", [None, "", "forged", "A" * 200])
async def test_a_form_without_our_token_changes_nothing(visitor: Any, token: str | None) -> None:
    await visitor.launch()
    data = {"door": "ask"} | ({} if token is None else {"token": token})
    answer = await visitor.browser.post(visitor.page.url, data=data, headers=SAME)
    assert answer.status_code == 403
    assert (await visitor.get("start")).status_code == 200


async def test_a_body_that_is_no_form_is_422(visitor: Any) -> None:
    await visitor.launch()
    answer = await visitor.browser.post(visitor.page.url, json={"door": "ask"}, headers=SAME)
    assert answer.status_code == 422


async def test_a_visit_that_ran_out_says_so_and_keeps_what_was_entered(house: Any, visitor: Any) -> None:
    await visitor.launch()
    await visitor.post({"door": "told"})
    house.clock.forward(minutes=60)
    answer = await visitor.get("respond")
    assert answer.status_code == 410
    assert "What you entered is kept." in visitor.text
    await visitor.launch()
    assert "Begun and not finished" in visitor.text


@pytest.mark.parametrize("way", ["exit", "cover"])
async def test_leaving_takes_the_cookie_and_the_visit_is_gone(visitor: Any, way: str) -> None:
    await visitor.launch()
    answer = await visitor.browser.get(f"/v/{visitor.visit}/{way}", follow_redirects=False)
    check_headers(answer)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert answer.headers["clear-site-data"] == '"cache"'
    assert (await visitor.get("start")).status_code == 404
    if way == "exit":
        assert (answer.status_code, answer.headers["location"]) == (303, "https://ehr.test/")
    else:
        assert "How many hours do you usually sleep?" in answer.text
        assert "Whitfield" not in answer.text


async def test_leaving_one_visit_leaves_the_other(house: Any, visitors: Callable[[], Any]) -> None:
    one = visitors()
    await one.launch("anna-woman")
    first = one.visit
    await one.launch("freya-woman")
    await one.browser.get(f"/v/{first}/exit", follow_redirects=False)
    assert (await one.get("start")).status_code == 200


async def test_every_page_has_its_ways_out_and_one_primary_button(visitor: Any) -> None:
    await visitor.launch()
    seen = []
    for fields in ({"door": "ask"}, {"76500-8": "LA33-6"}, {"safe-today": "yes"}):
        seen.append(visitor.page)
        await visitor.post(fields)
    for step in ("refer", "share", "danger", "done", "finish"):
        await visitor.get(step)
        seen.append(visitor.page)
    for page in seen:
        assert page.status_code == 200, page.url
        check_headers(page)
        main = page.text.split("<main", 1)[1]
        assert len(re.findall(r'class="button primary"', main)) == 1, page.url
        assert f"/v/{visitor.visit}/exit" in page.text
        assert f"/v/{visitor.visit}/danger" in page.text
        assert "Anna Whitfield" in page.text
        assert re.findall(r"<title>(.*?)</title>", page.text) == ["Health questionnaire"]
        assert 'lang="en"' in page.text


async def test_a_name_is_text_and_nothing_more(house: Any, visitor: Any) -> None:
    body = dict(house.ehr.state.sandbox.memory.find("Patient", "anna-woman"))
    body["name"] = [{"family": "<script>alert(1)</script>", "given": ['"><img src=x>']}]
    house.ehr.state.sandbox.memory.put(body, house.clock())
    await visitor.launch("anna-woman")
    assert visitor.step == "start"
    assert "<script>alert" not in visitor.page.text
    assert "<img" not in visitor.page.text
    assert "&lt;script&gt;" in visitor.page.text


async def test_the_page_of_questions_is_small(house: Any, visitor: Any) -> None:
    await visitor.launch()
    await visitor.post({"door": "ask"})
    style, script, icon = [
        await visitor.browser.get(path) for path in ("/s/page.css", "/s/page.js", "/s/icon.svg")
    ]
    assert len(script.content) <= 3_000
    assert len(style.content) <= 12_000
    assert sum(len(part.content) for part in (visitor.page, style, script, icon)) <= 30_000


async def test_the_page_says_when_the_visit_ends_and_leaves_when_it_has(house: Any, visitor: Any) -> None:
    await visitor.launch()
    ends = r'<p class="notice warning" role="status" data-left="(\d+)"( hidden)?>This visit ends at ([\d:]+).'
    assert re.findall(ends, visitor.page.text) == [("3600", " hidden", "11:00")]
    house.clock.forward(minutes=50)
    await visitor.get("start")
    assert re.findall(ends, visitor.page.text) == [("600", " hidden", "11:00")]
    house.clock.forward(seconds=1)
    await visitor.get("start")
    assert re.findall(ends, visitor.page.text) == [("599", "", "11:00")]
    house.clock.forward(minutes=10)
    ended = await visitor.get("start")
    assert (ended.status_code, ended.headers["clear-site-data"]) == (410, '"cache"')
    assert "Max-Age=0" in ended.headers["set-cookie"]
    assert (await visitor.get("start")).status_code == 404


async def test_where_no_record_system_is_known_leaving_is_a_neutral_page(house: Any) -> None:
    house.app.state.rooms = replace(house.app.state.rooms, ehrs={})
    async with house.browser() as browser:
        for way in ("exit", "cover"):
            assert (await browser.get(f"/v/x/{way}")).status_code == 404


# Below a path

ADDRESS = re.compile(r'(?:href|src|action|data-draft)="([^"]*)"')


async def test_below_a_path_every_address_begins_with_it(houses: Any) -> None:
    """A whole visit, by links and forms alone, behind a proxy that leaves the path as it is."""
    house = await houses(public_url="https://app.test/clinic")
    visitor, seen = house.visitor(), []
    await visitor.launch("anna-woman")
    visit = visitor.page.url.path.split("/")[3]
    for fields in ({"door": "told"}, {"safe-today": "no"}, {"call": "made"}):
        seen.append(visitor.page)
        await visitor.post(fields)
        assert visitor.page.status_code == 200
    assert visitor.step == "refer"
    for step in ("refer", "share", "done", "finish", "start", "nothing", "cover"):
        seen.append(await visitor.browser.get(f"/clinic/v/{visit}/{step}"))
    await visitor.launch("freya-woman")
    await visitor.launch("anna-woman")
    first = seen[0].url.path
    assert first.startswith("/clinic/v/")
    for page in seen:
        for address in ADDRESS.findall(page.text):
            assert address.startswith(("/clinic/", "#")), (page.url, address)
        assert "script-src https://app.test/clinic/s/page.js;" in page.headers["content-security-policy"]
    for name in ("page.js", "page.css", "icon.svg"):
        assert (await visitor.browser.get(f"/clinic/s/{name}")).status_code == 200


async def test_below_a_path_a_stopped_visit_and_its_ways_out_stay_there(houses: Any) -> None:
    house = await houses(public_url="https://app.test/clinic")
    one, other = house.visitor(), house.visitor()
    await one.launch("anna-woman")
    url = one.page.url
    await other.launch("freya-woman")
    one.page = await one.browser.get(url)
    assert (one.page.status_code, one.step) == (409, "stopped")
    assert all(address.startswith(("/clinic/", "#")) for address in ADDRESS.findall(one.page.text))
    await one.post({})
    assert (one.page.status_code, one.page.url) == (200, url)
    leaving = one.page.text.split('class="exit" href="')[1].split('"')[0]
    answer = await one.browser.get(leaving, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "https://ehr.test/")


# Each page with each field that it does not have

UNKNOWN = (
    "state",
    "patient_id",
    "encounter_id",
    "user",
    "written",
    "cookie_hash",
    "stopped",
    "next",
    "99999-9",
)
PAGES: dict[str, tuple[list[dict[str, str] | str], dict[str, str]]] = {
    "start": ([], {"door": "ask"}),
    "questions": ([{"door": "ask"}], {}),
    "respond": ([{"door": "told"}], {}),
    "danger": (["danger"], {"call": "made"}),
    "refer": ([{"door": "told"}, {"safe-today": "yes"}], {}),
    "share": ([{"door": "told"}, {"safe-today": "yes"}, "share"], {}),
    "done": ([{"door": "told"}, {"safe-today": "yes"}, "done"], {"action": "close"}),
    "finish": ([{"door": "told"}, {"safe-today": "yes"}, "finish"], {"action": "close"}),
    "not-now": (["not-now"], {"action": "close"}),
}


@pytest.mark.parametrize("step", PAGES)
async def test_each_page_refuses_each_field_that_it_does_not_have(
    house: Any, visitor: Any, step: str
) -> None:
    moves, fields = PAGES[step]
    await visitor.launch()
    for move in moves:
        await (visitor.get(move) if isinstance(move, str) else visitor.post(move))
    assert visitor.step == step, visitor.text
    token = dict(visitor.forms.forms[0]["fields"])["token"]
    stood = await house.app.state.rooms.store.visits.get(visitor.visit)
    before = len(list(house.ehr.state.sandbox.memory.everything()))
    for name in UNKNOWN:
        answer = await visitor.browser.post(
            f"/v/{visitor.visit}/{step}", data={"token": token, **fields, name: "x"}, headers=SAME
        )
        assert answer.status_code == 422, name
    assert await house.app.state.rooms.store.visits.get(visitor.visit) == stood
    assert len(list(house.ehr.state.sandbox.memory.everything())) == before


def test_templates_never_print_unescaped_and_load_nothing_from_elsewhere() -> None:
    files = [path for path in TEMPLATES.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        text = path.read_text("utf-8")
        assert "|safe" not in text.replace(" ", ""), path
        assert "autoescape" not in text, path
        assert not re.search(r"(src|href|url\()\s*=?\s*[\"']?(https?:)?//", text), path
        assert not re.search(r"\son[a-z]+=|<style|style=", text), path
        assert TOPIC.search(path.name) is None
