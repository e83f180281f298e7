"""From the record system to a visit, and every way in which that is refused."""

import html
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ipvscreen.app import create_app, fresh_signing_keys

APP, EHR = "https://app.test", "https://ehr.test"
ISS = f"{EHR}/fhir"
FORM = re.compile(r'<form method="post" action="([^"]+)"')
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')

LOOK_ALIKES = [
    "https://ehr.test.evil.example/fhir",
    "https://ehr.test@evil.example/fhir",
    "https://ehr.test:443@evil.example/fhir",
    "https://evil.example/https://ehr.test/fhir",
    "https://evil.example#https://ehr.test/fhir",
    "https://evil.example?https://ehr.test/fhir",
    "https://evil.example\\@ehr.test/fhir",
    "https://ehr.test\\.evil.example/fhir",
    "https:\\\\ehr.test\\fhir",
    "https://ehr.test:8443/fhir",
    "https://ehr.test:443/fhir",
    "https://ehr.test:/fhir",
    "https://user@ehr.test/fhir",
    "https://:@ehr.test/fhir",
    "https://EHR.test/fhir",
    "HTTPS://ehr.test/fhir",
    "https://ehr.test./fhir",
    "https://.ehr.test/fhir",
    "https://ehr-test/fhir",
    "https://ehr.test.test/fhir",
    "https://ehrtest/fhir",
    "https://ehr.test/fhir//",
    "https://ehr.test//fhir",
    "https://ehr.test/./fhir",
    "https://ehr.test/x/../fhir",
    "https://ehr.test/fhir/..",
    "https://ehr.test/fhir/.",
    "https://ehr.test/fhir#",
    "https://ehr.test/fhir?x",
    "https://ehr.test/fhir?",
    "https://ehr.test/fhir;x",
    "https://ehr.test/FHIR",
    "https://ehr.test/fhi",
    "https://ehr.test/fhir/Patient",
    "https://ehr.test%2ffhir",
    "https://ehr.test/fhir%2f",
    "https://ehr.test/%66hir",
    "https://ehr%2etest/fhir",
    "http://ehr.test/fhir",
    "ftp://ehr.test/fhir",
    "//ehr.test/fhir",
    "ehr.test/fhir",
    " https://ehr.test/fhir",
    "https://ehr.test/fhir ",
    "https://ehr.test/fhir\n",
    "https://ehr.test/\tfhir",
    "https://ehr．test/fhir",
    "https://ehr。test/fhir",
    "https://еhr.test/fhir",
    "https://ehr.test/fhir\u200b",
    "https://xn--hr-nmc.test/fhir",
    "https://[::1]/fhir",
    "https://127.0.0.1/fhir",
    "https://169.254.169.254/latest/meta-data",
    "https://ehr.test/fhir" + "/" * 3000,
    "https://" + "e" * 5000 + "/fhir",
]


@pytest.fixture
def outgoing(house: Any) -> list[httpx.Request]:
    """Every request that the app sends from here on."""
    sent: list[httpx.Request] = house.watch()
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
    house: Any, outgoing: list[httpx.Request], iss: str
) -> None:
    async with house.browser() as browser:
        answer = await browser.get("/launch", params={"iss": iss, "launch": "x"})
    assert answer.status_code == 400
    assert outgoing == []
    assert iss.strip("/ \n")[:40] not in answer.text


async def test_look_alikes_reach_no_resolver_and_no_socket(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real network stack behind it; the control is the listed address, which does reach the resolver."""
    asked: list[object] = []

    def resolver(host: object, *_: object, **__: object) -> Any:
        asked.append(host)
        raise OSError("no network in tests")

    def connect(_: socket.socket, address: object) -> None:
        asked.append(address)
        raise OSError("no network in tests")

    app = create_app(house.settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=APP) as browser,
    ):
        for name in ("getaddrinfo", "gethostbyname", "create_connection"):
            monkeypatch.setattr(socket, name, resolver)
        monkeypatch.setattr(socket.socket, "connect", connect)
        for iss in LOOK_ALIKES:
            for path in ("/launch", "/list", "/launch/ready"):
                answer = await browser.get(path, params={"iss": iss, "launch": "x", "state": "x"})
                assert answer.status_code == 400
        assert asked == []
        assert (await browser.get("/launch", params={"iss": ISS, "launch": "x"})).status_code == 502
    assert {str(host).strip("b'") for host in asked} == {"ehr.test"}
    assert len(LOOK_ALIKES) >= 40


@pytest.mark.parametrize(
    "query",
    [
        "",
        "launch=x",
        f"iss={ISS}&launch=",
        f"iss={ISS}&iss={ISS}&launch=x",
        f"iss={ISS}&launch=x&launch=y",
        f"iss={ISS}&launch={'x' * 3000}",
    ],
)
async def test_a_launch_without_its_two_values_is_refused(
    house: Any, outgoing: list[httpx.Request], query: str
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
    assert query["redirect_uri"] == [f"{APP}/callback/sandbox"]


async def test_a_launch_opens_a_visit_with_a_cookie_of_its_own(house: Any) -> None:
    async with house.browser() as browser:
        answer = await browser.get(await authorized(browser), follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/v/")
    set_now, dropped = answer.headers.get_list("set-cookie")
    assert set_now.startswith("__Host-")
    assert "Secure; HttpOnly; SameSite=Lax" in set_now
    assert "Max-Age=0" in dropped


async def test_a_callback_counts_once(house: Any, outgoing: list[httpx.Request]) -> None:
    async with house.browser() as browser:
        callback = await authorized(browser)
        await browser.get(callback)
        asked = len(outgoing)
        again = await browser.get(callback)
    assert again.status_code == 400
    assert len(outgoing) == asked


async def test_a_callback_in_another_browser_is_refused(house: Any, outgoing: list[httpx.Request]) -> None:
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


async def test_a_callback_is_refused_when_a_parameter_comes_twice(
    house: Any, outgoing: list[httpx.Request]
) -> None:
    async with house.browser() as browser:
        callback = await authorized(browser)
        asked = len(outgoing)
        for doubled in ("&code=other", "&state=other", "&iss=https://evil.example"):
            assert (await browser.get(callback + doubled)).status_code == 400
        assert len(outgoing) == asked
        assert (await browser.get(callback)).status_code == 200


async def test_the_launch_cookie_is_gone_after_the_callback_and_opens_nothing(house: Any) -> None:
    async with house.browser() as browser:
        there = await begun(browser)
        name, _, rest = there.headers["set-cookie"].partition("=")
        value = rest.partition(";")[0]
        answered = await browser.get(there.headers["location"], follow_redirects=False)
        opened = await browser.get(answered.headers["location"])
        assert name not in {cookie.name for cookie in browser.cookies.jar}
        assert opened.status_code == 200
    async with house.browser() as thief:
        cookie = {"Cookie": f"{name}={value}"}
        assert (await thief.get(opened.url.path, headers=cookie)).status_code == 404
        assert (await thief.get(answered.headers["location"], headers=cookie)).status_code == 400


async def test_a_callback_goes_to_the_path_of_its_own_record_system(
    house: Any, outgoing: list[httpx.Request]
) -> None:
    async with house.browser() as browser:
        callback = await authorized(browser)
        asked = len(outgoing)
        assert (await browser.get(callback.replace("/sandbox", "/nobody"))).status_code == 404
        assert (await browser.get(callback.replace("/sandbox", ""))).status_code == 404
        assert len(outgoing) == asked
        assert (await browser.get(callback)).status_code == 200


@pytest.mark.parametrize(
    "iss", [None, "", "https://evil.example", f"{ISS}/", f"{EHR}/FHIR", f"{EHR}/", "https://EHR.test"]
)
async def test_an_answer_of_another_issuer_is_refused_before_the_code_is_sent(
    house: Any, outgoing: list[httpx.Request], iss: str | None
) -> None:
    """RFC 9207: the sandbox says that it names itself in each answer, so it must, and to the letter."""
    async with house.browser() as browser:
        callback = httpx.URL(await authorized(browser))
        right = callback.params["iss"]
        changed = callback.copy_remove_param("iss") if iss is None else callback.copy_set_param("iss", iss)
        asked = len(outgoing)
        assert (await browser.get(changed)).status_code == 400
        assert len(outgoing) == asked
        assert (await browser.get(callback)).status_code == 400, "one answer a launch, right or wrong"
    assert right != iss


async def test_where_the_issuer_is_not_announced_an_answer_without_it_is_good(house: Any) -> None:
    house.ehr.state.sandbox.switches.issuer_parameter = False
    async with house.browser() as browser:
        callback = await authorized(browser)
        assert "iss=" not in callback
        assert (await browser.get(callback)).status_code == 200


@pytest.mark.parametrize("query", ["", "state=", "state=unknown&code=x", "code=x"])
async def test_a_callback_without_a_launch_is_refused(house: Any, query: str) -> None:
    async with house.browser() as browser:
        assert (await browser.get(f"/callback/sandbox?{query}")).status_code == 400


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


async def test_launches_beyond_the_limit_wait_and_ask_nothing(houses: Any) -> None:
    house = await houses(launches_per_address=3)
    outgoing = house.watch()
    async with house.browser() as browser:
        for _ in range(3):
            assert (await begun(browser)).status_code == 303
        asked = len(outgoing)
        answer = await begun(browser)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert len(outgoing) == asked


async def test_a_standalone_launch_asks_for_the_patient_over_there(house: Any) -> None:
    async with house.browser() as browser:
        asked = await browser.get("/launch", params={"iss": ISS}, follow_redirects=False)
        query = parse_qs(urlsplit(asked.headers["location"]).query)
        assert "launch" not in query
        scopes = query["scope"][0].split()
        assert "launch/patient" in scopes
        assert "launch" not in scopes
        picker = await browser.get(asked.headers["location"])
        assert 'data-step="choose"' in picker.text
        chosen = picker.url.copy_merge_params({"patient": "helen-woman", "clinician": "dr-osei"})
        opened = await browser.get(chosen)
    assert 'data-step="start"' in opened.text
    assert "Helen Brookes" in opened.text


async def test_a_patient_picker_that_was_left_is_told(house: Any) -> None:
    async with house.browser() as browser:
        picker = await browser.get("/launch", params={"iss": ISS})
        answer = await browser.get(picker.url.copy_merge_params({"cancel": "1"}))
    assert answer.status_code == 403
    assert "told not to let this page in" in answer.text


async def test_a_scope_of_the_deployers_own_is_asked_for_in_both_launches(houses: Any) -> None:
    house = await houses(scope="launch openid fhirUser patient/Patient.r")
    async with house.browser() as browser:
        by_ehr = parse_qs(urlsplit((await begun(browser)).headers["location"]).query)
        alone = await browser.get("/launch", params={"iss": ISS}, follow_redirects=False)
        by_us = parse_qs(urlsplit(alone.headers["location"]).query)
    assert by_ehr["scope"] == ["launch openid fhirUser patient/Patient.r"]
    assert by_us["scope"] == ["launch/patient openid fhirUser patient/Patient.r"]


async def test_version_1_scopes_are_asked_for_where_the_record_system_knows_no_other(houses: Any) -> None:
    house = await houses(scopes="v1", refresh="offline_access")
    async with house.browser() as browser:
        asked = parse_qs(urlsplit((await begun(browser)).headers["location"]).query)["scope"][0].split()
    assert {"patient/Observation.read", "patient/Observation.write", "offline_access"} <= set(asked)
    assert not [scope for scope in asked if scope.endswith((".r", ".crs", ".u", ".ud"))]


async def test_below_a_path_everything_stays_below_it(houses: Any) -> None:
    house = await houses(public_url=f"{APP}/apps/questionnaire", frame_ancestors=(EHR,))
    visitor = await house.visitor().launch()
    assert visitor.page.status_code == 200, visitor.text
    paths = [
        answer.url.path for answer in (*visitor.page.history, visitor.page) if answer.url.host == "app.test"
    ]
    assert len(paths) == 4
    assert all(path.startswith("/apps/questionnaire/") for path in paths)


async def test_jwks_is_public_cached_and_only_ever_half_of_the_keys(houses: Any) -> None:
    house = await houses(token_auth="private_key_jwt")
    async with house.browser() as browser:
        answer = await browser.get("/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    keys = answer.json()["keys"]
    assert {key["alg"] for key in keys} == {"ES384", "RS384"}
    assert not [name for key in keys for name in key if name in {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}]


async def test_without_signing_keys_jwks_is_an_empty_set(house: Any) -> None:
    async with house.browser() as browser:
        assert (await browser.get("/jwks.json")).json() == {"keys": []}


@pytest.mark.parametrize(
    "registered",
    [
        {"token_auth": "client_secret_basic", "client_secret": "a secret: with % and :"},
        {"token_auth": "private_key_jwt", "signing_alg": "ES384"},
        {"token_auth": "private_key_jwt", "signing_alg": "RS384"},
    ],
    ids=lambda registered: "-".join((registered["token_auth"], registered.get("signing_alg", ""))),
)
async def test_a_confidential_client_opens_a_visit(houses: Any, registered: dict[str, Any]) -> None:
    house = await houses(**registered)
    outgoing = house.watch()
    visitor = await house.visitor().launch()
    assert visitor.step == "start", visitor.text
    form = parse_qs(next(one for one in outgoing if one.url.path == "/auth/token").content.decode())
    assert "client_id" not in form
    assert ("client_assertion" in form) == (registered["token_auth"] == "private_key_jwt")


async def test_a_client_that_cannot_prove_itself_is_told_in_plain_words(houses: Any) -> None:
    house = await houses(token_auth="private_key_jwt")
    await house.app.state.rooms.store.signing_keys.replace(fresh_signing_keys(), house.clock())
    visitor = await house.visitor().launch()
    assert visitor.step == "start", "keys that are published at once are found at once"
    house.ehr.state.sandbox.app = replace(house.ehr.state.sandbox.app, client_id="health-questionnaire-2")
    await visitor.launch()
    assert visitor.page.status_code in (400, 401, 502)
    assert visitor.step != "start"


@pytest.mark.parametrize(("authorize", "extra"), [("post", 0), ("auto", 1800)])
async def test_authorization_is_posted_where_it_is_set_or_too_long(
    houses: Any, authorize: str, extra: int
) -> None:
    house = await houses(authorize=authorize)
    async with house.browser() as browser:
        asked = await browser.get(f"{EHR}/launch/new", follow_redirects=False)
        value = parse_qs(urlsplit(asked.headers["location"]).query)["launch"][0]
        held = house.ehr.state.sandbox.launches._tickets
        longer = value + "x" * extra
        held[longer] = held[value]
        answer = await browser.get("/launch", params={"iss": ISS, "launch": longer})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
        assert rules["form-action"] == f"'self' {EHR}"
        [form] = FORM.findall(answer.text)
        assert form == f"{EHR}/auth/authorize"
        fields = {name: html.unescape(value) for name, value in FIELD.findall(answer.text)}
        assert fields["launch"] == longer
        assert fields["code_challenge_method"] == "S256"
        opened = await browser.post(form, data=fields)
        assert 'data-step="start"' in opened.text
        assert "form-action 'self';" in opened.headers["content-security-policy"]


async def test_authorization_is_a_redirect_where_it_fits(houses: Any) -> None:
    house = await houses(authorize="get")
    async with house.browser() as browser:
        for _ in range(2):
            assert (await begun(browser)).status_code == 303
        long = await browser.get("/launch", params={"iss": ISS, "launch": "x" * 2000}, follow_redirects=False)
    assert long.status_code == 303


@pytest.mark.parametrize("intent", [None, "order-review", "https://elsewhere.example/<b>"])
async def test_whatever_the_intent_the_first_page_is_shown(house: Any, intent: str | None) -> None:
    """SMART 2.2, 7.2: an intent that an app does not know leads to its default page."""
    query = {} if intent is None else {"intent": intent}
    async with house.browser() as browser:
        opened = await browser.get(f"{EHR}/launch/new", params=query)
    assert opened.status_code == 200
    assert 'data-step="start"' in opened.text
    assert "elsewhere.example" not in opened.text
