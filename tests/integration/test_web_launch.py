"""From the record system to a visit, and every way in which that is refused."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

APP, EHR = "https://app.test", "https://ehr.test"
ISS = f"{EHR}/fhir"

LOOK_ALIKES = [
    "https://ehr.test.evil.example/fhir",
    "https://ehr.test@evil.example/fhir",
    "https://evil.example/https://ehr.test/fhir",
    "https://ehr.test:8443/fhir",
    "https://EHR.test/fhir",
    "https://ehr.test./fhir",
    "https://ehr.test/fhir//",
    "https://ehr.test/fhir/..",
    "https://ehr.test/fhir#",
    "https://ehr.test/fhir?x",
    "https://ehr.test/FHIR",
    "https://ehr.test/fhi",
    "https://ehr.test%2ffhir",
    "https://ehr.test/fhir%2f",
    "http://ehr.test/fhir",
    "//ehr.test/fhir",
    " https://ehr.test/fhir",
    "https://ehr.test/fhir\n",
    "https://ehr．test/fhir",
    "https://ehr.test/fhir" + "/" * 3000,
]


@pytest.fixture
def outgoing(house: Any) -> list[str]:
    """Every request that the app sends from here on."""
    sent: list[str] = []

    async def note(request: httpx.Request) -> None:
        sent.append(str(request.url))

    house.app.state.rooms.http.event_hooks["request"].append(note)
    return sent


async def begun(browser: httpx.AsyncClient, iss: str = ISS) -> httpx.Response:
    """The app's answer to a real launch value."""
    asked = await browser.get(f"{EHR}/launch/new", follow_redirects=False)
    value = parse_qs(urlsplit(asked.headers["location"]).query)["launch"][0]
    return await browser.get("/launch", params={"iss": iss, "launch": value}, follow_redirects=False)


async def authorized(browser: httpx.AsyncClient) -> str:
    """The address of the callback, after a real launch."""
    there = await browser.get((await begun(browser)).headers["location"], follow_redirects=False)
    return str(there.headers["location"])


@pytest.mark.parametrize("iss", LOOK_ALIKES)
async def test_an_unlisted_iss_is_refused_before_anything_is_asked(
    house: Any, outgoing: list[str], iss: str
) -> None:
    async with house.browser() as browser:
        answer = await browser.get("/launch", params={"iss": iss, "launch": "x"})
    assert answer.status_code == 400
    assert outgoing == []
    assert iss.strip("/ \n")[:40] not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"iss={ISS}",
        "launch=x",
        f"iss={ISS}&launch=",
        f"iss={ISS}&iss={ISS}&launch=x",
        f"iss={ISS}&launch=x&launch=y",
        f"iss={ISS}&launch={'x' * 3000}",
    ],
)
async def test_a_launch_without_its_two_values_is_refused(
    house: Any, outgoing: list[str], query: str
) -> None:
    async with house.browser() as browser:
        answer = await browser.get(f"/launch?{query}")
    assert answer.status_code == 400
    assert outgoing == []


async def test_a_trailing_slash_is_the_same_server_and_aud_is_what_came_in(house: Any) -> None:
    async with house.browser() as browser:
        answer = await begun(browser, f"{ISS}/")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["aud"] == [f"{ISS}/"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{APP}/callback"]


async def test_a_launch_opens_a_visit_with_a_cookie_of_its_own(house: Any) -> None:
    async with house.browser() as browser:
        answer = await browser.get(await authorized(browser), follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/v/")
    set_now, dropped = answer.headers.get_list("set-cookie")
    assert set_now.startswith("__Host-")
    assert "Secure; HttpOnly; SameSite=Lax" in set_now
    assert "Max-Age=0" in dropped


async def test_a_callback_counts_once(house: Any, outgoing: list[str]) -> None:
    async with house.browser() as browser:
        callback = await authorized(browser)
        await browser.get(callback)
        asked = len(outgoing)
        again = await browser.get(callback)
    assert again.status_code == 400
    assert len(outgoing) == asked


async def test_a_callback_in_another_browser_is_refused(house: Any, outgoing: list[str]) -> None:
    async with house.browser() as browser, house.browser() as other:
        callback = await authorized(browser)
        asked = len(outgoing)
        answer = await other.get(callback)
        assert answer.status_code == 400
        assert len(outgoing) == asked
        assert (await browser.get(callback)).status_code == 200


async def test_a_callback_after_five_minutes_is_refused(house: Any) -> None:
    async with house.browser() as browser:
        callback = await authorized(browser)
        house.clock.forward(minutes=5)
        assert (await browser.get(callback)).status_code == 400


async def test_two_launches_in_one_browser_stay_apart(house: Any) -> None:
    async with house.browser() as browser:
        first, second = await authorized(browser), await authorized(browser)
        opened = [await browser.get(second), await browser.get(first)]
    assert [answer.status_code for answer in opened] == [200, 200]
    assert len({answer.url.path for answer in opened}) == 2


@pytest.mark.parametrize("query", ["", "state=", "state=unknown&code=x", "code=x"])
async def test_a_callback_without_a_launch_is_refused(house: Any, query: str) -> None:
    async with house.browser() as browser:
        assert (await browser.get(f"/callback?{query}")).status_code == 400


async def test_a_denied_authorization_is_told_in_plain_words(house: Any) -> None:
    house.ehr.state.sandbox.switches.deny_authorization = True
    async with house.browser() as browser:
        answer = await browser.get(f"{EHR}/launch/new")
    assert answer.status_code == 403
    assert "told not to let this page in" in answer.text


async def test_a_launch_value_that_was_used_is_told(house: Any) -> None:
    async with house.browser() as browser:
        asked = await browser.get(f"{EHR}/launch/new", follow_redirects=False)
        first = await browser.get(asked.headers["location"])
        again = await browser.get(asked.headers["location"])
    assert first.status_code == 200
    assert again.status_code in (400, 403)
    assert "data-step" not in again.text or 'data-step="problem"' in again.text


async def test_a_token_without_a_patient_stops(house: Any, visitor: Any) -> None:
    house.ehr.state.sandbox.switches.omit_patient = True
    await visitor.launch()
    assert visitor.page.status_code == 400
    assert "which patient" in visitor.text


@pytest.mark.parametrize("what", ["token", "smart-configuration"])
async def test_a_record_system_that_fails_is_told(house: Any, visitor: Any, what: str) -> None:
    switches = house.ehr.state.sandbox.switches
    switches.refuse[("*", what)] = 500
    switches.refuse[("*", "metadata")] = 500
    await visitor.launch()
    assert visitor.page.status_code == 502
    assert visitor.step == "problem"


@pytest.mark.parametrize("status", [401, 403, 404, 409, 412, 422, 429, 500])
async def test_a_patient_that_cannot_be_read_is_told(house: Any, visitor: Any, status: int) -> None:
    house.ehr.state.sandbox.switches.refuse[("GET", "Patient")] = status
    await visitor.launch()
    assert visitor.page.status_code in (502, 504)
    assert visitor.step == "problem"
    assert "Traceback" not in visitor.page.text


async def test_a_record_system_that_hangs_up_is_told(house: Any, visitor: Any) -> None:
    switches = house.ehr.state.sandbox.switches
    switches.hang_up, switches.at = True, ("GET", "Patient")
    await visitor.launch()
    assert visitor.page.status_code == 504
    assert "did not answer" in visitor.text


async def test_a_narrowed_scope_is_said_before_the_first_question(house: Any, visitor: Any) -> None:
    house.ehr.state.sandbox.switches.narrow_scope = "launch openid fhirUser patient/*.rs"
    await visitor.launch()
    assert visitor.step == "start"
    assert "<details open>\n<summary>What can be recorded here" in visitor.page.text
    assert "was not given the right to write Observations" in visitor.text


async def test_without_an_id_token_the_visit_opens_and_lists_nothing(house: Any, visitor: Any) -> None:
    house.ehr.state.sandbox.switches.omit_id_token = True
    await visitor.launch()
    assert visitor.step == "start"


async def test_the_start_page_is_the_same_for_every_clinician(visitors: Callable[[], Any]) -> None:
    gp = await visitors().launch("david-man", "dr-osei")
    trust = await visitors().launch("david-man", "dr-lindqvist")
    assert 'value="from-record"' not in gp.page.text
    assert 'value="from-record"' in trust.page.text
