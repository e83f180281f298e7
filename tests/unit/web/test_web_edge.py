"""Cookies, tokens, headers, and what a form may post."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from ipvscreen.ipv.nations import Ground, Nation
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.proxies import Contacts
from ipvscreen.ipv.referral import Agreement, ContactWay
from ipvscreen.ipv.visit import Step
from ipvscreen.sdc.form import Form
from ipvscreen.store.sealed import Ring
from ipvscreen.store.visits import Visit
from ipvscreen.web import cookies, footing, tokens
from ipvscreen.web.fields import (
    Action,
    ActionFields,
    DangerFields,
    DraftFields,
    FieldsRefused,
    Own,
    QuestionsFields,
    RespondFields,
    StartFields,
    own,
    read_form,
    split,
)
from ipvscreen.web.security import Policy, SecureHeaders, posted_by_us
from ipvscreen.web.sheet_fields import ReferFields, ShareFields
from ipvscreen.web.tokens import TokenRefused, claims_of, issue

RING = Ring({"k": bytes(range(32))}, "k")
TODAY = date(2026, 3, 2)
LATER = date(2026, 3, 30)
Make = Callable[..., Visit]


def request(body: bytes, content_type: str = "application/x-www-form-urlencoded") -> Request:
    sent = False

    async def receive() -> dict[str, object]:
        nonlocal sent
        assert not sent
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def test_cookies_differ_by_visit_and_purpose_and_tell_nothing() -> None:
    names = {cookies.visit_cookie("a"), cookies.visit_cookie("b"), cookies.launch_cookie("a")}
    assert len(names) == 3
    assert all(name.startswith("__Host-") for name in names)


def test_a_cookie_is_secure_and_http_only() -> None:
    response = Response()
    cookies.put_visit(response, "a", "value")
    cookies.put_launch(response, "a", "value", framed=True)
    cookies.drop(response, cookies.visit_cookie("a"))
    own_line, framed, gone = response.headers.getlist("set-cookie")
    assert own_line.endswith("Path=/; Secure; HttpOnly; SameSite=Lax")
    assert framed.endswith("Path=/; Secure; HttpOnly; SameSite=None; Partitioned")
    assert "Max-Age=0" in gone
    assert not any("Max-Age" in line or "Expires" in line for line in (own_line, framed))


def test_only_the_right_value_opens() -> None:
    name, value = cookies.visit_cookie("a"), cookies.fresh()
    assert cookies.holds({name: value}, name, cookies.hashed(value))
    assert not cookies.holds({name: "other"}, name, cookies.hashed(value))
    assert not cookies.holds({}, name, cookies.hashed(value))
    assert not cookies.holds({}, name, "")


def test_a_token_tells_its_page(visit: Make) -> None:
    claims = claims_of(visit(), Step.QUESTIONS, ("u|1",))
    assert tokens.read(RING, issue(RING, claims), visit()) == claims
    assert claims_of(visit(), Step.QUESTIONS, ()).nonce != claims.nonce


@pytest.mark.parametrize("change", [{"id": "v2"}, {"patient_id": "p2"}, {"encounter_id": None}])
def test_a_token_of_another_patient_or_visit_is_refused(visit: Make, change: dict[str, str | None]) -> None:
    token = issue(RING, claims_of(visit(), Step.QUESTIONS, ()))
    with pytest.raises(TokenRefused):
        tokens.read(RING, token, visit(**change))


@pytest.mark.parametrize("token", ["", "x", "AAAA", "é", "!" * 40])
def test_a_token_that_nobody_sealed_is_refused(visit: Make, token: str) -> None:
    with pytest.raises(TokenRefused):
        tokens.read(RING, token, visit())


def test_every_changed_character_breaks_a_token(visit: Make) -> None:
    token = issue(RING, claims_of(visit(), Step.QUESTIONS, ()))
    for place in range(0, len(token) - 1, 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(TokenRefused):
            tokens.read(RING, changed, visit())


def test_headers_allow_nothing_from_elsewhere() -> None:
    headers = Policy.of("https://app.test/base/").headers()
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert rules.pop("script-src") == "https://app.test/base/s/page.js"
    assert rules.pop("require-trusted-types-for") == "'script'"
    none = ("default-src", "trusted-types", "frame-ancestors", "base-uri")
    own = ("img-src", "style-src", "connect-src", "form-action")
    assert rules == dict.fromkeys(none, "'none'") | dict.fromkeys(own, "'self'")
    assert headers["strict-transport-security"].startswith("max-age=63072000")


def test_only_the_response_that_says_so_is_framed_or_posts_elsewhere() -> None:
    policy = Policy.of("https://app.test")
    told = policy.headers(framed_by=("https://ehr.test", "https://b.test"), posts_to=("https://as.test",))
    assert "frame-ancestors https://ehr.test https://b.test;" in told["content-security-policy"]
    assert "form-action 'self' https://as.test;" in told["content-security-policy"]
    assert "https://" not in policy.headers()["content-security-policy"].replace(policy.script, "")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8010", "http://localhost:8010", "https://[::1]:8010"])
def test_on_loopback_there_is_no_hsts(url: str) -> None:
    assert "strict-transport-security" not in Policy.of(url).headers()


async def answered(state: dict[str, Any], own: dict[str, str]) -> list[tuple[str, str]]:
    """The headers of a response that a route gave with `own` headers and that `state`."""
    sent: list[dict[str, Any]] = []

    async def route(scope: Any, receive: Any, send: Any) -> None:
        Request(scope).state.framed_by = state.get("framed_by", ())
        await Response("", headers=own)(scope, receive, send)

    async def send(message: Any) -> None:
        sent.append(message)

    app = SecureHeaders(route, Policy.of("https://app.test"))
    await app({"type": "http", "method": "GET", "headers": []}, None, send)  # type: ignore[arg-type]  # unused
    return [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]


async def test_what_a_route_knows_better_is_in_its_own_response_alone() -> None:
    framed = dict(await answered({"framed_by": ("https://ehr.test",)}, {}))
    plain = dict(await answered({}, {}))
    assert "frame-ancestors https://ehr.test" in framed["content-security-policy"]
    assert "frame-ancestors 'none'" in plain["content-security-policy"]


async def test_no_store_unless_the_route_says_otherwise_and_nothing_else_can_be_softened() -> None:
    softened = {"cache-control": "public, max-age=300", "content-security-policy": "default-src *"}
    headers = await answered({}, softened)
    told = [value for name, value in headers if name == "content-security-policy"]
    assert len(told) == 1
    assert told[0].startswith("default-src 'none'")
    assert dict(headers)["cache-control"] == "public, max-age=300"
    assert dict(await answered({}, {}))["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://app.test"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "https://app.test"}, True),
        ({"origin": "https://app.test.evil"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_post(headers: dict[str, str], ours: bool) -> None:
    assert posted_by_us(Headers(headers), "https://app.test") is ours


async def test_a_form_is_read_with_every_value() -> None:
    posted = await read_form(request(b"a=1&a=2&b=&c=%C3%A9"))
    assert posted == {"a": ("1", "2"), "c": ("é",)}


async def test_a_form_is_decoded_once() -> None:
    """What looks encoded after that is what somebody typed; "&lt;" is no "<" either."""
    posted = await read_form(request(b"a=%2541%2526b%253D&c=%26lt%3Bb%26gt%3B"))
    assert posted == {"a": ("%41%26b%3D",), "c": ("&lt;b&gt;",)}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"a=1", "multipart/form-data; boundary=x"),
        (b"a=1", "application/json"),
        (b"a=" + b"x" * 201_000, "application/x-www-form-urlencoded"),
        (b"a=%FF", "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"a=1&" * 2_100, "application/x-www-form-urlencoded"),
    ],
)
async def test_any_other_body_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(FieldsRefused):
        await read_form(request(body, content_type))


def test_answers_are_told_from_our_own_fields(forms: dict[str, Form]) -> None:
    posted = {"76500-8": ("LA33-6",), "recording": ("full",), "76501-6": ("pass",)}
    entered, rest = split(posted, (forms["hark"], forms["aas-1"]))
    assert entered == {"hark": {"76500-8": ("LA33-6",), "76501-6": ("pass",)}, "aas-1": {}}
    assert rest == {"recording": ("full",)}


MODELS: list[type[Own]] = [
    StartFields,
    QuestionsFields,
    RespondFields,
    DraftFields,
    DangerFields,
    ReferFields,
    ShareFields,
    ActionFields,
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("extra", ["state", "patient_id", "user", "written", "cookie_hash", "99999-9"])
def test_one_field_too_many_is_refused(model: type[Own], extra: str) -> None:
    needed = {"action": ("close",)} if model is ActionFields else {}
    own(model, needed)
    with pytest.raises(FieldsRefused):
        own(model, {**needed, extra: ("x",)})


@pytest.mark.parametrize(
    ("model", "posted"),
    [
        (StartFields, {"door": ("window",)}),
        (StartFields, {"door": ("ask", "told")}),
        (QuestionsFields, {"recording": ("loud",)}),
        (DangerFields, {"call": ("perhaps",)}),
        (ReferFields, {"number": ("1" * 301,)}),
        (ActionFields, {}),
    ],
)
def test_what_is_not_offered_is_refused(model: type[Own], posted: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(FieldsRefused):
        own(model, posted)


def test_fields_come_typed() -> None:
    assert own(StartFields, {"setting": ("antenatal",)}).setting is Setting.ANTENATAL
    assert own(ReferFields, {"help": ("legal", "safety")}).help == ("legal", "safety")
    assert own(ActionFields, {"action": ("by-hand",)}).action is Action.BY_HAND


def test_a_safe_contact_leaves_everything_unsafe_at_no() -> None:
    fields = ReferFields(way=ContactWay.PHONE, number="07700 900123")
    contact, wrong = footing.contact(fields, Contacts(), TODAY, LATER)
    assert wrong == {}
    assert contact is not None
    assert not any((contact.voicemail, contact.text, contact.letter, contact.email, contact.says_who))
    assert (contact.portal, contact.code_word, contact.not_to_know) == (False, None, None)


@pytest.mark.parametrize(
    ("entered", "until", "believed"),
    [
        (None, date(2026, 6, 2), LATER),
        (None, date(2026, 3, 10), date(2026, 3, 10)),
        ("2026-03-03", date(2026, 6, 2), date(2026, 3, 3)),
        ("2026-06-03", date(2026, 6, 2), date(2026, 6, 2)),
    ],
)
def test_a_safe_way_is_believed_until_a_day_and_no_longer_than_the_agreement(
    entered: str | None, until: date, believed: date
) -> None:
    fields = ReferFields(way=ContactWay.TEXT, number="07700 900123", review=entered, portal=True)
    contact, _ = footing.contact(fields, Contacts(), TODAY, LATER)
    assert contact is not None
    assert contact.portal
    assert footing.within(contact, Agreement(out=True, back=True, until=until)).review == believed
    rings = fields.model_copy(update={"way": ContactWay.SHE_CALLS})
    contact, _ = footing.contact(rings, Contacts(), TODAY, LATER)
    assert contact is not None
    assert footing.within(contact, Agreement(out=True, back=True, until=until)).review is None


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (ReferFields(), "way"),
        (ReferFields(way=ContactWay.PHONE), "number"),
        (ReferFields(way=ContactWay.SHE_CALLS, review="2026-03-02"), "review"),
        (ReferFields(way=ContactWay.SHE_CALLS, review="2027-03-04"), "review"),
        (ReferFields(way=ContactWay.SHE_CALLS, review="soon"), "review"),
    ],
)
def test_a_contact_that_cannot_be_used_is_told(fields: ReferFields, name: str) -> None:
    contact, wrong = footing.contact(fields, Contacts(), TODAY, LATER)
    assert contact is None
    assert list(wrong) == [name]


def test_an_agreement_needs_all_of_it() -> None:
    agreed, wrong = footing.agreement(ReferFields(out=True, back=False, until="2026-03-03"), TODAY)
    assert (wrong, agreed and agreed.back) == ({}, False)
    for fields, names in (
        (ReferFields(), {"out", "back", "until"}),
        (ReferFields(out=False, back=True, until="2026-03-03"), {"out"}),
        (ReferFields(out=True, back=True, until="2026-03-02"), {"until"}),
        (ReferFields(out=True, back=True, until="2027-03-04"), {"until"}),
        (ReferFields(out=True, back=True, until="soon"), {"until"}),
    ):
        agreed, wrong = footing.agreement(fields, TODAY)
        assert agreed is None
        assert set(wrong) == names


def test_sharing_has_to_be_answered_for() -> None:
    decided, wrong = footing.sharing(ShareFields(decided_by="Dr Osei", basis="child", told=True))
    assert (wrong, decided and decided.basis) == ({}, "child")
    named = ShareFields(decided_by="The domestic team", basis="child", told=True)
    assert "without 'domestic'" in footing.sharing(named)[1]["decided_by"]
    assert set(footing.sharing(ShareFields())[1]) == {"decided_by", "basis", "told"}
    assert set(footing.sharing(ShareFields(decided_by="x", basis="x", told=False))[1]) == {
        "basis",
        "why_not_told",
    }


def test_what_was_entered_comes_back_as_text() -> None:
    fields = ReferFields(way=ContactWay.TEXT, out=True, back=False, help=("legal",))
    entered = footing.values(fields)
    assert entered["way"] == "text"
    assert (entered["out"], entered["back"], entered["voicemail"]) == ("yes", "no", "no")
    assert "number" not in entered
    assert "help" not in entered


NATION = Nation("here", "01632 1", "a page", (Ground("here-child", "child", "A child.", "An Act"),))


def test_the_grounds_of_a_nation_stand_before_ours_and_take_the_place_of_the_same() -> None:
    assert [code for code, _ in footing.grounds(None)] == ["serious-harm", "child", "court", "other"]
    assert footing.grounds(NATION)[0] == ("here-child", "A child. (An Act)")
    assert [code for code, _ in footing.grounds(NATION)] == ["here-child", "serious-harm", "court", "other"]
    fields = ShareFields(decided_by="Dr Osei", basis="here-child", told=True)
    decided, _ = footing.sharing(fields, NATION)
    assert decided is not None
    assert (decided.basis, decided.ground) == ("child", "here-child")
    assert footing.sharing(fields)[1].keys() == {"basis"}, "not a ground of another nation"


SIGNED = ReferFields(back=True, signed_on="2026-03-02", release_until="2026-06-02")


@pytest.mark.parametrize(
    ("fields", "required", "wrong"),
    [
        (SIGNED, True, set()),
        (ReferFields(back=True), False, set()),
        (ReferFields(back=False), True, set()),
        (ReferFields(back=True), True, {"signed_on", "release_until"}),
        (SIGNED.model_copy(update={"signed_on": "2026-03-03"}), True, {"signed_on"}),
        (SIGNED.model_copy(update={"release_until": "2027-03-04"}), True, {"release_until"}),
    ],
)
def test_a_release_is_signed_by_today_and_ends(fields: ReferFields, required: bool, wrong: set[str]) -> None:
    made, found = footing.release(fields, TODAY, required=required)
    assert set(found) == wrong
    assert (made is not None) is (fields is SIGNED)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (ReferFields(who="Dr Osei", due="2026-03-03"), set()),
        (ReferFields(), {"who", "due"}),
        (ReferFields(who="The refuge", due="2026-03-02"), {"who", "due"}),
        (ReferFields(who="Dr Osei", due="2027-03-04"), {"due"}),
    ],
)
def test_who_keeps_contact_is_named_neutrally_and_from_a_day_on(fields: ReferFields, wrong: set[str]) -> None:
    who, due, found = footing.kept_by(fields, TODAY)
    assert set(found) == wrong
    assert (who, due) == ((None, None) if wrong else ("Dr Osei", date(2026, 3, 3)))
