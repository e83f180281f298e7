"""The twenty ways in which SMART apps fail at real record systems, and what this app does about each.

They were seen in the wild; each test names a place where one was reported. All go through the app's own
routes, against the strict sandbox or against the same with some of its answers rewritten on their way out, as
the record system in question writes them.
"""

import base64
import html
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from ipvscreen.app import create_app, fresh_signing_keys
from ipvscreen.resources.written import Check
from ipvscreen.sandbox.keys import signing_key
from ipvscreen.sandbox.switches import Refuse
from ipvscreen.web import cookies

APP, EHR = "https://app.test", "https://ehr.test"
ISS = f"{EHR}/fhir"
CONFIGURATION, METADATA = "/fhir/.well-known/smart-configuration", "/fhir/metadata"
AUTHORIZE, TOKEN, JWKS = "/auth/authorize", "/auth/token", "/auth/jwks"
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no", "flag": "yes"}
SHEET = {"service": "specialist", "way": "phone", "number": "07700 900123", "out": "yes", "back": "no"}
SAME = {"Sec-Fetch-Site": "same-origin"}
FORM = SAME | {"Content-Type": "application/x-www-form-urlencoded"}
IN_FRAME = {"Sec-Fetch-Dest": "iframe"}
OWN_WINDOW = {"Sec-Fetch-Dest": "document"}
WRITTEN = ("QuestionnaireResponse", "Observation", "Flag", "Provenance", "ServiceRequest", "Task", "Consent")
Houses = Callable[..., Awaitable[Any]]
Json = dict[str, Any]


@dataclass
class Answer:
    """An answer of the sandbox before it leaves; header names in lower case."""

    method: str
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Varied:
    """The sandbox, with its answers on some paths rewritten; `moved` paths stand for others of its own."""

    app: Any
    rewrites: list[tuple[re.Pattern[str], Callable[[Answer], None]]] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    queries: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def rewrite(self, path: str, change: Callable[[Answer], None]) -> None:
        """Let `change` have its way with every answer on that path (a regular expression)."""
        self.rewrites.append((re.compile(path), change))

    def json(self, path: str, change: Callable[[Json], Json]) -> None:
        """The same for an answer in JSON that is no error."""

        def changed(answer: Answer) -> None:
            if answer.status == 200:
                answer.body = json.dumps(change(json.loads(answer.body))).encode()

        self.rewrite(re.escape(path), changed)

    def asked(self, path: str = AUTHORIZE) -> dict[str, str]:
        """The query of the last request on that path."""
        return next(query for seen, query in reversed(self.queries) if seen == path)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path, messages = scope["path"], []
        self.queries.append((path, dict(parse_qsl(scope["query_string"].decode()))))

        async def keep(message: Any) -> None:
            messages.append(message)

        await self.app(scope | {"path": self.moved.get(path, path)}, receive, keep)
        headers = {name.decode().lower(): value.decode() for name, value in messages[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in messages[1:])
        answer = Answer(scope["method"], messages[0]["status"], headers, body)
        for pattern, change in self.rewrites:
            if pattern.fullmatch(path):
                change(answer)
        answer.headers["content-length"] = str(len(answer.body))
        raw = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})


def varied(house: Any) -> Varied:
    """From here on the house's record system can be varied, and what it is asked is kept."""
    one = Varied(house.ehr)
    house.transports[EHR].app = one
    return one


@pytest.fixture
def ehr(house: Any) -> Varied:
    return varied(house)


@pytest.fixture
async def framed(houses: Houses) -> Any:
    """A house whose record system shows the app in a frame."""
    return await houses(frame_ancestors=(EHR,))


@pytest.fixture
async def browsers() -> AsyncIterator[Callable[[Any], httpx.AsyncClient]]:
    """Makes browsers of a house, and closes them."""
    made: list[httpx.AsyncClient] = []

    def browser(house: Any) -> httpx.AsyncClient:
        made.append(house.browser())
        return made[-1]

    yield browser
    for one in made:
        await one.aclose()


def held(house: Any, *kinds: str) -> list[Json]:
    """What stands in the record, of these kinds or of all that the app writes."""
    return [body for kind in kinds or WRITTEN for body in house.ehr.state.sandbox.memory.all(kind)]


def new(house: Any, before: list[Json], *kinds: str) -> list[Json]:
    """What of it was not there before."""
    there = {(body["resourceType"], body["id"]) for body in before}
    return [body for body in held(house, *kinds) if (body["resourceType"], body["id"]) not in there]


async def stored(house: Any, visitor: Any) -> Any:
    return await house.app.state.rooms.store.visits.get(visitor.visit)


async def asked_no(visitor: Any, patient: str = "anna-woman") -> Any:
    """A whole visit in which everything was asked and answered with no."""
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE)
    assert visitor.step == "done", visitor.text
    return visitor


async def launch_value(browser: httpx.AsyncClient) -> str:
    there = await browser.get(f"{EHR}/launch/new", follow_redirects=False)
    return parse_qs(urlsplit(there.headers["location"]).query)["launch"][0]


def fields_of(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode()))


def on(sent: list[httpx.Request], path: str) -> list[httpx.Request]:
    return [request for request in sent if request.url.path == path]


def opened(visitor: Any) -> None:
    assert (visitor.page.status_code, visitor.step) == (200, "start"), visitor.text


def refused(visitor: Any, words: str, status: int = 502) -> None:
    """A plain page with what to do, and nothing on it to go on with."""
    assert visitor.page.status_code == status, visitor.text
    assert words in visitor.text
    assert "<form" not in visitor.page.text
    assert "<input" not in visitor.page.text


async def test_01_two_charts_in_one_browser_share_nothing(house: Any) -> None:
    """client-js#199: a browser in the chart went on showing the first patient; storage is shared."""
    anna = await house.visitor().launch("anna-woman", "dr-osei")
    helen = type(anna)(anna.browser)
    await helen.launch("helen-woman", "dr-lindqvist")
    for one, name, other in ((anna, "Anna Whitfield", "Helen"), (helen, "Helen Brookes", "Anna")):
        await one.get("start")
        await one.post({"door": "ask"})
        assert one.visit in str(one.page.url)
        assert f"<strong>{name}</strong>" in one.page.text
        assert other not in one.text
        assert one.page.headers["cache-control"] == "no-store"
    assert anna.visit != helen.visit
    assert cookies.visit_cookie(anna.visit) != cookies.visit_cookie(helen.visit)
    before = held(house)
    for form_of, sent_to in ((anna, helen), (helen, anna)):
        token = dict(form_of.forms.forms[0]["fields"])["token"]
        body = str(httpx.QueryParams({"token": token} | NEGATIVE))
        crossed = await anna.browser.post(f"/v/{sent_to.visit}/questions", content=body, headers=FORM)
        assert crossed.status_code == 403
    assert new(house, before) == []

    third = type(anna)(anna.browser)
    await third.launch("freya-woman", "dr-osei")
    assert (await anna.get("questions")).status_code == 409, "the newer chart stops the older visit"
    await anna.post({})
    assert anna.step == "questions", "and does not end it"
    for one, patient in ((anna, "anna-woman"), (helen, "helen-woman")):
        before = held(house)
        await one.post(NEGATIVE)
        assert one.step == "done", one.text
        subjects = {b["subject"]["reference"] for b in new(house, before, "QuestionnaireResponse")}
        assert subjects == {f"Patient/{patient}"}
    anna.browser.cookies.delete(cookies.visit_cookie(anna.visit))
    assert (await anna.get("done")).status_code == 404
    assert (await helen.get("done")).status_code == 200
    await anna.browser.aclose()


async def test_02_a_chart_that_changes_under_the_page_is_noticed_before_each_write(
    house: Any, ehr: Varied, visitors: Callable[[], Any]
) -> None:
    """HL7/smart-app-launch#17: the context is not kept in step with the chart."""
    ehr.json(TOKEN, lambda token: token | {"need_patient_banner": False, "expires_in": 86_400})
    one = visitors()
    await one.launch("anna-woman")
    for move in ("start", {"door": "told"}, "danger", "respond"):
        await (one.get(move) if isinstance(move, str) else one.post(move))
        assert '<p class="who"><strong>Anna Whitfield</strong>' in one.page.text, one.step
    sent, before = house.watch(), held(house)
    memory = house.ehr.state.sandbox.memory
    memory.put(dict(memory.find("Patient", "anna-woman")) | {"birthDate": "1971-02-03"}, house.clock())
    await one.post(QUIET)
    assert one.page.status_code == 409
    assert "The patient's record has changed" in one.text
    assert {request.method for request in sent} == {"GET"}, "the patient, and perhaps what is there"
    assert new(house, before) == []
    house.clock.forward(minutes=61)
    assert (await one.get("respond")).status_code == 410, "the token's day is not the visit's hour"


async def test_03_in_a_frame_cookies_and_headers_are_those_of_a_frame(framed: Any, house: Any) -> None:
    """smart-launcher#34, client-js#115: the session is lost, because SameSite keeps its cookie away."""
    one = await framed.visitor().launch()
    opened(one)
    answers = [answer for answer in (*one.page.history, one.page) if answer.url.host == "app.test"]
    lines = [line for answer in answers for line in answer.headers.get_list("set-cookie")]
    kept = [line for line in lines if not re.search(r"; Max-Age=[01];", line)]
    assert len(kept) == 3, "trial, launch, visit"
    for line in kept:
        assert re.fullmatch(
            r"__Host-[0-9a-f]{16}=[\w-]+; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
            line,
        )
    for answer in answers:
        assert f"frame-ancestors {EHR};" in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers
    value = one.browser.cookies[cookies.visit_cookie(one.visit)]
    assert (await stored(framed, one)).cookie_hash == cookies.hashed(value), "a random value, and no data"
    await one.browser.aclose()

    other = await house.visitor().launch()
    assert "frame-ancestors 'none';" in other.page.headers["content-security-policy"]
    assert "SameSite=None" not in str(other.page.history[-1].headers.get_list("set-cookie"))
    await other.browser.aclose()


async def test_04_where_the_browser_keeps_nothing_a_new_window_is_offered(
    framed: Any, browsers: Callable[[Any], httpx.AsyncClient]
) -> None:
    """client-js#109, growth-chart-app#61: zones and blocked storage lose the state."""
    sent, blocked, window = framed.watch(), browsers(framed), browsers(framed)
    query = {"iss": ISS, "launch": await launch_value(blocked)}
    tried = await blocked.get("/launch", params=query, headers=IN_FRAME, follow_redirects=False)
    blocked.cookies.clear()
    page = await blocked.get(tried.headers["location"], headers=IN_FRAME)
    [(tag, link)] = re.findall(r'(<a [^>]*href="([^"]+)"[^>]*>)', page.text)
    assert 'target="_blank"' in tag
    assert sent == [], "the launch value is still good"
    assert 'data-step="start"' in (await window.get(html.unescape(link), headers=OWN_WINDOW)).text

    query["launch"] = await launch_value(blocked)
    to_authorize = await blocked.get("/launch", params=query, headers=OWN_WINDOW, follow_redirects=False)
    back = await blocked.get(to_authorize.headers["location"], follow_redirects=False)
    blocked.cookies.clear()
    sent.clear()
    answer = await blocked.get(back.headers["location"])
    assert answer.status_code == 400
    assert sent == [], "without the cookie the code goes nowhere"


@pytest.mark.parametrize("received", ["", "/"])
@pytest.mark.parametrize("configured", ["", "/"])
async def test_05_a_trailing_slash_is_no_other_server_and_aud_is_what_came_in(
    houses: Houses, configured: str, received: str
) -> None:
    """smart-launcher#48, Medplum: one side has the slash, and the other refuses another aud."""
    house = await houses(iss=ISS + configured)
    ehr, sent = varied(house), house.watch()
    house.ehr.state.sandbox.fhir_base = ISS + received  # strict: aud must be this to the letter
    one = await asked_no(house.visitor())
    assert ehr.asked()["aud"] == ISS + received
    assert {each.check for each in (await stored(house, one)).written.items} == {Check.VERIFIED}
    assert [str(request.url) for request in sent if "//" in request.url.path] == []
    sent.clear()
    assert (await one.browser.get("/launch", params={"iss": f"{ISS}//", "launch": "x"})).status_code == 400
    assert sent == []
    await one.browser.aclose()


async def test_06_nothing_is_asked_of_a_server_that_is_not_listed(
    house: Any, houses: Houses, ehr: Varied, visitor: Any
) -> None:
    """Whoever sends the browser chooses `iss`: request forgery, or a look-alike's login page."""
    sent = house.watch()
    for iss in (
        "https://evil.test/fhir",
        "https://ehr.test@evil.test/fhir",
        "https://ehr.test.evil.test/fhir",
        "http://ehr.test/fhir",
        "https://EHR.test/fhir",
        "https://ehr.test/fhir/../fhir",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ):
        answer = await visitor.browser.get("/launch", params={"iss": iss, "launch": "x"})
        assert answer.status_code == 400, iss
    assert sent == []
    with pytest.raises(ValueError, match="https"):
        await houses(iss="http://ehr.test/fhir")

    await visitor.launch()
    assert sent
    for request in sent:
        timeout = request.extensions["timeout"]
        assert 0 < timeout["connect"] <= 3
        assert 0 < timeout["read"] <= 10
    for path, body, status in (
        (f"{CONFIGURATION}|{METADATA}", b"", 302),
        (f"{CONFIGURATION}", b'{"padding": "' + b"x" * 1_000_000 + b'"}', 200),
    ):

        def elsewhere(answer: Answer, body: bytes = body, status: int = status) -> None:
            answer.status, answer.body = status, body
            answer.headers["location"] = "https://evil.test/fhir/.well-known/smart-configuration"

        ehr.rewrites.clear()
        ehr.rewrite(path, elsewhere)
        await visitor.launch()
        refused(visitor, "Ask your system manager")
    assert {request.url.host for request in sent} == {"ehr.test"}


@pytest.mark.parametrize("instead", ["404", "a page", "nothing in it", "a list"])
async def test_07_without_smart_configuration_the_capability_statement_tells(
    house: Any, ehr: Varied, visitor: Any, instead: str
) -> None:
    """microsoft/fhir-server#2138, Medplum PR#6833: missing, or somewhere else."""
    status, body = {
        "404": (404, b""),
        "a page": (200, b"<!doctype html><title>Sign in</title>"),
        "nothing in it": (200, b'{"capabilities": ["launch-ehr"]}'),
        "a list": (200, b"[]"),
    }[instead]

    def other(answer: Answer) -> None:
        answer.status, answer.body = status, body

    ehr.rewrite(re.escape(CONFIGURATION), other)
    sent = house.watch()
    await visitor.launch()
    opened(visitor)
    assert [r.url.path for r in sent][:3] == [CONFIGURATION, METADATA, TOKEN]
    assert "authorization" not in sent[1].headers
    ehr.json(METADATA, lambda statement: statement | {"rest": [{"mode": "server"}]})
    await visitor.launch()
    refused(visitor, "does not say how this page may connect to it")


@pytest.mark.parametrize("written", ["/auth/", "../auth/", "auth/"])
async def test_08_relative_endpoints_are_found_from_the_fhir_base(
    house: Any, ehr: Varied, visitor: Any, written: str
) -> None:
    """SMART App Launch, Conformance: older servers publish relative addresses."""
    names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
    ehr.json(CONFIGURATION, lambda told: told | {name: written + end for name, end in names.items()})
    if written == "auth/":
        ehr.moved = {f"/fhir/auth/{end}": f"/auth/{end}" for end in names.values()}
    sent = house.watch()
    await visitor.launch()
    opened(visitor)
    below = "/fhir" if written == "auth/" else ""
    assert len(on(sent, f"{below}{TOKEN}")) == len(on(sent, f"{below}{JWKS}")) == 1
    assert (await stored(house, visitor)).user == "Practitioner/dr-osei"


@pytest.mark.parametrize("patient", ["missing", None, "", "../Patient", "anna-woman/../helen-woman"])
async def test_09_without_a_patient_it_says_so_and_stops(
    house: Any, ehr: Varied, visitor: Any, patient: str | None
) -> None:
    """openemr#11114, client-js#176, athenaFlex#314: the token names no patient."""
    if patient == "missing":
        house.ehr.state.sandbox.switches.omit_patient = True
    else:
        ehr.json(TOKEN, lambda token: token | {"patient": patient})
    sent = house.watch()
    await visitor.launch("anna-woman")
    refused(visitor, "Open the patient's record first, then open this page from there.", status=400)
    assert "launch" in ehr.asked()["scope"].split(), "without it many systems give no patient"
    assert [request for request in sent if "authorization" in request.headers] == [], "nothing was read"
    assert visitor.visit == ""


async def test_10_what_was_not_granted_is_said_before_the_first_question(
    house: Any, ehr: Varied, visitor: Any
) -> None:
    """Oracle Health's forum, aehrc/smart-forms#2080: scopes are narrowed and nobody is told."""
    await visitor.launch("helen-woman")
    opened(visitor)
    assert "was not given the right" not in visitor.text
    switches = house.ehr.state.sandbox.switches
    switches.narrow_scopes = {"patient/QuestionnaireResponse.crs", "patient/Flag.crs"}
    await visitor.launch("anna-woman")
    opened(visitor)
    assert "This sign-in was not given the right to write Questionnaire responses." in visitor.text
    assert "This sign-in was not given the right to write Flags." in visitor.text
    assert "Set the record system's own alert by hand" in visitor.text
    assert "<details open>" in visitor.page.text
    before, sent = held(house), house.watch()
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE)
    assert visitor.step == "done", visitor.text
    assert {body["resourceType"] for body in new(house, before)} == {"Observation", "Provenance"}
    asked = " ".join(request.content.decode() for request in sent if request.method == "POST")
    assert '"resourceType": "QuestionnaireResponse"' not in asked, "what was not granted is not tried"


ALL_KINDS = "Patient Encounter QuestionnaireResponse Observation Flag Procedure ServiceRequest Task Consent"
SPELLINGS = {
    "version 2": "{}.crs",
    "letter by letter": "{0}.c {0}.r {0}.s",
    "in another order, and more": "{0}.cruds",
    "version 1": "{0}.read {0}.write",
    "version 1, everything": "{0}.*",
    "narrowed by a query": "{0}.r {0}.s {0}.c?category=http://terminology.hl7.org/CodeSystem/x|survey",
}


@pytest.mark.parametrize("spelling", ["v1", "v2"])
async def test_11_scopes_are_read_in_every_spelling_and_asked_for_in_one(
    houses: Houses, spelling: str
) -> None:
    """g10-test-kit#538, jwilleke/yourphr#338: version 1, version 2, split, as wildcards."""
    house = await houses(scopes=spelling)
    ehr, one = varied(house), house.visitor()
    kinds = [f"patient/{kind}" for kind in (*ALL_KINDS.split(), "Provenance")]
    for written in SPELLINGS.values():
        granted = " ".join(written.format(kind) for kind in kinds)
        ehr.rewrites.clear()
        ehr.json(TOKEN, lambda token, granted=granted: token | {"scope": f"launch {granted}"})
        await one.launch()
        opened(one)
        assert "was not given the right" not in one.text, granted
    for written in ("{0}.read", "{0}.rs", "{0}.ruds", "{0}.write", "{0}.crsx", "system/*.*"):
        granted = " ".join(written.format(kind) for kind in kinds)
        ehr.rewrites.clear()
        ehr.json(TOKEN, lambda token, granted=granted: token | {"scope": f"launch {granted}"})
        await one.launch()
        assert one.text.count("was not given the right") == 8, granted
    grammar = {"v1": r"(patient|user)/\w+\.(read|write|\*)", "v2": r"(patient|user)/\w+\.c?r?u?d?s?"}
    scopes = [scope for scope in ehr.asked()["scope"].split() if "/" in scope]
    assert len(scopes) > 8
    assert all(re.fullmatch(grammar[spelling], scope) for scope in scopes)
    await one.browser.aclose()


@pytest.mark.parametrize("told", [["openid", "fhirUser", "launch", "profile"], [], None, "openid"])
async def test_12_scopes_supported_does_not_narrow_what_is_asked_for(
    house: Any, ehr: Varied, visitor: Any, told: Any
) -> None:
    """Epic lists four of them, and none that is clinical."""
    ehr.json(CONFIGURATION, lambda configuration: configuration | {"scopes_supported": told})
    await visitor.launch()
    opened(visitor)
    entry = house.app.state.rooms.ehrs["sandbox"]
    assert ehr.asked()["scope"] == entry.asks_for("visit", standalone=False)
    assert "patient/Observation.crs" in ehr.asked()["scope"].split()
    assert "was not given the right" not in visitor.text


@pytest.mark.parametrize("told", ["not at all", [], ["plain"], None, "S256"])
async def test_13_pkce_is_sent_whatever_is_advertised(
    house: Any, ehr: Varied, visitor: Any, told: Any
) -> None:
    """client-js#174, medplum#1486: taken and not announced, optional, or announced wrongly."""
    name = "code_challenge_methods_supported"
    if told == "not at all":
        ehr.json(CONFIGURATION, lambda body: {key: value for key, value in body.items() if key != name})
    else:
        ehr.json(CONFIGURATION, lambda body: body | {name: told})
    sent = house.watch()
    await visitor.launch()
    opened(visitor)
    assert ehr.asked()["code_challenge_method"] == "S256"
    assert re.fullmatch(r"[\w-]{43}", ehr.asked()["code_challenge"])
    [token] = on(sent, TOKEN)
    assert len(fields_of(token)["code_verifier"]) >= 43, "which the sandbox has held against the challenge"


def claims_of(id_token: str) -> Json:
    part = id_token.split(".")[1]
    claims: Json = json.loads(base64.urlsafe_b64decode(part + "=="))
    return claims


def signed(ehr: Varied, change: Callable[[Json], Json], *, kid: bool = True) -> None:
    """The id_token of each token answer with other claims, signed by the same key, with its kid or not."""
    key = signing_key()
    header = {"alg": "RS256"} | ({"kid": key.kid} if kid else {})

    def resigned(token: Json) -> Json:
        claims = change(claims_of(token["id_token"]))
        return token | {"id_token": jwt.encode(header, claims, key, algorithms=["RS256"])}

    ehr.json(TOKEN, resigned)


def naming(**named: str) -> Callable[[Json], Json]:
    """Claims with these in place of the one that says who it is."""
    return lambda claims: {name: value for name, value in claims.items() if name != "fhirUser"} | named


OSEI = "Practitioner/dr-osei"
USERS: dict[str, tuple[dict[str, str], str | None]] = {
    "absolute": ({"fhirUser": f"{ISS}/{OSEI}"}, OSEI),
    "relative": ({"fhirUser": OSEI}, OSEI),
    "profile alone": ({"profile": f"{ISS}/{OSEI}"}, OSEI),
    "profile, relative": ({"profile": OSEI}, OSEI),
    "a page beside it": ({"profile": "https://people.test/osei", "fhirUser": OSEI}, OSEI),
    "another host": ({"fhirUser": f"https://evil.test/fhir/{OSEI}"}, None),
    "another base": ({"fhirUser": f"{EHR}/other/{OSEI}"}, None),
    "upwards": ({"fhirUser": "Practitioner/.."}, None),
    "no such thing": ({"fhirUser": "Device/x"}, None),
    "absent": ({}, None),
}


@pytest.mark.parametrize("case", USERS)
async def test_14_fhir_user_in_every_form_and_read_at_no_other_host(
    house: Any, ehr: Varied, visitor: Any, case: str
) -> None:
    """client-js#105, lforms-fhir-app#19, medplum PR#7124: absolute, relative, only `profile`, nothing."""
    named, user = USERS[case]
    signed(ehr, naming(**named))
    sent = house.watch()
    await visitor.launch()
    opened(visitor)
    assert (await stored(house, visitor)).user == user
    assert {request.url.host for request in sent} == {"ehr.test"}
    read = [request.url.path for request in sent if "Practitioner" in request.url.path]
    assert read == ([f"/fhir/{OSEI}"] if user else [])


LOGIN = "https://login.test/tenants/7"


async def test_15_the_issuer_of_discovery_counts_and_keys_are_looked_for_twice(
    house: Any, ehr: Varied, visitor: Any
) -> None:
    """Epic and Oracle Health have another issuer; launchers send no kid; openid is dropped."""
    house.ehr.state.sandbox.switches.issuer_parameter = False
    sent = house.watch()

    async def launched() -> tuple[str | None, int]:
        """Who is signed in then, and how often the keys were fetched."""
        sent.clear()
        await visitor.launch()
        user = (await stored(house, visitor)).user if visitor.page.status_code == 200 else "refused"
        return user, len(on(sent, JWKS))

    ehr.json(CONFIGURATION, lambda told: told | {"issuer": LOGIN})
    kept = list(ehr.rewrites)
    signed(ehr, lambda claims: claims | {"iss": LOGIN})
    assert await launched() == (OSEI, 1)
    ehr.rewrites = list(kept)
    signed(ehr, lambda claims: claims | {"iss": ISS})
    assert (await launched())[0] == "refused"

    stray = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True).as_dict(private=False)
    odd = [{"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}, {"kty": "RSA"}, "key", stray]
    ehr.rewrites = list(kept)
    signed(ehr, lambda claims: claims | {"iss": LOGIN}, kid=False)
    ehr.json(JWKS, lambda told: {"keys": [*odd, *told["keys"]]})
    assert await launched() == (OSEI, 1), "without a kid every key is tried"

    ehr.rewrites = list(kept)
    signed(ehr, lambda claims: claims | {"iss": LOGIN})
    answers = iter([{"keys": [stray]}])
    ehr.json(JWKS, lambda told: next(answers, told))
    assert await launched() == (OSEI, 2), "the key has been changed since"
    ehr.json(JWKS, lambda told: {"keys": [stray]})
    assert await launched() == ("refused", 2)

    ehr.rewrites = list(kept)
    house.ehr.state.sandbox.switches.omit_id_token = True
    assert (await launched())[0] is None
    before = held(house)
    await asked_no(visitor)
    authors = [body["agent"][0]["who"] for body in new(house, before, "Provenance")]
    assert authors == [{"display": "Clinician not identified by the record system"}]


async def test_16_a_visit_fits_into_one_token_and_loses_nothing_with_it(
    houses: Houses, visitors: Callable[[], Any]
) -> None:
    """client-js#138: no refresh token comes; #61: asking for offline_access spoils the launch."""
    for setting, asked in (("none", set()), ("online_access", {"online_access"})):
        house = await houses(refresh=setting)
        ehr = varied(house)
        await (await house.visitor().launch()).browser.aclose()
        assert {scope for scope in ehr.asked()["scope"].split() if scope.endswith("_access")} == asked
    switches = house.ehr.state.sandbox.switches
    switches.narrow_scopes, switches.expires_in = {"online_access"}, 900  # asked for, and not given
    one = await house.visitor().launch()
    assert '<p class="notice warning" role="status" data-left="900" hidden>' in one.page.text
    await one.post({"door": "ask"})
    house.clock.forward(seconds=301)
    await one.get("questions")
    assert '<p class="notice warning" role="status" data-left="599">This visit ends at' in one.page.text
    token = dict(one.forms.forms[0]["fields"])["token"]
    drafted = {"token": token, HARK[1]: YES}
    assert (await one.browser.post(f"/v/{one.visit}/draft", data=drafted, headers=SAME)).status_code == 204
    folder = Path(house.settings.database.removeprefix("sqlite+aiosqlite:///")).parent
    for file in folder.iterdir():
        assert HARK[1].encode() not in file.read_bytes(), file
    house.clock.forward(seconds=600)
    assert (await one.get("questions")).status_code == 410
    assert YES not in one.page.text

    again = await house.visitor().launch()
    await again.post({"resume": one.visit})
    again.visit = one.visit
    assert f'name="{HARK[1]}" value="{YES}" data-key="y" checked' in again.page.text
    before = held(house)
    await again.post({HARK[1]: YES, HARK[0]: NO})
    assert again.step == "respond"
    await again.post(QUIET)
    assert new(house, before), "what was entered before the token ended is recorded with the next one"
    for visitor in (one, again):
        await visitor.browser.aclose()


@pytest.mark.parametrize("way", ["transaction", "one by one"])
async def test_17_a_label_that_is_lost_is_found_out_and_told(
    house: Any, ehr: Varied, visitors: Callable[[], Any], way: str
) -> None:
    """hapi-fhir#8362, #5235, medplum#2596: meta.security is dropped, or left out of lists."""
    switches, sent = house.ehr.state.sandbox.switches, house.watch()
    switches.no_transaction = way != "transaction"
    whole = await asked_no(visitors())
    assert {each.check for each in (await stored(house, whole)).written.items} == {Check.VERIFIED}

    switches.drop_labels = {"Observation"}
    bare = await asked_no(visitors(), "freya-woman")
    checks = {(one.kind, one.check) for one in (await stored(house, bare)).written.items}
    assert ("Observation", Check.WITHDRAWN) in checks
    assert {check for kind, check in checks if kind != "Observation"} <= {Check.WITHDRAWN, Check.FAILED}
    assert "ALARM: its protection was not kept, so it was taken back: the" in bare.text

    switches.drop_labels, switches.labels_missing_in_search = set(), True
    listed = await asked_no(visitors(), "helen-woman")
    items = (await stored(house, listed)).written.items
    assert {one.check for one in items} == {Check.UNCONFIRMED}
    assert "lists in the record system may show it without its protection" in items[0].words
    assert "ALARM" not in listed.text, "read by id it has its label"
    for one in items:
        assert on(sent, f"/fhir/{one.reference}"), "read back by id"
    for body in _bodies(sent):
        assert body["meta"]["security"], body["resourceType"]


def _bodies(sent: list[httpx.Request]) -> Iterator[Json]:
    """Every entry that was sent, alone or in a transaction."""
    for request in sent:
        if request.method in ("POST", "PUT") and request.url.path.startswith("/fhir"):
            body = json.loads(request.content)
            if body["resourceType"] == "Bundle":
                yield from (entry["resource"] for entry in body["entry"])
            else:
                yield body


@pytest.mark.parametrize("location", ["its own", "another server's", "in Content-Location", "none"])
@pytest.mark.parametrize("told", ["the entry", "nothing"])
async def test_18_a_created_entry_is_found_however_it_is_answered(
    house: Any, ehr: Varied, visitor: Any, told: str, location: str
) -> None:
    """medplum#3057, client-js#86, Oracle Health's empty bodies, the launcher's upstream Location."""
    house.ehr.state.sandbox.switches.no_transaction = True

    def other(answer: Answer) -> None:
        if answer.method != "POST" or answer.status != 201:
            return
        if told == "nothing":
            answer.body = b""
            answer.headers.pop("content-type", None)
        place = answer.headers.pop("location")
        if location == "its own":
            answer.headers["location"] = place
        elif location == "another server's":
            answer.headers["location"] = place.replace(EHR, "http://10.0.0.7:8080/hapi")
        elif location == "in Content-Location":
            answer.headers["content-location"] = place

    ehr.rewrite(r"/fhir/\w+", other)
    before, sent = held(house), house.watch()
    await asked_no(visitor)
    items = (await stored(house, visitor)).written.items
    assert {one.check for one in items} == {Check.VERIFIED}, items
    made = {f"{body['resourceType']}/{body['id']}" for body in new(house, before)}
    assert {one.reference for one in items} == made
    assert len(made) == len(items)
    assert {request.url.host for request in sent} == {"ehr.test"}, "a Location is never followed"


async def test_19_what_may_have_happened_is_looked_for_and_never_doubled(
    house: Any, visitors: Callable[[], Any]
) -> None:
    """Oracle Health's forum: no If-None-Exist; a retry makes a second entry."""
    switches = house.ehr.state.sandbox.switches
    switches.no_transaction = switches.no_conditional_create = True
    before = held(house)
    await asked_no(visitors(), "helen-woman")
    expected = len(new(house, before))
    for patient, silent in (("anna-woman", False), ("freya-woman", True)):
        before = held(house)
        switches.lose_answer, switches.at = "hang-up", ("POST", "Observation")
        if silent:  # nor can it be looked for after the one look for all of them
            switches.refuse[("GET", "Observation")] = Refuse(503, after=1)
        one = await asked_no(visitors(), patient)
        switches.lose_answer = False
        switches.refuse.clear()
        if silent:
            assert Check.UNKNOWN in {item.check for item in (await stored(house, one)).written.items}
            await one.post({"action": "retry"})
        items = (await stored(house, one)).written.items
        assert {item.check for item in items} == {Check.VERIFIED}, items
        made = new(house, before)
        assert len(items) == len(made) == expected, "each once"
        identifiers = [json.dumps(body["identifier"]) for body in made if "identifier" in body]
        assert len(set(identifiers)) == len(identifiers) == expected - 1, "all but the Provenance carry one"
    await _referral_arrives_once(house, visitors())


async def _referral_arrives_once(house: Any, one: Any) -> None:
    """Stored before it is sent, it outlives the process and an answer that was lost."""
    received = house.charity.state.sandbox.received
    house.charity.state.sandbox.switches.refuse = 503
    await one.launch()
    await one.post({"door": "told"})
    await one.post(QUIET)
    await one.post(SHEET)
    assert one.step == "sent", one.text
    await house.app.state.rooms.dispatcher.run_once()
    assert list(received()) == []
    house.charity.state.sandbox.switches.refuse = None
    house.charity.state.sandbox.switches.lose_answer = "hang-up"
    outgoing = httpx.AsyncClient(mounts=house.transports)
    other = create_app(house.settings, http=outgoing, clock=house.clock)
    async with other.router.lifespan_context(other):
        for _ in range(3):
            house.clock.forward(minutes=30)
            await other.state.rooms.dispatcher.run_once()
            house.charity.state.sandbox.switches.lose_answer = False
    assert len(list(received())) == 1


async def test_20_an_assertion_names_the_token_url_as_it_was_discovered(houses: Houses) -> None:
    """athenaFlex#313, #384; Oracle Health's token URL holds the FHIR host; keys must be there to fetch."""
    house = await houses(token_auth="private_key_jwt", refresh="online_access")
    ehr, sent, one = varied(house), house.watch(), house.visitor()
    path = f"/tenants/7/hosts/ehr.test{TOKEN}"
    ehr.moved = {path: TOKEN}
    house.ehr.state.sandbox.token_url = f"{EHR}{path}"  # told so in discovery, and taken in `aud` alone
    house.ehr.state.sandbox.switches.expires_in = 90
    await one.launch()
    opened(one)
    house.clock.forward(seconds=60)
    await one.post({"door": "ask"})
    await one.post(NEGATIVE)
    assert one.step == "done", one.text
    first, second = [claims_of(fields_of(request)["client_assertion"]) for request in on(sent, path)]
    assert first["aud"] == second["aud"] == f"{EHR}{path}", "refreshed at the same address"
    assert first["jti"] != second["jti"]
    assert first["exp"] - house.clock().timestamp() <= 300
    assert on(sent, TOKEN) == []

    keys = await one.browser.get("/jwks.json")
    assert keys.headers["cache-control"] == "public, max-age=300"
    old = {key["kid"] for key in keys.json()["keys"]}
    rooms = house.app.state.rooms
    await rooms.store.signing_keys.rotate(fresh_signing_keys(), house.clock())
    both = {key["kid"] for key in (await one.browser.get("/jwks.json")).json()["keys"]}
    assert both > old, "the new one is published before it signs"
    used = []
    for _ in range(2):
        sent.clear()
        await one.launch()
        opened(one)
        assertion = fields_of(on(sent, path)[0])["client_assertion"]
        used.append(json.loads(base64.urlsafe_b64decode(assertion.split(".")[0] + "=="))["kid"])
        house.clock.at += timedelta(hours=1)
    assert used[0] in old
    assert used[1] in both - old
    await one.browser.aclose()


# What else was seen


@pytest.mark.parametrize("posted", [True, False])
async def test_a_long_launch_value_is_posted_where_that_is_offered(
    house: Any, ehr: Varied, visitor: Any, posted: bool
) -> None:
    """openemr#8640: addresses have a longest length."""
    if not posted:
        ehr.json(CONFIGURATION, lambda told: told | {"capabilities": ["launch-ehr"]})
    query = {"iss": ISS, "launch": "x" * 2000}
    answer = await visitor.browser.get("/launch", params=query, follow_redirects=False)
    assert answer.status_code == (200 if posted else 303)
    assert f'action="{EHR}{AUTHORIZE}"' in answer.text if posted else "location" in answer.headers


async def test_fhir_is_asked_for_by_its_own_media_type(house: Any, visitor: Any) -> None:
    """Oracle Health answers nothing else."""
    sent = house.watch()
    await asked_no(visitor)
    fhir = [r for r in sent if r.url.path.startswith("/fhir/") and r.url.path != CONFIGURATION]
    assert len(fhir) > 10
    assert {request.headers["accept"] for request in fhir} == {"application/fhir+json"}


async def test_nothing_is_created_at_once_and_every_response_is_completed(
    house: Any, ehr: Varied, visitor: Any
) -> None:
    """Canvas Medical: no concurrent creates on one encounter, no response that is not completed."""
    house.ehr.state.sandbox.switches.no_transaction = True
    running: list[int] = []
    under_way = 0
    inner = ehr.app

    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        nonlocal under_way
        writes = scope["method"] == "POST" and scope["path"].startswith("/fhir/")
        under_way += writes
        if writes:
            running.append(under_way)
        await inner(scope, receive, send)
        under_way -= writes

    ehr.app = slowly
    before = held(house)
    await asked_no(visitor)
    assert len(running) > 5
    assert set(running) == {1}
    assert {b["status"] for b in new(house, before, "QuestionnaireResponse")} == {"completed"}


@pytest.mark.parametrize(("seconds", "good"), [(-30, True), (45, True), (-600, False), (3600, True)])
async def test_a_clock_that_is_a_little_off_refuses_nobody(
    house: Any, ehr: Varied, visitor: Any, seconds: int, good: bool
) -> None:
    """When the id_token ends, against our clock; an `iat` a little ahead of it is no lie either."""
    now = int(house.clock().timestamp())
    ahead = {"iat": now + 45} if seconds > 0 else {}
    signed(ehr, lambda claims: claims | {"exp": now + seconds} | ahead)
    await visitor.launch()
    assert (visitor.step == "start") is good


async def test_a_refresh_asks_for_no_scope(houses: Houses) -> None:
    """inferno-community#246: some refuse the very list that they gave."""
    house = await houses(refresh="online_access")
    house.ehr.state.sandbox.switches.expires_in = 90
    one = await house.visitor().launch()
    sent = house.watch()
    house.clock.forward(seconds=60)
    await one.post({"door": "ask"})
    await one.post(NEGATIVE)
    [refresh] = on(sent, TOKEN)
    assert fields_of(refresh).keys() == {"grant_type", "refresh_token", "client_id"}
    await one.browser.aclose()


def test_all_twenty_have_their_test() -> None:
    numbered = [name for name in globals() if re.match(r"test_\d", name)]
    assert [name[5:8] for name in numbered] == [f"{number:02}_" for number in range(1, 21)]
