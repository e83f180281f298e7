"""A clinician without a patient: what she has begun and not finished, and nobody else's."""

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

APP, EHR, SECOND = "https://app.test", "https://ehr.test", "https://second.test"
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")


async def disclosed(house: Any, patient: str, clinician: str, base: str = EHR) -> None:
    """A visit that was left after a first yes."""
    visitor = house.visitor()
    visitor.page = await visitor.browser.get(
        f"{base}/launch/new", params={"patient": patient, "clinician": clinician}
    )
    await visitor.post({"door": "ask"})
    await visitor.post(dict.fromkeys(HARK, NO) | {HARK[1]: YES})
    assert visitor.step == "respond", visitor.text


async def listed(house: Any, clinician: str, base: str = EHR) -> httpx.Response:
    async with house.browser() as browser:
        answer: httpx.Response = await browser.get(f"{base}/launch/list", params={"clinician": clinician})
        return answer


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    assert 'data-step="list"' in answer.text
    return re.findall(r"<li><strong>(.*?)</strong>", answer.text)


async def test_the_list_names_only_what_this_clinician_has_begun_here(houses: Any) -> None:
    house = await houses(two=True)
    await disclosed(house, "anna-woman", "dr-osei")
    house.clock.forward(minutes=1)
    await disclosed(house, "helen-woman", "dr-osei")
    await disclosed(house, "david-man", "dr-lindqvist")
    await disclosed(house, "anna-woman", "dr-osei", SECOND)

    osei = await listed(house, "dr-osei")
    assert names(osei) == ["Anna Whitfield", "Helen Brookes"]
    assert "begun Monday 2 March, 10:00" in osei.text
    assert "from the patient's record" in html.unescape(osei.text)
    assert names(await listed(house, "dr-lindqvist")) != names(osei)
    assert len(names(await listed(house, "dr-lindqvist"))) == 1
    assert names(await listed(house, "dr-osei", SECOND)) == ["Anna Whitfield"]
    assert names(await listed(house, "dr-lindqvist", SECOND)) == []


async def test_nothing_on_the_list_can_be_opened_from_it(house: Any) -> None:
    await disclosed(house, "anna-woman", "dr-osei")
    text = (await listed(house, "dr-osei")).text
    assert "/v/" not in text
    assert "<form" not in text
    assert re.findall(r'<a [^>]*href="([^"]+)"', text)[-1].endswith("/exit")


async def test_a_list_asks_for_nothing_but_who_is_there(house: Any) -> None:
    async with house.browser() as browser:
        clicked = await browser.get(f"{EHR}/launch/list", follow_redirects=False)
        assert urlsplit(clicked.headers["location"]).path == "/list"
        by_ehr = await browser.get(clicked.headers["location"], follow_redirects=False)
        alone = await browser.get("/list", params={"iss": f"{EHR}/fhir"}, follow_redirects=False)
    scopes = [
        parse_qs(urlsplit(answer.headers["location"]).query)["scope"][0].split() for answer in (by_ehr, alone)
    ]
    assert scopes == [["launch", "openid", "fhirUser"], ["openid", "fhirUser"]]


async def test_a_list_from_outside_the_record_system_opens_after_its_sign_in(house: Any) -> None:
    async with house.browser() as browser:
        asked = await browser.get("/list", params={"iss": f"{EHR}/fhir"})
        answer = await browser.get(asked.url.copy_merge_params({"clinician": "dr-osei"}))
    assert names(answer) == []


async def test_without_a_known_clinician_there_is_no_list(house: Any) -> None:
    house.ehr.state.sandbox.switches.omit_id_token = True
    answer = await listed(house, "dr-osei")
    assert answer.status_code == 400
    assert "did not say who is signed in" in answer.text


async def test_a_list_belongs_to_its_browser_and_ends(house: Any) -> None:
    await disclosed(house, "anna-woman", "dr-osei")
    async with house.browser() as browser, house.browser() as other:
        answer = await browser.get(f"{EHR}/launch/list", params={"clinician": "dr-osei"})
        path = answer.url.path
        assert re.fullmatch(r"/l/[\w-]{22}", path)
        assert (await other.get(path)).status_code == 404
        assert (await browser.get(path)).status_code == 200
        house.clock.forward(minutes=10)
        over = await browser.get(path)
        assert over.status_code == 410
        assert "Whitfield" not in over.text
        assert (await browser.get(path)).status_code == 404


async def test_exit_ends_the_list_and_takes_its_cookie(house: Any) -> None:
    async with house.browser() as browser, house.browser() as other:
        answer = await browser.get(f"{EHR}/launch/list", params={"clinician": "dr-osei"})
        path = answer.url.path
        left = await other.get(f"{path}/exit", follow_redirects=False)
        assert (left.status_code, left.headers["location"]) == (303, f"{EHR}/")
        assert (await browser.get(path)).status_code == 200, "another browser's exit ends nothing here"
        left = await browser.get(f"{path}/exit", follow_redirects=False)
        assert (left.status_code, left.headers["location"]) == (303, f"{EHR}/")
        assert left.headers["clear-site-data"]
        assert "Max-Age=0" in left.headers["set-cookie"]
        assert (await browser.get(path)).status_code == 404
        assert (await browser.get(f"{path}/exit", follow_redirects=False)).status_code == 303


async def test_a_list_does_not_stop_the_visit_that_is_open(house: Any, visitor: Any) -> None:
    await visitor.launch("anna-woman", "dr-osei")
    await listed(house, "dr-osei")
    assert (await visitor.get("start")).status_code == 200
    assert visitor.step == "start"
